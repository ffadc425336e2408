"""Records of a stream that are no changes, among those that are."""

import copy
import json
from collections.abc import Callable
from typing import Any

from tests.faults.event_source_mapping import StreamRecord
from tests.faults.kept import Expectation, Whole, every_change_a_line
from tests.faults.stream_changes import history
from tests.streams import stream_arn

Malform = Callable[[Any], Any]

#: In every item.
SECRET = "what-nobody-may-see"


def without(part: str) -> Malform:
    def changed(record: Any) -> Any:
        record = copy.deepcopy(record)
        del (record["dynamodb"] if part in record["dynamodb"] else record)[part]
        return record

    return changed


def with_(**parts: Any) -> Malform:
    return lambda record: {**record, **parts}


def with_part(**parts: Any) -> Malform:
    return lambda record: {**record, "dynamodb": {**record["dynamodb"], **parts}}


MALFORMED: dict[str, Malform] = {
    "without dynamodb": without("dynamodb"),
    "without keys": without("Keys"),
    "without a sequence number": without("SequenceNumber"),
    "without an event name": without("eventName"),
    "without a source": without("eventSourceARN"),
    "of another service": with_(eventSource="aws:kinesis"),
    "of a kind that nobody knows": with_(eventName="RENAME"),
    "with a dynamodb that is a text": with_(dynamodb="gone"),
    "from a table of no possible name": with_(eventSourceARN=stream_arn("..")),
    "with an image that is a text": with_part(NewImage="gone"),
    "with an image that is a list": with_part(OldImage=["gone"]),
    "that is a text": lambda record: f"not {record['eventID']} an object",
    "that is nothing": lambda record: None,
    "with half of a surrogate pair": with_(
        dynamodb={"Keys": {"Id": {"S": "\ud800"}}, "SequenceNumber": "99999999999999999999"}
    ),
}


def of_another_account(records: list[StreamRecord], place: int) -> dict[str, Any]:
    """An event of these records, of which one is of another account's table of the same name."""
    event = {"Records": [copy.deepcopy(each.record) for each in records]}
    event["Records"][place]["eventSourceARN"] = stream_arn().replace("123456789012", "210987654321")
    return event


def with_malformed(malform: Malform, *places: int, count: int = 60) -> list[StreamRecord]:
    """A history, with SECRET in every item, whose records in these places are malformed."""
    records = history(count, text=SECRET)
    for place in places:
        good = records[place]
        records[place] = StreamRecord(good.sequence_number, good.created, malform(good.record))
    return records


def whole_if_malformed(
    records: list[StreamRecord], *places: int, otherwise: Expectation = every_change_a_line
) -> Expectation:
    """What is expected of records of which those in these places are malformed."""
    malformed = [json.dumps(records[place].record) for place in places]
    return lambda record: Whole if json.dumps(record) in malformed else otherwise(record)
