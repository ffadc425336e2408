"""Typed JSON in the SDK's form: nothing is lost, and nothing but binary is converted."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given

from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.typed_json import NoTypedJson
from tests.unit.operations.writing_items.typed_values import ITEMS, OTHER, SAME


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
