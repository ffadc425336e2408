"""The options of restore_images.py: what they mean, and what is wrong with them."""

import argparse
from datetime import UTC, datetime

import pytest

from continuous_backup.operations.images import options as its
from continuous_backup.operations.images.wanted import KeyPrefix


def parsed(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    its.add_to(parser)
    return parser.parse_args(["Orders", "--bucket", "images", *options])


def test_options_have_the_defaults_that_change_least():
    options = parsed()
    assert (options.condition, options.create, options.yes, options.no_verify) == (None, False, False, False)
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


@pytest.mark.parametrize("text", ["backups/images", "/backups/images/"])
def test_prefix_may_have_slashes_at_its_ends_and_is_without(text: str):
    assert parsed("--prefix", text).prefix == "backups/images"
    assert parsed().prefix == parsed("--prefix", "/").prefix == ""


def test_key_prefix_may_hold_an_equals_sign_and_be_empty():
    assert parsed("--key-prefix", "id=a=b").key_prefix == KeyPrefix("id", "a=b")
    assert parsed("--key-prefix", "id=").key_prefix == KeyPrefix("id", "")


def test_key_may_be_given_several_times_in_any_form():
    found = parsed("--key", "id=a=b", "--key", '{"id": {"N": "1"}}').keys
    assert [each.values for each in found] == [{"id": "a=b"}, {"id": {"N": "1"}}]
    assert parsed().keys == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--partition-key", "id"), "--partition-key belongs to --create"),
        (("--key", "id=1", "--key-prefix", "id=1"), "--key-prefix asks for other items than --key"),
        (("--key-file", "keys", "--key-prefix", "id=1"), "--key-prefix asks for other items than --key"),
    ],
)
def test_problem_of_options_that_do_not_go_together_says_so(options: tuple[str, ...], said: str):
    assert its.problem(parsed(*options)).startswith(said)
    assert its.problem(parsed("--key", "id=1", "--key-file", "keys", "--create", "--partition-key", "id")) == ""


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--key", "customer-", "is no key such as id=alice"),
        ("--key", "{", "is no JSON"),
        ("--as-of", "2026-11-25T10:00:00", "does not say its time zone"),
        ("--as-of", "yesterday", "is not a time"),
        ("--as-of", "", "is not a time"),
        ("--as-of", "0001-01-01T00:00:00+23:59", "is not a time"),
        ("--as-of", "9999-12-31T23:59:59-01:00", "is not a time"),
        ("--key-prefix", "customer-", "is not ATTRIBUTE=TEXT"),
        ("--key-prefix", "=customer-", "is not ATTRIBUTE=TEXT"),
        ("--key-prefix", "", "is not ATTRIBUTE=TEXT"),
        *(
            ("--writes-per-second", text, "not a number above zero")
            for text in ("0", "-1", "nan", "inf", "1e-320", "many", "")
        ),
        *(
            ("--to-table", text, "is not a table's name")
            for text in ("", "ab", "a/b", "x" * 256, "Orders\n", "arn:aws:x")
        ),
        *(
            ("--bucket", text, "is not a bucket name")
            for text in ("", "s3://images", "Images", "im ages", "x" * 64)
        ),
        *(("--prefix", text, "is not a path") for text in ("s3://images", "a//b", "a b", "\udcff")),
        ("--if", "older", "invalid choice"),
    ],
)
def test_options_when_they_are_wrong_say_what_would_be_right(option: str, text: str, said: str):
    with pytest.raises(argparse.ArgumentError, match=said):
        parsed(option, text)


def test_key_prefix_given_twice_is_refused_since_the_last_one_alone_would_count(
    capsys: pytest.CaptureFixture[str],
):
    with pytest.raises(SystemExit):
        parsed("--key-prefix", "id=1", "--key-prefix", "id=2")
    assert "--key-prefix is given twice" in capsys.readouterr().err
