"""Which names are listed for a part of the items, and which keys are taken."""

import pytest

from continuous_backup.item_images import object_names
from continuous_backup.operations.images.wanted import KeyPrefix, Wanted


def wanted(attribute: str, text: str) -> Wanted:
    return Wanted("images", "backups", "Orders", KeyPrefix(attribute, text))


def test_listed_prefixes_of_all_items_is_the_tables_own():
    assert Wanted("images", "", "Orders").listed_prefixes(("id",)) == ["Orders/"]
    assert Wanted("images", "backups", "Orders").where == "s3://images/backups/Orders/"


def test_listed_prefixes_when_the_first_attribute_is_asked_for_is_narrow_and_has_the_hashed_names():
    assert wanted("id", "a/").listed_prefixes(("sort", "id")) == [
        "backups/Orders/id.S.a!2F",
        "backups/Orders/sha256.",
    ]
    assert wanted("tag", "a").listed_prefixes(("tag", "when"))[1] == "backups/Orders/tag.S.a"


def test_listed_prefixes_when_another_attribute_is_asked_for_is_all():
    assert wanted("sort", "a").listed_prefixes(("sort", "id")) == ["backups/Orders/"]


def test_listed_prefixes_when_one_would_be_below_another_lists_no_name_twice():
    assert wanted("sha256", "a").listed_prefixes(("sha256",)) == ["backups/Orders/sha256."]


def test_listed_prefixes_find_each_item_that_is_taken():
    for text in ("", "é", "a b", "😀"):
        keys = {"id": {"S": text + "more"}}
        assert wanted("id", text).takes(keys)
        name = object_names.of_keys(keys, "backups", "Orders")
        assert name.startswith(wanted("id", text).listed_prefixes(("id",))[0])


@pytest.mark.parametrize(
    "keys", [{"id": {"S": "b"}}, {"id": {"N": "1"}}, {"other": {"S": "a"}}, {"id": {"S": ""}}]
)
def test_takes_of_other_keys_is_false(keys):
    assert not wanted("id", "a").takes(keys)
    assert wanted("id", "a").takes(None), "a name that does not tell its keys has to be read"
