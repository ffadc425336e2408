"""HJSON: what parses, and what is said, with its line, of what does not or is not what was meant."""

import pytest

from continuous_backup.configuration import hjson_text
from continuous_backup.errors import UsageError


def refused(text: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        hjson_text.parse(text, "config.hjson")
    return caught.value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{ a: 1, b: [x\n y\n], c: {\n d: e\n} }", {"a": 1, "b": ["x", "y"], "c": {"d": "e"}}),
        ("a:\n{\n b: c\n}", {"a": {"b": "c"}}),
        ("a:\n[\n b\n]", {"a": ["b"]}),
        ("a: /* why */ b", {"a": "b"}),
        ("a: '''\nb\nc\n'''", {"a": "b\nc"}),
        ("a:\n  1", {"a": 1}),
        ("", {}),
    ],
)
def test_parse_of_hjson_gives_what_it_says(text: str, values: object):
    assert hjson_text.parse(text, "config.hjson") == values


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{\n  tableNameMatchRegex:\n  incompatibleStream: report\n}", 3),
        ("tableNameMatchRegex:\nincompatibleStream: report\n", 2),
        ("{\r\n  a: // nothing yet\r\n  b: c\r\n}", 3),
        ("{\n  itemImages: {\n    prefix:\n\n    bucket: mine\n  }\n}", 5),
        ('{\n  a:\n    "in quotes"\n}', 3),
        ("{\n  a: [\n {\n b:\n c\n }\n ]\n}", 5),
    ],
)
def test_parse_where_a_key_has_no_value_does_not_take_the_next_line_for_it(text: str, line: int):
    error = refused(text)
    assert f"line {line}, " in error.problem
    assert "a text begins on another line than its key" in error.problem
    assert "take the key out" in error.hint


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("{\n  a: 1 /* begins\n", 2, "this begins and has no end"),
        ("{\n  a: '''begins\n", 2, "this begins and has no end"),
        ("{\n  a: 1e400\n}", 2, "it cannot be read"),
        ("{\n  a: " + "9" * 5000 + "\n}", 2, "a number has thousands of digits"),
        ("{\n" + "[" * 100_000, 2, "key name"),
        ("{\n a: " + "[" * 100_000, 2, "more than 50 brackets in each other"),
        ("{\n a:" * 200, 52, "more than 50 brackets in each other"),
        ('{\n  a: "\\ud800"\n}', 2, "half of a character"),
    ],
    ids=lambda each: str(each)[:20],
)
def test_parse_of_what_hjson_stumbles_over_is_a_persons_mistake_with_its_line(text: str, line: int, said: str):
    error = refused(text)
    assert error.problem.startswith(f"config.hjson, line {line}, ")
    assert said in error.problem
    assert error.hint


def test_parse_of_a_number_that_python_does_not_read_says_what_a_person_can_do():
    error = refused("{ region: " + "9" * 5000 + " }")
    assert "set_int_max_str_digits" not in f"{error.problem} {error.hint}"
    assert "put quotes around it where it is a text" in error.hint


@pytest.mark.parametrize(
    ("text", "first", "line"),
    [
        ("{\n region: eu-west-1\n region: us-east-1\n}", 2, 3),
        ("region: a\n# region: b\n\nregion: c", 1, 4),
        ('{\n "region": a\n\n region:\n {\n region: b\n }\n}', 2, 4),
        ("{ a: {\n b: 1 }\n c: {\n region: 1\n d: [ 1, 2 ]\n region: [\n 1\n ]\n } }", 4, 6),
        ('{\n region: 1\n\n "\\u0072egion": 2\n}', 2, 4),
    ],
)
def test_parse_where_a_key_is_there_twice_says_which_and_both_lines(text: str, first: int, line: int):
    error = refused(text)
    assert error.problem == f"config.hjson, line {line}: region is there twice, first on line {first}"
    assert "leave one of them" in error.hint


def test_parse_of_a_backslash_in_quotes_says_how_it_is_written():
    error = refused('{\n  tableNameMatchRegex: "prod-\\d+"\n}')
    assert "line 2, " in error.problem
    assert r"\\d" in error.hint
    assert hjson_text.parse('{ a: "prod-\\\\d+" }', "x") == hjson_text.parse("a: prod-\\d+", "x")
