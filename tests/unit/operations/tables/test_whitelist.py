"""The whitelist: which tables a person asks for."""

from pathlib import Path

import pytest

from continuous_backup.errors import ConfigurationError, ExitCode, UsageError
from continuous_backup.operations.tables import whitelist
from continuous_backup.operations.tables.whitelist import Whitelist

REPOSITORY = Path(__file__).resolve().parents[4]
EVERYTHING = Whitelist(all_tables=True)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "my tables.hjson"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def problems(values: object) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        whitelist.parse(values)
    assert caught.value.exit_code == ExitCode.USAGE
    assert "provisionAll" in caught.value.hint
    return caught.value.problems


def test_whitelist_as_it_has_always_been_is_read(tmp_path):
    path = written(
        tmp_path, '{\n  "provisionAll": false,\n  "tableNames": [\n    "Table1",\n    "Table2",\n    "..."\n  ]\n}'
    )

    assert whitelist.load(path) == Whitelist(all_tables=False, names=("Table1", "Table2", "..."))


def test_whitelist_without_quotes_and_commas_is_read(tmp_path):
    path = written(tmp_path, "tableNames: [\n  Orders\n  // not Carts\n  Customers\n]\n")

    assert whitelist.load(path).names == ("Orders", "Customers")


def test_repositorys_whitelist_asks_for_everything():
    assert whitelist.load(REPOSITORY / "whitelist.hjson") == EVERYTHING


def test_whitelist_with_provision_all_and_names_is_refused():
    """Who adds a name to the shipped file and overlooks the rest would end the backup of every table."""
    (problem,) = problems({"provisionAll": True, "tableNames": ["Orders"]})
    assert "means all tables, and tableNames names some: leave one of them out" in problem


def test_whitelist_without_provision_all_takes_the_names():
    assert whitelist.parse({"tableNames": ["Orders"]}) == Whitelist(False, ("Orders",))


def test_whitelist_that_names_a_table_twice_means_it_once_in_the_order_of_the_file():
    names = ["Orders", "Carts", "Orders", "Customers", "Carts"]

    assert whitelist.parse({"tableNames": names}).names == ("Orders", "Carts", "Customers")


def test_whitelist_with_a_byte_order_mark_is_read(tmp_path):
    assert whitelist.load(written(tmp_path, b"\xef\xbb\xbf{ provisionAll: true }")) == EVERYTHING


@pytest.mark.parametrize(
    "values", [{}, {"provisionAll": False}, {"tableNames": []}, {"provisionAll": False, "tableNames": []}]
)
def test_whitelist_that_asks_for_nothing_is_refused(values):
    assert problems(values) == ["it asks for no table: provisionAll is not true and tableNames is empty"]


@pytest.mark.parametrize("values", [["Orders"], "Orders", 5, None])
def test_whitelist_that_is_not_a_group_is_refused(values):
    assert problems(values) == ["it must hold provisionAll or tableNames in braces"]


@pytest.mark.parametrize("value", ["yes", "true", 1, None, []])
def test_whitelist_with_another_provision_all_than_true_or_false_is_refused(value):
    assert problems({"provisionAll": value, "tableNames": ["Orders"]}) == [
        f"provisionAll: {value!r} is not true or false"
    ]


@pytest.mark.parametrize("value", ["Orders", {"Orders": True}, None, 5])
def test_whitelist_with_names_that_are_no_list_is_refused(value):
    assert "tableNames: it is not a list of names in brackets" in problems({"tableNames": value})


@pytest.mark.parametrize(
    "name", ["", "ab", "t" * 256, "my table", "Orders/x", "Bücher", "Orders\n", 5, None, ["a"]]
)
def test_whitelist_with_a_name_that_no_table_can_have_is_refused(name):
    assert problems({"tableNames": ["Orders", name]}) == [
        f"tableNames: {name!r} is not a table's name (3 to 255 of a-z, A-Z, 0-9, _ . -)"
    ]


@pytest.mark.parametrize("name", ["abc", "t" * 255, "A.b_c-9"])
def test_whitelist_with_a_name_at_the_limits_is_taken(name):
    assert whitelist.parse({"tableNames": [name]}).names == (name,)


def test_whitelist_with_several_mistakes_reports_them_together():
    assert problems({"tablenames": ["Orders"], "provisionAll": "yes", "tableNames": ["ab"]}) == [
        "tablenames: there is no such key; there are provisionAll and tableNames",
        "provisionAll: 'yes' is not true or false",
        "tableNames: 'ab' is not a table's name (3 to 255 of a-z, A-Z, 0-9, _ . -)",
    ]


def test_whitelist_that_is_not_there_is_named(tmp_path):
    path = tmp_path / "nowhere.hjson"

    with pytest.raises(UsageError) as caught:
        whitelist.load(path)

    assert caught.value.problem == f"there is no whitelist {path}"
    assert "whitelist.hjson" in caught.value.hint


def test_whitelist_that_does_not_parse_is_told_the_line(tmp_path):
    path = written(tmp_path, "{\n  provisionAll: true\n  tableNames: [\n")

    with pytest.raises(UsageError, match=f"^{path}, line 4, column 1: this is not HJSON: "):
        whitelist.load(path)


def test_whitelist_that_is_a_folder_or_not_text_cannot_be_read(tmp_path):
    for path in (tmp_path, written(tmp_path, b"\xff\xfe")):
        with pytest.raises(UsageError, match=f"^the whitelist {path} cannot be read: "):
            whitelist.load(path)


def test_configuration_given_for_a_whitelist_is_called_one_and_not_a_list_of_unknown_keys():
    with pytest.raises(ConfigurationError) as caught:
        whitelist.parse({"firehoseDeliveryPrefix": "a", "sweepIntervalMinutes": 5}, "config.hjson")

    assert caught.value.problems == ["this is a configuration, and no list of tables"]
