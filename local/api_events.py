"""API calls become invocations: what CloudTrail and EventBridge do on AWS, and the emulator does not."""

import fnmatch
import itertools
import json
import logging
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from local.emulator import Emulator

_LOGGER = logging.getLogger(__name__)

_SOURCE = "dynamodb.amazonaws.com"
#: Calls that make, change or remove tables. CloudTrail is asked for each by name, as LookupEvents takes
#: one attribute and would otherwise drown in PutItem, which the emulator records too.
_OFTEN = ("CreateTable", "DeleteTable", "UpdateTable")
_SELDOM = (
    *("ImportTable", "RestoreTableFromBackup", "RestoreTableToPointInTime"),
    *("CreateGlobalTable", "UpdateGlobalTable"),
)
#: The seldom ones are asked for in one round of so many: asking is most of what a stage does while it waits.
_ROUNDS = 4
_PAGE = 50
#: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
_RETRIES_AFTER_AN_ERROR = 2
_ENDS_WITHIN = 30.0


@dataclass(frozen=True)
class Delivery:
    """One event for one target of a rule; `dropped` says why AWS would not deliver it, or is empty."""

    call: str
    rule: str
    target: str
    event: Mapping[str, Any]
    dropped: str = ""


class ApiEvents:
    """Invokes, while it runs, the targets of EventBridge rules on DynamoDB's API calls.

    As on AWS: only rules that are enabled and whose pattern matches, and only Lambda functions whose policy
    lets the rule invoke them. An event waits while its function is throttled, and comes twice more where
    it fails: the emulator's own queue of events forgets one that was throttled three times, so events wait
    here, and functions are invoked one after the other.

    Not as on AWS: it takes seconds instead of minutes, no trail is needed, and failed calls make no
    events, since the emulator's CloudTrail records neither errors nor answers (`responseElements` is null).
    EventBridge takes events with a source of AWS's from nobody, so targets are invoked directly. Scheduled
    rules are run by the emulator itself.

    `deliveries` grows in the order of the calls; `calls_seen` has the CloudTrail ids of all calls looked at.
    """

    def __init__(self, emulator: Emulator, interval: float = 1.0) -> None:
        self.deliveries: list[Delivery] = []
        self._emulator = emulator
        self._interval = interval
        self._since = datetime.now(UTC)
        self.calls_seen: set[str] = set()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="api-events", daemon=True)

    def start(self) -> None:
        """Calls made from now on are delivered."""
        self._since = datetime.now(UTC)
        self._thread.start()

    def stop(self) -> None:
        """Returns when nothing more is delivered; an invocation that is running has half a minute."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(_ENDS_WITHIN)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        for round_ in itertools.count():
            if self._stopping.is_set():
                return
            try:
                self._deliver_new_calls(_OFTEN if round_ % _ROUNDS else (*_OFTEN, *_SELDOM))
            except (ClientError, BotoCoreError) as err:
                # The next round tries again: calls that were not looked at are not marked as seen.
                _LOGGER.warning("API events: %s", err)
            self._stopping.wait(self._interval)

    def _deliver_new_calls(self, names: Sequence[str]) -> None:
        calls = [call for name in names for call in self._new_calls(name)]
        for call in sorted(calls, key=lambda each: each["EventTime"]):
            event = event_bridge_event(json.loads(call["CloudTrailEvent"]))
            for delivery in list(self._deliveries_of(event)):
                if delivery.dropped:
                    _LOGGER.warning(
                        "AWS would drop %s for %s: %s", delivery.call, delivery.target, delivery.dropped
                    )
                else:
                    self._invoke(delivery)
                self.deliveries.append(delivery)
            self.calls_seen.add(call["EventId"])

    def _invoke(self, delivery: Delivery) -> None:
        client = self._emulator.client("lambda")
        failures = 0
        while failures <= _RETRIES_AFTER_AN_ERROR and not self._stopping.is_set():
            try:
                answer = client.invoke(FunctionName=delivery.target, Payload=json.dumps(delivery.event))
            except client.exceptions.TooManyRequestsException:
                self._stopping.wait(self._interval)
                continue
            if "FunctionError" not in answer:
                return
            failures += 1
            _LOGGER.warning("%s failed for %s: %s", delivery.target, delivery.call, answer["Payload"].read())
            self._stopping.wait(self._interval)

    def _new_calls(self, name: str) -> Iterator[dict[str, Any]]:
        """Newest first, as CloudTrail has them.

        The emulator answers with the newest 50 and no NextToken; so the next page is what is not after
        the oldest of this one, until a page brings nothing new.
        """
        arguments = {"StartTime": self._since, "MaxResults": _PAGE}
        arguments["LookupAttributes"] = [{"AttributeKey": "EventName", "AttributeValue": name}]
        found: set[str] = set()
        while True:
            page = self._emulator.client("cloudtrail").lookup_events(**arguments)["Events"]
            new = [each for each in page if each["EventId"] not in self.calls_seen | found]
            found |= {each["EventId"] for each in new}
            yield from (each for each in new if each["EventSource"] == _SOURCE)
            if len(page) < _PAGE or not new:
                return
            # Times are floating point here and microseconds there.
            arguments["EndTime"] = page[-1]["EventTime"] + timedelta(microseconds=1)

    def _deliveries_of(self, event: Mapping[str, Any]) -> Iterator[Delivery]:
        events = self._emulator.client("events")
        for rule in _all_of(events.list_rules, "Rules"):
            pattern = rule.get("EventPattern")
            if not pattern or rule["State"] == "DISABLED":
                continue
            if not events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"]:
                continue
            for target in _all_of(events.list_targets_by_rule, "Targets", Rule=rule["Name"]):
                if ":lambda:" in target["Arn"]:
                    dropped = self._why_dropped(target["Arn"], rule["Arn"])
                    yield Delivery(event["detail"]["eventName"], rule["Name"], target["Arn"], event, dropped)

    def _why_dropped(self, function: str, rule_arn: str) -> str:
        client = self._emulator.client("lambda")
        try:
            policy = json.loads(client.get_policy(FunctionName=function)["Policy"])
        except client.exceptions.ResourceNotFoundException:
            policy = {"Statement": []}
        return "" if lets_rule_invoke(policy, rule_arn) else f"no policy of the function lets {rule_arn} invoke it"


def event_bridge_event(call: Mapping[str, Any]) -> dict[str, Any]:
    """What EventBridge delivers of a call that CloudTrail recorded.

    The emulator records parameters as they were sent, `TableName`; CloudTrail has them as `tableName`.
    """
    service = call["eventSource"].split(".")[0]
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "AWS API Call via CloudTrail",
        "source": f"aws.{service}",
        "account": call["recipientAccountId"],
        "time": call["eventTime"],
        "region": call["awsRegion"],
        "resources": [],
        "detail": {
            **call,
            "readOnly": str(call["readOnly"]).lower() == "true",
            "managementEvent": True,
            "eventCategory": "Management",
            "requestParameters": _first_letters_lowered(call["requestParameters"]),
        },
    }


def lets_rule_invoke(policy: Mapping[str, Any], rule_arn: str) -> bool:
    """Whether a function's resource policy lets EventBridge invoke it for a rule. Knows no Deny."""
    return any(_statement_lets_invoke(statement, rule_arn) for statement in policy["Statement"])


def _statement_lets_invoke(statement: Mapping[str, Any], rule_arn: str) -> bool:
    principal = statement["Principal"]
    service = principal.get("Service") if isinstance(principal, Mapping) else principal
    facts = {"aws:sourcearn": rule_arn, "aws:sourceaccount": rule_arn.split(":")[4]}
    return (
        statement["Effect"] == "Allow"
        and bool({"events.amazonaws.com", "*"} & set(_as_list(service)))
        and bool({"lambda:InvokeFunction", "lambda:*", "*"} & set(_as_list(statement["Action"])))
        and all(
            any(fnmatch.fnmatchcase(facts.get(key.lower(), ""), pattern) for pattern in _as_list(patterns))
            for keys in statement.get("Condition", {}).values()
            for key, patterns in keys.items()
        )
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _first_letters_lowered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _first_letters_lowered(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_first_letters_lowered(each) for each in value]
    return value


def _all_of(call: Any, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    """What a call of EventBridge lists, on all its pages."""
    while True:
        page = call(**arguments)
        yield from page[key]
        if not page.get("NextToken"):
            return
        arguments["NextToken"] = page["NextToken"]
