"""What should be deployed, from the configuration and the zips."""

import json

import pytest
from deployments import ACCOUNT, ENSURE, FORWARDER, REPOSITORY, ROLE, WANTED, aim

from continuous_backup import naming
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.ensure_backup.events import TABLE_EVENTS
from continuous_backup.errors import UsageError
from continuous_backup.operations.deployment.wanted import environment_of, replica_stack, statement_id


@pytest.mark.parametrize(
    ("minutes", "schedule"), [(1, "rate(1 minute)"), (2, "rate(2 minutes)"), (1440, "rate(1440 minutes)")]
)
def test_schedule_of_the_sweep_is_in_eventbridges_grammar(minutes, schedule):
    assert aim(sweep_minutes=minutes).rules[naming.SWEEP_RULE].schedule == schedule


def test_rules_have_a_pattern_or_a_schedule_and_call_the_ensuring_function():
    events, sweep = WANTED.rules[naming.API_EVENTS_RULE], WANTED.rules[naming.SWEEP_RULE]

    assert json.loads(events.pattern)["detail"]["eventName"] == list(TABLE_EVENTS)
    assert (events.schedule, sweep.pattern) == ("", "")
    assert {events.target_arn, sweep.target_arn} == {ACCOUNT.function_arn(ENSURE)}


def test_functions_are_made_with_the_forwarder_first():
    """So that a deployment that is interrupted between the two loses nothing.

    Where delivery streams change their names, the new forwarder waits for those to come. The new
    EnsureDynamoBackup, were it the first, would release those that the old forwarder still writes to.
    """
    assert list(WANTED.functions) == [FORWARDER, ENSURE]


def test_functions_take_each_its_own_settings():
    made = aim(
        environment={"region": "eu-west-1"},
        ensure_memory_mb=300,
        ensure_timeout_seconds=31,
        ensure_reserved_concurrency=2,
        forwarder_memory_mb=600,
        forwarder_timeout_seconds=32,
        forwarder_reserved_concurrency=3,
        lambda_role_arn=ROLE,
        log_format="Text",
    ).functions

    ensure, forwarder = made[ENSURE], made[FORWARDER]
    assert (ensure.memory_mb, ensure.timeout_seconds, ensure.reserved_concurrency) == (300, 31, 2)
    assert (forwarder.memory_mb, forwarder.timeout_seconds, forwarder.reserved_concurrency) == (600, 32, 3)
    for function in (ensure, forwarder):
        assert (function.role_arn, function.log_format, function.runtime) == (ROLE, "Text", "python3.13")
        assert function.environment == {"region": "eu-west-1"}
        assert function.code_sha256 == f"sha-of-{function.name}"
        assert function.ours


def test_functions_have_each_a_role_of_its_own_unless_one_is_named_for_all():
    own = aim(item_images=ItemImages())
    assert {name: function.role_arn.rpartition("/")[2] for name, function in own.functions.items()} == {
        FORWARDER: "DynamoDBContinuousBackup-eu-west-1-Lambda",
        naming.ITEM_IMAGES_FUNCTION: "DynamoDBContinuousBackup-eu-west-1-Images",
        ENSURE: "DynamoDBContinuousBackup-eu-west-1-Ensure",
    }

    named = aim(item_images=ItemImages(), lambda_role_arn=ROLE)
    assert {function.role_arn for function in named.functions.values()} == {ROLE}
    assert named.images_stack.parameters["WriterRoleArn"] == ROLE


def test_log_groups_are_those_of_both_functions_and_of_firehose():
    assert {name: group.retention_days for name, group in aim(log_retention_days=7).log_groups.items()} == {
        "/aws/lambda/EnsureDynamoBackup": 7,
        "/aws/lambda/LambdaStreamToFirehose": 7,
        "/aws/kinesisfirehose/DynamoDBContinuousBackup": 7,
    }


def test_roles_stack_is_told_which_roles_were_named_and_not_their_defaults():
    stack = aim(events_role_arn=ROLE, bucket="mine", prefix="a/b", kms_key_arn="key").roles_stack

    assert stack.parameters == {
        "BucketName": "mine",
        "Prefix": "a/b",
        "KmsKeyArn": "key",
        "EventsRoleArn": ROLE,
        "DeliveryRoleArn": "",
        "LambdaRoleArn": "",
        "ImagesBucketName": "",
        "ImagesPrefix": "",
    }


def test_images_of_items_have_a_stack_unless_a_bucket_is_named_and_a_function():
    assert WANTED.images_stack is None
    assert naming.ITEM_IMAGES_FUNCTION not in WANTED.functions

    ours = aim(item_images=ItemImages(prefix="a"), kms_key_arn="key")
    assert ours.images_stack.parameters == {
        "BucketName": naming.default_images_bucket(ACCOUNT),
        "Prefix": "a",
        "KmsKeyArn": "key",
        "WriterRoleArn": f"arn:aws:iam::{ACCOUNT.id}:role/DynamoDBContinuousBackup-eu-west-1-Images",
    }
    assert ours.roles_stack.parameters["ImagesBucketName"] == naming.default_images_bucket(ACCOUNT)
    function = ours.functions[naming.ITEM_IMAGES_FUNCTION]
    assert (function.memory_mb, function.timeout_seconds, function.reserved_concurrency) == (512, 120, 0)
    assert list(ours.functions)[-1] == naming.ENSURE_FUNCTION, "what wires is deployed last"

    assert aim(item_images=ItemImages(bucket=naming.default_images_bucket(ACCOUNT))).images_stack is not None
    named = aim(item_images=ItemImages(bucket="mine"))
    assert named.images_stack is None
    assert named.roles_stack.parameters["ImagesBucketName"] == "mine"


def test_images_with_a_replica_tell_the_stack_where_it_is():
    ours = aim(
        item_images=ItemImages(
            replica_account_id="999999999999", replica_region="eu-central-1", replica_kms_key_arn="k"
        )
    )
    assert ours.images_stack.parameters == {
        "BucketName": naming.default_images_bucket(ACCOUNT),
        "Prefix": "",
        "KmsKeyArn": "",
        "WriterRoleArn": f"arn:aws:iam::{ACCOUNT.id}:role/DynamoDBContinuousBackup-eu-west-1-Images",
        "ReplicaBucketArn": "arn:aws:s3:::dynamodb-item-images-replica-999999999999-eu-central-1",
        "ReplicaAccountId": "999999999999",
        "ReplicaKmsKeyArn": "k",
    }


def test_images_with_a_replica_in_their_own_account_are_refused():
    with pytest.raises(UsageError, match="this very account"):
        aim(item_images=ItemImages(replica_account_id=ACCOUNT.id, replica_region="eu-central-1"))


def test_replica_lets_in_the_role_with_which_the_tables_account_replicates():
    images = ItemImages(replica_account_id="999999999999", replica_region="eu-central-1", replica_bucket="there")
    stack = replica_stack(images, ACCOUNT, REPOSITORY / "templates", {"ObjectLockDays": "30"})
    assert stack.parameters == {
        "BucketName": "there",
        "SourceAccountId": ACCOUNT.id,
        "SourceReplicationRoleArn": ACCOUNT.role_arn(f"DynamoDBItemImages-{ACCOUNT.region}-Replication"),
        "KmsKeyArn": "",
        "ObjectLockDays": "30",
    }


def test_roles_stack_where_no_role_is_named_is_told_of_none():
    roles = ("EventsRoleArn", "DeliveryRoleArn", "LambdaRoleArn")

    assert [WANTED.roles_stack.parameters[role] for role in roles] == ["", "", ""]


def test_roles_template_is_plain_ascii():
    """CloudFormation gives other characters back as question marks, and every deploy would be an update."""
    assert (REPOSITORY / "templates" / "iam-roles.yaml").read_text(encoding="utf-8").isascii()


def test_roles_template_has_the_parameters_that_it_is_given():
    for parameter in WANTED.roles_stack.parameters:
        assert f"\n  {parameter}:\n" in WANTED.roles_stack.template


def test_environment_of_the_functions_is_what_the_file_leaves_out():
    environment = {
        "region": "us-east-1",
        "firehoseDeliveryBucket": "from-environment",
        "streamsMaxRecordsBatch": "10",
        "kmsKeyArn": "",
        "PATH": "/bin",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }

    assert environment_of("{\n region: eu-west-1\n}", environment) == {
        "firehoseDeliveryBucket": "from-environment",
        "streamsMaxRecordsBatch": "10",
    }


def test_environment_of_the_functions_where_the_file_says_all_is_empty():
    text = (REPOSITORY / "config.hjson").read_text()

    assert environment_of(text, {"firehoseDeliveryPrefix": "other", "logFormat": "Text"}) == {}


def test_statement_ids_of_the_rules_differ_and_are_what_lambda_takes():
    ids = [statement_id(rule) for rule in (naming.API_EVENTS_RULE, naming.SWEEP_RULE)]

    assert len(set(ids)) == 2
    assert all(len(each) <= 100 and each.replace("-", "").isalnum() for each in ids)


@pytest.mark.parametrize("key", ["optinFunction", "transformer", "router"])
def test_environment_of_a_function_of_peoples_own_that_no_zip_holds_is_refused(key):
    with pytest.raises(UsageError, match=f"{key} is set in the environment") as caught:
        environment_of("{}", {key: "mine:f"})
    assert "build.sh" in caught.value.hint
    assert environment_of(f"{{{key}: mine:f\n}}", {key: "another:f"}) == {}


def test_environment_of_the_functions_may_name_what_is_built_in():
    assert environment_of("{}", {"transformer": "plain"}) == {"transformer": "plain"}


@pytest.mark.parametrize("variable", ["writableEventTypes", "WRITABLE_EVENT_TYPES"])
def test_environment_of_the_functions_has_event_types_under_the_name_that_they_came_with(variable):
    assert environment_of("{}", {variable: "INSERT,REMOVE"}) == {variable: "INSERT,REMOVE"}
    assert environment_of('{writableEventTypes: ["INSERT"]}', {variable: "REMOVE"}) == {}


def test_environment_of_the_functions_has_groups_as_their_text():
    text = '{ "Orders": "my-own-stream" }'

    assert environment_of("{}", {"deliveryStreams": text}) == {"deliveryStreams": text}


def test_functions_are_told_from_others_by_what_they_wire_and_write():
    one, other = aim(), aim(transformer="plain", delivery_streams={"Orders": "theirs"})

    for function in (ENSURE, FORWARDER):
        assert one.functions[function].description != other.functions[function].description
        assert one.functions[function].description == aim(metrics="table").functions[function].description
