"""The plan that takes a deployment away."""

from dataclasses import replace

import pytest
from deployments import ENSURE, FORWARDER, WANTED

from continuous_backup import naming
from continuous_backup.operations.deployment.actions import (
    Conflict,
    DeleteFunction,
    DeleteLogGroup,
    DeleteRolesStack,
    DeleteRule,
)
from continuous_backup.operations.deployment.planner import plan_removal
from continuous_backup.operations.notes import Note
from tests.unit.operations.deployment.planning import NOTHING, THEIRS, with_logs_of_theirs


def test_removal_of_everything_begins_with_what_wires_and_leaves_the_bucket():
    observed = replace(WANTED, functions={name: WANTED.functions[name] for name in (ENSURE, FORWARDER)})

    assert [str(step) for step in plan_removal(observed)] == [
        "delete rule DynamoDBCreateDelete",
        "delete rule DynamoDBBackupSweep",
        "delete function EnsureDynamoBackup",
        "delete function LambdaStreamToFirehose",
        "delete log group /aws/lambda/EnsureDynamoBackup",
        "delete log group /aws/lambda/LambdaStreamToFirehose",
        "delete log group /aws/kinesisfirehose/DynamoDBContinuousBackup",
        "delete the IAM roles (CloudFormation stack DynamoDBContinuousBackupRoles)",
    ]


@pytest.mark.parametrize("there", [WANTED, NOTHING, replace(NOTHING, bucket=WANTED.bucket), *THEIRS.values()])
def test_removal_never_has_anything_to_do_with_the_bucket(there):
    steps = plan_removal(there)

    assert not [step for step in steps if "bucket" in type(step).__name__.lower()]
    assert not [step for step in steps if WANTED.bucket.name in repr(step)]


def test_removal_where_somebody_attached_a_policy_to_a_role_refuses_before_anything_is_taken_away():
    role = "DynamoDBContinuousBackup-eu-west-1-Lambda"
    (refusal,) = plan_removal(replace(WANTED, attached={role: ("arn:aws:iam::aws:policy/Theirs",)}))

    assert isinstance(refusal, Conflict)
    assert f"role {role} is to go, and somebody attached arn:aws:iam::aws:policy/Theirs to it" in str(refusal)


def test_removal_where_nothing_is_there_is_empty():
    assert plan_removal(NOTHING) == []


@pytest.mark.parametrize(("what", "there"), THEIRS.items())
def test_removal_where_something_is_not_ours_leaves_it_alone_and_says_so(what, there):
    steps = plan_removal(there)

    notes = [step for step in steps if isinstance(step, Note)]
    assert [str(note) for note in notes] == [
        f"there is {'an' if what.startswith('Event') else 'a'} {what} that is not ours: left alone"
    ]
    name = what.rpartition(" ")[2]
    deleted = [
        step.name
        for step in steps
        if isinstance(step, DeleteFunction | DeleteRule | DeleteRolesStack | DeleteLogGroup)
    ]
    assert name not in deleted


@pytest.mark.parametrize("function", [ENSURE, FORWARDER])
def test_removal_where_a_log_group_is_not_ours_leaves_it_alone_and_says_so(function):
    steps = plan_removal(with_logs_of_theirs(WANTED, function))

    name = naming.log_group(function)
    assert steps[-1] == Note(f"log group {name} is not ours: left alone")
    assert {step.name for step in steps if isinstance(step, DeleteLogGroup)} == {*WANTED.log_groups} - {name}


def test_removal_of_logs_that_outlived_their_function_takes_them_too():
    assert plan_removal(replace(NOTHING, log_groups=WANTED.log_groups)) == [
        DeleteLogGroup(name) for name in WANTED.log_groups
    ]
