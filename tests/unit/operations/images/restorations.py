"""A bucket of images and a table, in memory, as the reading side sees them."""

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ReadTimeoutError

from continuous_backup.aws import ClientError
from continuous_backup.item_images import object_names
from continuous_backup.item_images.image import ItemImage, Version
from continuous_backup.operations.images.restoring import Restoring
from continuous_backup.operations.images.wanted import If, Wanted
from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.table_items import TableItems
from continuous_backup.operations.writing_items.target import Target

TIME = datetime(2026, 11, 25, 10, tzinfo=UTC)
ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders"
#: Of an earlier life of the table than TARGET's, and of this one.
OLD_STREAM = f"{ARN}/stream/2026-11-01T00:00:00.000"
STREAM = f"{ARN}/stream/2026-11-25T09:30:00.000"
TARGET = Target("Orders", ARN, {"id": "S"}, datetime(2026, 11, 25, 9, tzinfo=UTC), STREAM)
WANTED = Wanted("images", "backups", "Orders")
UNHEARD = ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com/")


def refusal(code: str, operation: str = "PutItem") -> ClientError:
    said = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(said, operation)  # type: ignore[arg-type]


def image(
    keys: dict[str, Any], more: dict[str, Any] | None, stream: str = OLD_STREAM, table: str = "Orders"
) -> ItemImage:
    """The image of an item with these keys and attributes; a tombstone where `more` is None."""
    whole = None if more is None else keys | more
    return ItemImage(table, keys, whole, "REMOVE" if whole is None else "MODIFY", Version(stream, 7), 1.0)


@dataclass
class Stored:
    body: bytes
    time: datetime
    version: str
    marker: bool = False


@dataclass
class FakeBucket:
    """Versioned. `largest` is the most that was read and not yet forgotten, `page` how much a page lists."""

    page: int = 3
    objects: dict[str, list[Stored]] = field(default_factory=dict)
    got: list[str] = field(default_factory=list)
    listed: list[dict[str, Any]] = field(default_factory=list)
    on_get: Callable[[str], None] = lambda name: None

    def put(self, name: str, body: bytes, time: datetime = TIME, *, marker: bool = False) -> None:
        versions = self.objects.setdefault(name, [])
        versions.insert(0, Stored(body, time, f"v{len(versions) + 1}", marker))

    def keep(self, image: ItemImage, time: datetime = TIME, prefix: str = "backups") -> str:
        name = object_names.of_keys(image.keys, prefix, image.table)
        self.put(name, image.document(), time)
        return name

    def get_object(self, *, Bucket: str, Key: str, VersionId: str = "") -> dict[str, Any]:  # noqa: N803
        self.on_get(Key)
        self.got.append(Key)
        found = [each for each in self.objects.get(Key, []) if VersionId in ("", each.version)]
        if not found or found[0].marker:
            raise refusal("NoSuchKey", "GetObject")
        return {"Body": io.BytesIO(found[0].body)}

    def get_paginator(self, operation: str) -> "Paginator":
        return Paginator(self, operation)


@dataclass
class Paginator:
    bucket: FakeBucket
    operation: str

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        self.bucket.listed.append(arguments)
        after = arguments.get("StartAfter", arguments.get("KeyMarker", ""))
        names = [n for n in sorted(self.bucket.objects) if n.startswith(arguments["Prefix"]) and n > after]
        return self._contents(names) if self.operation == "list_objects_v2" else self._versions(names)

    def _contents(self, names: list[str]) -> Iterator[dict[str, Any]]:
        there = [name for name in names if not self.bucket.objects[name][0].marker]
        for rows in paged(there, self.bucket.page) or [[]]:
            contents = [{"Key": each, "Size": len(self.bucket.objects[each][0].body)} for each in rows]
            yield {"Contents": contents} if contents else {}

    def _versions(self, names: list[str]) -> Iterator[dict[str, Any]]:
        every = [(name, each) for name in names for each in self.bucket.objects[name]]
        for rows in paged(every, self.bucket.page):
            page: dict[str, Any] = {}
            for name, each in rows:
                row = {"Key": name, "VersionId": each.version, "LastModified": each.time}
                row["IsLatest"] = each is self.bucket.objects[name][0]
                size = {} if each.marker else {"Size": len(each.body)}
                page.setdefault("DeleteMarkers" if each.marker else "Versions", []).append(row | size)
            yield page


def paged(rows: list[Any], size: int) -> list[list[Any]]:
    return [rows[first : first + size] for first in range(0, len(rows), size)]


class FakeTable:
    """DynamoDB's calls on one table with the key `id`; `fault` is asked before each, and may raise.

    A batch answers `answered` keys at most; the others are unprocessed.
    """

    def __init__(
        self, items: Iterable[dict[str, Any]] = (), *, answered: int = 100, keys: tuple[str, ...] = ("id",)
    ):
        self.keys = keys
        self.items = {self.identity(item): item for item in items}
        self.answered = answered
        self.calls: list[str] = []
        self.fault: Callable[[str, int], Exception | None] = lambda operation, number: None
        #: What is raised after the call was carried out.
        self.late: Callable[[str, int], Exception | None] = lambda operation, number: None
        self._lock = threading.Lock()

    def identity(self, item: dict[str, Any]) -> tuple[Any, ...]:
        return typed_json.identity({name: item[name] for name in self.keys})

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            self._called("BatchGetItem")
            ((name, asked),) = RequestItems.items()
            assert asked["ConsistentRead"]
            assert 0 < len(asked["Keys"]) <= 100
            now, later = asked["Keys"][: self.answered], asked["Keys"][self.answered :]
            found = [self.items[key] for key in map(self.identity, now) if key in self.items]
            left = {name: {"Keys": later, "ConsistentRead": True}} if later else {}
            return {"Responses": {name: found}, "UnprocessedKeys": left}

    def put_item(self, *, TableName: str, Item: dict[str, Any], **condition: Any) -> None:  # noqa: N803
        with self._lock:
            number = self._called("PutItem")
            key = self.identity(Item)
            if condition and key in self.items:
                assert condition["ConditionExpression"] == "attribute_not_exists(#key)"
                raise refusal("ConditionalCheckFailedException")
            self.items[key] = Item
            if error := self.late("PutItem", number):
                raise error

    def delete_item(self, *, TableName: str, Key: dict[str, Any]) -> None:  # noqa: N803
        with self._lock:
            self._called("DeleteItem")
            self.items.pop(self.identity(Key), None)

    def _called(self, operation: str) -> int:
        number = self.calls.count(operation)
        self.calls.append(operation)
        if error := self.fault(operation, number):
            raise error
        return number


class FakeAws:
    def __init__(self, table: FakeTable) -> None:
        self._table = table
        self.now = 0.0
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        assert service == "dynamodb"
        return self._table

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


def table_items(table: FakeTable, target: Target = TARGET, per_second: float = 1e9) -> TableItems:
    return TableItems(FakeAws(table), target, per_second)  # type: ignore[arg-type]


def restoring(
    bucket: FakeBucket,
    table: FakeTable,
    condition: If = If.NEWER,
    wanted: Wanted = WANTED,
    target: Target = TARGET,
    **more: Any,
) -> Restoring:
    return Restoring(bucket, wanted, target, table_items(table, target), condition, **more)


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)
