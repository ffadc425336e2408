"""Typed JSON in the SDK's form: nothing is lost, and nothing but binary is converted."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.typed_json import NoTypedJson

NUMBERS = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1).map(str), st.sampled_from(["0.10", "1E+5", "0.1", "-0"])
)
BINARIES = st.binary(max_size=8).map(lambda value: base64.b64encode(value).decode())
SCALARS = st.one_of(
    st.text(max_size=8).map(lambda value: {"S": value}),
    NUMBERS.map(lambda value: {"N": value}),
    BINARIES.map(lambda value: {"B": value}),
    st.booleans().map(lambda value: {"BOOL": value}),
    st.just({"NULL": True}),
    st.lists(st.text(max_size=4), min_size=1, max_size=3, unique=True).map(lambda value: {"SS": value}),
    st.lists(NUMBERS, min_size=1, max_size=3, unique=True).map(lambda value: {"NS": value}),
    st.lists(BINARIES, min_size=1, max_size=3, unique=True).map(lambda value: {"BS": value}),
)
VALUES: Any = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda value: {"L": value}),
        st.dictionaries(st.text(max_size=4), inner, max_size=3).map(lambda value: {"M": value}),
    ),
    max_leaves=8,
)
ITEMS = st.dictionaries(st.text(min_size=1, max_size=6), VALUES, max_size=4)


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


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ({"N": "1"}, {"N": "1.00"}),
        ({"N": "100"}, {"N": "1E2"}),
        ({"NS": ["1", "2"]}, {"NS": ["2.0", "1"]}),
        ({"SS": ["a", "b"]}, {"SS": ["b", "a"]}),
        ({"BS": [b"a", b"b"]}, {"BS": [b"b", b"a"]}),
        ({"L": [{"M": {"a": {"N": "1"}}}]}, {"L": [{"M": {"a": {"N": "1.0"}}}]}),
    ],
)
def test_same_of_what_dynamodb_takes_for_the_same_is_true(one: Any, another: Any):
    assert typed_json.same({"a": one}, {"a": another})


@pytest.mark.parametrize(
    ("one", "another"),
    [
        ({"N": "1"}, {"S": "1"}),
        ({"N": "0.10000000000000000001"}, {"N": "0.1"}),
        ({"S": "1"}, {"S": "1.0"}),
        ({"L": [{"S": "a"}, {"S": "b"}]}, {"L": [{"S": "b"}, {"S": "a"}]}),
        ({"SS": ["a"]}, {"SS": ["a", "b"]}),
        ({"BOOL": True}, {"NULL": True}),
        ({"M": {}}, {"M": {"a": {"NULL": True}}}),
    ],
)
def test_same_of_different_items_is_false(one: Any, another: Any):
    assert not typed_json.same({"a": one}, {"a": another})
    assert not typed_json.same({"a": one}, {"b": one})
