"""What Lambda hands over, read: each stream record as the line of the change log that it becomes."""

import functools
import json
import re
from dataclasses import dataclass
from typing import Any

import orjson

from continuous_backup import naming
from continuous_backup.errors import MalformedEvent

_EVENT_SOURCE = "aws:dynamodb"
_EVENT_NAMES = ("INSERT", "MODIFY", "REMOVE")
#: Names as DynamoDB allows them, which makes them safe in a path on S3:
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_TABLE_ARN = re.compile(r"arn:[a-z-]+:dynamodb:[^:]*:[^:]*:table/[a-zA-Z0-9_.-]{3,255}(?P<stream>/stream/.+)?")
_SEQUENCE_NUMBER = re.compile(r"[0-9]+")
#: The first second of the year 10000, past which there is no date.
_END_OF_TIME = 253_402_300_800


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one item.

    `position` counts the event's records from 0. `line` is JSON in UTF-8 and ends in a newline. `time` is
    when the change was made, by DynamoDB's clock, in seconds since 1970 UTC; None where it does not say.
    """

    position: int
    table: str
    line: bytes
    sequence_number: str
    stream_arn: str
    time: float | None


@dataclass(frozen=True, slots=True)
class NoChange:
    """A record in which no change of an item can be recognised, kept whole.

    `document` is the record as one line of JSON. `table` and `sequence_number` are empty where the record
    does not tell them. `problem` never quotes the record: it may hold what nobody should read in a log.
    """

    position: int
    table: str
    document: bytes
    sequence_number: str
    time: float | None
    problem: str


def read(event: object) -> list[Change | NoChange]:
    """All records of a Lambda event of a DynamoDB stream, in its order.

    Raises MalformedEvent where it holds no list of records: it is another kind of event.
    https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html has the shape of an event,
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html that of a record.
    """
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        raise MalformedEvent(
            "the event has no list of Records: it does not come from a DynamoDB stream",
            "invoke this function through an event source mapping on a table's stream",
        )
    return [_read_record(position, record) for position, record in enumerate(records)]


def _read_record(position: int, record: Any) -> Change | NoChange:
    problem = _problem(record)
    if problem:
        return _no_change(position, record, problem)
    stream_record, arn = record["dynamodb"], record["eventSourceARN"]
    try:
        line = _line(record, stream_record)
    except orjson.JSONEncodeError as err:  # a lone surrogate, for example: no UTF-8 says it
        return _no_change(position, record, f"it cannot be written as a line: {err}")
    return Change(
        position, _table(arn), line, stream_record["SequenceNumber"], arn, _time_of_change(stream_record)
    )


def _line(record: dict[str, Any], stream_record: dict[str, Any]) -> bytes:
    """The documented line: these fields in this order, those that the record has, values as they came."""
    fields = {
        "Keys": stream_record["Keys"],
        "NewImage": stream_record.get("NewImage"),
        "OldImage": stream_record.get("OldImage"),
        "SequenceNumber": stream_record["SequenceNumber"],
        "SizeBytes": stream_record.get("SizeBytes"),
        "ApproximateCreationDateTime": stream_record.get("ApproximateCreationDateTime"),
        "eventName": record["eventName"],
        "userIdentity": record.get("userIdentity"),
        "eventSourceARN": record["eventSourceARN"],
    }
    return orjson.dumps(
        {name: value for name, value in fields.items() if value is not None}, option=orjson.OPT_APPEND_NEWLINE
    )


def _problem(record: Any) -> str:
    """Why this is no change of an item of a table that we know; empty where it is one."""
    if not isinstance(record, dict):
        return "it is not an object"
    if record.get("eventSource") != _EVENT_SOURCE:
        return f"its eventSource is not {_EVENT_SOURCE}"
    if record.get("eventName") not in _EVENT_NAMES:
        return "its eventName is none of INSERT, MODIFY and REMOVE"
    if not _is_stream(record.get("eventSourceARN")):
        return "its eventSourceARN is not that of a table's stream"
    stream_record = record.get("dynamodb")
    if not isinstance(stream_record, dict):
        return "it has no dynamodb"
    if not _sequence_number(stream_record):
        return "it has no SequenceNumber"
    if not isinstance(stream_record.get("Keys"), dict):
        return "it has no Keys"
    return ""


def _no_change(position: int, record: Any, problem: str) -> NoChange:
    # Not orjson: what it refuses has to be kept too. Sorted, so that a record that comes again, however
    # its fields are ordered then, is the same document.
    document = json.dumps(record, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    known = record if isinstance(record, dict) else {}
    stream_record = known.get("dynamodb")
    stream_record = stream_record if isinstance(stream_record, dict) else {}
    return NoChange(
        position,
        _table(known.get("eventSourceARN")),
        document,
        _sequence_number(stream_record),
        _time_of_change(stream_record),
        problem,
    )


def _sequence_number(stream_record: dict[str, Any]) -> str:
    number = stream_record.get("SequenceNumber")
    return number if isinstance(number, str) and _SEQUENCE_NUMBER.fullmatch(number) else ""


def _time_of_change(stream_record: dict[str, Any]) -> float | None:
    time = stream_record.get("ApproximateCreationDateTime")
    if isinstance(time, bool) or not isinstance(time, int | float):
        return None
    return time if 0 <= time < _END_OF_TIME else None


def _is_stream(arn: object) -> bool:
    found = _matched(arn) if isinstance(arn, str) else None
    return found is not None and found["stream"] is not None


def _table(arn: object) -> str:
    return naming.table_of_arn(arn) if isinstance(arn, str) and _matched(arn) else ""


@functools.lru_cache(maxsize=64)
def _matched(arn: str) -> re.Match[str] | None:
    """Cached: all changes of a batch come from one stream."""
    return _TABLE_ARN.fullmatch(arn)
