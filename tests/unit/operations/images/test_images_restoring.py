"""A pass over the images: exactly the live ones are restored, whatever else is there, wherever it is stopped."""

import json
import threading
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from continuous_backup.aws import ClientError
from continuous_backup.item_images import object_names
from continuous_backup.item_images.image import Version
from continuous_backup.operations.images.asked_images import AskedImages
from continuous_backup.operations.images.found_images import chunks
from continuous_backup.operations.images.listing import Listed
from continuous_backup.operations.images.surveying import NoItems, Survey
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import If, KeyPrefix, Wanted
from continuous_backup.operations.writing_items.asked_keys import fitted, written
from continuous_backup.operations.writing_items.checkpoint import Checkpoint, load
from continuous_backup.operations.writing_items.target import Target
from tests.unit.operations.images.restorations import WANTED, FakeBucket, image, key, name_of, number, restoring
from tests.unit.operations.writing_items.tables import (
    OLD_STREAM,
    STREAM,
    TARGET,
    TIME,
    UNHEARD,
    FakeTable,
    minutes,
    refusal,
)
from tests.unit.operations.writing_items.typed_values import LONGEST


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return Checkpoint(tmp_path / "checkpoint.json", {}, "", Tally())


NAMES = st.one_of(st.text(max_size=5).filter(bool), st.sampled_from(["a/b", "..", "😀", "x" * 1100, "y" * 1100]))
IMAGES = st.dictionaries(NAMES, st.one_of(st.none(), st.integers(0, 2)), max_size=12)
FOREIGN = st.lists(
    st.sampled_from(
        [
            "backups/Orders/_failed/2026/11/25/10/1.gz",
            "backups/Orders/",
            "backups/Orders/id.S.!zz/image.json",
            "backups/Orders/readme.txt",
            "backups/Orders2/id.S.a/image.json",
            "backups/Orders/a.B.?/image.json",
        ]
    ),
    unique=True,
)


@settings(deadline=None, max_examples=150)
@given(
    IMAGES, FOREIGN, st.dictionaries(NAMES, st.integers(0, 2), max_size=4), st.integers(1, 4), st.integers(0, 20)
)
def test_restore_with_always_makes_the_table_what_the_images_say_wherever_it_is_stopped(
    images: dict[str, int | None], foreign: list[str], there: dict[str, int], page: int, stops_at: int
):
    bucket = FakeBucket(page=page)
    for name, value in images.items():
        bucket.keep(image(key(name), None if value is None else number(value)))
    for name in foreign:
        bucket.put(name, b"not an image")
    table = FakeTable(key(name) | number(value) for name, value in there.items())
    live = {name: value for name, value in images.items() if value is not None}

    def stops(operation: str, count: int) -> Exception | None:
        return refusal("AccessDenied") if len(table.calls) == stops_at + 1 else None

    table.fault = stops
    with TemporaryDirectory() as folder:
        file = Path(folder) / "checkpoint.json"
        while True:
            saved = load(file, {}, Tally)
            try:
                tally = restoring(bucket, table, If.ALWAYS, objects_a_chunk=3).restore(saved)
                break
            except ClientError:
                continue
    assert {item["id"]["S"]: int(item["n"]["N"]) for item in table.items.values()} == {
        name: value for name, value in (there | live).items() if images.get(name, 0) is not None
    }
    assert (tally.images, tally.tombstones) == (len(live), len(images) - len(live))
    assert (tally.different, tally.unreadable, tally.gone) == (0, 0, 0)
    own = [name for name in foreign if name.startswith("backups/Orders/")]
    assert tally.foreign + tally.failed_records == len(own)
    assert tally.written + tally.overwritten + tally.same == len(live)


@settings(deadline=None, max_examples=100)
@given(IMAGES, st.dictionaries(NAMES, st.integers(0, 2), max_size=4), st.sampled_from(list(If)), st.booleans())
def test_survey_says_what_restore_then_does_and_changes_nothing(
    images: dict[str, int | None], there: dict[str, int], condition: If, of_this_life: bool
):
    bucket = FakeBucket()
    for name, value in images.items():
        more = None if value is None else number(value)
        bucket.keep(image(key(name), more, **({"stream": STREAM} if of_this_life else {})))
    table = FakeTable(key(name) | number(value) for name, value in there.items())
    before = dict(table.items)
    said = restoring(bucket, table, condition).survey()
    assert table.items == before
    with TemporaryDirectory() as folder:
        done = restoring(bucket, table, condition).restore(Checkpoint(Path(folder) / "c", {}, "", Tally()))
    assert replace(done, verified=0) == replace(said, differences={})
    assert said.differences.keys() == {
        each for kind in ("written", "overwritten", "deleted") for each in said.names.get(kind, [])
    }
    assert done.verified == done.written + done.overwritten + done.same + done.deleted
    if condition is not If.ALWAYS:
        assert {each["id"]["S"] for each in table.items.values()} == {*there} | {
            name for name, value in images.items() if value is not None
        }


def test_restore_of_a_part_takes_the_items_whose_key_begins_so_and_those_with_hashed_names(checkpoint: Checkpoint):
    bucket, table = FakeBucket(), FakeTable()
    for text in ("a1", "a2", "b1", "a" * 1100, "b" * 1100):
        bucket.keep(image(key(text), {}))
    tally = restoring(bucket, table, wanted=replace(WANTED, key_prefix=KeyPrefix("id", "a"))).restore(checkpoint)
    assert {each["id"]["S"] for each in table.items.values()} == {"a1", "a2", "a" * 1100}
    assert tally.images == 3
    assert "backups/Orders/id.S.b1/image.json" not in bucket.got


def test_restore_as_of_a_time_writes_what_was_there_then(checkpoint: Checkpoint):
    bucket, table = FakeBucket(), FakeTable()
    bucket.keep(image(key("changed"), number(1)), TIME - minutes(1))
    bucket.keep(image(key("changed"), number(2)), TIME + minutes(1))
    bucket.keep(image(key("removed"), number(1)), TIME - minutes(1))
    bucket.keep(image(key("removed"), None), TIME + minutes(1))
    bucket.keep(replace(image(key("later"), number(1)), event="INSERT"), TIME + minutes(1))
    gone = bucket.keep(image(key("gone"), None), TIME - minutes(2))
    bucket.put(gone, b"", TIME - minutes(1), marker=True)
    tally = restoring(bucket, table, wanted=replace(WANTED, as_of=TIME)).restore(checkpoint)
    assert {each["id"]["S"]: each["n"]["N"] for each in table.items.values()} == {"changed": "1", "removed": "1"}
    assert (tally.images, tally.gone, tally.later, tally.lost) == (2, 1, 1, 0)


def test_restore_as_of_a_time_beyond_the_kept_versions_names_the_items_that_are_known_to_be_missing(
    checkpoint: Checkpoint,
):
    bucket, table = FakeBucket(), FakeTable()
    for minute, text in ((1, "changed"), (2, "removed")):
        bucket.keep(image(key(text), None if text == "removed" else {}), TIME + minutes(minute))
    for event in ("INSERT", "SCAN"):
        bucket.keep(replace(image(key(event), {}), event=event), TIME + minutes(3))
    bucket.keep(
        image(key("of-a-later-table"), {}, f"{OLD_STREAM[:-23]}2026-11-25T10:00:01.000"), TIME + minutes(3)
    )
    deleted = bucket.keep(image(key("deleted"), {}), TIME - minutes(2))
    bucket.put(deleted, b"", TIME - minutes(1), marker=True)
    bucket.put(name_of(key("unknown")), b"", TIME - minutes(1), marker=True)
    of_another = bucket.keep(image(key("of-an-earlier-life"), {}, STREAM), TIME - minutes(2))
    bucket.put(of_another, b"", TIME - minutes(1), marker=True)
    wanted = replace(WANTED, as_of=TIME, lives=frozenset({OLD_STREAM}))
    tally = restoring(bucket, table, wanted=wanted).restore(checkpoint)
    assert not table.items
    assert (tally.lost, tally.later, tally.gone) == (3, 3, 2)
    assert tally.names["lost"] == [
        "id=changed: the first image that is kept is of 2026-11-25T10:01:00+00:00",
        "id=deleted: its image of 2026-11-25T09:58:00+00:00 was deleted",
        "id=removed: the first image that is kept is of 2026-11-25T10:02:00+00:00",
    ]
    assert (tally.earliest, tally.all_from) == ("2026-11-25T10:01:00+00:00", "2026-11-25T10:02:00+00:00")


def test_restore_when_images_do_not_fit_or_cannot_be_read_goes_on_and_names_them(checkpoint: Checkpoint):
    bucket, table = FakeBucket(), FakeTable()
    bucket.keep(image(key("good"), {}))
    bucket.keep(image({"id": {"N": "1"}}, {}))
    bucket.put(object_names.of_keys(key("broken"), "backups", "Orders"), b"{}")
    tally = restoring(bucket, table).restore(checkpoint)
    assert list(table.items.values()) == [key("good")]
    assert tally.unreadable == 2
    assert "table Orders can have no item of such keys" in "".join(tally.names["unreadable"])


_DEEP = b'{"M":{"m":' * 500 + b'{"S":"?"}' + b"}}" * 500
#: What somebody may have written who has the keys of the account of the tables.
PLANTED = {
    "a number that has no end": ("backups/Orders/id.N.1E1000000/image.json", b"{}"),
    "nested without end": (name_of(key("deep")), b'{"a":' * 2000 + b"1" + b"}" * 2000),
    "a stream that is no text": (
        name_of(key("stream")),
        image(key("stream"), {}).document().replace(b'"eventSourceARN":"', b'"eventSourceARN":5,"x":"'),
    ),
    "a map as deep as it may be written": (
        name_of(key("maps")),
        image(key("maps"), {"m": {"S": "?"}}).document().replace(b'{"S":"?"}', _DEEP),
    ),
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=list(PLANTED))
def test_restore_when_an_object_is_planted_goes_on_past_it(checkpoint: Checkpoint, planted: tuple[str, bytes]):
    bucket, table = FakeBucket(), FakeTable()
    bucket.keep(image(key("a"), {}))
    bucket.put(*planted)
    bucket.keep(image(key("z"), {}))
    tally = restoring(bucket, table).restore(checkpoint)
    assert {each["id"]["S"] for each in table.items.values()} >= {"a", "z"}
    assert tally.unreadable + tally.foreign == 1


def test_restore_counts_the_streams_of_images_so_that_two_lives_of_a_table_are_seen(
    checkpoint: Checkpoint,
):
    bucket = FakeBucket()
    bucket.keep(replace(image(key("a"), {}), version=Version(OLD_STREAM, 1)))
    bucket.keep(replace(image(key("b"), {}), version=Version(STREAM, 1)))
    bucket.keep(image(key("gone"), None))
    tally = restoring(bucket, FakeTable()).restore(checkpoint)
    assert tally.streams == {OLD_STREAM: 1, STREAM: 1}


def test_restore_of_some_lives_leaves_the_others_out_and_names_them(checkpoint: Checkpoint):
    bucket, table = FakeBucket(), FakeTable([key("c")])
    for text, more, stream in (
        ("a", {}, OLD_STREAM),
        ("b", {}, STREAM),
        ("c", None, OLD_STREAM),
        ("d", None, STREAM),
    ):
        bucket.keep(image(key(text), more, stream))
    wanted = replace(WANTED, lives=frozenset({STREAM}))
    tally = restoring(bucket, table, If.ALWAYS, wanted).restore(checkpoint)
    assert list(table.items.values()) == [key("c"), key("b")]
    assert (tally.left_out, tally.names["left_out"], tally.images, tally.tombstones) == (1, ["id=a"], 1, 1)
    assert tally.streams == {OLD_STREAM: 1, STREAM: 1}


def test_tally_names_few_streams_however_many_there_are():
    tally = Tally()
    for stream in range(40):
        tally.count_stream(f"arn:{stream}")
    assert len(tally.streams) == 21
    assert tally.streams[""] == 20
    assert Tally.of_document(tally.document()) == tally


def test_restore_when_an_item_is_refused_goes_on_and_names_it(checkpoint: Checkpoint):
    bucket, table = FakeBucket(), FakeTable()
    for text in ("a", "b"):
        bucket.keep(image(key(text), {}))
    table.fault = lambda operation, count: (
        refusal("ValidationException") if (operation, count) == ("PutItem", 0) else None
    )
    tally = restoring(bucket, table).restore(checkpoint)
    assert (len(table.items), tally.written, tally.refused, tally.different) == (1, 1, 1, 0)


def test_restore_when_an_item_cannot_be_deleted_goes_on_and_names_it(checkpoint: Checkpoint):
    bucket, table = FakeBucket(), FakeTable([key("a"), key("b")])
    for text in ("a", "b"):
        bucket.keep(image(key(text), None))
    table.fault = lambda operation, count: refusal("Whatever") if (operation, count) == ("DeleteItem", 0) else None
    tally = restoring(bucket, table, If.ALWAYS).restore(checkpoint)
    assert (len(table.items), tally.deleted, tally.refused, tally.different) == (1, 1, 1, 0)
    assert tally.names["refused"][0].endswith("/image.json: Whatever: Whatever")


def test_restore_when_an_object_goes_after_it_was_listed_counts_it(checkpoint: Checkpoint):
    bucket = FakeBucket(page=10)
    name = bucket.keep(image(key("a"), {}))
    bucket.on_get = lambda asked: bucket.objects[name].clear() if asked == name else None
    assert restoring(bucket, FakeTable()).restore(checkpoint).gone == 1


@pytest.mark.parametrize("condition", [If.NEVER, If.NEWER])
def test_restore_when_another_writes_the_item_meanwhile_keeps_that(checkpoint: Checkpoint, condition: If):
    bucket, table = FakeBucket(), FakeTable()
    bucket.keep(image(key("a"), number(1)))

    def written_by_another(operation: str, count: int) -> None:
        if operation == "PutItem":
            table.items[table.identity(key("a"))] = key("a") | number(2)

    table.fault = written_by_another
    tally = restoring(bucket, table, condition).restore(checkpoint)
    assert list(table.items.values()) == [key("a") | number(2)]
    assert (tally.kept, tally.written, tally.different) == (1, 0, 0)


def test_restore_when_the_answer_to_a_write_is_lost_knows_its_own_item(checkpoint: Checkpoint):
    bucket, table = FakeBucket(), FakeTable()
    bucket.keep(image(key("a"), number(1)))
    table.late = lambda operation, count: UNHEARD if count == 0 else None
    tally = restoring(bucket, table).restore(checkpoint)
    assert (tally.written, tally.kept, tally.verified) == (1, 0, 1)


@pytest.mark.parametrize(("verify", "different"), [(True, 2), (False, 0)])
def test_restore_when_the_table_has_something_else_afterwards_finds_the_difference(
    checkpoint: Checkpoint, verify: bool, different: int
):
    bucket, table = FakeBucket(), FakeTable()
    for text in ("changed", "lost", "right"):
        bucket.keep(image(key(text), number(1)))

    def tampered(operation: str, count: int) -> None:
        if operation == "BatchGetItem" and count == 1:
            table.items[table.identity(key("changed"))] = key("changed") | number(2)
            del table.items[table.identity(key("lost"))]

    table.fault = tampered
    tally = restoring(bucket, table, verify=verify).restore(checkpoint)
    assert (tally.written, tally.different) == (3, different)


def test_restore_never_holds_more_than_a_chunk_and_goes_on_behind_it(checkpoint: Checkpoint):
    """What was read is written and noted before more is read."""
    bucket, table, most, lock = FakeBucket(page=1000), FakeTable(), 0, threading.Lock()
    for count in range(450):
        bucket.keep(image(key(f"{count:04}"), {}))

    def on_get(name: str) -> None:
        nonlocal most
        with lock:
            most = max(most, len(bucket.got) + 1 - len(table.items))

    bucket.on_get = on_get
    restoring(bucket, table).restore(checkpoint)
    assert len(table.items) == 450
    assert most <= 132
    assert checkpoint.after.endswith("id.S.0449/image.json")


def test_chunks_are_bounded_in_number_and_bytes_and_lose_nothing():
    large = [Listed(str(count), 3_000_000) for count in range(5)]
    small = [Listed(str(count), 10) for count in range(250)]
    found = list(chunks([*large, Listed("huge", 10**9), *small]))
    assert [len(each) for each in found] == [2, 2, 1, 1, 100, 100, 50]
    assert [each for chunk in found for each in chunk] == [*large, Listed("huge", 10**9), *small]
    assert list(chunks([])) == []


def test_restore_of_the_longest_image_that_an_item_can_have_writes_it_with_short_numbers(checkpoint: Checkpoint):
    bucket, table = FakeBucket(), FakeTable()
    name = bucket.keep(image(key("a"), LONGEST))
    assert 19_000_000 < len(bucket.objects[name][0].body) < 20_000_000
    tally = restoring(bucket, table).restore(checkpoint)
    (item,) = table.items.values()
    assert (tally.written, tally.verified, tally.unreadable) == (1, 1, 0)
    assert item["n"]["L"][0] == {"N": "1E-130"}
    assert len(item["n"]["L"]) == len(LONGEST["n"]["L"])


def test_survey_for_a_table_that_is_still_to_be_made_would_write_all_live_images():
    bucket = FakeBucket()
    bucket.keep(image(key("a"), {}))
    bucket.keep(image(key("b"), None))
    planned = replace(TARGET, created=None)
    tally = Survey(bucket, WANTED, planned, NoItems(), If.ALWAYS).survey()
    assert (tally.written, tally.deleted, tally.tombstones) == (1, 0, 1)


#: As long as a sort key can be: then the object's name does not tell the keys.
LONG = "y" * 1024
SORT_KEYS = st.one_of(st.text("abc/", min_size=1, max_size=2), st.sampled_from(["😀", LONG, "z" * 1010]))


def by_key(table: Target, *texts: str) -> Wanted:
    asked = fitted(map(written, texts), table.keys, table.name)
    return replace(WANTED, asked=AskedImages(asked, table.keys, "backups", "Orders"))


def test_restore_by_whole_keys_reads_these_objects_and_lists_nothing_else(checkpoint: Checkpoint):
    bucket, table = FakeBucket(), FakeTable()
    for text in ("1", "10", "a/b", "x" * 1100, "y" * 1100):
        bucket.keep(image(key(text), {}))
    wanted = by_key(TARGET, "id=1", "id=a/b", f"id={'x' * 1100}", "id=2")
    tally = restoring(bucket, table, wanted=wanted).restore(checkpoint)
    asked_for = {name_of(key(text)) for text in ("1", "a/b", "x" * 1100, "2")}
    assert {each["id"]["S"] for each in table.items.values()} == {"1", "a/b", "x" * 1100}
    assert {each["Prefix"] for each in bucket.listed} == asked_for
    assert set(bucket.got) == asked_for - {name_of(key("2"))}
    assert (tally.written, tally.missing, tally.names["missing"]) == (3, 1, ["id=2"])


@pytest.mark.parametrize("sort_key", ["at", "a"])
def test_restore_by_a_partition_key_alone_takes_its_items_and_no_other(checkpoint: Checkpoint, sort_key: str):
    """Names begin with the first of the key attributes by their names, which need not be the partition key."""
    target = replace(TARGET, keys={"id": "N", sort_key: "S"})
    bucket, table = FakeBucket(), FakeTable(keys=("id", sort_key))
    every = [("1", "x"), ("1", LONG), ("10", "x"), ("2", "x"), ("2", LONG), ("3", "x")]
    for partition, text in every:
        bucket.keep(image({"id": {"N": partition}, sort_key: {"S": text}}, {}))
    whole = f'{{"id": 2, "{sort_key}": "{LONG}"}}'
    wanted = by_key(target, "id=1.0", whole, "id=4")
    tally = restoring(bucket, table, wanted=wanted, target=target).restore(checkpoint)
    found = {(each["id"]["N"], each[sort_key]["S"]) for each in table.items.values()}
    assert found == {("1", "x"), ("1", LONG), ("2", LONG)}
    assert (tally.written, tally.names["missing"]) == (3, ["id=4"])
    if sort_key == "a":
        listed = {each["Prefix"] for each in bucket.listed}
        assert listed == {"backups/Orders/", name_of({"id": {"N": "2"}, "a": {"S": LONG}})}
    assert not {name for name in bucket.got if ".N.10/" in name or ".N.3/" in name}


def test_restore_by_a_partition_key_lists_its_items_alone_where_names_begin_with_it(checkpoint: Checkpoint):
    target = replace(TARGET, keys={"id": "N", "of": "S"})
    bucket, table = FakeBucket(), FakeTable(keys=("id", "of"))
    for partition in ("1", "10"):
        bucket.keep(image({"id": {"N": partition}, "of": {"S": "x"}}, {}))
    restoring(bucket, table, wanted=by_key(target, "id=1"), target=target).restore(checkpoint)
    assert [each["Prefix"] for each in bucket.listed] == ["backups/Orders/id.N.1/", "backups/Orders/sha256."]
    assert len(table.items) == 1


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(st.integers(0, 3), SORT_KEYS), max_size=8, unique=True),
    st.lists(st.tuples(st.integers(0, 3), SORT_KEYS), max_size=3, unique=True),
    st.sets(st.integers(0, 3), max_size=2),
    st.sampled_from(["at", "a"]),
    st.integers(1, 4),
)
def test_restore_by_keys_takes_what_is_asked_for_each_once_and_names_what_is_missing(
    kept: list[tuple[int, str]], whole: list[tuple[int, str]], partitions: set[int], sort_key: str, page: int
):
    def keys(number: int, text: str) -> dict[str, dict[str, str]]:
        return {"id": {"N": str(number)}, sort_key: {"S": text}}

    target, bucket = replace(TARGET, keys={"id": "N", sort_key: "S"}), FakeBucket(page=page)
    for each in kept:
        bucket.keep(image(keys(*each), {}))
    whole = [each for each in whole if each[0] not in partitions]
    texts = [json.dumps(keys(*each)) for each in whole] + [f"id={number}" for number in partitions]
    if not texts:
        return
    tally = restoring(
        bucket, FakeTable(keys=("id", sort_key)), wanted=by_key(target, *texts), target=target
    ).survey()
    assert tally.written == len([each for each in kept if each in whole or each[0] in partitions])
    empty = partitions - {number for number, _ in kept}
    assert tally.missing == len(set(whole) - set(kept)) + len(empty)


def test_restore_by_key_as_of_a_time_takes_what_was_there_then(checkpoint: Checkpoint):
    bucket, table = FakeBucket(), FakeTable()
    for minute in (-1, 1):
        bucket.keep(image(key("1"), number(minute)), TIME + minutes(minute))
        bucket.keep(image(key("10"), number(minute)), TIME + minutes(minute))
    wanted = replace(by_key(TARGET, "id=1"), as_of=TIME)
    restoring(bucket, table, wanted=wanted).restore(checkpoint)
    assert list(table.items.values()) == [key("1") | number(-1)]
    assert [each["Prefix"] for each in bucket.listed] == [name_of(key("1"))]
