"""A few hundred changes of every kind, among them what is easily harmed on the way."""

import os
from collections import Counter
from typing import Any

Item = dict[str, dict[str, Any]]

_PLAIN = 120
_UPDATED = 60
_DELETED = 30
_MADE_AGAIN = 5
_COUNTED_TO = 40
_LAST = 20
#: With its key and names just below 400 KB, DynamoDB's limit; so a change with both images of it is over
#: the 1,024,000 bytes of a Firehose record:
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_LARGE_BYTES = 408_000
LARGE_KEY = "large"


def odd_items() -> list[Item]:
    """An item for each kind of value."""
    digits = "1234567890" * 3 + "12345678"
    values: dict[str, dict[str, Any]] = {
        "integer-of-38-digits": {"N": digits},
        "fraction-of-38-digits": {"N": f"-0.{digits}"},
        "largest-number": {"N": "9.9999999999999999999999999999999999999E+125"},
        "smallest-number": {"N": "1E-130"},
        "number-set": {"NS": ["3", "-1.5", digits]},
        "string-set": {"SS": ["b", "a", "ä", "日本"]},
        "binary": {"B": bytes(range(256))},
        "binary-set": {"BS": [b"\x00\xff", b"plain"]},
        "unicode": {"S": 'Zürich 東京 🛫 \u2028 "quoted" back\\slash\nnew line\ttab \u0000 end'},
        "nested": {"M": {"list": {"L": [{"N": "1"}, {"NULL": True}, {"M": {"deep": {"BOOL": False}}}]}}},
        "empty": {"M": {"text": {"S": ""}, "binary": {"B": b""}, "list": {"L": []}, "map": {"M": {}}}},
    }
    return [{"id": {"S": f"odd-{name}"}, "value": value} for name, value in values.items()]


def write_everything(dynamodb: Any, table: str) -> Counter[str]:
    """Writes, and says how many changes of each kind the stream must hold. The order within a key counts."""
    expected: Counter[str] = Counter()
    for item in [*map(_plain_item, range(_PLAIN)), *odd_items(), _large_item()]:
        dynamodb.put_item(TableName=table, Item=item)
        expected["INSERT"] += 1
    for number in range(_UPDATED):
        _set_count(dynamodb, table, f"plain-{number:03}", number + 1000)
        expected["MODIFY"] += 1
    for number in range(_COUNTED_TO):
        _set_count(dynamodb, table, "counter", number)
        expected["MODIFY" if number else "INSERT"] += 1
    for number in range(_DELETED):
        dynamodb.delete_item(TableName=table, Key={"id": {"S": f"plain-{number:03}"}})
        expected["REMOVE"] += 1
    for number in range(_MADE_AGAIN):
        dynamodb.put_item(TableName=table, Item=_plain_item(number))
        expected["INSERT"] += 1
    dynamodb.put_item(TableName=table, Item=_large_item())
    expected["MODIFY"] += 1
    return expected


def last_items() -> list[Item]:
    """What is put right before the table is deleted."""
    return [{"id": {"S": f"last-{number:03}"}, "count": {"N": str(number)}} for number in range(_LAST)]


def _plain_item(number: int) -> Item:
    return {
        "id": {"S": f"plain-{number:03}"},
        "count": {"N": str(number)},
        "text": {"S": f"item {number}"},
        "even": {"BOOL": number % 2 == 0},
    }


def _large_item() -> Item:
    """Random each time, so that nothing compresses it."""
    return {"id": {"S": LARGE_KEY}, "value": {"B": os.urandom(_LARGE_BYTES)}}


def _set_count(dynamodb: Any, table: str, key: str, count: int) -> None:
    dynamodb.update_item(
        TableName=table,
        Key={"id": {"S": key}},
        UpdateExpression="SET #count = :count",
        ExpressionAttributeNames={"#count": "count"},
        ExpressionAttributeValues={":count": {"N": str(count)}},
    )
