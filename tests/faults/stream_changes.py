"""Changes of a table as its stream has them, and what each has to become in the change log."""

import itertools
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.faults.event_source_mapping import StreamRecord
from tests.streams import NOW, sequence_number, stream_arn

TABLE = "Orders"

_LINE_FIELDS_OF_THE_STREAM_RECORD = (
    *("Keys", "NewImage", "OldImage", "SequenceNumber", "SizeBytes", "ApproximateCreationDateTime"),
)

Item = dict[str, Any]


def stream_record(
    number: int,
    keys: Item,
    new_image: Item | None,
    old_image: Item | None,
    *,
    table: str = TABLE,
    created: float = NOW,
) -> StreamRecord:
    """Change `number` of a shard, in the shape in which Lambda hands it over.

    https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
    """
    event = "INSERT" if old_image is None else "REMOVE" if new_image is None else "MODIFY"
    images = {"NewImage": new_image, "OldImage": old_image}
    change = {
        "ApproximateCreationDateTime": int(created),
        "Keys": keys,
        **{name: image for name, image in images.items() if image is not None},
        "SequenceNumber": sequence_number(number),
        "SizeBytes": 45,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    record = {
        "eventID": f"{number:032x}",
        "eventName": event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": change,
        "eventSourceARN": stream_arn(table),
    }
    return StreamRecord(sequence_number(number), created, record)


def history(
    count: int, *, items: int = 7, text: str = "", first: int = 0, table: str = TABLE, seconds_between: float = 0
) -> list[StreamRecord]:
    """So many changes of a few items: inserted, modified again and again, removed, and inserted anew."""
    return list(itertools.islice(_history(items, text, first, table, seconds_between), count))


def _history(items: int, text: str, first: int, table: str, seconds_between: float) -> Iterator[StreamRecord]:
    state: dict[int, Item | None] = dict.fromkeys(range(items))
    for number in itertools.count(first):
        item = number * 5 % items
        keys = {"Id": {"N": str(item)}}
        old = state[item]
        removes = old is not None and number % 11 == 0
        new = None if removes else {**keys, "Version": {"N": str(number)}, "Text": {"S": f"{number}{text}"}}
        state[item] = new
        yield stream_record(number, keys, new, old, table=table, created=NOW + (number - first) * seconds_between)


def one_change(number: int, text: str, *, item: int = 0) -> StreamRecord:
    """An item put with a text."""
    keys = {"Id": {"N": str(item)}}
    return stream_record(number, keys, {**keys, "Text": {"S": text}}, None)


def change_with_line_of(bytes_wanted: int, number: int = 0) -> StreamRecord:
    """A change whose line in the change log has exactly so many bytes, its newline included.

    No two of its lines compress to the same, and hardly any.
    """
    without = len(line_bytes(one_change(number, "")))
    return one_change(number, incompressible_text(bytes_wanted - without, number))


def incompressible_text(length: int, seed: int = 0) -> str:
    """Hexadecimal digits: gzip halves them, and no more."""
    return random.Random(seed).randbytes((length + 1) // 2).hex()[:length]


def expected_line(record: Any) -> Any:
    """The document that is the line of a change: documented fields, those that there are, as they came."""
    change = record["dynamodb"]
    line = {name: change[name] for name in _LINE_FIELDS_OF_THE_STREAM_RECORD if name in change}
    line |= {name: record[name] for name in ("eventName", "userIdentity", "eventSourceARN") if name in record}
    return line


def line_bytes(record: StreamRecord) -> bytes:
    return json.dumps(expected_line(record.record), separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
