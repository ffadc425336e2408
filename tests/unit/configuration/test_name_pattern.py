"""Expressions over the names of tables: those that no name can match are seen, and no other."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from continuous_backup.configuration import config as configuration
from continuous_backup.configuration.name_pattern import why_nothing_matches
from continuous_backup.errors import ConfigurationError

NAMES = st.text("abXY09_.-", min_size=3, max_size=20)

IMPOSSIBLE = [
    ("\u201cprod-\u201d", "\u201c"),
    ("prod-, test-", ","),
    ("/prod-/", "/"),
    ("prod- ", "a blank"),
    (" prod-", "a blank"),
    ("\bprod", "U+0008"),
    ("prod\u200b-", "U+200B"),
    ("(a b|c d)", "a blank"),
    ("x(?:y/)+", "/"),
    ("[ /]prod", "a blank"),
    ("prod-*:", ":"),
    ("None", "None"),
    ("null", "null"),
    ("ALL", "ALL"),
]
POSSIBLE = [
    "",
    "prod-",
    "^prod-.*$",
    "(?!test).*",
    "(a b|c)",
    "prod( x)?",
    "prod( x)*-",
    "[ /a]prod",
    "[^ ]prod",
    r"\bprod",
    r"\w+\.orders",
    "(?i)prod",
    "(?x) prod - # those of production",
    "None-such",
    ".",
    r"prod\Z",
]


@pytest.mark.parametrize(("pattern", "named"), IMPOSSIBLE)
def test_pattern_that_no_name_can_match_is_told_what_it_needs(pattern: str, named: str):
    assert named in why_nothing_matches(pattern)


@pytest.mark.parametrize("pattern", POSSIBLE)
def test_pattern_that_a_name_can_match_is_taken(pattern: str):
    assert why_nothing_matches(pattern) == ""


@given(NAMES)
def test_pattern_that_is_a_name_is_taken(name: str):
    assert why_nothing_matches(re.escape(name)) == ""


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of nested sets
@given(st.text("ab- /(|)*?[]^.\\", max_size=12), NAMES)
def test_pattern_that_matches_some_name_is_never_said_to_match_none(pattern: str, name: str):
    try:
        found = re.match(pattern, name)
    except re.error:
        return
    if found:
        assert why_nothing_matches(pattern) == ""


@pytest.mark.parametrize("key", ["tableNameMatchRegex", "itemImages"])
def test_configuration_with_a_filter_that_leaves_out_all_is_refused_and_deployed_backs_all_up(key: str):
    values = {key: "prod-, test-" if key == "tableNameMatchRegex" else {"tableNameMatchRegex": "prod-, test-"}}
    with pytest.raises(ConfigurationError, match="would leave out every table: every match needs") as caught:
        configuration.parse(values, {})
    assert len(caught.value.problems) == 1

    deployed = configuration.parse(values, {}, deployed=True)
    problem = deployed.name_filter_problem
    if key == "itemImages":
        assert deployed.item_images is not None
        assert deployed.item_images.are_kept_of("Orders")
        problem = deployed.item_images.name_filter_problem
    assert "so it is not used and every table" in problem
