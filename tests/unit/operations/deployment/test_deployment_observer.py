"""What is deployed, read from AWS's answers."""

import json

import pytest
from deployments import ACCOUNT, ENSURE, FORWARDER, WANTED

from continuous_backup import naming
from continuous_backup.operations.deployment.observer import _attached, observe
from continuous_backup.operations.deployment.state import (
    Deployment,
    LogGroup,
)
from continuous_backup.operations.deployment.wanted import statement_id
from tests.unit.operations.deployment.observing import (
    CONFIG,
    IN_ORDER,
    KEPT,
    LOG_GROUPS,
    OURS,
    describe_bucket,
    drifted,
)


def no_images(stub, *, functions: bool = True) -> None:
    """Nothing of item images is there: where a test has described the stack, the log groups and the functions."""
    stub("cloudformation").add_client_error("describe_stacks", "ValidationError", "does not exist")
    stub("logs").add_response("describe_log_groups", {"logGroups": []})
    if functions:
        stub("lambda").add_client_error("get_function", "ResourceNotFoundException")


def describe_everything(stub) -> None:
    describe_bucket(stub("s3"))
    _describe_stack(stub("cloudformation"))
    attached_to_roles(stub("iam"))
    for name in LOG_GROUPS:
        group = WANTED.log_groups[name]
        longer = log_group(f"{name}-2", retentionInDays=1)
        exact = log_group(name, retentionInDays=group.retention_days)
        stub("logs").add_response(
            "describe_log_groups", {"logGroups": [longer, exact]}, {"logGroupNamePrefix": name}
        )
        tags_of_log_group(stub("logs"), name, {OURS["Key"]: OURS["Value"]})
    for name in IN_ORDER:
        _describe_function(stub("lambda"), WANTED.functions[name])
    no_images(stub)
    for rule in WANTED.rules.values():
        _describe_rule(stub("events"), rule)
        allowed = [
            {"Sid": statement_id(each), "Condition": {"ArnLike": {"AWS:SourceArn": ACCOUNT.rule_arn(each)}}}
            for each in WANTED.rules
        ]
        stub("lambda").add_response("get_policy", {"Policy": json.dumps({"Statement": allowed})})


def attached_to_roles(iam, **attached: str) -> None:
    """IAM's answers for each role of the stack; `attached` is an ARN by what the role's name ends in."""
    for role in naming.roles(ACCOUNT.region):
        arn = attached.get(role.rpartition("-")[2])
        policies = [{"PolicyName": "Theirs", "PolicyArn": arn}] if arn else []
        iam.add_response("list_attached_role_policies", {"AttachedPolicies": policies}, {"RoleName": role})


def log_group(name: str, **facts) -> dict[str, object]:
    """As DescribeLogGroups tells of it: its ARN ends in what stands for its streams."""
    return {"logGroupName": name, "arn": f"{ACCOUNT.arn('logs', f'log-group:{name}')}:*", **facts}


def tags_of_log_group(logs, name: str, tags: dict[str, str]) -> None:
    logs.add_response(
        "list_tags_for_resource", {"tags": tags}, {"resourceArn": ACCOUNT.arn("logs", f"log-group:{name}")}
    )


def _describe_stack(cloudformation, **changes) -> None:
    stack = {
        "StackName": naming.ROLES_STACK,
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": 0,
        "Tags": [OURS],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in WANTED.roles_stack.parameters.items()
        ],
        **changes,
    }
    cloudformation.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": naming.ROLES_STACK})
    if stack["StackStatus"] != "DELETE_COMPLETE":
        cloudformation.add_response("get_template", {"TemplateBody": WANTED.roles_stack.template})


def _describe_function(functions, its, tags=None) -> None:
    configuration = {
        "Role": its.role_arn,
        "Handler": its.handler,
        "Runtime": its.runtime,
        "Architectures": [its.architecture],
        "MemorySize": its.memory_mb,
        "Timeout": its.timeout_seconds,
        "LoggingConfig": {"LogFormat": its.log_format},
        "CodeSha256": its.code_sha256,
        "Description": its.description,
    }
    found = {"Configuration": configuration, "Tags": tags or {OURS["Key"]: OURS["Value"]}}
    functions.add_response("get_function", found, {"FunctionName": its.name})
    reserved = {"ReservedConcurrentExecutions": its.reserved_concurrency} if its.reserved_concurrency else {}
    functions.add_response("get_function_concurrency", reserved, {"FunctionName": its.name})


def _describe_rule(events, rule, tags=(OURS,)) -> None:
    trigger = {"ScheduleExpression": rule.schedule} if rule.schedule else {"EventPattern": rule.pattern}
    described = {"Arn": ACCOUNT.rule_arn(rule.name), "RoleArn": rule.role_arn, "State": "ENABLED", **trigger}
    events.add_response("describe_rule", described, {"Name": rule.name})
    events.add_response("list_targets_by_rule", {"Targets": [{"Id": "x", "Arn": rule.target_arn}]})
    events.add_response("list_tags_for_resource", {"Tags": list(tags)})


def test_observe_finds_what_somebody_attached_to_the_roles_of_the_stack(aws, stub):
    theirs = "arn:aws:iam::aws:policy/TheirsAlone"
    attached_to_roles(stub("iam"), Ensure=theirs)

    assert _attached(aws, ACCOUNT) == {"DynamoDBContinuousBackup-eu-west-1-Ensure": (theirs,)}


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity", "Throttling"])
def test_observe_where_iam_does_not_tell_what_is_attached_goes_on(aws, stub, code):
    for _ in naming.roles(ACCOUNT.region):
        stub("iam").add_client_error("list_attached_role_policies", code)

    assert _attached(aws, ACCOUNT) == {}


def test_observe_of_what_deploying_made_finds_what_was_wanted(aws, stub):
    describe_everything(stub)
    drifted(stub)

    found = observe(aws, CONFIG, ACCOUNT)

    assert found == Deployment(
        KEPT,
        WANTED.roles_stack,
        log_groups=WANTED.log_groups,
        functions=WANTED.functions,
        rules=WANTED.rules,
    )
    assert list(found.functions) == IN_ORDER, "what wires is taken away first"


def test_observe_where_things_carry_no_tag_of_ours_says_so(aws, stub):
    stub("s3").add_client_error("head_bucket", "404", http_status_code=404)
    _describe_stack(stub("cloudformation"), Tags=[{"Key": naming.MANAGED_TAG, "Value": "other"}])
    for name, tags in zip(LOG_GROUPS, ({}, {"team": "theirs"}, {naming.MANAGED_TAG: "other"}), strict=True):
        stub("logs").add_response("describe_log_groups", {"logGroups": [log_group(name)]})
        tags_of_log_group(stub("logs"), name, tags)
    for name in IN_ORDER:
        _describe_function(stub("lambda"), WANTED.functions[name], {"team": "theirs"})
    no_images(stub)
    for rule in WANTED.rules.values():
        _describe_rule(stub("events"), rule, [])
        stub("lambda").add_client_error("get_policy", "ResourceNotFoundException")

    found = observe(aws, CONFIG, ACCOUNT)

    assert not found.roles_stack.ours
    assert {name: each.ours for name, each in found.functions.items()} == {ENSURE: False, FORWARDER: False}
    assert {each.ours for each in found.log_groups.values()} == {False}
    assert {each.ours for each in found.rules.values()} == {False}
    assert {each.may_invoke for each in found.rules.values()} == {False}


def test_observe_of_a_stack_that_was_deleted_finds_none(aws, stub):
    stub("s3").add_client_error("head_bucket", "404", http_status_code=404)
    _describe_stack(stub("cloudformation"), StackStatus="DELETE_COMPLETE")
    for _ in range(3):
        stub("logs").add_response("describe_log_groups", {"logGroups": []})
    for _ in range(2):
        stub("lambda").add_client_error("get_function", "ResourceNotFoundException")
        stub("events").add_client_error("describe_rule", "ResourceNotFoundException")
    no_images(stub)

    assert observe(aws, CONFIG, ACCOUNT).roles_stack is None


def test_observe_of_a_log_group_behind_a_page_of_longer_names_finds_it(aws, stub):
    stub("s3").add_client_error("head_bucket", "404", http_status_code=404)
    stub("cloudformation").add_client_error("describe_stacks", "ValidationError")
    name = naming.log_group(ENSURE)
    stub("logs").add_response("describe_log_groups", {"logGroups": []})
    stub("logs").add_response("describe_log_groups", {"logGroups": [log_group(f"{name}-2")], "nextToken": "more"})
    stub("logs").add_response("describe_log_groups", {"logGroups": [log_group(name)]})
    tags_of_log_group(stub("logs"), name, {OURS["Key"]: OURS["Value"]})
    stub("logs").add_response("describe_log_groups", {"logGroups": []})
    for _ in range(2):
        stub("lambda").add_client_error("get_function", "ResourceNotFoundException")
        stub("events").add_client_error("describe_rule", "ResourceNotFoundException")
    no_images(stub)

    assert observe(aws, CONFIG, ACCOUNT).log_groups == {name: LogGroup(name, 0)}
