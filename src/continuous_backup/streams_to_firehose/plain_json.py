"""The built-in transformer `plain`: values as ordinary JSON, without DynamoDB's types.

Easy to read by anything, and no way back: a set looks like a list, binary looks like text.
"""

import re
from collections.abc import Callable
from typing import Any

import orjson

from continuous_backup.streams_to_firehose.changes import NoLine
from continuous_backup.streams_to_firehose.item_change import ItemChange, TypedItem

#: A number as JSON writes it: https://www.rfc-editor.org/rfc/rfc8259#section-6
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def transform(change: ItemChange) -> dict[str, Any]:
    """The documented line's fields, with plain values in Keys, NewImage and OldImage.

    Numbers keep all of their digits, up to 38, so a reader that makes floats of them loses some. Sets
    become lists, binary stays base64. Raises NoLine for a value of no known type.
    """
    fields = {
        "Keys": _item(change.keys),
        "NewImage": _item(change.new_image),
        "OldImage": _item(change.old_image),
        "SequenceNumber": change.sequence_number,
        "SizeBytes": change.size_bytes,
        "ApproximateCreationDateTime": change.time,
        "eventName": change.event_name,
        "userIdentity": change.user_identity,
        "eventSourceARN": change.stream_arn,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _item(item: TypedItem | None) -> dict[str, Any] | None:
    return None if item is None else {name: _plain(value) for name, value in item.items()}


def _plain(typed: Any) -> Any:
    if not isinstance(typed, dict) or len(typed) != 1:
        raise NoLine("a value is not one type and one value")
    ((its_type, value),) = typed.items()
    try:
        return _BY_TYPE[its_type](value)
    except (KeyError, TypeError, AttributeError) as err:
        raise NoLine("a value is of no type that DynamoDB has") from err


def _number(text: str) -> orjson.Fragment:
    """The digits that DynamoDB has, untouched: no float could hold them all."""
    if not _NUMBER.fullmatch(text):
        raise TypeError("not a number")
    return orjson.Fragment(text)


def _same(value: Any) -> Any:
    return value


#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
_BY_TYPE: dict[str, Callable[[Any], Any]] = {
    "S": _same,
    "N": _number,
    "B": _same,
    "BOOL": _same,
    "NULL": lambda _: None,
    "M": _item,
    "L": lambda values: [_plain(value) for value in values],
    "SS": list,
    "NS": lambda values: [_number(value) for value in values],
    "BS": list,
}
