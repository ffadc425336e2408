"""AWS as the forwarder sees it, in memory: with Firehose's limits, and failing where a test wants it to."""

import gzip
import json
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from botocore.exceptions import ReadTimeoutError

from continuous_backup import naming
from continuous_backup.aws import ClientError
from continuous_backup.configuration.config import Config
from continuous_backup.naming import Account
from continuous_backup.patience import Patience
from continuous_backup.streams_to_firehose.choices import Choices, of_config
from continuous_backup.streams_to_firehose.forwarding import Surroundings, forward
from continuous_backup.streams_to_firehose.packing import FIREHOSE, Limits
from continuous_backup.streams_to_firehose.tally import Tally
from tests.streams import NOW, sequence_number, stream_arn

EVENTS = Path(__file__).resolve().parents[2] / "events"
ACCOUNT = Account("123456789012", "eu-west-1")


def event_of_file(name: str) -> Any:
    return json.loads((EVENTS / name).read_text(encoding="utf-8"))


def account_of(event: Any) -> Account:
    """Where the function runs that is handed this event."""
    return naming.account_of_arn(event["Records"][0]["eventSourceARN"])


def stream_record(number: int, table: str = "Orders", text: str = "", item: int = 0) -> dict[str, Any]:
    """The record of change `number`, which gives the item a new text."""
    keys = {"Id": {"N": str(item)}}
    return {
        "eventID": f"{number:032x}",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": int(NOW) - 7200 + number,
            "Keys": keys,
            "NewImage": {**keys, "Text": {"S": text}},
            "OldImage": {**keys, "Text": {"S": ""}},
            "SequenceNumber": sequence_number(number),
            "SizeBytes": 45,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": stream_arn(table),
    }


def with_value(record: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    """A copy with another value at a path of names; those before the last are there."""
    copy = deepcopy(record)
    reduce(getitem, path[:-1], copy)[path[-1]] = value
    return copy


def without(record: dict[str, Any], *path: str) -> dict[str, Any]:
    """A copy that lacks what is at a path of names."""
    copy = deepcopy(record)
    del reduce(getitem, path[:-1], copy)[path[-1]]
    return copy


def client_error(code: str, status: int = 400, operation: str = "PutRecordBatch") -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": f"this is {code}"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)


THROTTLED = client_error("ThrottlingException")
DENIED = client_error("AccessDeniedException")
UNHEARD = ReadTimeoutError(endpoint_url="https://firehose.eu-west-1.amazonaws.com/")


@dataclass
class Time:
    """Of one invocation: calls and pauses use it up."""

    left: float = 120.0
    seconds_a_call: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def seconds_left(self) -> float:
        return self.left

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.left -= seconds

    def patience(self, random: float = 1.0) -> Patience:
        return Patience(self.seconds_left, self.sleep, lambda: random)


@dataclass(frozen=True)
class Refuses:
    """An answer of PutRecordBatch in which the records at some places are refused."""

    places: Callable[[int], bool]
    code: str = "ServiceUnavailableException"


@dataclass(frozen=True)
class Raises:
    """A call that fails; `accepted` says whether it had been carried out all the same."""

    error: Exception
    accepted: bool = False


class FakeFirehose:
    """Accepts what Firehose would accept. The faults are used up one a call."""

    def __init__(
        self,
        faults: Iterable[Refuses | Raises] = (),
        missing: Iterable[str] = (),
        limits: Limits = FIREHOSE,
        time: Time | None = None,
    ) -> None:
        self.faults = list(faults)
        self.missing = set(missing)
        self.limits = limits
        self.time = time
        self.calls: list[tuple[str, list[bytes]]] = []
        self.accepted: dict[str, list[bytes]] = {}

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:  # noqa: N803
        records = [each["Data"] for each in Records]
        self.calls.append((DeliveryStreamName, records))
        if self.time:
            self.time.left -= self.time.seconds_a_call
        if DeliveryStreamName in self.missing:
            raise client_error("ResourceNotFoundException")
        if not (
            0 < len(records) <= self.limits.records_a_call
            and sum(map(len, records)) <= self.limits.call_bytes
            and all(0 < len(each) <= self.limits.record_bytes for each in records)
        ):
            raise client_error("InvalidArgumentException")
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Raises):
            if fault.accepted:
                self.accepted.setdefault(DeliveryStreamName, []).extend(records)
            raise fault.error
        refused = [fault is not None and fault.places(place) for place in range(len(records))]
        self.accepted.setdefault(DeliveryStreamName, []).extend(
            each for each, no in zip(records, refused, strict=True) if not no
        )
        entries = [
            {"ErrorCode": fault.code, "ErrorMessage": "Slow down."} if fault and no else {"RecordId": "id"}
            for no in refused
        ]
        return {"FailedPutCount": sum(refused), "Encrypted": False, "RequestResponses": entries}

    def lines(self, delivery_stream: str = "Orders") -> list[bytes]:
        return lines_in(b"".join(self.accepted.get(delivery_stream, [])))


class FakeS3:
    """A bucket. The faults are used up one a put."""

    def __init__(self, faults: Iterable[Exception] = (), time: Time | None = None) -> None:
        self.faults = list(faults)
        self.time = time
        self.puts: list[dict[str, Any]] = []
        self.objects: dict[str, bytes] = {}

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        self.puts.append(arguments)
        if self.time:
            self.time.left -= self.time.seconds_a_call
        if self.faults:
            raise self.faults.pop(0)
        self.objects[arguments["Key"]] = arguments["Body"]
        return {}

    def lines(self) -> list[bytes]:
        return [line for body in self.objects.values() for line in lines_in(body)]


@dataclass
class Answer:
    """What came of an invocation."""

    first_not_accepted: str
    tally: Tally


@dataclass
class Backup:
    """A warm function and what is around it."""

    config: Config = field(default_factory=Config)
    firehose: FakeFirehose = field(default_factory=FakeFirehose)
    s3: FakeS3 = field(default_factory=FakeS3)
    limits: Limits = FIREHOSE
    now: float = NOW
    choices: Choices | None = None
    account: Account = ACCOUNT

    def invoke(self, records: list[Any], time: Time | None = None) -> Answer:
        time = time or Time()
        self.firehose.time = self.s3.time = time
        clients = {"firehose": self.firehose, "s3": self.s3}
        config = self.config.in_account(self.account)
        chosen = self.choices or of_config(config)
        surroundings = Surroundings(
            config, self.account, clients.__getitem__, lambda: self.now, chosen, self.limits
        )
        tally = Tally()
        return Answer(forward({"Records": records}, surroundings, time.patience(), tally), tally)

    def lines(self, delivery_stream: str = "Orders") -> list[bytes]:
        """Everything that was accepted, by Firehose and by S3."""
        return self.firehose.lines(delivery_stream) + self.s3.lines()


def lines_in(stored: bytes) -> list[bytes]:
    """The lines of what a reader finds on S3, compressed or not."""
    text = gzip.decompress(stored) if stored.startswith(b"\x1f\x8b") else stored
    return text.splitlines(keepends=True)
