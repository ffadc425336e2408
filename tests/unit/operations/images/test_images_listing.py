"""Names in their order and page by page; and as of a time, the newest version that is not later."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuous_backup.errors import UsageError
from continuous_backup.operations.images import listing
from continuous_backup.operations.images.listing import Listed, State
from tests.unit.operations.images.restorations import FakeBucket
from tests.unit.operations.writing_items.tables import TIME, minutes


def test_objects_are_listed_in_order_behind_a_name_and_prefixes_that_are_done_are_not_asked_for():
    bucket = FakeBucket(page=2)
    for name in ("a/1", "a/2", "a/3", "b/1", "c/1", "c/2"):
        bucket.put(name, b"12")
    found = listing.objects(bucket, "images", ["a/", "c/"], "")
    assert [each.name for each in found] == ["a/1", "a/2", "a/3", "c/1", "c/2"]
    bucket.listed.clear()
    assert list(listing.objects(bucket, "images", ["a/", "c/"], "c/1")) == [Listed("c/2", 2)]
    assert [each["Prefix"] for each in bucket.listed] == ["c/"]


def test_objects_as_of_a_time_is_the_newest_version_that_is_not_later():
    bucket = FakeBucket(page=2)
    for minute in (-2, -1, 0, 1):
        bucket.put("a", b"x" * (minute + 3), TIME + minutes(minute))
    bucket.put("later", b"", TIME + minutes(1))
    bucket.put("marked", b"", TIME - minutes(2))
    bucket.put("marked", b"", TIME - minutes(1), marker=True)
    bucket.put("marked-later", b"1", TIME - minutes(2))
    bucket.put("marked-later", b"", TIME + minutes(1), marker=True)
    assert list(listing.objects_as_of(bucket, "images", [""], "", TIME)) == [
        Listed("a", 3, "v3"),
        Listed("later", 0, "v1", State.LATER, TIME + minutes(1)),
        Listed("marked", 0, "v1", State.GONE, TIME - minutes(2)),
        Listed("marked-later", 1, "v1"),
    ]
    assert [each.name for each in listing.objects_as_of(bucket, "images", [""], "later", TIME)] == [
        "marked",
        "marked-later",
    ]


def test_objects_as_of_when_a_marker_is_of_the_same_second_is_the_image_unless_the_marker_is_latest():
    bucket = FakeBucket()
    bucket.put("between", b"1", TIME)
    bucket.put("between", b"", TIME, marker=True)
    bucket.put("between", b"123", TIME)
    bucket.put("latest", b"1", TIME)
    bucket.put("latest", b"", TIME, marker=True)
    found = list(listing.objects_as_of(bucket, "images", [""], "", TIME))
    assert found == [Listed("between", 3, "v3"), Listed("latest", 1, "v1", State.GONE, TIME)]


@pytest.mark.parametrize("time", [None, TIME])
def test_objects_named_are_those_alone_behind_a_name_and_what_is_not_there_is_missing(time):
    bucket = FakeBucket(page=1)
    for name in ("a", "b", "b/beside", "c/beside", "d"):
        bucket.put(name, b"12", TIME - minutes(1))
        bucket.put(name, b"123", TIME + minutes(1))
    found = list(listing.objects_named(bucket, "images", ["a", "b", "c", "d"], "a", time))
    version, size = ("", 3) if time is None else ("v1", 2)
    assert found == [Listed("b", size, version), Listed("c", state=State.MISSING), Listed("d", size, version)]
    assert {each["Prefix"] for each in bucket.listed} == {"b", "c", "d"}


def test_objects_as_of_in_a_bucket_that_kept_no_versions_refuses():
    bucket = FakeBucket()
    bucket.put("a", b"")
    bucket.objects["a"][0].version = "null"
    with pytest.raises(UsageError, match="kept no versions"):
        list(listing.objects_as_of(bucket, "images", [""], "", TIME))


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=1, max_size=5)
    ),
    st.integers(1, 4),
    st.sampled_from(["", "a", "b", "c", "z"]),
)
def test_objects_as_of_is_what_was_there_whatever_the_pages(history, page: int, after: str):
    bucket, expected = FakeBucket(page=page), []
    for name, versions in sorted(history.items()):
        last = before = first = None
        # Each at a second of its own.
        for number, (minute, marker) in enumerate(sorted(versions)):
            time = TIME + minutes(minute) + minutes(1) * number / 60
            bucket.put(name, b"", time, marker=marker)
            if time <= TIME:
                last = marker
            if time <= TIME and not marker:
                before = (0, f"v{number + 1}", time)
            elif not marker:
                first = first or (0, f"v{number + 1}", time)
        if name > after and last is False:
            expected.append(Listed(name, *before[:2]))
        elif name > after:
            state, telling = (State.LATER, first) if last is None else (State.GONE, before)
            size, version, time = telling or (0, "", None)
            expected.append(Listed(name, size, version, state, time))
    assert list(listing.objects_as_of(bucket, "images", [""], after, TIME)) == expected
