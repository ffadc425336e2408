"""What deploying says of keys that come from the environment, and of those that came from there before."""

from dataclasses import replace

import pytest
from deployments import WANTED, aim

from continuous_backup.operations.deployment.environment import notes_on
from continuous_backup.operations.notes import Note

AGAIN = "Set the same each time, or put it into the configuration file"


def functions(**environment: str):
    return aim(environment).functions.values()


def test_environment_that_sets_nothing_and_never_did_is_not_spoken_of():
    assert notes_on(WANTED.functions.values(), {}, {}) == notes_on([], {}, {}) == []


def test_environment_that_sets_keys_is_told_with_their_values():
    now = {"firehoseDeliveryBucket": "mine", "logFormat": "Text"}

    told = f"from the environment: firehoseDeliveryBucket=mine, logFormat=Text; set for the functions too. {AGAIN}"
    assert notes_on(functions(**now), {}, now) == notes_on([], {}, now) == [Note(told)]


def test_environment_that_lacks_what_was_deployed_is_told_loudly():
    (one,) = notes_on(functions(tableNameMatchRegex="prod-"), {}, {})
    (two,) = notes_on(functions(WRITABLE_EVENT_TYPES="INSERT", metrics="none"), {}, {})

    assert one == Note(
        "was deployed with tableNameMatchRegex=prod- from the environment, which is not set now: it is deployed "
        f"without. {AGAIN}",
        loud=True,
    )
    assert "with WRITABLE_EVENT_TYPES=INSERT, metrics=none from the environment, which are not" in str(two)


@pytest.mark.parametrize(
    ("key", "variable"), [("metrics", "metrics"), ("writableEventTypes", "WRITABLE_EVENT_TYPES")]
)
def test_environment_that_lacks_what_the_file_says_now_is_not_spoken_of(key, variable):
    assert notes_on(functions(**{variable: "none"}), {key: "other"}, {}) == []


def test_environment_of_a_function_with_variables_of_somebody_elses_names_them_without_their_values():
    (note, *others) = notes_on(functions(SECRET="hush", A="b"), {}, {})

    assert note == Note(
        "function LambdaStreamToFirehose has environment variables that no key has: A, SECRET; they go"
    )
    assert len(others) == 1


def test_environment_of_a_function_that_is_not_ours_is_not_spoken_of():
    theirs = [replace(each, ours=False) for each in functions(A="b", metrics="none")]

    assert notes_on(theirs, {}, {}) == []
