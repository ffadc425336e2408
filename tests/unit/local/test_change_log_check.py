"""The referee: what it accepts, what it refuses, and what it says a table holds."""

import gzip
import io
import json
from typing import Any

import pytest

from local.change_log_check import Wrong, as_text, changes, fold, key_text, lines, parsed

STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2026-08-03T10:00:00.000"
PATH = "dynamodb/Orders/2026/08/03/10/it.gz"


def document(sequence_number: str = "100000000000000000001", **changed: Any) -> dict[str, Any]:
    """A line's document: an item inserted; a value of None leaves a name out."""
    whole = {
        "Keys": {"id": {"S": "1"}},
        "NewImage": {"id": {"S": "1"}, "n": {"N": "1"}},
        "SequenceNumber": sequence_number,
        "SizeBytes": 10,
        "ApproximateCreationDateTime": 1479499740,
        "eventName": "INSERT",
        "eventSourceARN": STREAM,
        **changed,
    }
    return {name: value for name, value in whole.items() if value is not None}


def image(number: int) -> dict[str, Any]:
    return {"id": {"S": "1"}, "n": {"N": str(number)}}


def modified(sequence_number: str, old: int, new: int) -> dict[str, Any]:
    return document(sequence_number, eventName="MODIFY", OldImage=image(old), NewImage=image(new))


def removed(sequence_number: str, old: int) -> dict[str, Any]:
    return document(sequence_number, eventName="REMOVE", OldImage=image(old), NewImage=None)


def text_of(*documents: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in documents)


class Bucket:
    """As much of S3's client as reading takes; a page has one object."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_paginator(self, operation: str) -> "Bucket":
        assert operation == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        return [{"Contents": [{"Key": key}]} for key in self.objects if key.startswith(Prefix)] + [{}]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[Key])}


def read(objects: dict[str, bytes], table: str = "") -> list[Any]:
    return changes(Bucket(objects), "bucket", "dynamodb", table)


def folded(*documents: dict[str, Any]) -> dict[str, Any]:
    return fold(parsed(json.dumps(each).encode(), "here") for each in documents)


def test_changes_of_plain_and_gzip_objects_of_many_members_are_all_read():
    first, second, third = document("1"), modified("2", 1, 2), removed("3", 2)
    members = gzip.compress(text_of(second)) + gzip.compress(text_of(third))

    found = read({PATH: text_of(first), PATH + "2": members})

    assert [change.sequence_number for change in found] == [1, 2, 3]
    assert [change.event_name for change in found] == ["INSERT", "MODIFY", "REMOVE"]


def test_changes_written_twice_are_found_once():
    assert len(read({PATH: text_of(document(), document()), PATH + "2": text_of(document())})) == 1


def test_changes_of_one_table_leave_out_another_whose_name_begins_like_it():
    other = document(eventSourceARN=STREAM.replace("Orders", "Orders2"))

    found = read({PATH: text_of(document()), PATH.replace("Orders", "Orders2"): text_of(other)}, "Orders")

    assert [change.table for change in found] == ["Orders"]


def test_changes_below_folders_with_an_underscore_are_not_looked_at():
    assert read({"dynamodb/Orders/_errors/x/2026/08/03/10/it": b"no JSON", PATH: text_of(document())})


@pytest.mark.parametrize(
    "key",
    [
        "dynamodb/Orders/it.gz",
        "dynamodb/Orders/2026/13/03/10/it.gz",
        "dynamodb/Orders/2026/08/03/24/it.gz",
        "dynamodb/Orders/2026/08/03/it.gz",
        "dynamodb/Orders/more/2026/08/03/10/it.gz",
        "dynamodb/it.gz",
    ],
)
def test_changes_under_a_path_that_is_not_documented_are_refused(key):
    with pytest.raises(Wrong, match="the path is not"):
        read({key: text_of(document())})


def test_changes_under_another_tables_path_are_refused():
    with pytest.raises(Wrong, match="a change of Orders"):
        read({PATH.replace("Orders", "Customers"): text_of(document())})


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (json.dumps(document(SizeBytes=None)).encode(), "no SizeBytes"),
        (json.dumps(document(more=1)).encode(), "more is not in the format"),
        (json.dumps({**document(), "SequenceNumber": 1}).encode(), "SequenceNumber is 1"),
        (json.dumps(document("12x")).encode(), "SequenceNumber is '12x'"),
        (json.dumps(document(ApproximateCreationDateTime="1")).encode(), "is not a number"),
        (json.dumps(document(eventSourceARN="arn")).encode(), "eventSourceARN is 'arn'"),
        (json.dumps(document(NewImage=None)).encode(), "'INSERT' with"),
        (json.dumps(document(OldImage=image(1))).encode(), "'INSERT' with"),
        (json.dumps(document(eventName="CHANGE")).encode(), "'CHANGE' with"),
    ],
)
def test_line_that_is_not_in_the_format_is_refused(line, said):
    with pytest.raises(Wrong, match=said):
        parsed(line, "here")


def test_lines_of_an_object_cut_off_in_the_middle_are_refused():
    with pytest.raises(Wrong, match="does not end in a newline"):
        list(lines(text_of(document())[:-1], "here"))


def test_fold_of_changes_in_any_order_compares_sequence_numbers_as_numbers():
    assert folded(modified("100", 2, 3), document("9"), modified("10", 1, 2)) == {
        key_text({"id": {"S": "1"}}): image(3)
    }


def test_fold_of_an_item_that_was_removed_does_not_have_it():
    assert folded(document("1"), removed("2", 1)) == {}


def test_fold_after_what_there_was_before_goes_on_from_it():
    before = folded(document("1"), document("2", Keys={"id": {"S": "2"}}))
    later = [parsed(json.dumps(each).encode(), "here") for each in (modified("4", 1, 5), removed("5", 5))]
    assert fold(later, before) == {key: item for key, item in before.items() if '"2"' in key}
    assert len(before) == 2, "it is left as it was"
    with pytest.raises(Wrong, match="missing before sequence number 4"):
        fold(later)


def test_as_text_of_binary_values_wherever_they_are_is_base64():
    value = {"b": {"B": b"\x00\xff"}, "l": {"L": [{"BS": [b"a"]}, {"M": {"x": {"B": b""}}}]}, "s": {"S": "AP8="}}
    assert as_text(value) == {
        "b": {"B": "AP8="},
        "l": {"L": [{"BS": ["YQ=="]}, {"M": {"x": {"B": ""}}}]},
        "s": {"S": "AP8="},
    }


def test_fold_when_a_change_is_missing_says_before_which():
    with pytest.raises(Wrong, match="missing before sequence number 3"):
        folded(document("1"), modified("3", 2, 3))


def test_fold_of_changes_of_two_streams_is_refused():
    with pytest.raises(Wrong, match="2 streams have no common order"):
        folded(document("1"), document("2", eventSourceARN=STREAM.replace("10:00", "11:00")))


def test_key_text_of_the_same_key_in_another_order_is_the_same():
    assert key_text({"a": {"S": "1"}, "b": {"N": "2"}}) == key_text({"b": {"N": "2"}, "a": {"S": "1"}})
