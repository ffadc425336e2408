"""The options of restore_images.py, and what is said of the counts."""

import argparse
from datetime import UTC, datetime

import pytest

from continuous_backup.operations.images import script
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import KeyPrefix


def parsed(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    script.add_options(parser)
    return parser.parse_args(["Orders", "--bucket", "images", *options])


def test_options_have_the_defaults_that_change_least():
    options = parsed()
    assert (options.condition, options.create, options.yes, options.no_verify) == ("newer", False, False, False)
    assert (options.to_table, options.key_prefix, options.as_of) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-25T10:00:00Z", datetime(2026, 11, 25, 10, tzinfo=UTC)),
        ("2026-11-25T10:00:00+01:00", datetime(2026, 11, 25, 9, tzinfo=UTC)),
    ],
)
def test_as_of_is_a_time_with_its_zone(text: str, time: datetime):
    assert parsed("--as-of", text).as_of == time


def test_key_prefix_may_hold_an_equals_sign_and_be_empty():
    assert parsed("--key-prefix", "id=a=b").key_prefix == KeyPrefix("id", "a=b")
    assert parsed("--key-prefix", "id=").key_prefix == KeyPrefix("id", "")


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--as-of", "2026-11-25T10:00:00", "does not say its time zone"),
        ("--as-of", "yesterday", "is not a time"),
        ("--key-prefix", "customer-", "is not ATTRIBUTE=TEXT"),
        ("--key-prefix", "=customer-", "is not ATTRIBUTE=TEXT"),
        ("--writes-per-second", "0", "not a number above zero"),
        ("--if", "older", "invalid choice"),
    ],
)
def test_options_when_they_are_wrong_say_what_would_be_right(option: str, text: str, said: str):
    with pytest.raises(argparse.ArgumentError, match=said):
        parsed(option, text)


def test_document_has_every_count_and_the_names():
    tally = Tally(image_bytes=3)
    for number in range(7):
        tally.name("failed_records", f"object-{number}")
    document = script._document(tally)
    assert (document["imageBytes"], document["failedRecords"]) == (3, 7)
    assert document["names"] == {"failedRecords": [f"object-{number}" for number in range(5)]}


def test_every_count_is_shown_to_a_person():
    assert set(script._DONE) == {name for name in vars(Tally()) if name != "names"}
