"""The names of items' objects, as people see them on S3."""

import base64
from typing import Any

import pytest

from continuous_backup.item_images import object_names
from continuous_backup.item_images.object_names import NoName


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"id": {"S": "alice"}}, "Orders/id.S.alice/image.json"),
        ({"id": {"N": "42"}}, "Orders/id.N.42/image.json"),
        ({"id": {"N": "1.50"}}, "Orders/id.N.1.5/image.json"),
        ({"id": {"N": "-1E+3"}}, "Orders/id.N.-1000/image.json"),
        ({"order": {"N": "7"}, "customer": {"S": "a.b"}}, "Orders/customer.S.a.b/order.N.7/image.json"),
        ({"id": {"S": "USER#1/..//x y"}}, "Orders/id.S.USER!231!2F..!2F!2Fx!20y/image.json"),
        ({"id": {"S": ".."}}, "Orders/id.S.../image.json"),
        ({"id": {"S": ""}}, "Orders/id.S./image.json"),
        ({"id": {"S": "\x00é"}}, "Orders/id.S.!00!C3!A9/image.json"),
        ({"a.b": {"B": base64.b64encode(b"\xfb\xff").decode()}}, "Orders/a!2Eb.B.-_8/image.json"),
    ],
)
def test_of_keys_is_readable_and_keeps_to_its_place(keys: Any, name: str):
    assert object_names.of_keys(keys, "", "Orders") == name


def test_of_keys_when_too_long_for_s3_is_a_hash_in_a_place_that_no_key_has():
    name = object_names.of_keys({"id": {"S": "x" * 1000}}, "images", "Orders")
    assert name.startswith("images/Orders/sha256.")
    assert object_names.keys_of(name, "images", "Orders") is None
    assert (
        object_names.of_keys({"sha256": {"S": "x"}}, "images", "Orders") == "images/Orders/sha256.S.x/image.json"
    )


def test_of_keys_at_the_limit_of_s3_keeps_the_keys_up_to_the_last_byte():
    room = object_names.LONGEST_NAME - len("Orders/id.S./image.json")
    assert len(object_names.of_keys({"id": {"S": "x" * room}}, "", "Orders")) == object_names.LONGEST_NAME
    assert "sha256" in object_names.of_keys({"id": {"S": "x" * (room + 1)}}, "", "Orders")


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"id": {}},
        {"id": {"S": "a", "N": "1"}},
        {"id": {"BOOL": "true"}},
        {"id": {"N": "one"}},
        {"id": {"N": "NaN"}},
        {"id": {"N": "Infinity"}},
        {"id": {"B": "not base64!"}},
        {"id": {"S": 1}},
    ],
)
def test_of_keys_when_dynamodb_has_no_such_keys_says_so(keys: Any):
    with pytest.raises(NoName):
        object_names.of_keys(keys, "", "Orders")


@pytest.mark.parametrize(
    "name",
    [
        "Orders/image.json",
        "Orders//image.json",
        "Orders/id.S.a",
        "Other/id.S.a/image.json",
        "Orders/id/image.json",
        "Orders/id.X.a/image.json",
        "Orders/id.S.a!2F/id.S.b/image.json",
        "Orders/id.S.a!2f/image.json",
        "Orders/id.S.a!FF/image.json",
        "Orders/id.S.\u0394/image.json",
        "Orders/id.N.1.0/image.json",
        "Orders/id.B.!/image.json",
        "Orders/_failed/2026/image.json",
        "images/Orders/id.S.a/image.json",
    ],
)
def test_keys_of_when_it_is_no_items_object_says_so(name: str):
    with pytest.raises(NoName):
        object_names.keys_of(name, "", "Orders")
