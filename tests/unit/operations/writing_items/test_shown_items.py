"""Items as a person sees them."""

from typing import Any

import pytest
from hypothesis import given

from continuous_backup.operations.writing_items import shown_items, typed_json
from tests.unit.operations.writing_items.typed_values import ITEMS


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ({"id": {"S": "a b"}}, "id=a b"),
        ({"id": {"N": "-1.5"}}, "id=-1.5"),
        ({"id": {"B": b"\x01\x02"}}, "id=AQI="),
        ({"id": {"S": "a "}}, '{"id": "a "}'),
        ({"id": {"S": "a\n\x1b[2J\u202e\x7f"}}, '{"id": "a\\n\\u001b[2J\\u202e\\u007f"}'),
        ({"a=b": {"S": "c"}}, '{"a=b": "c"}'),
        ({"{a": {"S": "c"}}, '{"{a": "c"}'),
        ({"id": {"S": "é"}, "at": {"N": "1"}}, '{"id": "é", "at": "1"}'),
    ],
)
def test_key_is_shown_as_the_option_takes_it(keys: dict[str, Any], shown: str):
    assert shown_items.key(keys) == shown


def test_printable_of_what_moves_a_cursor_is_jsons_way_of_writing_it():
    assert shown_items.printable("arn:é 😀 \x1b[2J\r\n\u202e") == "arn:é 😀 \\u001b[2J\\r\\n\\u202e"


def test_differences_are_the_attributes_that_are_others_before_and_after():
    before = {"id": {"S": "1"}, "n": {"N": "1.0"}, "old": {"B": b"\x01"}, "text": {"S": "a\x1b"}}
    after = {"id": {"S": "1"}, "n": {"N": "1"}, "new": {"L": [{"N": "1"}]}, "text": {"S": "b"}}
    assert shown_items.differences(before, after) == [
        'old: {"B": "AQ=="} -> nothing',
        'text: {"S": "a\\u001b"} -> {"S": "b"}',
        'new: nothing -> {"L": [{"N": "1"}]}',
    ]
    assert shown_items.differences(None, {"id": {"S": "1"}}) == ['id: nothing -> {"S": "1"}']


def test_differences_are_bounded_however_large_the_items_are():
    many = {f"a{number}": {"S": "x" * 400_000} for number in range(9)}
    found = shown_items.differences(many, None)
    assert found[0] == 'a0: {"S": "' + "x" * 53 + "… -> nothing"
    assert (len(found), found[-1]) == (6, "and 4 more attributes")


@given(ITEMS, ITEMS)
def test_differences_are_none_where_two_items_are_the_same_and_only_there(
    one: dict[str, Any], another: dict[str, Any]
):
    before, after = typed_json.in_sdks_form(one), typed_json.in_sdks_form(another)
    found = shown_items.differences(before, after)
    assert (not found) == typed_json.same(before, after)
    assert all(line.isprintable() for line in found)
