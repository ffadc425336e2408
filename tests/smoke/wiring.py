"""Whether EnsureDynamoBackup wires a new table, and how."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import BotoCoreError, ClientError, error_code
from continuous_backup.ensure_backup.observer import Observer
from local.change_log_check import Wrong
from tests.smoke.report import Report, require_equal
from tests.smoke.subject import Subject

#: As DESIGN and README promise: below the 24 hours of a stream, and no end of retries until then.
_RECORD_AGE_SECONDS = 79_200
_NO_END = -1
#: The tagging API and CloudWatch Logs say no number.
_TAGS_WITHIN = 60.0
_LOGS_WITHIN = 60.0
_HINT = "is --config-file the configuration that was deployed?"


def create_table(subject: Subject) -> str:
    """An ordinary CreateTable call, that says nothing of streams."""
    dynamodb = subject.client("dynamodb")
    dynamodb.create_table(
        TableName=subject.table,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    subject.wait_for(
        lambda: dynamodb.describe_table(TableName=subject.table)["Table"]["TableStatus"] == "ACTIVE",
        f"table {subject.table} to be ACTIVE",
        300,
    )
    return ""


def wait_until_wired(subject: Subject) -> str:
    """How long it took until the mapping was Enabled, and what brought it about."""
    began, started = time.monotonic(), int(subject.aws.clock() * 1000)
    subject.wait_for(
        lambda: any(each["State"] == "Enabled" for each in subject.mappings()),
        f"EnsureDynamoBackup to wire {subject.table} (events take minutes, the sweep comes every "
        f"{subject.config.sweep_minutes})",
    )
    seconds = time.monotonic() - began
    return f"after {seconds:.0f} s, {_brought_about_by(subject, started)}"


def check(subject: Subject, report: Report) -> None:
    """Every part of the wiring, as the describe calls and the tagging API tell it."""
    report.check("the table's stream has both images", lambda: _stream(subject))
    report.check("the delivery stream writes as configured", lambda: _destination(subject))
    report.check("the delivery stream is encrypted", lambda: _encryption(subject))
    report.check("Firehose has a log stream for its errors", lambda: _log_stream(subject))
    report.check("the mapping reads as configured, with an on-failure destination", lambda: _mapping(subject))
    report.check("the delivery stream and the mapping carry our tags", lambda: _own_tags(subject))


def check_listed_tags(subject: Subject, report: Report) -> None:
    """What the sweep finds out in bulk. The tagging API takes its time, so this is worth asking late."""
    report.check(
        "the tagging API tells the delivery stream's tags", lambda: _listed_tags(subject, _delivery_stream_arn)
    )
    report.check("the tagging API tells the mapping's tags", lambda: _listed_tags(subject, _mapping_arn))


def stays(subject: Subject) -> str:
    """Raises Wrong where the mapping or the delivery stream is gone, or going."""
    found = subject.mappings()
    if not found or found[0]["State"] in {"Deleting", "Disabled", "Disabling"}:
        raise Wrong(f"the mapping is {found[0]['State'] if found else 'gone'}")
    status = subject.described_delivery_stream()["DeliveryStreamStatus"]
    if status != "ACTIVE":
        raise Wrong(f"the delivery stream is {status}")
    return f"mapping {found[0]['State']}, last result {found[0].get('LastProcessingResult', 'unknown')!r}"


def has_table(subject: Subject) -> bool:
    """Whether the table is there, and is not on its way out."""
    try:
        found = subject.client("dynamodb").describe_table(TableName=subject.table)["Table"]
    except ClientError as err:
        if error_code(err) == "ResourceNotFoundException":
            return False
        raise
    return bool(found["TableStatus"] != "DELETING")


def is_left(subject: Subject) -> bool:
    """Whether there is a mapping or a delivery stream of the table."""
    try:
        return bool(subject.mappings() or subject.described_delivery_stream())
    except ClientError as err:
        if error_code(err) == "ResourceNotFoundException":
            return False
        raise


def _brought_about_by(subject: Subject, since: int) -> str:
    """What the log of EnsureDynamoBackup says of the invocation that made the mapping."""
    try:
        lines = subject.wait_for(lambda: _invocation(subject, since), "its log", _LOGS_WITHIN)
    except (AssertionError, ClientError, BotoCoreError):
        return "and whether an event or the sweep did it cannot be told: the log does not say"
    return "by the sweep" if any(re.search(r"Swept \d+ tables", line) for line in lines) else "by the API event"


def _invocation(subject: Subject, since: int) -> list[str]:
    """The lines of that invocation up to the mapping; empty while there are none. `since` in milliseconds.

    A log stream belongs to one instance of the function, which runs one invocation after the other.
    """
    group = naming.log_group(naming.ENSURE_FUNCTION)
    events = subject.aws.pages("logs", "filter_log_events", "events", logGroupName=group, startTime=since)
    mapped = [
        e for e in events if "Mapped DynamoDB Stream" in e["message"] and f"/{subject.table}/" in e["message"]
    ]
    if not mapped:
        return []
    before = [e["message"] for e in events if e["logStreamName"] == mapped[0]["logStreamName"]]
    before = before[: before.index(mapped[0]["message"]) + 1]
    starts = [number for number, line in enumerate(before) if "Loaded configuration" in line]
    return before[starts[-1] :] if starts else []


def _stream(subject: Subject) -> str:
    found = subject.client("dynamodb").describe_table(TableName=subject.table)["Table"]
    require_equal(
        found.get("StreamSpecification", {}), {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    )
    return ""


def _destination(subject: Subject) -> str:
    config, described = subject.config, subject.described_delivery_stream()
    found: dict[str, Any] = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    wanted = {
        "BucketARN": subject.account.bucket_arn(config.bucket),
        "RoleARN": config.delivery_role_arn,
        "Prefix": subject.prefix,
        "ErrorOutputPrefix": subject.prefix + "_errors/!{firehose:error-output-type}/",
        "BufferingHints": {"SizeInMBs": config.buffer_mb, "IntervalInSeconds": config.buffer_seconds},
        "CompressionFormat": "UNCOMPRESSED" if config.forwarder_compresses else "GZIP",
        "CloudWatchLoggingOptions": {
            "Enabled": True,
            "LogGroupName": naming.DELIVERY_LOG_GROUP,
            "LogStreamName": subject.delivery_stream,
        },
    } | ({"FileExtension": ".gz"} if config.forwarder_compresses else {})
    require_equal(found, wanted, _HINT)
    require_equal(described, {"DeliveryStreamStatus": "ACTIVE", "DeliveryStreamType": "DirectPut"})
    return ""


def _encryption(subject: Subject) -> str:
    found = subject.described_delivery_stream().get("DeliveryStreamEncryptionConfiguration", {})
    own_key = subject.config.kms_key_arn
    key = {"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": own_key} if own_key else {"KeyType": "AWS_OWNED_CMK"}
    require_equal(found, {"Status": "ENABLED", **key}, _HINT)
    return str(found["KeyType"])


def _log_stream(subject: Subject) -> str:
    found = subject.aws.pages(
        "logs",
        "describe_log_streams",
        "logStreams",
        logGroupName=naming.DELIVERY_LOG_GROUP,
        logStreamNamePrefix=subject.delivery_stream,
    )
    if subject.delivery_stream not in {each["logStreamName"] for each in found}:
        raise Wrong(f"there is none of that name in {naming.DELIVERY_LOG_GROUP}")
    return ""


def _mapping(subject: Subject) -> str:
    config, found = subject.config, subject.mappings()
    if len(found) != 1:
        raise Wrong(f"there are {len(found)} mappings, not one")
    wanted = {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": config.batch_size,
        "MaximumBatchingWindowInSeconds": config.batching_window_seconds,
        "ParallelizationFactor": config.parallelization_factor,
        "MaximumRetryAttempts": _NO_END,
        "MaximumRecordAgeInSeconds": _RECORD_AGE_SECONDS,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": subject.account.bucket_arn(config.bucket)}},
    }
    require_equal({**found[0], "DestinationConfig": _on_failure(found[0])}, wanted, _HINT)
    return str(found[0]["UUID"])


def _on_failure(mapping: dict[str, Any]) -> dict[str, Any]:
    return {"OnFailure": mapping.get("DestinationConfig", {}).get("OnFailure")}


def _own_tags(subject: Subject) -> str:
    tags = subject.client("firehose").list_tags_for_delivery_stream(DeliveryStreamName=subject.delivery_stream)
    _require_tags(subject, {each["Key"]: each.get("Value", "") for each in tags["Tags"]})
    _require_tags(subject, subject.client("lambda").list_tags(Resource=_mapping_arn(subject))["Tags"])
    return ""


def _listed_tags(subject: Subject, arn_of: Callable[[Subject], str]) -> str:
    """Asks as the sweep asks, with the same filters."""
    observer, arn = Observer(subject.aws, subject.config, subject.account), arn_of(subject)
    tags = subject.wait_for(lambda: observer.overview().tags.get(arn), f"the tags of {arn}", _TAGS_WITHIN)
    _require_tags(subject, tags)
    return ""


def _require_tags(subject: Subject, tags: Mapping[str, str]) -> None:
    require_equal(tags, {naming.MANAGED_TAG: naming.MANAGED_TAG_VALUE, naming.TABLE_TAG: subject.table})


def _delivery_stream_arn(subject: Subject) -> str:
    return subject.account.delivery_stream_arn(subject.delivery_stream)


def _mapping_arn(subject: Subject) -> str:
    found = subject.mappings()
    if not found:
        raise Wrong("there is no mapping")
    return subject.account.arn("lambda", f"event-source-mapping:{found[0]['UUID']}")
