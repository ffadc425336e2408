"""The objects of a table's images, in the order of their names, page by page: never all of them at once."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import groupby, islice
from operator import attrgetter
from typing import Any

from continuous_backup.aws import Client
from continuous_backup.errors import UsageError

#: The version of an object that was written while the bucket kept none.
_NO_VERSION = "null"
_ASKED_AT_ONCE = 32


class State(Enum):
    THERE = "there"
    #: A delete marker hides it: a lifecycle's, or somebody's. It says nothing of the item.
    GONE = "gone"
    #: It has versions after the time asked for, and none before it that is still kept.
    LATER = "later"
    #: It was asked for by its name, and nothing is known of it.
    MISSING = "missing"


@dataclass(frozen=True)
class Listed:
    """An object, or what is known of one that is not there.

    `version` is empty for the latest. Of one that is gone or later, it is the version that tells most of what was
    there: the last before the marker that hides it, or the first that is kept; empty where there is none. `time`
    is when S3 got that one.
    """

    name: str
    size: int = 0
    version: str = ""
    state: State = State.THERE
    time: datetime | None = None


@dataclass(frozen=True)
class _Version:
    name: str
    time: datetime
    size: int
    version: str
    is_marker: bool
    is_latest: bool


def objects(s3: Client, bucket: str, prefixes: Iterable[str], after: str) -> Iterator[Listed]:
    """What is there now, behind the name `after`. Raises what AWS raises."""
    for prefix in prefixes:
        if _is_behind(prefix, after):
            continue
        start = {"StartAfter": after} if after else {}
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **start)
        for page in pages:
            for each in page.get("Contents", []):
                yield Listed(each["Key"], each["Size"])


def objects_as_of(
    s3: Client, bucket: str, prefixes: Iterable[str], after: str, time: datetime
) -> Iterator[Listed]:
    """What was there at a time, by when S3 got it: of each name its newest version that is not later.

    Raises UsageError where the bucket has not kept versions, and what AWS raises.
    """
    for prefix in prefixes:
        if _is_behind(prefix, after):
            continue
        # A key marker that is empty is the beginning.
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix, KeyMarker=after)
        versions = (version for page in pages for version in _versions_of_page(page, bucket))
        for _, of_name in groupby(versions, attrgetter("name")):
            yield _newest_of(of_name, time)


def objects_named(
    s3: Client, bucket: str, names: Iterable[str], after: str, time: datetime | None
) -> Iterator[Listed]:
    """Of each name what `objects` or, with a time, `objects_as_of` says of it; it can be missing.

    Each is asked for by itself, and several at a time: nothing beside them is listed. Raises what these raise.
    """

    def find(name: str) -> Listed:
        found = objects(s3, bucket, [name], "") if time is None else objects_as_of(s3, bucket, [name], "", time)
        # The first is the name itself, where it is there: all others begin with it.
        first = next(iter(found), None)
        return first if first and first.name == name else Listed(name, state=State.MISSING)

    due = iter([name for name in names if name > after])
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        while some := list(islice(due, _ASKED_AT_ONCE)):
            yield from pool.map(find, some)


def _is_behind(prefix: str, after: str) -> bool:
    """Whether all names with this prefix come before `after`."""
    return prefix < after and not after.startswith(prefix)


def _versions_of_page(page: dict[str, Any], bucket: str) -> list[_Version]:
    """Of one page, in S3's order: by name, the newest first. The SDK has the markers in a list of their own."""
    found = [
        _Version(
            each["Key"],
            each["LastModified"],
            each.get("Size", 0),
            each["VersionId"],
            is_marker,
            each.get("IsLatest", False),
        )
        for is_marker, kind in ((False, "Versions"), (True, "DeleteMarkers"))
        for each in page.get(kind, [])
    ]
    if any(each.version == _NO_VERSION for each in found):
        raise UsageError(
            f"bucket {bucket} has objects that were written while it kept no versions, so that what was there "
            "at an earlier time is not known",
            "leave --as-of out",
        )
    # S3's times are of whole seconds. Of the same second, an image goes before a marker that is not the latest:
    # rather an item too many than one that is lost. Sorting keeps S3's order among versions.
    found.sort(key=lambda each: (each.time, each.is_latest, not each.is_marker), reverse=True)
    found.sort(key=attrgetter("name"))
    return found


def _newest_of(versions: Iterable[_Version], time: datetime) -> Listed:
    name, is_gone = "", False
    first: _Version | None = None
    for each in versions:
        name = each.name
        if each.is_marker:
            is_gone = is_gone or each.time <= time
        elif each.time > time:
            first = each
        elif is_gone:
            return _not_there(name, State.GONE, each)
        else:
            return Listed(name, each.size, each.version)
    return _not_there(name, State.GONE, None) if is_gone else _not_there(name, State.LATER, first)


def _not_there(name: str, state: State, telling: _Version | None) -> Listed:
    if telling is None:
        return Listed(name, state=state)
    return Listed(name, telling.size, telling.version, state, telling.time)
