"""What is decided about older versions in the bucket of the change log, and what a person is told of them."""

from dataclasses import replace
from itertools import product

import pytest
from deployments import WANTED

from continuous_backup.operations.deployment.actions import KeepOlderVersions, SecureBucket
from continuous_backup.operations.deployment.state import Lifecycle, Versioning
from continuous_backup.operations.notes import Note
from tests.unit.operations.deployment.planning import planned

ENABLED, SUSPENDED, NEVER, UNKNOWN = (
    Versioning.ENABLED,
    Versioning.SUSPENDED,
    Versioning.NEVER,
    Versioning.UNKNOWN,
)
NAME = WANTED.bucket.name
SWITCH_ON = f"aws s3api put-bucket-versioning --bucket {NAME} --versioning-configuration Status=Enabled"


def there(versioning: Versioning, lifecycle: Lifecycle = Lifecycle.OPEN, **facts: object):
    return replace(WANTED, bucket=replace(WANTED.bucket, versioning=versioning, lifecycle=lifecycle, **facts))


def only_note(versioning: Versioning, lifecycle: Lifecycle = Lifecycle.OPEN, **facts: object) -> Note:
    (note,) = planned(there(versioning, lifecycle, **facts))
    assert isinstance(note, Note)
    return note


# --- a bucket of ours


def test_plan_where_our_bucket_never_had_versioning_switches_it_on():
    (step,) = planned(there(NEVER))

    assert isinstance(step, KeepOlderVersions)
    assert str(step) == f"keep older versions in bucket {NAME} for 35 days"


def test_plan_where_peoples_rules_say_how_long_already_promises_no_days_of_ours():
    (step,) = planned(there(NEVER, Lifecycle.DECIDED))

    assert isinstance(step, KeepOlderVersions)
    assert str(step) == f"keep older versions in bucket {NAME} as long as its lifecycle rules say"


def test_plan_where_our_bucket_is_open_and_has_no_versioning_closes_it_first():
    assert [type(step) for step in planned(there(NEVER, secured=False))] == [SecureBucket, KeepOlderVersions]


def test_plan_where_versioning_is_on_and_a_rule_says_for_how_long_changes_nothing():
    assert planned(there(ENABLED, Lifecycle.DECIDED)) == []


@pytest.mark.parametrize("lifecycle", Lifecycle)
def test_plan_where_somebody_suspended_versioning_leaves_it_and_says_loudly_what_that_costs(lifecycle):
    note = only_note(SUSPENDED, lifecycle)

    assert note.loud
    assert not note.undone, "it is somebody's decision, and nothing that was asked of us"
    assert str(note).startswith(f"what is overwritten or deleted in bucket {NAME} is lost: somebody has suspended")
    assert SWITCH_ON in str(note)


@pytest.mark.parametrize("lifecycle", [Lifecycle.OPEN, Lifecycle.OLD_FORM])
def test_plan_where_somebody_keeps_older_versions_without_end_adds_no_rule_that_would_delete_them(lifecycle):
    note = only_note(ENABLED, lifecycle)

    assert (note.loud, note.undone) == (False, False)
    assert "without end" in str(note)
    assert "NoncurrentVersionExpiration" in str(note)


@pytest.mark.parametrize(
    ("versioning", "lifecycle", "says", "undone"),
    [
        (UNKNOWN, Lifecycle.OPEN, "s3:GetBucketVersioning", True),
        (UNKNOWN, Lifecycle.UNKNOWN, "s3:GetBucketVersioning", True),
        (NEVER, Lifecycle.UNKNOWN, "s3:GetLifecycleConfiguration", True),
        (NEVER, Lifecycle.OLD_FORM, '"Filter": {"Prefix": ...}', True),
        (ENABLED, Lifecycle.UNKNOWN, "s3:GetLifecycleConfiguration", False),
    ],
)
def test_plan_where_not_enough_is_known_changes_nothing_and_says_what_is_missing(
    versioning, lifecycle, says, undone
):
    note = only_note(versioning, lifecycle)

    assert says in str(note)
    assert note.undone == undone


@pytest.mark.parametrize(("versioning", "lifecycle"), [*product(Versioning, Lifecycle)])
def test_plan_in_every_state_of_our_bucket_acts_once_or_says_one_thing_but_where_all_is_well(
    versioning, lifecycle
):
    well = (versioning, lifecycle) == (ENABLED, Lifecycle.DECIDED)

    assert len(planned(there(versioning, lifecycle))) == (0 if well else 1)


# --- a bucket of somebody else's


@pytest.mark.parametrize(
    ("versioning", "why"), [(NEVER, "it has no versioning"), (SUSPENDED, "its versioning is suspended")]
)
@pytest.mark.parametrize("lifecycle", Lifecycle)
def test_plan_where_the_bucket_is_not_ours_and_keeps_no_older_versions_only_says_so(versioning, why, lifecycle):
    note = only_note(versioning, lifecycle, ours=False)

    assert str(note) == (
        f"what is overwritten or deleted in bucket {NAME} is lost: {why}, and it is not ours to change. "
        f"{SWITCH_ON} switches it on"
    )
    assert (note.loud, note.undone) == (False, False)


def test_plan_where_the_bucket_is_not_ours_and_its_versioning_is_unknown_says_that():
    note = only_note(UNKNOWN, Lifecycle.UNKNOWN, ours=False)

    assert "s3:GetBucketVersioning" in str(note)
    assert not note.undone


@pytest.mark.parametrize("lifecycle", Lifecycle)
def test_plan_where_the_bucket_is_not_ours_and_versioned_says_nothing(lifecycle):
    assert planned(there(ENABLED, lifecycle, ours=False)) == []
