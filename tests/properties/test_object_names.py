"""Every item has an object of its own, whose name tells its keys."""

import base64
import re
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from continuous_backup import naming
from continuous_backup.item_images import object_names

TABLE = "Orders"
AWKWARD = st.sampled_from(
    ["", "/", "..", ".", "a/b", "!", "!2F", "a.S.b", "image.json", "\x00\n", "😀", "é", "%2F"]
)
TEXTS = st.one_of(AWKWARD, st.text(max_size=40), st.lists(AWKWARD, max_size=4).map("".join))
NUMBERS = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**20), max_value=10**20).map(str),
    st.builds("{}E{}".format, st.integers(-999, 999), st.integers(-120, 120)),
    st.sampled_from(["0", "-0", "0.0", "1", "1.0", "1.00", "100", "1E2", "+1"]),
)
BINARIES = st.binary(max_size=60).map(lambda value: base64.b64encode(value).decode())
VALUES = st.one_of(
    TEXTS.map(lambda text: {"S": text}),
    NUMBERS.map(lambda text: {"N": text}),
    BINARIES.map(lambda text: {"B": text}),
)
ATTRIBUTES = st.one_of(
    st.sampled_from(["id", "a.b", "a", "b.S", "sha256", "image.json", "!", "/"]), st.text(min_size=1, max_size=12)
)
KEYS = st.dictionaries(ATTRIBUTES, VALUES, min_size=1, max_size=2)
PREFIXES = st.sampled_from(["", "images", "backups/images"])


def meant(keys: Any) -> Any:
    """What DynamoDB tells items apart by: numbers by their value."""
    return {
        name: (kind, Decimal(text) if kind == "N" else text)
        for name, its in keys.items()
        for kind, text in its.items()
    }


@given(KEYS, PREFIXES)
def test_keys_of_the_name_of_keys_are_those_keys(keys: Any, prefix: str):
    name = object_names.of_keys(keys, prefix, TABLE)
    read = object_names.keys_of(name, prefix, TABLE)
    assert read is not None
    assert meant(read) == meant(keys)


@given(KEYS, KEYS)
def test_names_are_the_same_for_the_same_keys_alone(one: Any, another: Any):
    names = [object_names.of_keys(keys, "", TABLE) for keys in (one, another)]
    assert (names[0] == names[1]) == (meant(one) == meant(another))


@given(KEYS, PREFIXES)
def test_names_are_safe_on_s3_and_stay_where_they_belong(keys: Any, prefix: str):
    name = object_names.of_keys(keys, prefix, TABLE)
    assert name.startswith(naming.table_prefix(prefix, TABLE))
    assert len(name.encode()) <= object_names.LONGEST_NAME
    assert re.fullmatch(r"[A-Za-z0-9_.!/-]+", name)
    assert not {"", ".", ".."} & set(name.split("/"))


LONG = st.dictionaries(
    st.sampled_from(["id", "sort"]),
    st.text("abc/é", min_size=900, max_size=1100).map(lambda text: {"S": text}),
    min_size=1,
    max_size=2,
)


@given(LONG, LONG)
def test_names_of_long_keys_are_hashed_within_the_limit_and_still_each_item_its_own(one: Any, another: Any):
    names = [object_names.of_keys(keys, "images", TABLE) for keys in (one, another)]
    assert all(len(name.encode()) <= object_names.LONGEST_NAME for name in names)
    assert (names[0] == names[1]) == (one == another)
    read = object_names.keys_of(names[0], "images", TABLE)
    assert read is None or read == one


@given(st.text("ab./!SNBid0123456789abcdefFé-_", max_size=60))
def test_keys_of_whatever_is_in_the_bucket_is_keys_of_that_name_or_refused(text: str):
    name = f"{TABLE}/{text}/image.json"
    try:
        keys = object_names.keys_of(name, "", TABLE)
    except object_names.NoName:
        return
    assert keys is None or object_names.of_keys(keys, "", TABLE) == name


@given(TEXTS, TEXTS)
def test_beginning_of_a_text_is_how_the_names_of_all_that_begin_so_begin(text: str, more: str):
    name = object_names.of_keys({"id": {"S": text + more}}, "", TABLE)
    assert name.startswith(f"{TABLE}/{object_names.beginning_of('id', text)}")
