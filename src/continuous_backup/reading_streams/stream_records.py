"""What Lambda hands over of a stream, read: which records are changes of items, and what they tell."""

import functools
import json
import re
from collections.abc import Sequence
from typing import Any

from continuous_backup import naming
from continuous_backup.errors import BackupError, MalformedEvent

#: A record of a stream, as Lambda hands it over:
#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
StreamRecord = dict[str, Any]

_EVENT_SOURCE = "aws:dynamodb"
EVENT_NAMES = frozenset({"INSERT", "MODIFY", "REMOVE"})
#: Names as DynamoDB allows them, which makes them safe in a path on S3:
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_TABLE_ARN = re.compile(r"arn:[a-z-]+:dynamodb:[^:]*:[^:]*:table/[a-zA-Z0-9_.-]{3,255}(?P<stream>/stream/.+)?")
#: Who deletes an item whose time to live is over:
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
_TTL_PRINCIPAL = "dynamodb.amazonaws.com"
#: The first second of the year 10000, past which there is no date.
_END_OF_TIME = 253_402_300_800


def records_of(event: object) -> list[Any]:
    """All records of a Lambda event of a DynamoDB stream, in its order; each may be anything still.

    Raises MalformedEvent where it holds no list of records: it is another kind of event.
    https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html has its shape.
    """
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        raise MalformedEvent(
            "the event has no list of Records: it does not come from a DynamoDB stream",
            "invoke this function through an event source mapping on a table's stream",
        )
    return records


def is_change(record: Any) -> bool:
    """Whether it is a change of an item of a table: asked of every record, so it is quick."""
    try:
        stream_record = record["dynamodb"]
        number = stream_record["SequenceNumber"]
        return (
            record["eventSource"] == _EVENT_SOURCE
            and record["eventName"] in EVENT_NAMES
            and _is_stream(record["eventSourceARN"])
            and number.isascii()
            and number.isdigit()
            and isinstance(stream_record["Keys"], dict)
            and ((new := stream_record.get("NewImage")) is None or isinstance(new, dict))
            and ((old := stream_record.get("OldImage")) is None or isinstance(old, dict))
        )
    except (AttributeError, KeyError, TypeError):
        return False


def problem(record: Any) -> str:
    """Why `is_change` says no, in words that never quote the record."""
    if not isinstance(record, dict):
        return "it is not an object"
    if record.get("eventSource") != _EVENT_SOURCE:
        return f"its eventSource is not {_EVENT_SOURCE}"
    if str(record.get("eventName")) not in EVENT_NAMES:
        return "its eventName is none of INSERT, MODIFY and REMOVE"
    if not stream_arn(record):
        return "its eventSourceARN is not that of a table's stream"
    if not isinstance(record.get("dynamodb"), dict):
        return "it has no dynamodb"
    if not sequence_number(record):
        return "it has no SequenceNumber"
    if not isinstance(record["dynamodb"].get("Keys"), dict):
        return "it has no Keys"
    return "its NewImage or its OldImage is no item"


def whole(record: object) -> bytes:
    """A record as it came, as one line of JSON, whatever it is.

    Sorted, so that one that comes again, however its fields are ordered then, is the same document.
    """
    # Not orjson: what it refuses has to be kept too.
    return json.dumps(record, separators=(",", ":"), sort_keys=True).encode() + b"\n"


def table(record: object) -> str:
    """The table whose stream it is from; empty where it does not tell."""
    arn = record.get("eventSourceARN") if isinstance(record, dict) else None
    return _table_of(arn) if isinstance(arn, str) else ""


def is_of_stream(record: Any, arn: str) -> bool:
    """Whether it is from this stream: asked of every record, so it is quick."""
    try:
        return bool(record["eventSourceARN"] == arn)
    except (KeyError, TypeError):
        return False


def stream_arn(record: object) -> str:
    """The stream that it is from; empty where it does not tell."""
    arn = record.get("eventSourceARN") if isinstance(record, dict) else None
    return arn if isinstance(arn, str) and _is_stream(arn) else ""


def sequence_number(record: object) -> str:
    """Its place in the stream; empty where it does not tell."""
    number = _stream_record(record).get("SequenceNumber")
    return number if isinstance(number, str) and number.isascii() and number.isdigit() else ""


def first_to_come_again(records: Sequence[Any], done: bytearray) -> str:
    """The sequence number from which a batch has to come again: "" where all is `done`, by position.

    Of a record without a number, that of the nearest before it: repeating is safe, leaving out is not. Raises
    BackupError where there is none.
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    first = done.find(0)
    if first < 0:
        return ""
    for record in reversed(records[: first + 1]):
        if number := sequence_number(record):
            return number
    raise BackupError(
        "the batch begins with a record without a sequence number, which could not be kept on S3",
        "nothing of it is acknowledged, and Lambda repeats it; the lines before in the log say why",
    )


def time_of_change(record: object) -> float | None:
    """When it was made, by DynamoDB's clock, in seconds since 1970 UTC; None where it does not tell."""
    time = _stream_record(record).get("ApproximateCreationDateTime")
    if isinstance(time, bool) or not isinstance(time, int | float):
        return None
    return time if 0 <= time < _END_OF_TIME else None


def is_ttl_delete(record: StreamRecord) -> bool:
    """Whether DynamoDB itself deleted the item, since its time to live was over."""
    identity = record.get("userIdentity")
    return isinstance(identity, dict) and identity.get("principalId") == _TTL_PRINCIPAL


def _stream_record(record: object) -> dict[str, Any]:
    found = record.get("dynamodb") if isinstance(record, dict) else None
    return found if isinstance(found, dict) else {}


# Cached: all changes of a batch come from one stream.
@functools.lru_cache(maxsize=64)
def _is_stream(arn: str) -> bool:
    found = _TABLE_ARN.fullmatch(arn)
    return found is not None and found["stream"] is not None


@functools.lru_cache(maxsize=64)
def _table_of(arn: str) -> str:
    return naming.table_of_arn(arn) if _TABLE_ARN.fullmatch(arn) else ""
