"""The referee: reads a change log from S3 and says what the table must hold, sharing no code with the product.

It is slow and strict: everything is read into memory, and anything that is not as documented is an error.
"""

import base64
import gzip
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

#: An item, or its key, as DynamoDB's API has it: {"icao": {"S": "EDDF"}}.
Item = dict[str, dict[str, Any]]

_GZIP = b"\x1f\x8b"
_HOUR = r"\d{4}/(0[1-9]|1[0-2])/([0-2]\d|3[01])/([01]\d|2[0-3])/[^/]+"
_ALWAYS = {
    *("Keys", "SequenceNumber", "SizeBytes", "ApproximateCreationDateTime", "eventName", "eventSourceARN"),
}
_SOMETIMES = {"NewImage", "OldImage", "userIdentity"}
_IMAGES = {"INSERT": {"NewImage"}, "MODIFY": {"NewImage", "OldImage"}, "REMOVE": {"OldImage"}}


class Wrong(AssertionError):
    """The change log is not what it is documented to be; the message says where."""


@dataclass(frozen=True)
class Change:
    """One line of the change log; an image that it does not have is None."""

    stream_arn: str
    sequence_number: int
    event_name: str
    keys: Item
    new_image: Item | None
    old_image: Item | None

    @property
    def table(self) -> str:
        return self.stream_arn.split("/")[1]


class ChangeLog:
    """The change log of a table, or of all, below a prefix of a bucket; read as it grows.

    `prefix` is the configuration's firehoseDeliveryPrefix. Folders that begin with an underscore are not
    part of the change log. `objects` is the size of each object by its key, `compressed` whether it is gzip.
    """

    def __init__(self, s3: Any, bucket: str, prefix: str, table: str = "") -> None:
        self.objects: dict[str, int] = {}
        self.compressed: dict[str, bool] = {}
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix
        self._table = table
        self._changes: dict[tuple[str, int], Change] = {}
        self._lines: dict[tuple[str, int], tuple[str, int]] = {}

    def read_new(self) -> list[Change]:
        """Every change there is by now, once each, in no order; objects are read once.

        Raises Wrong for the first path or line that is not as documented.
        """
        below = f"{self._prefix}/{self._table}/" if self._table else f"{self._prefix}/"
        for key in _keys_below(self._s3, self._bucket, below):
            if key not in self.objects:
                self._read(key)
        return list(self._changes.values())

    def line(self, change: Change) -> str:
        """The line of a change as it stands on S3."""
        key, number = self._lines[change.stream_arn, change.sequence_number]
        stored = _whole_object(self._s3, self._bucket, key)
        return list(lines(stored, key))[number - 1].decode()

    def _read(self, key: str) -> None:
        path = re.fullmatch(rf"{re.escape(self._prefix)}/(?P<table>[^/]+)/(?P<rest>.+)", key)
        if path and path["rest"].startswith("_"):
            return
        if not path or not re.fullmatch(_HOUR, path["rest"]):
            raise Wrong(f"{key}: the path is not {self._prefix}/<table>/YYYY/MM/DD/HH/<name>")
        stored = _whole_object(self._s3, self._bucket, key)
        for number, line in enumerate(lines(stored, key), 1):
            change = parsed(line, f"{key}, line {number}")
            if change.table != path["table"]:
                raise Wrong(f"{key}, line {number}: a change of {change.table}")
            self._changes[change.stream_arn, change.sequence_number] = change
            self._lines[change.stream_arn, change.sequence_number] = key, number
        self.objects[key] = len(stored)
        self.compressed[key] = stored.startswith(_GZIP)


def changes(s3: Any, bucket: str, prefix: str, table: str = "") -> list[Change]:
    """Every change of a table, or of all, as ChangeLog reads it."""
    return ChangeLog(s3, bucket, prefix, table).read_new()


def fold(all_changes: Iterable[Change], before: dict[str, Item] | None = None) -> dict[str, Item]:
    """The items, by key, that a table holds after all changes of its life; it began empty.

    With `before`, after these changes, where it held that before them. Raises Wrong for changes of more
    than one stream, whose order says nothing, and where a change's old image is not what the changes before
    it made: then one is missing.
    """
    items = dict(before or {})
    in_order = sorted(all_changes, key=lambda change: change.sequence_number)
    if len(streams := {change.stream_arn for change in in_order}) > 1:
        raise Wrong(f"changes of {len(streams)} streams have no common order: {sorted(streams)}")
    for change in in_order:
        key = key_text(change.keys)
        if items.get(key) != change.old_image:
            raise Wrong(f"a change of {key} is missing before sequence number {change.sequence_number}")
        if change.new_image is None:
            items.pop(key, None)
        else:
            items[key] = change.new_image
    return items


def scan(dynamodb: Any, table: str) -> dict[str, Item]:
    """The items, by key, that a table holds now, as the change log has them: binary values in base64."""
    schema = dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = (as_text(item) for page in pages for item in page["Items"])
    return {
        key_text({each["AttributeName"]: item[each["AttributeName"]] for each in schema}): item for item in items
    }


def as_text(value: Any) -> Any:
    """A value of the SDK's with its bytes as the base64 text that the change log has."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: as_text(each) for key, each in value.items()}
    return [as_text(each) for each in value] if isinstance(value, list) else value


def key_text(keys: Item) -> str:
    """A key as a text, the same for the same key."""
    return json.dumps(keys, sort_keys=True, ensure_ascii=False)


def lines(stored: bytes, where: str) -> Iterator[bytes]:
    """The lines of an object, gzip (of any number of members) or plain; each ends in a newline."""
    plain = gzip.decompress(stored) if stored.startswith(_GZIP) else stored
    if not plain.endswith(b"\n"):
        raise Wrong(f"{where}: the last line does not end in a newline")
    yield from plain[:-1].split(b"\n")


def parsed(line: bytes, where: str) -> Change:
    """A line as a change. Raises Wrong where it is not in the documented format."""
    try:
        document = json.loads(line)
    except ValueError as err:
        raise Wrong(f"{where}: not JSON: {err}") from err
    if not isinstance(document, dict):
        raise Wrong(f"{where}: not a JSON object")
    if missing := _ALWAYS - document.keys():
        raise Wrong(f"{where}: no {', '.join(sorted(missing))}")
    if unknown := document.keys() - _ALWAYS - _SOMETIMES:
        raise Wrong(f"{where}: {', '.join(sorted(unknown))} is not in the format")
    if (
        not re.fullmatch(r"\d{1,40}", str(document["SequenceNumber"]))
        or type(document["SequenceNumber"]) is not str
    ):
        raise Wrong(f"{where}: SequenceNumber is {document['SequenceNumber']!r}, not a text of digits")
    if not isinstance(document["ApproximateCreationDateTime"], int | float):
        raise Wrong(f"{where}: ApproximateCreationDateTime is not a number")
    if not re.fullmatch(r"arn:[^:]+:dynamodb:[^:]+:\d{12}:table/[^/]+/stream/.+", str(document["eventSourceARN"])):
        raise Wrong(f"{where}: eventSourceARN is {document['eventSourceARN']!r}, not a stream's ARN")
    event = document["eventName"]
    if _IMAGES.get(event) != document.keys() & {"NewImage", "OldImage"}:
        raise Wrong(f"{where}: {event!r} with {sorted(document.keys() & {'NewImage', 'OldImage'})}")
    return Change(
        stream_arn=document["eventSourceARN"],
        sequence_number=int(document["SequenceNumber"]),
        event_name=event,
        keys=document["Keys"],
        new_image=document.get("NewImage"),
        old_image=document.get("OldImage"),
    )


def _keys_below(s3: Any, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from (each["Key"] for each in page.get("Contents", []))


def _whole_object(s3: Any, bucket: str, key: str) -> bytes:
    with s3.get_object(Bucket=bucket, Key=key)["Body"] as body:
        whole: bytes = body.read()
    return whole
