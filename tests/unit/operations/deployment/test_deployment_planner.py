"""What deploying and undeploying decide: every difference is one change, and nothing else changes."""

import json
from dataclasses import replace

import pytest
from deployments import ENSURE, FORWARDER, ROLE, WANTED, aim, with_function, with_rule, without

from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.operations.deployment.actions import (
    AllowInvocation,
    Conflict,
    CreateFunction,
    CreateImagesStack,
    CreateLogGroup,
    CreateRolesStack,
    DeleteRolesStack,
    GiveRole,
    PutRule,
    PutTarget,
    ReserveConcurrency,
    SecureBucket,
    SetRetention,
    UpdateCode,
    UpdateRolesStack,
    UpdateSettings,
)
from continuous_backup.operations.deployment.state import (
    Bucket,
    Deployment,
    Function,
    LogGroup,
    Rule,
    Surroundings,
    Versioning,
)
from continuous_backup.operations.notes import Note
from tests.unit.operations.deployment.planning import (
    EVENTS,
    FUNCTION_LOGS,
    KEY,
    NOTHING,
    SWEEP,
    THEIRS,
    planned,
    with_logs_of_theirs,
    with_stack,
)

# --- the whole


def test_plan_where_nothing_is_there_makes_everything_in_the_order_it_is_needed():
    assert [str(step) for step in planned(NOTHING)] == [
        "create bucket dynamodb-continuous-backup-123456789012-eu-west-1",
        "make bucket dynamodb-continuous-backup-123456789012-eu-west-1 private and TLS only",
        "keep older versions in bucket dynamodb-continuous-backup-123456789012-eu-west-1 for 35 days",
        "create the IAM roles (CloudFormation stack DynamoDBContinuousBackupRoles)",
        "create log group /aws/lambda/EnsureDynamoBackup, kept for 30 days",
        "create log group /aws/lambda/LambdaStreamToFirehose, kept for 30 days",
        "create log group /aws/kinesisfirehose/DynamoDBContinuousBackup, kept for 30 days",
        "create function LambdaStreamToFirehose (python3.13, arm64, 512 MB)",
        "create function EnsureDynamoBackup (python3.13, arm64, 256 MB)",
        "reserve concurrency 1 for function EnsureDynamoBackup",
        "reserve concurrency 100 for function LambdaStreamToFirehose",
        "create rule DynamoDBCreateDelete (DynamoDB API calls)",
        "let rule DynamoDBCreateDelete call EnsureDynamoBackup",
        "permit rule DynamoDBCreateDelete to invoke EnsureDynamoBackup",
        "create rule DynamoDBBackupSweep (rate(15 minutes))",
        "let rule DynamoDBBackupSweep call EnsureDynamoBackup",
        "permit rule DynamoDBBackupSweep to invoke EnsureDynamoBackup",
    ]


def test_plan_where_everything_is_there_changes_nothing():
    assert planned(WANTED) == []


def test_plan_where_all_roles_are_named_wants_no_stack():
    named = aim(events_role_arn=ROLE, delivery_role_arn=ROLE, lambda_role_arn=ROLE)

    assert not any(isinstance(step, CreateRolesStack) for step in planned(NOTHING, named))
    assert planned(replace(WANTED, rules=named.rules, functions=named.functions), named) == []


# --- roles of functions


def test_plan_where_a_function_has_another_role_gives_it_the_wanted_one_right_after_the_roles():
    there = replace(with_function(WANTED, ENSURE, role_arn=ROLE), images_stack=None)
    there = replace(there, roles_stack=replace(WANTED.roles_stack, template="older"))
    wanted = aim(item_images=ItemImages())
    steps = [type(step) for step in planned(there, wanted)]

    assert steps[:3] == [UpdateRolesStack, GiveRole, CreateImagesStack]


def test_plan_where_people_name_a_role_gives_it_before_the_stack_takes_its_own_away():
    wanted = aim(lambda_role_arn=ROLE)
    steps = planned(WANTED, wanted)

    assert steps[:3] == [
        GiveRole(FORWARDER, ROLE),
        GiveRole(ENSURE, ROLE),
        UpdateRolesStack(wanted.roles_stack),
    ]


def test_plan_where_people_name_a_delivery_role_says_that_delivery_streams_follow_later():
    steps = planned(WANTED, aim(delivery_role_arn=ROLE))
    (note,) = [each for each in steps if isinstance(each, Note)]

    assert isinstance(steps[0], UpdateRolesStack)
    assert ROLE in str(note)
    assert note.loud


@pytest.mark.parametrize(
    ("named", "purpose"),
    [("events_role_arn", "Events"), ("delivery_role_arn", "Delivery"), ("lambda_role_arn", "Images")],
)
def test_plan_where_a_role_is_to_go_to_which_somebody_attached_a_policy_refuses(named, purpose):
    role = f"DynamoDBContinuousBackup-eu-west-1-{purpose}"
    there = replace(WANTED, attached={role: ("arn:aws:iam::aws:policy/Theirs",)})

    assert planned(there) == []
    (refusal,) = planned(there, aim(**{named: ROLE}))
    assert isinstance(refusal, Conflict)
    assert "arn:aws:iam::aws:policy/Theirs" in str(refusal)
    assert refusal.hint.startswith(f"aws iam detach-role-policy --role-name {role}")


# --- every single difference


@pytest.mark.parametrize(
    ("field", "other", "words"),
    [
        ("handler", "another.handler", "handler"),
        ("runtime", "python3.11", "runtime"),
        ("memory_mb", 1024, "memory"),
        ("timeout_seconds", 60, "time-out"),
        ("log_format", "Text", "log format"),
        ("environment", {"region": "eu-west-1"}, "environment"),
    ],
)
@pytest.mark.parametrize("function", [ENSURE, FORWARDER])
def test_plan_where_a_setting_of_a_function_differs_updates_that(function, field, other, words):
    there = with_function(WANTED, function, **{field: other})

    assert planned(there) == [UpdateSettings(WANTED.functions[function], (words,))]


@pytest.mark.parametrize(("field", "other"), [("code_sha256", "other"), ("architecture", "x86_64")])
def test_plan_where_the_code_or_its_processor_differs_uploads_it(field, other):
    there = with_function(WANTED, FORWARDER, **{field: other})

    assert planned(there) == [UpdateCode(WANTED.functions[FORWARDER])]


def test_plan_where_code_and_settings_differ_does_both_and_names_all_differences():
    there = with_function(WANTED, FORWARDER, code_sha256="other", memory_mb=128, handler="x.y")

    assert [str(step) for step in planned(there)] == [
        "update the code of function LambdaStreamToFirehose (python3.13, arm64)",
        "update function LambdaStreamToFirehose: handler, memory",
    ]


def test_plan_knows_every_fact_of_a_function():
    """A fact that nobody compares would never be mended."""
    compared = {"role_arn", "handler", "runtime", "memory_mb", "timeout_seconds", "log_format", "environment"}
    compared |= {"description"}

    assert set(Function.__dataclass_fields__) == compared | {
        *("name", "ours", "architecture", "code_sha256", "reserved_concurrency")
    }


@pytest.mark.parametrize("function", [ENSURE, FORWARDER])
def test_plan_where_a_function_is_missing_makes_it(function):
    steps = planned(without(WANTED, "functions", function))

    assert steps[0] == CreateFunction(WANTED.functions[function])
    assert steps[1:] == [ReserveConcurrency(function, WANTED.functions[function].reserved_concurrency)]


@pytest.mark.parametrize("name", list(WANTED.log_groups))
def test_plan_where_a_log_group_is_missing_makes_it(name):
    assert planned(without(WANTED, "log_groups", name)) == [CreateLogGroup(LogGroup(name, 30))]


@pytest.mark.parametrize("days", [0, 7])
def test_plan_where_logs_are_kept_for_another_time_sets_it(days):
    there = replace(WANTED, log_groups={**WANTED.log_groups, FUNCTION_LOGS: LogGroup(FUNCTION_LOGS, days)})

    assert planned(there) == [SetRetention(LogGroup(FUNCTION_LOGS, 30))]


@pytest.mark.parametrize("days", [0, 7, 30])
def test_plan_where_a_log_group_is_not_ours_leaves_it_as_it_is_and_says_so(days):
    assert planned(with_logs_of_theirs(WANTED, ENSURE, days)) == [
        Note(f"log group {FUNCTION_LOGS} was there before, and is used as it is")
    ]


@pytest.mark.parametrize("name", [EVENTS, SWEEP])
def test_plan_where_a_rule_is_missing_makes_it_whole(name):
    rule = WANTED.rules[name]

    assert planned(without(WANTED, "rules", name)) == [
        PutRule(rule, is_new=True),
        PutTarget(rule),
        AllowInvocation(rule),
    ]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (EVENTS, {"pattern": '{"source": ["aws.s3"]}'}),
        (EVENTS, {"pattern": ""}),
        (EVENTS, {"enabled": False}),
        (EVENTS, {"role_arn": ROLE}),
        (SWEEP, {"schedule": "rate(1 hour)"}),
        (SWEEP, {"enabled": False}),
    ],
)
def test_plan_where_a_fact_of_a_rule_differs_puts_the_rule_alone(name, changes):
    assert planned(with_rule(WANTED, name, **changes)) == [PutRule(WANTED.rules[name])]


def test_plan_where_a_pattern_is_only_written_otherwise_changes_nothing():
    pattern = json.dumps(json.loads(WANTED.rules[EVENTS].pattern), indent=4, sort_keys=True)

    assert planned(with_rule(WANTED, EVENTS, pattern=pattern)) == []


@pytest.mark.parametrize("target", ["", "arn:aws:lambda:eu-west-1:123456789012:function:Other"])
def test_plan_where_a_rule_has_another_target_puts_the_target_alone(target):
    assert planned(with_rule(WANTED, SWEEP, target_arn=target)) == [PutTarget(WANTED.rules[SWEEP])]


def test_plan_where_a_rule_may_not_invoke_permits_that_alone():
    assert planned(with_rule(WANTED, SWEEP, may_invoke=False)) == [AllowInvocation(WANTED.rules[SWEEP])]


def test_plan_knows_every_fact_of_a_rule():
    compared = {"role_arn", "pattern", "schedule", "enabled", "target_arn", "may_invoke"}

    assert set(Rule.__dataclass_fields__) == compared | {"name", "ours"}


# --- roles


@pytest.mark.parametrize(
    "changes",
    [
        {"template": "Resources: {}"},
        {"parameters": {**WANTED.roles_stack.parameters, "KmsKeyArn": KEY}},
        {"parameters": {}},
        {"template": "Resources: {}", "status": "UPDATE_ROLLBACK_COMPLETE"},
    ],
)
def test_plan_where_the_roles_differ_updates_the_stack(changes):
    assert planned(with_stack(**changes)) == [UpdateRolesStack(WANTED.roles_stack)]


def test_plan_where_the_log_is_to_be_elsewhere_says_what_stays_before_it_changes_the_roles():
    note, update = planned(with_stack(parameters={**WANTED.roles_stack.parameters, "BucketName": "other"}))

    assert str(note).startswith("the change log so far stays at s3://other/dynamodb, ")
    assert update == UpdateRolesStack(WANTED.roles_stack)


def test_plan_where_the_template_only_ends_otherwise_changes_nothing():
    assert planned(with_stack(template=WANTED.roles_stack.template.strip() + "\n\n")) == []


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"])
def test_plan_where_the_stack_cannot_be_updated_any_more_makes_it_anew(status):
    assert planned(with_stack(status=status)) == [
        DeleteRolesStack("DynamoDBContinuousBackupRoles", f"it is {status}"),
        CreateRolesStack(WANTED.roles_stack),
    ]


def test_plan_where_the_stack_is_missing_makes_it():
    assert planned(replace(WANTED, roles_stack=None)) == [CreateRolesStack(WANTED.roles_stack)]


# --- the bucket


def test_plan_where_the_bucket_is_ours_and_open_secures_it():
    open_bucket = replace(WANTED.bucket, secured=False)

    assert planned(replace(WANTED, bucket=open_bucket)) == [SecureBucket(WANTED.bucket)]


def test_plan_where_the_bucket_is_not_ours_and_open_only_says_so():
    theirs = Bucket(WANTED.bucket.name, ours=False, secured=False, versioning=Versioning.ENABLED)

    assert planned(replace(WANTED, bucket=theirs)) == [
        Note(f"bucket {theirs.name} is used as it is; it is not private and TLS only")
    ]


def test_plan_where_the_bucket_is_not_ours_and_secure_says_nothing():
    theirs = Bucket(WANTED.bucket.name, ours=False, secured=True, versioning=Versioning.ENABLED)

    assert planned(replace(WANTED, bucket=theirs)) == []


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("secured", [True, False])
def test_plan_where_the_bucket_encrypts_with_a_key_that_is_not_set_is_that_conflict_and_nothing_else(
    ours, secured
):
    there = replace(NOTHING, bucket=Bucket(WANTED.bucket.name, ours, secured, kms_key=KEY))

    (conflict,) = planned(there, around=Surroundings(trail_logs_api_calls=False))

    assert isinstance(conflict, Conflict)
    assert str(conflict) == (f"bucket {WANTED.bucket.name} encrypts with key {KEY}, which the roles may not use")
    assert "kmsKeyArn" in conflict.hint
    assert "docs/iam.md" in conflict.hint


def test_plan_where_the_bucket_encrypts_with_the_key_that_is_set_changes_nothing():
    with_key = aim(kms_key_arn=KEY)

    assert with_key.bucket.kms_key == KEY
    assert planned(with_key, with_key) == []


def test_plan_where_a_key_is_set_and_the_bucket_encrypts_with_none_leaves_the_bucket_as_it_is():
    with_key = aim(kms_key_arn=KEY)

    assert planned(replace(with_key, bucket=WANTED.bucket), with_key) == []


# --- concurrency


def reserved(ensure: int = 1, forwarder: int = 100) -> Deployment:
    there = with_function(WANTED, ENSURE, reserved_concurrency=ensure)
    return with_function(there, FORWARDER, reserved_concurrency=forwarder)


@pytest.mark.parametrize(
    ("there", "wanted", "step"),
    [
        (reserved(ensure=0), WANTED, ReserveConcurrency(ENSURE, 1)),
        (reserved(ensure=5), WANTED, ReserveConcurrency(ENSURE, 1)),
        (reserved(forwarder=0), WANTED, ReserveConcurrency(FORWARDER, 100)),
        (WANTED, aim(forwarder_reserved_concurrency=0), ReserveConcurrency(FORWARDER, 0)),
        (WANTED, aim(forwarder_reserved_concurrency=50), ReserveConcurrency(FORWARDER, 50)),
    ],
)
def test_plan_where_another_concurrency_is_reserved_sets_it(there, wanted, step):
    assert planned(there, wanted) == [step]


@pytest.mark.parametrize(("unreserved", "allowed"), [(101, True), (100, False), (10, False)])
def test_plan_where_the_quota_does_not_allow_it_notes_that_none_is_reserved(unreserved, allowed):
    steps = planned(reserved(ensure=0), around=Surroundings(unreserved_concurrency=unreserved))

    if allowed:
        assert steps == [ReserveConcurrency(ENSURE, 1)]
    else:
        (note,) = steps
        assert isinstance(note, Note)
        assert not note.loud
        assert str(note).startswith(
            f"no concurrency is reserved for {ENSURE}, and not 1: the account has {unreserved} unreserved"
        )


@pytest.mark.parametrize(
    ("unreserved", "ensure", "forwarder", "left"),
    [
        (1000, True, True, ""),
        (201, True, True, ""),
        (200, True, False, "has 199 unreserved"),
        (199, True, False, "has 198 unreserved"),
        (101, True, False, "has 100 unreserved"),
        (100, False, False, "has 100 unreserved"),
        (10, False, False, "has 10 unreserved"),
    ],
)
def test_plan_where_the_quota_does_not_allow_both_reserves_for_the_function_that_ensures(
    unreserved, ensure, forwarder, left
):
    """The account's quota is 10 where it is new, and 1,000 by default."""
    steps = planned(reserved(0, 0), around=Surroundings(unreserved_concurrency=unreserved))

    made = [step for step in steps if isinstance(step, ReserveConcurrency)]
    notes = [str(step) for step in steps if isinstance(step, Note)]
    assert made == [
        *([ReserveConcurrency(ENSURE, 1)] if ensure else []),
        *([ReserveConcurrency(FORWARDER, 100)] if forwarder else []),
    ]
    assert len(made) + len(notes) == 2
    assert forwarder or left in notes[-1]
    assert forwarder or notes[-1].startswith(
        "no concurrency is reserved for LambdaStreamToFirehose, and not 100: "
    )


def test_plan_where_the_quota_does_not_allow_more_says_what_stays():
    (note,) = planned(reserved(forwarder=50), around=Surroundings(unreserved_concurrency=110))

    assert str(note).startswith("the concurrency reserved for LambdaStreamToFirehose stays 50, and not 100: ")


def test_plan_where_it_is_not_known_what_is_left_reserves_no_more_and_says_so():
    steps = planned(reserved(ensure=0, forwarder=0), reserved(ensure=1, forwarder=100), Surroundings(True, None))

    assert [(type(step), step.undone) for step in steps] == [(Note, True), (Note, True)]
    assert (
        planned(reserved(ensure=1, forwarder=100), reserved(ensure=1, forwarder=100), Surroundings(True, None))
        == []
    )


def test_plan_where_a_function_gives_some_back_has_it_for_the_next():
    some = Surroundings(unreserved_concurrency=100)

    assert planned(
        reserved(0, 10), aim(ensure_reserved_concurrency=10, forwarder_reserved_concurrency=0), some
    ) == [ReserveConcurrency(FORWARDER, 0), ReserveConcurrency(ENSURE, 10)]
    assert planned(reserved(ensure=101, forwarder=0), around=some) == [
        ReserveConcurrency(ENSURE, 1),
        ReserveConcurrency(FORWARDER, 100),
    ]


def test_plan_with_a_small_quota_does_not_need_it_to_give_back():
    none = aim(forwarder_reserved_concurrency=0)

    assert planned(reserved(forwarder=50), none, Surroundings(unreserved_concurrency=10)) == [
        ReserveConcurrency(FORWARDER, 0)
    ]


# --- redeploy


def test_plan_to_redeploy_uploads_all_code_and_nothing_else():
    assert planned(WANTED, redeploy=True) == [UpdateCode(each) for each in WANTED.functions.values()]


def test_plan_to_redeploy_where_nothing_is_there_uploads_no_code_twice():
    assert planned(NOTHING, redeploy=True) == planned(NOTHING)


# --- what is not ours


@pytest.mark.parametrize(("what", "there"), THEIRS.items())
def test_plan_where_something_is_not_ours_is_that_conflict_and_nothing_else(what, there):
    steps = planned(without(there, "log_groups", FUNCTION_LOGS), around=Surroundings(trail_logs_api_calls=False))

    (conflict,) = steps
    assert isinstance(conflict, Conflict)
    assert what in str(conflict)
    assert str(conflict).endswith("that is not ours")
    assert "dynamodb-continuous-backup=managed" in conflict.hint


def test_plan_where_much_is_not_ours_names_all_of_it():
    there = with_rule(THEIRS["function EnsureDynamoBackup"], SWEEP, ours=False)

    assert [type(step) for step in planned(there)] == [Conflict, Conflict]


# --- the trail


@pytest.mark.parametrize("there", [NOTHING, WANTED])
@pytest.mark.parametrize(
    ("trail", "says"),
    [(False, "no CloudTrail trail logs management events here"), (None, "could not be found out")],
)
def test_plan_where_no_trail_is_known_to_log_says_so_loudly(there, trail, says):
    around = Surroundings(trail_logs_api_calls=trail)

    *changes, note = planned(there, around=around)

    assert changes == planned(there)
    assert isinstance(note, Note)
    assert note.loud
    assert says in str(note)


@pytest.mark.parametrize("status", ["CREATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"])
def test_plan_while_the_roles_stack_is_being_changed_does_nothing_but_say_so(status: str):
    busy = replace(WANTED, roles_stack=replace(WANTED.roles_stack, status=status))
    (only,) = planned(busy)
    assert status in str(only)
    assert type(only).__name__ == "Conflict"


def test_plan_where_the_bucket_has_another_key_than_the_configuration_warns_loudly():
    key = "arn:aws:kms:eu-west-1:123456789012:key/1"
    wanted = replace(WANTED, bucket=replace(WANTED.bucket, kms_key=key))
    there = replace(WANTED, bucket=replace(WANTED.bucket, kms_key=key.replace("key/1", "key/2")))
    (note,) = planned(there, wanted)
    assert note.loud
    assert "key/2" in str(note)
    assert planned(wanted, wanted) == []
