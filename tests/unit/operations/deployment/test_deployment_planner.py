"""What deploying and undeploying decide: every difference is one change, and nothing else changes."""

import json
from dataclasses import replace

import pytest
from deployments import ENSURE, FORWARDER, ROLE, WANTED, aim, with_function, with_rule, without

from continuous_backup import naming
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.operations.deployment.actions import (
    AllowInvocation,
    Conflict,
    CreateFunction,
    CreateImagesStack,
    CreateLogGroup,
    CreateRolesStack,
    DeleteFunction,
    DeleteImagesStack,
    DeleteLogGroup,
    DeleteRolesStack,
    DeleteRule,
    PutRule,
    PutTarget,
    ReserveConcurrency,
    SecureBucket,
    SetRetention,
    UpdateCode,
    UpdateImagesStack,
    UpdateRolesStack,
    UpdateSettings,
)
from continuous_backup.operations.deployment.planner import plan, plan_removal, plan_replica
from continuous_backup.operations.deployment.state import (
    Bucket,
    Deployment,
    Function,
    ImagesBucket,
    LogGroup,
    Rule,
    Stack,
    Surroundings,
)
from continuous_backup.operations.notes import Note
from continuous_backup.operations.tables.named_delivery_streams import NamedDeliveryStream, notes_on

AROUND = Surroundings()
NOTHING = Deployment()
EVENTS, SWEEP = naming.API_EVENTS_RULE, naming.SWEEP_RULE
FUNCTION_LOGS = naming.log_group(ENSURE)
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"


def planned(there: Deployment, wanted: Deployment = WANTED, around: Surroundings = AROUND, redeploy: bool = False):
    return plan(there, wanted, around, redeploy=redeploy)


def with_logs_of_theirs(deployment: Deployment, function: str, days: int = 30) -> Deployment:
    """As it is where the function's log group was there before the deployment."""
    group = LogGroup(naming.log_group(function), days, ours=False)
    return replace(deployment, log_groups={**deployment.log_groups, group.name: group})


# --- the whole


def test_plan_where_nothing_is_there_makes_everything_in_the_order_it_is_needed():
    assert [str(step) for step in planned(NOTHING)] == [
        "create bucket dynamodb-continuous-backup-123456789012-eu-west-1",
        "make bucket dynamodb-continuous-backup-123456789012-eu-west-1 private and TLS only",
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


# --- every single difference


@pytest.mark.parametrize(
    ("field", "other", "words"),
    [
        ("role_arn", ROLE, "role"),
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


def with_stack(**changes: object) -> Deployment:
    return replace(WANTED, roles_stack=replace(WANTED.roles_stack, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"template": "Resources: {}"},
        {"parameters": {**WANTED.roles_stack.parameters, "BucketName": "other"}},
        {"parameters": {}},
        {"template": "Resources: {}", "status": "UPDATE_ROLLBACK_COMPLETE"},
    ],
)
def test_plan_where_the_roles_differ_updates_the_stack(changes):
    assert planned(with_stack(**changes)) == [UpdateRolesStack(WANTED.roles_stack)]


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
    theirs = Bucket(WANTED.bucket.name, ours=False, secured=False)

    assert planned(replace(WANTED, bucket=theirs)) == [
        Note(f"bucket {theirs.name} is used as it is; it is not private and TLS only")
    ]


def test_plan_where_the_bucket_is_not_ours_and_secure_says_nothing():
    assert planned(replace(WANTED, bucket=Bucket(WANTED.bucket.name, ours=False, secured=True))) == []


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


# --- delivery streams that the configuration names


IMAGES = aim(item_images=ItemImages())


def test_plan_with_images_of_items_makes_their_bucket_and_function_and_later_nothing():
    there = replace(WANTED, roles_stack=IMAGES.roles_stack)

    steps = planned(there, IMAGES)

    assert [type(each).__name__ for each in steps if not isinstance(each, UpdateSettings)] == [
        "CreateImagesStack",
        "CreateLogGroup",
        "CreateFunction",
    ]
    assert planned(IMAGES, IMAGES) == []


def test_plan_keeps_the_replication_that_somebody_gave_to_the_stack_of_images():
    given = {"ReplicaBucketArn": "arn:aws:s3:::there", "ReplicaAccountId": "999999999999"}
    stack = replace(IMAGES.images_stack, parameters={**IMAGES.images_stack.parameters, **given})

    assert planned(replace(IMAGES, images_stack=stack), IMAGES) == []
    (update,) = planned(replace(IMAGES, images_stack=replace(stack, template="older")), IMAGES)
    assert update == UpdateImagesStack(stack)


REPLICATED = aim(item_images=ItemImages(replica_account_id="999999999999", replica_region="eu-central-1"))


def test_plan_with_a_replica_tells_the_stack_of_it_and_keeps_what_else_somebody_gave_it():
    there = replace(IMAGES.images_stack, parameters={**IMAGES.images_stack.parameters, "NoncurrentDays": "7"})

    update, note = planned(replace(REPLICATED, images_stack=there), REPLICATED)

    assert isinstance(update, UpdateImagesStack)
    assert update.stack.parameters == {**REPLICATED.images_stack.parameters, "NoncurrentDays": "7"}
    assert isinstance(note, Note)
    assert "S3 replicates what is written from now on" in note.what
    assert planned(replace(REPLICATED, images_stack=update.stack), REPLICATED) == []


def test_plan_with_a_replica_that_is_not_there_changes_nothing_and_says_who_makes_it():
    (conflict,) = planned(NOTHING, REPLICATED, Surroundings(replica_bucket=ImagesBucket("there", exists=False)))

    assert isinstance(conflict, Conflict)
    assert "bucket there, which is to hold the replicas, is not there" in conflict.what
    assert "./deploy.py --replica" in conflict.hint
    assert planned(REPLICATED, REPLICATED, Surroundings(replica_bucket=ImagesBucket("there"))) == []


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"])
def test_plan_where_the_stack_of_images_cannot_be_updated_any_more_makes_it_anew(status):
    there = replace(IMAGES.images_stack, status=status)

    assert planned(replace(IMAGES, images_stack=there), IMAGES) == [
        DeleteImagesStack("DynamoDBItemImages", f"it is {status}"),
        CreateImagesStack(IMAGES.images_stack),
    ]


def test_plan_of_a_replica_makes_its_stack_once_and_touches_none_that_is_not_ours():
    stack = Stack(naming.REPLICA_STACK, "Resources: {}", {"SourceAccountId": "1"})

    assert plan_replica(None, stack) == [CreateImagesStack(stack)]
    assert plan_replica(replace(stack, parameters={"SourceAccountId": "1", "ObjectLockDays": "9"}), stack) == []
    assert plan_replica(replace(stack, template=""), stack) == [UpdateImagesStack(stack)]
    for changes in ({"ours": False}, {"status": "UPDATE_IN_PROGRESS"}, {"parameters": {"SourceAccountId": "2"}}):
        (conflict,) = plan_replica(replace(stack, **changes), stack)
        assert isinstance(conflict, Conflict)


@pytest.mark.parametrize(
    ("bucket", "said"),
    [
        (ImagesBucket("mine", versioned=False), "has no versioning"),
        (ImagesBucket("mine", exists=False), "is not there"),
        (ImagesBucket("mine", elsewhere="ap-south-1"), "is in ap-south-1"),
    ],
)
def test_plan_with_a_bucket_of_images_that_does_not_do_changes_nothing(bucket, said):
    (conflict,) = planned(NOTHING, IMAGES, Surroundings(images_bucket=bucket))

    assert isinstance(conflict, Conflict)
    assert said in conflict.what
    assert planned(IMAGES, IMAGES, Surroundings(images_bucket=ImagesBucket("mine"))) == []


def test_plan_of_removal_leaves_the_images():
    steps = plan_removal(IMAGES)

    assert DeleteFunction(naming.ITEM_IMAGES_FUNCTION) in steps
    assert Note(f"CloudFormation stack {naming.IMAGES_STACK} stays: its bucket holds items' images") in steps
    assert not [each for each in steps if "Images" in type(each).__name__]


def test_plan_with_a_named_delivery_stream_that_is_somebody_elses_and_active_says_nothing():
    assert planned(WANTED, around=Surroundings(delivery_streams=(NamedDeliveryStream("theirs"),))) == []


def test_plan_with_a_named_delivery_stream_that_takes_nothing_says_so():
    around = Surroundings(delivery_streams=(NamedDeliveryStream("theirs", "CREATING"),))

    assert planned(WANTED, around=around) == notes_on(around.delivery_streams)


def test_plan_with_a_named_delivery_stream_that_is_ours_changes_nothing():
    """Deployed, the forwarder would write the changes of one table into the log of another at once."""
    around = Surroundings(delivery_streams=(NamedDeliveryStream("Carts", table="Carts"),))

    (conflict,) = planned(NOTHING, around=around)

    assert isinstance(conflict, Conflict)
    assert conflict.what == (
        "delivery stream Carts, which the configuration names as somebody else's, is ours, that of table Carts"
    )


# --- redeploy


def test_plan_to_redeploy_uploads_all_code_and_nothing_else():
    assert planned(WANTED, redeploy=True) == [UpdateCode(each) for each in WANTED.functions.values()]


def test_plan_to_redeploy_where_nothing_is_there_uploads_no_code_twice():
    assert planned(NOTHING, redeploy=True) == planned(NOTHING)


# --- what is not ours

THEIRS = {
    "function EnsureDynamoBackup": with_function(WANTED, ENSURE, ours=False, code_sha256="theirs"),
    "function LambdaStreamToFirehose": with_function(WANTED, FORWARDER, ours=False),
    "EventBridge rule DynamoDBCreateDelete": with_rule(WANTED, EVENTS, ours=False, enabled=False),
    "CloudFormation stack DynamoDBContinuousBackupRoles": with_stack(ours=False, template="x"),
}


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


# --- removal


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
