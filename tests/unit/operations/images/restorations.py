"""A bucket of images and a table, in memory, as the reading side sees them."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from continuous_backup.item_images import object_names
from continuous_backup.item_images.image import ItemImage, Version
from continuous_backup.operations.images.restoring import Restoring
from continuous_backup.operations.images.wanted import If, Wanted
from continuous_backup.operations.writing_items.target import Target
from tests.unit.operations.writing_items.tables import OLD_STREAM, TARGET, TIME, FakeTable, refusal, table_items

WANTED = Wanted("images", "backups", "Orders")


def key(text: str) -> dict[str, Any]:
    return {"id": {"S": text}}


def number(value: int) -> dict[str, Any]:
    return {"n": {"N": str(value)}}


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


def restoring(
    bucket: FakeBucket,
    table: FakeTable,
    condition: If = If.NEWER,
    wanted: Wanted = WANTED,
    target: Target = TARGET,
    **more: Any,
) -> Restoring:
    return Restoring(bucket, wanted, target, table_items(table, target), condition, **more)


def name_of(keys: dict[str, Any]) -> str:
    return object_names.of_keys(keys, "backups", "Orders")
