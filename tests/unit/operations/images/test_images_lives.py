"""Which images are of the newest life of a table, or of one that is asked for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuous_backup.errors import UsageError
from continuous_backup.item_images.image import Version
from continuous_backup.operations.images import lives
from continuous_backup.operations.images.lives import Seen
from continuous_backup.operations.images.reading import Image
from tests.unit.operations.images.restorations import WANTED, FakeBucket, image, key, name_of
from tests.unit.operations.writing_items.tables import ARN, OLD_STREAM, STREAM, TARGET

#: Of this life of TARGET, before its stream was switched off and on.
EARLIER = f"{ARN}/stream/2026-11-25T09:10:00.000"
OTHER_ACCOUNTS = STREAM.replace("123456789012", "444455556666")


def seen_of(*streams: str, keys: dict[str, dict[str, str]] | None = None) -> Seen:
    found = Seen()
    for stream in streams:
        found.note(Image("", keys or key("a"), None, Version(stream, 1)))
    return found


def test_newest_is_the_stream_that_was_switched_on_last_whatever_the_order():
    assert lives.newest([EARLIER, OLD_STREAM], None) == {EARLIER}
    assert lives.newest([OLD_STREAM, STREAM, EARLIER], None) == {STREAM}
    assert lives.newest([OLD_STREAM], TARGET) == {OLD_STREAM}
    of_a_later_name = OLD_STREAM.replace("123456789012", "999999999999")
    assert lives.newest([of_a_later_name, STREAM], None) == {STREAM}


def test_newest_where_the_table_is_there_is_all_its_streams_since_it_was_made():
    assert lives.newest([EARLIER, OLD_STREAM, STREAM], TARGET) == {EARLIER, STREAM}
    assert lives.newest([EARLIER, OLD_STREAM], TARGET) == {EARLIER}
    assert lives.newest([EARLIER, OTHER_ACCOUNTS], TARGET) == {OTHER_ACCOUNTS}
    assert lives.newest([EARLIER, STREAM], replace(TARGET, created=None)) == {STREAM}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ([], {EARLIER, STREAM}),
        (["newest"], {EARLIER, STREAM}),
        (["all"], None),
        (["newest", "all"], None),
        (["2026-11-01T00:00:00.000"], {OLD_STREAM}),
        ([OLD_STREAM], {OLD_STREAM}),
        (["2026-11-25T09:10:00.000"], {EARLIER}),
        (["2026-11-25T09:10:00.000", OLD_STREAM], {EARLIER, OLD_STREAM}),
        (["newest", OLD_STREAM], {EARLIER, OLD_STREAM, STREAM}),
    ],
)
def test_chosen_are_the_streams_of_the_lives_that_are_asked_for(asked: list[str], expected: set[str] | None):
    assert lives.chosen(asked, seen_of(OLD_STREAM, EARLIER, STREAM), TARGET, "s3://images/Orders/") == expected


def test_chosen_of_a_life_that_is_not_there_names_it_and_those_that_are():
    with pytest.raises(UsageError) as raised:
        lives.chosen([STREAM, "2020"], seen_of(OLD_STREAM, STREAM, STREAM), TARGET, "s3://images/Orders/")
    assert raised.value.problem == "below s3://images/Orders/ there is no such image of life 2020"
    there = "2026-11-25T09:30:00.000 (2), 2026-11-01T00:00:00.000 (1)"
    assert raised.value.hint == f"there are images of {there}"
    with pytest.raises(UsageError):
        lives.chosen(["newest"], Seen(), None, "s3://images/Orders/")
    with pytest.raises(UsageError) as raised:
        lives.chosen(["2020"], seen_of(f"{ARN}/stream/\x1b[2J"), None, "s3://images/Orders/")
    assert raised.value.hint == "there are images of \\u001b[2J (1)"


def test_keys_are_those_of_most_images_of_the_life():
    found = seen_of(OLD_STREAM, OLD_STREAM, OLD_STREAM)
    for keys in ({"a": {"B": b"1"}}, {"b": {"N": "1"}, "a": {"S": "1"}}, {"a": {"S": "2"}, "b": {"N": "2"}}):
        found.note(Image("", keys, None, Version(STREAM, 1)))
    assert found.keys(frozenset({STREAM})) == {"a": "S", "b": "N"}
    assert found.keys(None) == {"a": "S", "b": "N"}, "of all lives, those of the newest"
    assert found.keys(frozenset({OLD_STREAM})) == {"id": "S"}
    assert found.some_fit(None, TARGET)
    assert found.some_fit(frozenset({OLD_STREAM}), TARGET)
    assert not found.some_fit(frozenset({STREAM}), TARGET)


def test_total_is_of_the_lives_that_are_restored_and_unknown_where_nothing_was_seen():
    found = seen_of(OLD_STREAM, STREAM, STREAM)
    assert [found.total(each) for each in (None, frozenset({STREAM}), frozenset({EARLIER}))] == [3, 2, 0]
    assert Seen().total(None) is None


def test_seen_is_bounded_and_keeps_the_newest_whatever_is_put_there():
    found = seen_of(
        STREAM, *(f"{ARN}/stream/2020-01-01T00:{count // 60:02}:{count % 60:02}" for count in range(999))
    )
    for count in range(99):
        found.note(Image("", {f"planted-{count}": {"S": "1"}}, None, Version(STREAM, 1)))
    assert STREAM in found.streams
    assert len(found.streams) == 200
    assert len(found.streams[STREAM]) == 20


@given(st.lists(st.sampled_from([OLD_STREAM, EARLIER, STREAM, OTHER_ACCOUNTS]), max_size=9))
def test_seen_counts_each_image_and_tombstone_of_the_bucket_by_its_stream(streams: list[str]):
    bucket = FakeBucket()
    for count, stream in enumerate(streams):
        bucket.keep(image(key(str(count)), {} if count % 2 else None, stream))
    bucket.put(name_of(key("broken")), b"{}")
    found, tally = lives.seen(bucket, WANTED, ())
    assert {stream: found.images(stream) for stream in found.streams} == {
        stream: streams.count(stream) for stream in set(streams)
    }
    assert (tally.looked_at, tally.unreadable) == (len(streams), 1)
