"""Whoever writes at the same time, comes again or dies: conditional writes leave the newest image of each item.

Several invocations and the scan of existing items, in threads of their own, against the emulator's S3.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from continuous_backup.item_images.image import SCAN, Version, version_of_metadata
from continuous_backup.item_images.writing import Place
from continuous_backup.operations.tables.existing_items import ExistingItems
from local.emulator import Emulator
from tests.integration.engines import create_bucket
from tests.unit.item_images.fakes import UNHEARD, Keeper, change, s3_error
from tests.unit.streams_to_firehose.fakes import ACCOUNT, sequence_number

pytestmark = pytest.mark.emulator

BUCKET = "images-newest-wins"
TABLE = "Orders"
#: The table's stream, and the one after it was switched off and on: what a later one tells is later.
STREAMS = [
    f"arn:aws:dynamodb:eu-west-1:123456789012:table/{TABLE}/stream/2026-0{month}-01T00:00:00.000"
    for month in (1, 2)
]
ITEMS = 2
CHANGES = 8
_ENDS_WITHIN = 60.0

FAULTS = st.lists(
    st.sampled_from(["", "", "refused", "conflict", "answer lost", "dies before", "dies after"]), max_size=8
)
BATCHES = st.lists(st.integers(0, CHANGES - 1), min_size=1, max_size=5).map(lambda numbers: sorted(set(numbers)))
READERS = st.lists(st.tuples(st.sampled_from(STREAMS), BATCHES, FAULTS), min_size=2, max_size=4)
EVENTS = st.lists(st.sampled_from(["INSERT", "MODIFY", "REMOVE"]), min_size=CHANGES, max_size=CHANGES)
SCANS = st.one_of(st.none(), st.tuples(st.sampled_from(STREAMS), FAULTS))


class Died(Exception):
    """The process has ended, wherever it was."""


class Connection:
    """The emulator's S3 as one process sees it: its calls meet one fault after the other, while there are some."""

    def __init__(self, s3: Any, faults: Iterable[str]) -> None:
        self._s3 = s3
        self._faults = iter(faults)
        self._lock = threading.Lock()

    def head_object(self, **arguments: Any) -> Any:
        return self._called(self._s3.head_object, arguments)

    def put_object(self, **arguments: Any) -> Any:
        return self._called(self._s3.put_object, arguments)

    def list_objects_v2(self, **arguments: Any) -> Any:
        """Only whether there are images; no fault is spent on it."""
        return self._s3.list_objects_v2(**arguments)

    def _called(self, operation: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        with self._lock:
            fault = next(self._faults, "")
        if fault == "refused":
            raise s3_error("SlowDown", 503)
        if fault == "conflict":
            raise s3_error("ConditionalRequestConflict", 409)
        if fault == "dies before":
            raise Died
        answer = operation(**arguments)
        if fault == "answer lost":
            raise UNHEARD
        if fault == "dies after":
            raise Died
        return answer


@dataclass
class Scanned:
    """AWS for a scan of the table: each item in a segment of its own, with what it was then."""

    s3: Connection
    stream: str

    def client(self, service: str) -> Any:
        return self.s3 if service == "s3" else self

    def pages(self, *_: str, **__: str) -> list[Any]:
        return [{"UUID": "the mapping"}]

    def describe_table(self, **_: Any) -> Any:
        keys = [{"AttributeName": "Id", "KeyType": "HASH"}]
        stream = {"LatestStreamArn": self.stream, "StreamSpecification": {"StreamEnabled": True}}
        return {"Table": {"KeySchema": keys, **stream}}

    def scan(self, *, Segment: int, **_: Any) -> Any:  # noqa: N803
        return {"Items": [{"Id": {"N": str(Segment)}, "Text": {"S": "scanned"}}] if Segment < ITEMS else []}

    def clock(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        return None


def read(s3: Connection, place: Place, records: list[Any]) -> None:
    """As Lambda does: from the first that is not kept, or, where the process died, all of it again."""
    keeper = Keeper(s3, place)  # type: ignore[arg-type]
    for _ in range(100):
        try:
            first = keeper.invoke(records)
        except Died:
            continue
        if not first:
            return
        numbers = [each["dynamodb"]["SequenceNumber"] for each in records]
        records = records[numbers.index(first) :]
    raise AssertionError("no end in sight")


def scan(aws: Scanned, place: Place, checkpoint: Path) -> None:
    """As a person does: again, until it is through."""
    for _ in range(100):
        try:
            ExistingItems(aws, place, ACCOUNT, 1e6).write(TABLE, checkpoint)  # type: ignore[arg-type]
        except Died:
            continue
        return
    raise AssertionError("no end in sight")


def at_the_same_time(work: list[Callable[[], None]]) -> None:
    together, raised = threading.Barrier(len(work)), list[BaseException]()

    def run(one: Callable[[], None]) -> None:
        try:
            together.wait(_ENDS_WITHIN)
            one()
        except BaseException as err:  # noqa: BLE001  # told below
            raised.append(err)

    threads = [threading.Thread(target=run, args=(one,), daemon=True) for one in work]
    for each in threads:
        each.start()
    for each in threads:
        each.join(_ENDS_WITHIN)
    assert not any(each.is_alive() for each in threads)
    assert not raised, raised


def versions_of(s3: Any, key: str) -> list[tuple[Version, str]]:
    """All that there ever were, the oldest first, with the event that each is of."""
    listed = s3.list_object_versions(Bucket=BUCKET, Prefix=key).get("Versions", [])
    assert [each["IsLatest"] for each in listed] == [place == 0 for place in range(len(listed))]
    found = [s3.head_object(Bucket=BUCKET, Key=key, VersionId=each["VersionId"]) for each in reversed(listed)]
    return [(version_of_metadata(each["Metadata"]), each["Metadata"]["event"]) for each in found]


@pytest.fixture(scope="module")
def s3(emulator: Emulator) -> Any:
    s3 = emulator.client("s3")
    create_bucket(s3, BUCKET, emulator.region, versioned=True)
    return s3


_numbers = itertools.count()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(readers=READERS, events=EVENTS, scanned=SCANS)
def test_images_when_several_write_at_the_same_time_are_of_the_newest_change_and_never_went_backwards(
    s3: Any,
    readers: list[tuple[str, list[int], list[str]]],
    events: list[str],
    scanned: tuple[str, list[str]] | None,
):
    place = Place(BUCKET, f"example-{next(_numbers)}", "STANDARD", writers=2)
    newest: dict[int, tuple[Version, str]] = {}
    work: list[Callable[[], None]] = []

    def expect(item: int, version: Version, event: str) -> None:
        newest[item] = max(newest.get(item, (version, event)), (version, event))

    for stream, numbers, faults in readers:
        records = [change(n, n % ITEMS, events[n]) | {"eventSourceARN": stream} for n in numbers]
        work.append(partial(read, Connection(s3, faults), place, records))
        for n in numbers:
            expect(n % ITEMS, Version(stream, int(sequence_number(n))), events[n])
    with TemporaryDirectory() as folder:
        if scanned:
            aws = Scanned(Connection(s3, scanned[1]), scanned[0])
            work.append(partial(scan, aws, place, Path(folder) / "checkpoint.json"))
            for item in range(ITEMS):
                expect(item, Version(scanned[0], 0), SCAN)
        at_the_same_time(work)

    for item, expected in newest.items():
        versions = versions_of(s3, f"{place.prefix}/{TABLE}/Id.N.{item}/image.json")
        assert versions[-1] == expected
        assert all(older[0] < newer[0] for older, newer in itertools.pairwise(versions))
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{place.prefix}/")
    assert listed["KeyCount"] == len(newest)
