"""What each action of a deployment calls, exactly."""

import json
from dataclasses import replace

import pytest
from deployments import ACCOUNT, ENSURE, FORWARDER, WANTED, packages

from continuous_backup import naming
from continuous_backup.aws import Aws, ClientError
from continuous_backup.errors import AwsError
from continuous_backup.operations.deployment import actions, bucket_policy
from continuous_backup.operations.deployment.drift import Drift
from continuous_backup.operations.deployment.executor import Executor
from continuous_backup.operations.deployment.state import Bucket, LogGroup, Rule
from continuous_backup.operations.deployment.wanted import statement_id
from continuous_backup.operations.notes import Note

TAGS = {"dynamodb-continuous-backup": "managed"}
TAG_LIST = [{"Key": "dynamodb-continuous-backup", "Value": "managed"}]
STACK = WANTED.roles_stack
FUNCTION = WANTED.functions[ENSURE]
RULE = WANTED.rules[naming.API_EVENTS_RULE]
CANNOT_ASSUME = "The role defined for the function cannot be assumed by Lambda."
SETTINGS = {
    "FunctionName": ENSURE,
    "Description": FUNCTION.description,
    "Role": FUNCTION.role_arn,
    "Handler": FUNCTION.handler,
    "Runtime": "python3.13",
    "MemorySize": 256,
    "Timeout": 900,
    "LoggingConfig": {"LogFormat": "JSON"},
    "Environment": {"Variables": {}},
}


@pytest.fixture
def executor(aws, tmp_path):
    made = packages(tmp_path)
    for package in made.values():
        package.path.write_bytes(b"the code of " + package.function.encode())
    return Executor(aws, ACCOUNT, made)


# --- the bucket


@pytest.mark.parametrize(
    ("region", "where"),
    [("us-east-1", {}), ("eu-west-1", {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}})],
)
def test_create_bucket_encrypts_it_and_names_the_region_everywhere_but_in_the_first(aws, stub, region, where):
    s3 = stub("s3")
    s3.add_response("create_bucket", {}, {"Bucket": "mine", **where})
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    s3.add_response(
        "put_bucket_encryption", {}, {"Bucket": "mine", "ServerSideEncryptionConfiguration": encryption}
    )
    s3.add_response("put_bucket_tagging", {}, {"Bucket": "mine", "Tagging": {"TagSet": TAG_LIST}})

    Executor(aws, replace(ACCOUNT, region=region)).apply(actions.CreateBucket(Bucket("mine")))


def test_create_bucket_where_the_name_is_taken_says_whose_it_is(executor, stub):
    stub("s3").add_client_error("create_bucket", "BucketAlreadyExists")

    with pytest.raises(AwsError, match=r"^bucket mine belongs to somebody else") as caught:
        executor.apply(actions.CreateBucket(Bucket("mine")))

    assert "firehoseDeliveryBucket" in caught.value.hint


def test_secure_bucket_closes_it_in_every_way_and_leaves_its_encryption_alone(executor, stub):
    s3 = stub("s3")
    closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.add_response(
        "put_public_access_block",
        {},
        {"Bucket": "mine", "PublicAccessBlockConfiguration": dict.fromkeys(closed, True)},
    )
    s3.add_client_error("get_bucket_policy", "NoSuchBucketPolicy")
    policy = json.dumps(bucket_policy.tls_only("arn:aws:s3:::mine"))
    s3.add_response("put_bucket_policy", {}, {"Bucket": "mine", "Policy": policy})

    executor.apply(actions.SecureBucket(Bucket("mine")))


def test_secure_bucket_when_somebody_added_to_its_policy_keeps_what_was_added(executor, stub):
    s3 = stub("s3")
    s3.add_response("put_public_access_block", {})
    theirs = {"Sid": "LetAuditorsRead", "Effect": "Allow", "Principal": {"AWS": "1"}, "Action": "s3:GetObject"}
    s3.add_response("get_bucket_policy", {"Policy": json.dumps({"Version": "2012-10-17", "Statement": theirs})})
    ours = bucket_policy.tls_only("arn:aws:s3:::mine")["Statement"]
    both = json.dumps({"Version": "2012-10-17", "Statement": [theirs, *ours]})
    s3.add_response("put_bucket_policy", {}, {"Bucket": "mine", "Policy": both})

    executor.apply(actions.SecureBucket(Bucket("mine")))


# --- the roles

STACK_CALL = {
    "StackName": STACK.name,
    "TemplateBody": STACK.template,
    "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in STACK.parameters.items()],
    "Capabilities": ["CAPABILITY_NAMED_IAM"],
    "Tags": TAG_LIST,
}


def stack_becomes(stub, *statuses: str) -> None:
    for status in statuses:
        stack = {"StackName": STACK.name, "StackStatus": status, "CreationTime": 0}
        stub("cloudformation").add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": STACK.name})


def stack_event(resource: str, status: str, reason: str = "") -> dict[str, object]:
    return {
        "StackId": "stack",
        "EventId": "x",
        "StackName": STACK.name,
        "Timestamp": 0,
        "PhysicalResourceId": resource,
        "ResourceStatus": status,
        **({"ResourceStatusReason": reason} if reason else {}),
    }


def test_create_roles_stack_waits_until_it_is_there(executor, stub, clock):
    stub("cloudformation").add_response("create_stack", {}, STACK_CALL)
    stack_becomes(stub, "CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE")

    executor.apply(actions.CreateRolesStack(STACK))

    assert clock.slept == [2.0, 2.0]


CHANGE_SET = {"StackName": STACK.name, "ChangeSetName": "dynamodb-continuous-backup-1000"}


def change_set_becomes(stub, *statuses: str, reason: str = "") -> None:
    for status in statuses:
        found = {"Status": status, **({"StatusReason": reason} if reason else {})}
        stub("cloudformation").add_response("describe_change_set", found, CHANGE_SET)


def test_revert_roles_stack_executes_a_change_set_that_reverts_drift(executor, stub, clock):
    clock.now = 1000.0
    stub("cloudformation").add_response(
        "create_change_set",
        {},
        {**STACK_CALL, **CHANGE_SET, "ChangeSetType": "UPDATE", "DeploymentMode": "REVERT_DRIFT"},
    )
    change_set_becomes(stub, "CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_COMPLETE")
    stub("cloudformation").add_response("execute_change_set", {}, CHANGE_SET)
    for execution in ("AVAILABLE", "EXECUTE_IN_PROGRESS"):
        stub("cloudformation").add_response("describe_change_set", {"ExecutionStatus": execution}, CHANGE_SET)
    stub("cloudformation").add_client_error("describe_change_set", "ChangeSetNotFound")
    stack_becomes(stub, "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")

    executor.apply(actions.RevertRolesStack(STACK, (Drift("role", lost=("policy X is gone",)),)))


def test_give_role_changes_the_role_alone_and_waits_while_it_is_too_new(executor, stub):
    functions = stub("lambda")
    functions.add_client_error("update_function_configuration", "InvalidParameterValueException", CANNOT_ASSUME)
    functions.add_response(
        "update_function_configuration", {}, {"FunctionName": ENSURE, "Role": FUNCTION.role_arn}
    )
    functions.add_response("get_function", {"Configuration": {"LastUpdateStatus": "Successful"}})

    executor.apply(actions.GiveRole(ENSURE, FUNCTION.role_arn))


def test_revert_roles_stack_where_cloudformation_makes_no_change_set_says_why_and_leaves_none(
    executor, stub, clock
):
    clock.now = 1000.0
    stub("cloudformation").add_response("create_change_set", {})
    change_set_becomes(stub, "FAILED", reason="The submitted information didn't contain changes.")
    stub("cloudformation").add_response("delete_change_set", {}, CHANGE_SET)

    with pytest.raises(AwsError, match="didn't contain changes") as caught:
        executor.apply(actions.RevertRolesStack(STACK, (Drift("role", gone=True),)))

    assert "docs/iam.md" in caught.value.hint


def test_update_roles_stack_waits_through_the_cleaning_up(executor, stub):
    stub("cloudformation").add_response("update_stack", {}, STACK_CALL)
    stack_becomes(stub, "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE")

    executor.apply(actions.UpdateRolesStack(STACK))


def test_update_roles_stack_where_nothing_differs_is_done(executor, stub):
    stub("cloudformation").add_client_error("update_stack", "ValidationError", "No updates are to be performed.")

    executor.apply(actions.UpdateRolesStack(STACK))


def test_update_roles_stack_that_is_refused_raises_what_aws_said(executor, stub):
    stub("cloudformation").add_client_error("update_stack", "ValidationError", "Template format error")

    with pytest.raises(ClientError, match="Template format error"):
        executor.apply(actions.UpdateRolesStack(STACK))


def test_create_roles_stack_that_fails_shows_the_first_reason_and_not_what_follows_from_it(executor, stub):
    stub("cloudformation").add_response("create_stack", {}, STACK_CALL)
    stack_becomes(stub, "CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")
    newest_first = [
        stack_event("stack", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create"),
        stack_event("role-2", "CREATE_FAILED", "Resource creation cancelled"),
        stack_event("role-1", "CREATE_FAILED", "not authorized to perform: iam:CreateRole"),
        stack_event("stack", "CREATE_IN_PROGRESS", "User Initiated"),
    ]
    stub("cloudformation").add_response("describe_stack_events", {"StackEvents": newest_first})

    with pytest.raises(AwsError) as caught:
        executor.apply(actions.CreateRolesStack(STACK))

    assert caught.value.problem == (
        "CloudFormation stack DynamoDBContinuousBackupRoles is ROLLBACK_IN_PROGRESS: "
        "not authorized to perform: iam:CreateRole"
    )
    assert "docs/iam.md" in caught.value.hint


def test_update_roles_stack_that_fails_does_not_show_the_reason_of_an_earlier_failure(executor, stub):
    stub("cloudformation").add_response("update_stack", {}, STACK_CALL)
    stack_becomes(stub, "UPDATE_ROLLBACK_COMPLETE")
    newest_first = [
        stack_event("stack", "UPDATE_ROLLBACK_IN_PROGRESS"),
        stack_event("role-1", "UPDATE_FAILED", "the reason of today"),
        stack_event("stack", "UPDATE_IN_PROGRESS", "User Initiated"),
        stack_event("stack", "UPDATE_ROLLBACK_COMPLETE"),
        stack_event("role-1", "UPDATE_FAILED", "the reason of last month"),
    ]
    stub("cloudformation").add_response("describe_stack_events", {"StackEvents": newest_first})

    with pytest.raises(AwsError, match=r"is UPDATE_ROLLBACK_COMPLETE: the reason of today$"):
        executor.apply(actions.UpdateRolesStack(STACK))


def test_create_roles_stack_that_takes_too_long_says_so_and_can_be_run_again(executor, stub, clock):
    stub("cloudformation").add_response("create_stack", {}, STACK_CALL)
    stack_becomes(stub, *["CREATE_IN_PROGRESS"] * 301)

    with pytest.raises(AwsError, match=r"is still CREATE_IN_PROGRESS$"):
        executor.apply(actions.CreateRolesStack(STACK))

    assert sum(clock.slept) == 600


def test_delete_roles_stack_waits_until_it_is_gone(executor, stub):
    stub("cloudformation").add_response("delete_stack", {}, {"StackName": STACK.name})
    stack_becomes(stub, "DELETE_IN_PROGRESS")
    stub("cloudformation").add_client_error("describe_stacks", "ValidationError", "does not exist")

    executor.apply(actions.DeleteRolesStack(STACK.name))


def test_delete_roles_stack_that_fails_shows_the_reason(executor, stub):
    stub("cloudformation").add_response("delete_stack", {})
    stack_becomes(stub, "DELETE_FAILED")
    failed = [stack_event("role-1", "DELETE_FAILED", "Cannot delete entity"), stack_event("s", "X")]
    stub("cloudformation").add_response("describe_stack_events", {"StackEvents": failed})

    with pytest.raises(AwsError, match=r"is DELETE_FAILED: Cannot delete entity$"):
        executor.apply(actions.DeleteRolesStack(STACK.name))


# --- log groups


def test_create_log_group_tags_it_and_sets_how_long(executor, stub):
    stub("logs").add_response("create_log_group", {}, {"logGroupName": "/g", "tags": TAGS})
    stub("logs").add_response("put_retention_policy", {}, {"logGroupName": "/g", "retentionInDays": 30})

    executor.apply(actions.CreateLogGroup(LogGroup("/g", 30)))


def test_retention_and_removal_of_a_log_group_are_one_call_each(executor, stub):
    stub("logs").add_response("put_retention_policy", {}, {"logGroupName": "/g", "retentionInDays": 7})
    stub("logs").add_response("delete_log_group", {}, {"logGroupName": "/g"})

    executor.apply(actions.SetRetention(LogGroup("/g", 7)))
    executor.apply(actions.DeleteLogGroup("/g"))


# --- functions

CREATE_CALL = {
    **SETTINGS,
    "Code": {"ZipFile": b"the code of EnsureDynamoBackup"},
    "Architectures": ["arm64"],
    "Tags": TAGS,
}
ACTIVE = {"Configuration": {"State": "Active", "LastUpdateStatus": "Successful"}}


def test_create_function_makes_it_whole_and_waits_until_it_is_active(executor, stub):
    stub("lambda").add_response("create_function", {}, CREATE_CALL)
    stub("lambda").add_response("get_function", ACTIVE, {"FunctionName": ENSURE})

    executor.apply(actions.CreateFunction(FUNCTION))


def test_create_function_where_the_role_is_too_new_tries_again(executor, stub, clock):
    for _ in range(3):
        stub("lambda").add_client_error(
            "create_function", "InvalidParameterValueException", CANNOT_ASSUME, expected_params=CREATE_CALL
        )
    stub("lambda").add_response("create_function", {}, CREATE_CALL)
    stub("lambda").add_response("get_function", ACTIVE)

    executor.apply(actions.CreateFunction(FUNCTION))

    assert clock.slept == [2.0, 2.0, 2.0]


def test_create_function_where_the_role_never_can_be_assumed_says_which_after_a_minute(executor, stub, clock):
    for _ in range(31):
        stub("lambda").add_client_error("create_function", "InvalidParameterValueException", CANNOT_ASSUME)

    with pytest.raises(AwsError) as caught:
        executor.apply(actions.CreateFunction(FUNCTION))

    assert caught.value.problem == f"lambda.amazonaws.com cannot assume the role {FUNCTION.role_arn}"
    assert "to trust lambda.amazonaws.com" in caught.value.hint
    assert sum(clock.slept) == 60


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidParameterValueException", "Unzipped size must be smaller"),
        ("AccessDeniedException", "not authorized to assume"),
    ],
)
def test_create_function_that_is_refused_for_another_reason_is_not_tried_again(
    executor, stub, clock, code, message
):
    stub("lambda").add_client_error("create_function", code, message)

    with pytest.raises(ClientError, match=message):
        executor.apply(actions.CreateFunction(FUNCTION))

    assert clock.slept == []


def test_update_code_uploads_it_and_waits(executor, stub):
    code = {"FunctionName": FORWARDER, "ZipFile": b"the code of LambdaStreamToFirehose"}
    stub("lambda").add_response("update_function_code", {}, {**code, "Architectures": ["arm64"]})
    stub("lambda").add_response("get_function", ACTIVE, {"FunctionName": FORWARDER})

    executor.apply(actions.UpdateCode(WANTED.functions[FORWARDER]))


def test_update_settings_sets_them_all_and_waits_for_a_new_role_too(executor, stub, clock):
    stub("lambda").add_client_error(
        "update_function_configuration", "InvalidParameterValueException", CANNOT_ASSUME
    )
    stub("lambda").add_response("update_function_configuration", {}, SETTINGS)
    stub("lambda").add_response("get_function", ACTIVE)

    executor.apply(actions.UpdateSettings(FUNCTION, ("memory",)))

    assert clock.slept == [2.0]


def test_reserve_concurrency_of_some_puts_it_and_of_none_takes_it_away(executor, stub):
    stub("lambda").add_response(
        "put_function_concurrency", {}, {"FunctionName": ENSURE, "ReservedConcurrentExecutions": 1}
    )
    stub("lambda").add_response("delete_function_concurrency", {}, {"FunctionName": ENSURE})

    executor.apply(actions.ReserveConcurrency(ENSURE, 1))
    executor.apply(actions.ReserveConcurrency(ENSURE, 0))


def test_delete_function_is_one_call(executor, stub):
    stub("lambda").add_response("delete_function", {}, {"FunctionName": ENSURE})

    executor.apply(actions.DeleteFunction(ENSURE))


# --- rules

NOT_BY_PRINCIPAL = f"Provided role '{RULE.role_arn}' cannot be assumed by principal 'events.amazonaws.com'."


def put_rule_call(rule: Rule, trigger: dict[str, str]) -> dict[str, object]:
    return {
        "Name": rule.name,
        "Description": "DynamoDB Continuous Backup",
        "State": "ENABLED",
        "RoleArn": rule.role_arn,
        "Tags": TAG_LIST,
        **trigger,
    }


@pytest.mark.parametrize(
    ("rule", "trigger"),
    [
        (RULE, {"EventPattern": RULE.pattern}),
        (WANTED.rules[naming.SWEEP_RULE], {"ScheduleExpression": "rate(15 minutes)"}),
    ],
)
def test_put_rule_makes_it_with_our_tag_in_one_call(executor, stub, rule, trigger):
    stub("events").add_response("put_rule", {}, put_rule_call(rule, trigger))

    executor.apply(actions.PutRule(rule))


def test_put_rule_where_the_role_is_too_new_tries_again(executor, stub, clock):
    call = put_rule_call(RULE, {"EventPattern": RULE.pattern})
    for _ in range(3):
        stub("events").add_client_error("put_rule", "ValidationException", NOT_BY_PRINCIPAL, expected_params=call)
    stub("events").add_response("put_rule", {}, call)

    executor.apply(actions.PutRule(RULE))

    assert clock.slept == [2.0, 2.0, 2.0]


def test_put_rule_where_the_role_never_can_be_assumed_says_which_after_a_minute(executor, stub, clock):
    for _ in range(31):
        stub("events").add_client_error("put_rule", "ValidationException", NOT_BY_PRINCIPAL)

    with pytest.raises(AwsError) as caught:
        executor.apply(actions.PutRule(RULE))

    assert caught.value.problem == f"events.amazonaws.com cannot assume the role {RULE.role_arn}"
    assert "to trust events.amazonaws.com" in caught.value.hint
    assert sum(clock.slept) == 60


def test_put_rule_that_is_refused_for_another_reason_is_not_tried_again(executor, stub, clock):
    stub("events").add_client_error(
        "put_rule", "ValidationException", "Parameter ScheduleExpression is not valid."
    )

    with pytest.raises(ClientError, match="ScheduleExpression"):
        executor.apply(actions.PutRule(RULE))

    assert clock.slept == []


def test_put_target_replaces_the_only_target(executor, stub):
    target = {"Id": "EnsureDynamoBackup", "Arn": ACCOUNT.function_arn(ENSURE)}
    stub("events").add_response("put_targets", {}, {"Rule": RULE.name, "Targets": [target]})

    executor.apply(actions.PutTarget(RULE))


@pytest.mark.parametrize("there_before", [True, False])
def test_allow_invocation_replaces_what_was_allowed_before(executor, stub, there_before):
    statement = {"FunctionName": ENSURE, "StatementId": statement_id(RULE.name)}
    if there_before:
        stub("lambda").add_response("remove_permission", {}, statement)
    else:
        stub("lambda").add_client_error(
            "remove_permission", "ResourceNotFoundException", expected_params=statement
        )
    stub("lambda").add_response(
        "add_permission",
        {},
        {
            **statement,
            "Action": "lambda:InvokeFunction",
            "Principal": "events.amazonaws.com",
            "SourceArn": "arn:aws:events:eu-west-1:123456789012:rule/DynamoDBCreateDelete",
        },
    )

    executor.apply(actions.AllowInvocation(RULE))


@pytest.mark.parametrize("targets", [["a", "b"], []])
def test_delete_rule_takes_its_targets_away_first(executor, stub, targets):
    events = stub("events")
    listed = {"Targets": [{"Id": each, "Arn": "arn"} for each in targets]} if targets else {}
    events.add_response("list_targets_by_rule", listed, {"Rule": RULE.name})
    if targets:
        events.add_response("remove_targets", {}, {"Rule": RULE.name, "Ids": targets})
    events.add_response("delete_rule", {}, {"Name": RULE.name})

    executor.apply(actions.DeleteRule(RULE.name))


# --- nothing forgotten


def test_apply_of_something_that_is_no_action_is_a_mistake_of_ours(aws: Aws):
    with pytest.raises(AssertionError, match="no way is known"):
        Executor(aws, ACCOUNT).apply(Note("x"))
