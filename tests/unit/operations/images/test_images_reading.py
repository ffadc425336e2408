"""An object is the image of the item that its name tells, or it is said why it is not."""

import json
from typing import Any

import orjson
import pytest

from continuous_backup.aws import ClientError, HTTPClientError
from continuous_backup.operations.images.listing import Listed
from continuous_backup.operations.images.reading import Image, Unreadable, parsed, read
from tests.unit.operations.images.restorations import WANTED, FakeBucket, image, name_of
from tests.unit.operations.writing_items.tables import UNHEARD, refusal


@pytest.mark.parametrize(
    "keys", [{"id": {"S": "a/b"}}, {"id": {"N": "1"}, "b": {"B": "AQI="}}, {"id": {"S": "long" * 300}}]
)
def test_parsed_of_an_image_and_of_a_tombstone_is_in_the_sdks_form(keys: dict[str, Any]):
    found = parsed(image(keys, {"data": {"B": "Aw=="}}).document(), WANTED, name_of(keys))
    assert isinstance(found, Image)
    assert found.item is not None
    assert found.item["data"] == {"B": b"\x03"}
    assert found.item.keys() == {*keys, "data"}
    tombstone = parsed(image(keys, None).document(), WANTED, name_of(keys))
    assert isinstance(tombstone, Image)
    assert (tombstone.item, tombstone.keys) == (None, found.keys)


def broken(**changes: Any) -> bytes:
    return json.dumps(json.loads(image({"id": {"S": "1"}}, {}).document()) | changes).encode()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not an item's image"),
        (b"[]", "not an item's image"),
        (b'{"id": {"S": "1"}}', "not an item's image"),
        (broken(Keys={"id": {"S": "2"}}), "another item than its name"),
        (broken(Keys=None), "there are no keys"),
        (broken(Image={"id": {"S": "2"}}), "other keys than it says"),
        (broken(Image={}), "other keys than it says"),
        (broken(Image=[]), "has no attribute"),
        (broken(Image={"id": {"S": "1"}, "a": {"N": 1}}), "should be a text"),
    ],
)
def test_parsed_of_what_is_no_image_of_its_name_says_why(body: bytes, reason: str):
    found = parsed(body, WANTED, name_of({"id": {"S": "1"}}))
    assert isinstance(found, Unreadable)
    assert reason in found.reason


@pytest.mark.parametrize(
    "key", [{"S": ""}, {"B": ""}, {"S": "é" * 1025}, {"N": "1" * 39}, {"N": "1E126"}, {"N": "1E-131"}]
)
def test_parsed_of_keys_that_dynamodb_would_refuse_a_whole_batch_for_says_so(key: dict[str, str]):
    keys = {"id": key}
    found = parsed(image(keys, {}).document(), WANTED, name_of(keys))
    assert isinstance(found, Unreadable)
    assert "none that an item can have" in found.reason


@pytest.mark.parametrize("key", [{"N": "9" * 38}, {"N": "1" + "0" * 60}, {"N": "0"}, {"N": "-1E-130"}, {"S": "a"}])
def test_parsed_of_keys_at_the_limits_is_an_image(key: dict[str, str]):
    keys = {"id": key}
    assert isinstance(parsed(image(keys, {}).document(), WANTED, name_of(keys)), Image)


def test_read_when_the_object_has_gone_is_none():
    assert read(FakeBucket(), WANTED, Listed("nowhere")) is None


def test_read_when_the_object_is_archived_says_so_and_when_it_is_refused_raises():
    def on_get(name: str) -> None:
        raise refusal("InvalidObjectState" if name == "old" else "AccessDenied", "GetObject")

    bucket = FakeBucket(on_get=on_get)
    found = read(bucket, WANTED, Listed("old"))
    assert isinstance(found, Unreadable)
    assert "archived" in found.reason
    with pytest.raises(ClientError, match="AccessDenied"):
        read(bucket, WANTED, Listed("forbidden"))


def test_read_of_a_version_is_that_version():
    bucket, keys = FakeBucket(), {"id": {"S": "1"}}
    for number in ("1", "2"):
        name = bucket.keep(image(keys, {"n": {"N": number}}))
    found = read(bucket, WANTED, Listed(name, version="v1"))
    assert isinstance(found, Image)
    assert found.item == orjson.loads(bucket.objects[name][1].body)["Image"]


def test_read_when_the_connection_breaks_tries_again_and_not_for_ever():
    bucket, broken = FakeBucket(), 2
    name = bucket.keep(image({"id": {"S": "1"}}, {}))

    def on_get(asked: str) -> None:
        nonlocal broken
        broken -= 1
        if broken >= 0:
            raise UNHEARD

    bucket.on_get = on_get
    assert isinstance(read(bucket, WANTED, Listed(name)), Image)
    broken = 3
    with pytest.raises(HTTPClientError):
        read(bucket, WANTED, Listed(name))


def test_read_of_what_is_larger_than_any_item_does_not_read_it():
    bucket = FakeBucket()
    found = read(bucket, WANTED, Listed(name_of({"id": {"S": "1"}}), 26_000_000))  # type: ignore[arg-type]
    assert isinstance(found, Unreadable)
    assert "more than any item" in found.reason
    assert not bucket.got
