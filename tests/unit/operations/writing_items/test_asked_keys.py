"""Keys as a person writes them: every form and type, whole or the partition key alone, and what cannot be."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuous_backup.errors import UsageError
from continuous_backup.operations.writing_items import shown_items, typed_json
from continuous_backup.operations.writing_items.asked_keys import AskedKey, NoKey, fitted, written, written_in
from tests.unit.operations.writing_items.typed_values import LARGEST, NUMBERS, SMALLEST

TEXT_AND_NUMBER = {"id": "S", "at": "N"}


def asked(*texts: str, schema: dict[str, str] = TEXT_AND_NUMBER) -> list[AskedKey]:
    return fitted(map(written, texts), schema, "Orders")


@pytest.mark.parametrize(
    ("text", "schema", "keys", "is_whole"),
    [
        ("id=1", {"id": "S"}, {"id": {"S": "1"}}, True),
        ("id=1", {"id": "N"}, {"id": {"N": "1"}}, True),
        ("id=AQI=", {"id": "B"}, {"id": {"B": "AQI="}}, True),
        ("id=a=b ", {"id": "S"}, {"id": {"S": "a=b "}}, True),
        ('id={"a', {"id": "S"}, {"id": {"S": '{"a'}}, True),
        ("id=1", TEXT_AND_NUMBER, {"id": {"S": "1"}}, False),
        ('{"id":{"S":"1"}}', TEXT_AND_NUMBER, {"id": {"S": "1"}}, False),
        ('{"at": 2, "id": "1"}', TEXT_AND_NUMBER, {"id": {"S": "1"}, "at": {"N": "2"}}, True),
        (' {"at": 1.50E3, "id": "1"}', TEXT_AND_NUMBER, {"id": {"S": "1"}, "at": {"N": "1.50E3"}}, True),
        ('{"at": "-2", "id": {"S": "1"}}', TEXT_AND_NUMBER, {"id": {"S": "1"}, "at": {"N": "-2"}}, True),
        ('{"at": {"N": "2"}, "id": "é"}', TEXT_AND_NUMBER, {"id": {"S": "é"}, "at": {"N": "2"}}, True),
        ('{"a=b": "AQI="}', {"a=b": "B"}, {"a=b": {"B": "AQI="}}, True),
        (f"n={'9' * 38}", {"n": "N"}, {"n": {"N": "9" * 38}}, True),
        (f"n={LARGEST}", {"n": "N"}, {"n": {"N": LARGEST}}, True),
        (f'{{"n": -{SMALLEST}}}', {"n": "N"}, {"n": {"N": f"-{SMALLEST}"}}, True),
    ],
)
def test_fitted_of_a_key_in_any_form_has_the_types_of_the_table(
    text: str, schema: dict[str, str], keys: dict[str, Any], is_whole: bool
):
    (found,) = asked(text, schema=schema)
    assert (found.keys, found.is_whole) == (keys, is_whole)
    assert list(found.keys) == list(schema)[: len(keys)]


@pytest.mark.parametrize(
    "text", ["customer-", "=a", "", "{", '{"id": }', "{}", '{"id": "1", "id": "1"}', "{" * 9999]
)
def test_written_of_what_is_no_key_says_so(text: str):
    with pytest.raises(NoKey):
        written(text)


@pytest.mark.parametrize(
    ("text", "schema", "said"),
    [
        ("ID=1", TEXT_AND_NUMBER, "ID is no key attribute"),
        ('{"id": "1", "at": 1, "total": 3}', TEXT_AND_NUMBER, "total is no key attribute"),
        ("at=1", TEXT_AND_NUMBER, "id is missing, the partition key"),
        ('{"id": 1}', TEXT_AND_NUMBER, "id is a text"),
        ('{"id": {"N": "1"}}', TEXT_AND_NUMBER, "id is a text"),
        ('{"id": {"S": 1}}', TEXT_AND_NUMBER, "id is a text"),
        ('{"id": {"S": "1", "N": "1"}}', TEXT_AND_NUMBER, "id is a text"),
        ('{"id": null}', TEXT_AND_NUMBER, "id is a text"),
        ('{"id": ["1"]}', TEXT_AND_NUMBER, "id is a text"),
        ('{"id": NaN}', TEXT_AND_NUMBER, "id is a text"),
        ('{"id": "\\ud800"}', TEXT_AND_NUMBER, "id is a text"),
        ("id=", TEXT_AND_NUMBER, "id is a text"),
        (f"id={'é' * 1025}", TEXT_AND_NUMBER, "id is a text"),
        (f'{{"id": "1", "at": "{"x" * 1025}"}}', {"id": "S", "at": "S"}, "at is a text"),
        *(
            (f"id={text}", {"id": "N"}, "id is a number")
            for text in ("one", "", "NaN", "Infinity", "1_000", "١", "1e126", "1e-131", "1e99999", "9" * 39)
        ),
        ('{"id": true}', {"id": "N"}, "id is a number"),
        ("id=?", {"id": "B"}, "id is binary"),
        ("id=", {"id": "B"}, "id is binary"),
        ('{"id": 1}', {"id": "B"}, "id is binary"),
    ],
)
def test_fitted_of_a_key_that_does_not_fit_the_table_names_it(text: str, schema: dict[str, str], said: str):
    with pytest.raises(UsageError) as raised:
        asked(text, schema=schema)
    assert raised.value.problem.startswith(f"--key {text}: {said}")
    assert raised.value.hint.startswith("table Orders has the key ")


@pytest.mark.parametrize(
    ("schema", "first", "second"),
    [
        ({"id": "N"}, "id=1", "id=1.0"),
        ({"id": "N"}, "id=0", '{"id": -0.0}'),
        ({"id": "S"}, "id=1", '{"id": {"S": "1"}}'),
        (TEXT_AND_NUMBER, '{"id": "1", "at": 100}', '{"id": "1", "at": 1E2}'),
        (TEXT_AND_NUMBER, "id=1", '{"id": "1", "at": 2}'),
    ],
)
def test_fitted_of_keys_that_ask_for_an_item_twice_names_both(schema: dict[str, str], first: str, second: str):
    for one, another in ((first, second), (second, first)):
        with pytest.raises(UsageError, match="it is asked for already, by --key ") as raised:
            asked(one, another, schema=schema)
        assert one in raised.value.problem
        assert another in raised.value.problem
    assert len(asked(first, "id=3", schema=schema)) == 2


def test_fitted_of_many_keys_that_do_not_fit_names_some_and_says_how_many():
    with pytest.raises(UsageError) as raised:
        asked(*(f"other={number}" for number in range(12)))
    assert raised.value.problem.startswith("12 keys cannot be asked for:\n  - --key other=0: other is no key")
    assert raised.value.problem.endswith("\n  and 2 more")


def test_written_in_a_file_is_a_key_a_line_in_any_form(tmp_path: Path):
    file = tmp_path / "keys.txt"
    file.write_text('\ufeffid=a b\u2028c\r\n\n{"id": "2", "at": 1}\n  \nid=3', encoding="utf-8")
    found = written_in(file)
    assert [each.values for each in found] == [{"id": "a b\u2028c"}, {"id": "2", "at": "1"}, {"id": "3"}]
    with pytest.raises(UsageError) as raised:
        fitted([*found, written("id=3")], TEXT_AND_NUMBER, "Orders")
    assert raised.value.problem == f"--key id=3: it is asked for already, by {file}, line 5: id=3"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no keys"),
        (b"\n \n", "has no keys"),
        (b"id=1\nlots\n", 'line 2: "lots" is no key such as'),
        (b"{]\nlots\n", "2 keys cannot be asked for:"),
        (b"\xff", "it is not UTF-8"),
        (None, "No such file"),
    ],
)
def test_written_in_a_file_with_something_wrong_names_file_and_line(
    tmp_path: Path, content: bytes | None, said: str
):
    file = tmp_path / "keys.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError) as raised:
        written_in(file)
    assert said in raised.value.problem
    assert str(file) in raised.value.problem


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)
TYPED = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=9).map(lambda value: {"S": value}),
    NUMBERS.map(lambda value: {"N": value}),
    st.binary(min_size=1, max_size=9).map(lambda value: {"B": base64.b64encode(value).decode()}),
)


@given(st.dictionaries(NAMES, TYPED, min_size=1, max_size=2), st.sampled_from(["typed", "plain", "shown"]))
def test_fitted_of_a_whole_key_as_it_is_shown_typed_or_plain_is_that_key(keys: dict[str, Any], form: str):
    in_sdks_form = typed_json.in_sdks_form(keys)
    text = {
        "typed": json.dumps(keys),
        "plain": json.dumps({name: value for name, typed in keys.items() for value in typed.values()}),
        "shown": shown_items.key(in_sdks_form),
    }[form]
    assert text.isprintable()
    (found,) = asked(text, schema={name: kind for name, typed in keys.items() for kind in typed})
    assert found.is_whole
    assert found.keys == keys
