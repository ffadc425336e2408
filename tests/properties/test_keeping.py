"""Whatever the order of batches, the repetitions and the faults: each item's object is of its last change."""

import threading
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.item_images.fakes import UNHEARD, FakeBucket, Fault, Keeper, change, s3_error
from tests.unit.streams_to_firehose.fakes import sequence_number

ITEMS = 3
ERRORS = st.sampled_from(
    [
        s3_error("ConditionalRequestConflict", 409),
        s3_error("SlowDown", 503),
        s3_error("InternalError", 500),
        UNHEARD,
    ]
)
FAULTS = st.dictionaries(st.integers(0, 60), st.builds(Fault, ERRORS, st.booleans()), max_size=40)
BATCHES = st.lists(
    st.lists(st.integers(0, 19), min_size=1, max_size=6).map(lambda numbers: sorted(set(numbers))),
    min_size=1,
    max_size=8,
)
EVENTS = st.lists(st.sampled_from(["INSERT", "MODIFY", "MODIFY", "REMOVE"]), min_size=20, max_size=20)


def deliver(keeper: Keeper, records: list[Any], left: float) -> None:
    """As Lambda does: from the first that was not kept, until all are."""
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    for _ in range(60):
        first = keeper.invoke(records, left)
        if not first:
            return
        del records[: numbers.index(first)], numbers[: numbers.index(first)]
    raise AssertionError("no end in sight")


def check(bucket: FakeBucket, batches: list[list[int]], events: list[str]) -> None:
    last: dict[int, int] = {}
    for number in sorted({number for batch in batches for number in batch}):
        last[number % ITEMS] = number
    images = bucket.images()
    assert len(images) == len(last)
    for item, number in last.items():
        image = images[f"backups/Orders/Id.N.{item}/image.json"]
        assert image.version.sequence_number == int(sequence_number(number))
        assert image.deleted == (events[number] == "REMOVE")
        assert image.deleted or image.image["Text"] == {"S": f"text {number}"}


def check_never_backwards(bucket: FakeBucket) -> None:
    newest: dict[str, int] = {}
    for key, stored in bucket.history:
        number = int(stored.arguments["Metadata"]["sequence-number"])
        assert newest.get(key, -1) < number, "an older change replaced a newer image"
        newest[key] = number


@given(BATCHES, EVENTS, FAULTS, st.sampled_from([13.5, 15.0, 120.0]))
def test_images_when_batches_come_in_any_order_with_repetitions_and_faults_are_of_the_last_change(
    batches: list[list[int]], events: list[str], faults: dict[int, Fault], left: float
):
    bucket = FakeBucket(lambda number, operation: faults.get(number))
    for batch in batches:
        deliver(Keeper(bucket), [change(n, n % ITEMS, events[n]) for n in batch], left)
    check(bucket, batches, events)
    check_never_backwards(bucket)


@settings(max_examples=40, deadline=None)
@given(BATCHES, EVENTS, FAULTS)
def test_images_when_batches_are_written_at_the_same_time_are_of_the_last_change(
    batches: list[list[int]], events: list[str], faults: dict[int, Fault]
):
    bucket = FakeBucket(lambda number, operation: faults.get(number))
    threads = [
        threading.Thread(
            target=deliver, args=(Keeper(bucket), [change(n, n % ITEMS, events[n]) for n in batch], 120.0)
        )
        for batch in batches
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    check(bucket, batches, events)
    check_never_backwards(bucket)
