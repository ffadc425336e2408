"""Typed JSON in the SDK's form: nothing is lost, and nothing but binary is converted."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given

from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.typed_json import NoTypedJson
from tests.unit.operations.writing_items.typed_values import ITEMS, LARGEST, OTHER, SAME, SMALLEST


def in_typed_json(value: Any) -> Any:
    """Back again: bytes are base64, whatever they are in."""
    if isinstance(value, dict):
        return {name: in_typed_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [in_typed_json(each) for each in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


@given(ITEMS)
def test_in_sdks_form_and_back_is_the_same_typed_json(item: dict[str, Any]):
    there = typed_json.in_sdks_form(item)
    assert json.dumps(in_typed_json(there)) == json.dumps(item)
    assert typed_json.same(there, there)


def test_in_sdks_form_makes_bytes_of_binary_wherever_it_is():
    item = {"a": {"M": {"b": {"L": [{"B": "AQI="}, {"BS": ["Aw=="]}]}}}, "c": {"S": "AQI="}}
    assert typed_json.in_sdks_form(item) == {
        "a": {"M": {"b": {"L": [{"B": b"\x01\x02"}, {"BS": [b"\x03"]}]}}},
        "c": {"S": "AQI="},
    }


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            [],
            {},
            {"S": "a", "N": "1"},
            {"S": 1},
            {"N": 1},
            {"B": "?"},
            {"B": "AQI"},
            {"SS": "a"},
            {"X": "a"},
        ),
        *({"NS": [1]}, {"BOOL": "true"}, {"M": []}, {"L": {}}, {"L": ["a"]}, {"M": {"secret": {"S": None}}}),
    ],
)
def test_in_sdks_form_of_what_is_no_typed_json_says_so_and_quotes_nothing(value: Any):
    with pytest.raises(NoTypedJson) as raised:
        typed_json.in_sdks_form({"secret": value})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("one", "another"), SAME)
def test_same_of_what_dynamodb_takes_for_the_same_is_true(one: Any, another: Any):
    assert typed_json.same({"a": one}, {"a": another})


@pytest.mark.parametrize(("one", "another"), OTHER)
def test_same_of_different_items_is_false(one: Any, another: Any):
    assert not typed_json.same({"a": one}, {"a": another})
    assert not typed_json.same({"a": one}, {"b": one})


@given(ITEMS)
def test_with_short_numbers_of_any_item_is_the_same_item_with_no_number_longer_than_its_digits_need(
    item: dict[str, Any],
):
    there = typed_json.in_sdks_form(item)
    short = typed_json.with_short_numbers(there)
    assert typed_json.same(short, there)
    assert all(len(each) <= 45 for each in numbers_in(short))


def numbers_in(value: Any) -> list[str]:
    if isinstance(value, list):
        return [number for each in value for number in numbers_in(each)]
    if not isinstance(value, dict):
        return []
    own = [value["N"]] if isinstance(value.get("N"), str) else []
    of_set = value["NS"] if isinstance(value.get("NS"), list) else []
    strings = [each for each in (*own, *of_set) if isinstance(each, str)]
    return strings + [
        number for each in value.values() if isinstance(each, dict | list) for number in numbers_in(each)
    ]


def test_with_short_numbers_leaves_what_is_no_number_and_what_is_too_long_to_be_one():
    odd = ["x" * 50, "1" + "0" * 1000 + "1", "NaN" + "1" * 50]
    assert typed_json.with_short_numbers({"a": {"NS": odd}}) == {"a": {"NS": odd}}
    numbers = {"a": {"N": LARGEST}, "b": {"N": f"-{SMALLEST}"}, "c": {"N": "1.50"}}
    assert [each["N"] for each in typed_json.with_short_numbers(numbers).values()] == ["1E+125", "-1E-130", "1.50"]
