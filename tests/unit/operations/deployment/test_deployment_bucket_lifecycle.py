"""Our lifecycle rule, beside people's own."""

import pytest
import yaml
from deployments import REPOSITORY

from continuous_backup.operations.deployment.bucket_lifecycle import RULE_ID, joined, seen
from continuous_backup.operations.deployment.state import Lifecycle

(OURS,) = joined([])
TO_GLACIER = {
    "ID": "to Glacier",
    "Status": "Enabled",
    "Filter": {"Prefix": "dynamodb/"},
    "Transitions": [{"Days": 90, "StorageClass": "GLACIER_IR"}],
}
KEEP_FIVE_YEARS = {
    "ID": "five years",
    "Status": "Enabled",
    "Filter": {"Prefix": "dynamodb/"},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 1827},
}
OLDER_TO_GLACIER = {
    "ID": "older ones",
    "Status": "Enabled",
    "Filter": {},
    "NoncurrentVersionTransitions": [{"NoncurrentDays": 60, "StorageClass": "GLACIER"}],
}
OLD_FORM = {"ID": "old", "Status": "Enabled", "Prefix": "exports/", "Expiration": {"Days": 30}}


def test_our_rule_ends_older_versions_uploads_and_markers_of_the_whole_bucket():
    assert OURS == {
        "ID": "dynamodb-continuous-backup-older-versions",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 35},
        "Expiration": {"ExpiredObjectDeleteMarker": True},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }


def test_our_rule_never_touches_a_current_version():
    """They are the backup: days of Expiration and Transitions are counted from their writing."""
    assert OURS["Expiration"].keys() == {"ExpiredObjectDeleteMarker"}
    assert OURS.keys() - {"ID", "Status", "Filter"} == {
        "NoncurrentVersionExpiration",
        "Expiration",
        "AbortIncompleteMultipartUpload",
    }


def test_our_rule_has_the_days_of_the_images_bucket():
    """One answer to the question how long an overwritten object can be had back."""
    template = yaml.load((REPOSITORY / "templates/item-images-source.yaml").read_text(), Loader=yaml.BaseLoader)
    rules = template["Resources"]["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    remains = next(rule for rule in rules if rule["Id"] == "Remains")

    assert OURS["NoncurrentVersionExpiration"]["NoncurrentDays"] == int(
        template["Parameters"]["NoncurrentDays"]["Default"]
    )
    assert OURS["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == int(
        remains["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
    )


def test_joined_to_rules_that_leave_older_versions_alone_is_behind_them():
    assert joined([TO_GLACIER]) == [TO_GLACIER, OURS]


@pytest.mark.parametrize("theirs", [KEEP_FIVE_YEARS, OLDER_TO_GLACIER])
def test_joined_to_rules_that_say_what_becomes_of_older_versions_adds_nothing_that_cuts_it_short(theirs):
    assert joined([TO_GLACIER, theirs]) == [TO_GLACIER, theirs]


def test_joined_to_such_a_rule_that_is_disabled_is_there():
    off = {**KEEP_FIVE_YEARS, "Status": "Disabled"}

    assert joined([off]) == [off, OURS]


@pytest.mark.parametrize(
    "changed", [{"Status": "Disabled"}, {"NoncurrentVersionExpiration": {"NoncurrentDays": 400}}]
)
def test_joined_where_people_have_changed_our_rule_leaves_it_as_they_want_it(changed):
    theirs = [{**OURS, **changed}, TO_GLACIER]

    assert joined(theirs) == theirs


def test_joined_to_a_rule_that_gives_uploads_longer_does_not_abort_them_sooner():
    theirs = {
        "ID": "slow uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": "exports/"},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 30},
    }
    without = {key: value for key, value in OURS.items() if key != "AbortIncompleteMultipartUpload"}

    assert joined([theirs]) == [theirs, without]
    assert joined([{**theirs, "Status": "Disabled"}])[1] == OURS


@pytest.mark.parametrize(
    ("rules", "what"),
    [
        ([], Lifecycle.OPEN),
        ([TO_GLACIER], Lifecycle.OPEN),
        ([OURS], Lifecycle.DECIDED),
        ([{**OURS, "Status": "Disabled"}], Lifecycle.DECIDED),
        ([{"ID": RULE_ID, "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 9}}], Lifecycle.DECIDED),
        ([TO_GLACIER, KEEP_FIVE_YEARS], Lifecycle.DECIDED),
        ([OLDER_TO_GLACIER], Lifecycle.DECIDED),
        ([{**OLDER_TO_GLACIER, "Status": "Disabled"}], Lifecycle.OPEN),
        ([OLD_FORM], Lifecycle.OLD_FORM),
        ([{**OLD_FORM, "Status": "Disabled"}], Lifecycle.OLD_FORM),
        ([OLD_FORM, {**OLD_FORM, "ID": "2", "NoncurrentVersionExpiration": {}}], Lifecycle.DECIDED),
    ],
)
def test_seen_of_a_buckets_rules_says_what_they_mean_for_older_versions(rules, what):
    assert seen(rules) is what
