"""Roles of people's own: seen before anything is changed, and refused where they are not there."""

import argparse
import json
from dataclasses import replace

import pytest
from deployments import ACCOUNT, ROLE, WANTED

from continuous_backup.configuration.config import Config
from continuous_backup.operations.deployment.actions import Conflict
from continuous_backup.operations.deployment.named_roles import look, may_trust, named_in
from continuous_backup.operations.deployment.state import NamedRole, Surroundings
from tests.unit.operations.deployment.planning import planned

LAMBDA = "lambda.amazonaws.com"
MINE = NamedRole("lambdaExecRoleArn", ROLE, LAMBDA)
OURS = ACCOUNT.role_arn("DynamoDBContinuousBackup-eu-west-1-Lambda")


def options(**given: str) -> argparse.Namespace:
    return argparse.Namespace(**{"cw_role_arn": None, "lambda_role_arn": None, **given})


def trusting(*services: str) -> dict[str, object]:
    statements = [
        {"Effect": "Allow", "Principal": {"Service": each}, "Action": "sts:AssumeRole"} for each in services
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def role_is(stub, trust: dict[str, object], arn: str = ROLE, name: str = "mine") -> None:
    role = {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROA1234567890123456",
        "Arn": arn,
        "CreateDate": 0,
        "AssumeRolePolicyDocument": json.dumps(trust),
    }
    stub("iam").add_response("get_role", {"Role": role}, {"RoleName": name})


def plan_with(role: NamedRole, there=WANTED):
    return planned(there, around=Surroundings(roles=(role,)))


# --- which there are


def test_roles_named_are_those_of_the_configuration_as_it_was_written():
    assert named_in(Config(), ACCOUNT, options()) == ()
    config = Config(events_role_arn="e", delivery_role_arn="d", lambda_role_arn="l")
    assert named_in(config, ACCOUNT, options()) == (
        NamedRole("cloudWatchRoleArn", "e", "events.amazonaws.com"),
        NamedRole("firehoseDeliveryRoleArn", "d", "firehose.amazonaws.com"),
        NamedRole("lambdaExecRoleArn", "l", LAMBDA),
    )


def test_roles_named_by_the_command_line_are_told_with_its_options():
    config = Config(events_role_arn="e", lambda_role_arn="l")

    named = named_in(config, ACCOUNT, options(cw_role_arn="e", lambda_role_arn="l"))

    assert [each.named_by for each in named] == ["--cw_role_arn", "--lambda_role_arn"]


# --- how they are


def test_role_that_is_there_and_trusts_the_service_may_do(aws, stub):
    role_is(stub, trusting(LAMBDA))

    (seen,) = look(aws, [MINE])

    assert seen == replace(MINE, exists=True, namesake=ROLE)
    assert plan_with(seen) == []


def test_role_with_a_path_is_asked_for_by_its_name(aws, stub):
    arn = "arn:aws:iam::123456789012:role/service-role/deep/mine"
    role_is(stub, trusting(LAMBDA), arn)

    (seen,) = look(aws, [replace(MINE, arn=arn)])

    assert seen.exists is True


def test_role_that_is_not_there_is_refused_and_nothing_else_is_planned(aws, stub):
    stub("iam").add_client_error("get_role", "NoSuchEntity")

    (refusal,) = plan_with(*look(aws, [MINE]), there=replace(WANTED, roles_stack=None))

    assert isinstance(refusal, Conflict)
    assert str(refusal) == f"there is no role {ROLE}, which lambdaExecRoleArn names"
    assert "create it, name one that is there, or leave it out" in refusal.hint


def test_role_whose_name_has_another_path_is_refused_with_its_arn(aws, stub):
    other = "arn:aws:iam::123456789012:role/elsewhere/mine"
    role_is(stub, trusting(LAMBDA), other)

    (refusal,) = plan_with(*look(aws, [MINE]))

    assert str(refusal) == f"lambdaExecRoleArn names {ROLE}, and the role of that name is {other}"


@pytest.mark.parametrize("code", ["AccessDenied", "ServiceFailure"])
def test_role_that_cannot_be_looked_at_is_said_and_deployed_with(aws, stub, code):
    stub("iam").add_client_error("get_role", code, http_status_code=400)

    (note,) = plan_with(*look(aws, [MINE]))

    assert not note.loud
    assert str(note) == (
        f"whether these roles are there could not be found out (iam:GetRole): {ROLE} (lambdaExecRoleArn)"
    )


def test_role_that_does_not_trust_the_service_is_refused_before_ours_is_taken_away(aws, stub):
    role_is(stub, trusting("ec2.amazonaws.com"))

    (refusal,) = plan_with(*look(aws, [MINE]))

    assert isinstance(refusal, Conflict)
    assert f"role {ROLE}, which lambdaExecRoleArn names, does not trust {LAMBDA}" in str(refusal)


@pytest.mark.parametrize(
    ("policy", "may"),
    [
        (trusting("events.amazonaws.com", LAMBDA), True),
        (trusting("lambda.amazonaws.com.cn"), True),
        (trusting("lambdax.amazonaws.com"), False),
        (trusting(), False),
        ({"Statement": {"Effect": "Allow", "Principal": {"Service": ["ec2.amazonaws.com", LAMBDA]}}}, True),
        ({"Statement": [{"Effect": "Deny", "Principal": {"Service": LAMBDA}}]}, False),
        ({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}]}, False),
        ({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}}]}, True),
        ({"Statement": [{"Effect": "Allow", "Principal": "*"}]}, True),
        ({"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "x"}}]}, True),
        ("not to be read", True),
        (None, True),
    ],
)
def test_trust_policy_is_doubted_only_where_it_is_clear(policy, may):
    assert may_trust(policy, LAMBDA) is may


# --- ours, named as if it were theirs


@pytest.mark.parametrize("purpose", ["Lambda", "Ensure", "Images"])
def test_role_of_the_stack_that_is_named_as_ones_own_is_refused(purpose):
    ours = ACCOUNT.role_arn(f"DynamoDBContinuousBackup-eu-west-1-{purpose}")
    (named,) = named_in(Config(lambda_role_arn=ours), ACCOUNT, options())

    (refusal,) = plan_with(replace(named, exists=True))

    assert f"lambdaExecRoleArn names {ours}, which is the role of the stack" in str(refusal)
    assert refusal.hint == "leave it out: it is the default"


def test_role_of_the_stacks_name_that_somebody_made_may_do():
    (named,) = named_in(Config(lambda_role_arn=OURS), ACCOUNT, options())
    theirs = {**WANTED.roles_stack.parameters, "LambdaRoleArn": OURS}
    there = replace(WANTED, roles_stack=replace(WANTED.roles_stack, parameters=theirs))

    assert not any(isinstance(step, Conflict) for step in plan_with(replace(named, exists=True), there))
    assert plan_with(replace(named, exists=True), replace(WANTED, roles_stack=None))
