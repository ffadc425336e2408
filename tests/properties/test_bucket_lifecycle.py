"""Joining our lifecycle rule to people's: theirs stay what they are, and nothing of ours cuts theirs short."""

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from continuous_backup.operations.deployment.bucket_lifecycle import RULE_ID, joined, seen
from continuous_backup.operations.deployment.state import Lifecycle

days = st.integers(1, 4000)
texts = st.text("abc/", max_size=3)
filters = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"Prefix": texts}),
    st.fixed_dictionaries({"Tag": st.fixed_dictionaries({"Key": texts, "Value": texts})}),
    st.fixed_dictionaries({"And": st.fixed_dictionaries({"Prefix": texts, "ObjectSizeGreaterThan": days})}),
)
actions = st.fixed_dictionaries(
    {},
    optional={
        "Expiration": st.one_of(
            st.fixed_dictionaries({"Days": days}),
            st.fixed_dictionaries({"ExpiredObjectDeleteMarker": st.booleans()}),
        ),
        "Transitions": st.lists(st.fixed_dictionaries({"Days": days}), min_size=1, max_size=2),
        "NoncurrentVersionExpiration": st.fixed_dictionaries(
            {"NoncurrentDays": days}, optional={"NewerNoncurrentVersions": days}
        ),
        "NoncurrentVersionTransitions": st.lists(
            st.fixed_dictionaries({"NoncurrentDays": days}), min_size=1, max_size=2
        ),
        "AbortIncompleteMultipartUpload": st.fixed_dictionaries({"DaysAfterInitiation": days}),
    },
)
scopes = st.one_of(
    st.fixed_dictionaries({"Filter": filters}),
    st.fixed_dictionaries({"Prefix": texts}),
)
ids = st.fixed_dictionaries({}, optional={"ID": st.sampled_from(["one", "two", RULE_ID])})
states = st.fixed_dictionaries({"Status": st.sampled_from(["Enabled", "Disabled"])})
rules = st.builds(lambda *parts: {k: v for part in parts for k, v in part.items()}, ids, states, scopes, actions)
configurations = st.lists(rules, max_size=5)


@given(configurations)
def test_joined_keeps_peoples_rules_unchanged_and_in_order(theirs: list[dict[str, Any]]) -> None:
    before = deepcopy(theirs)

    after = joined(theirs)

    assert after[: len(before)] == before == theirs
    assert [each["ID"] for each in after[len(before) :]] in ([], [RULE_ID])


@given(configurations)
def test_joined_twice_is_joined_once(theirs: list[dict[str, Any]]) -> None:
    assert joined(joined(theirs)) == joined(theirs)


@given(configurations)
def test_joined_decides_what_becomes_of_older_versions(theirs: list[dict[str, Any]]) -> None:
    assert seen(joined(theirs)) is Lifecycle.DECIDED


@given(configurations)
def test_joined_adds_nothing_that_acts_where_a_rule_of_theirs_does_the_same(theirs: list[dict[str, Any]]) -> None:
    """Of two times for one object, S3 takes the shorter."""
    theirs_do = {key for each in theirs if each["Status"] == "Enabled" for key in each}
    added = joined(theirs)[len(theirs) :]

    for key in ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"):
        assert key not in theirs_do or all(key not in each for each in added)


@given(configurations)
def test_joined_adds_nothing_that_touches_a_current_version(theirs: list[dict[str, Any]]) -> None:
    for each in joined(theirs)[len(theirs) :]:
        assert not each["Expiration"].keys() & {"Days", "Date"}
        assert "Transitions" not in each
