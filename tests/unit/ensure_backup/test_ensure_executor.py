"""Each action as the exact calls that it makes: botocore's Stubber refuses any other."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from continuous_backup import naming
from continuous_backup.aws import Aws, ClientError
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import (
    Action,
    CreateDeliveryStream,
    CreateMapping,
    DeleteDeliveryStream,
    DeleteMapping,
    DisableStream,
    EnableStream,
    EncryptDeliveryStream,
    MarkInUse,
    MarkReleased,
    MarkRestorability,
    OptIn,
    OptOut,
    UpdateDeliveryStream,
    UpdateMapping,
)
from continuous_backup.ensure_backup.executor import Executor
from continuous_backup.ensure_backup.role_refusals import NotYet
from continuous_backup.errors import AwsError
from tests.unit.ensure_backup.wiring import ACCOUNT, CONFIG, NAME, STREAM_ARN

OURS = {naming.MANAGED_TAG: naming.MANAGED_TAG_VALUE}
MAPPING_SETTINGS = {
    "BatchSize": 1000,
    "MaximumBatchingWindowInSeconds": 30,
    "ParallelizationFactor": 1,
    "MaximumRetryAttempts": -1,
    "MaximumRecordAgeInSeconds": 79_200,
    "BisectBatchOnFunctionError": True,
    "FunctionResponseTypes": ["ReportBatchItemFailures"],
    "DestinationConfig": {
        "OnFailure": {"Destination": "arn:aws:s3:::dynamodb-continuous-backup-123456789012-eu-west-1"}
    },
}
S3_DESTINATION = {
    "BucketARN": "arn:aws:s3:::dynamodb-continuous-backup-123456789012-eu-west-1",
    "RoleARN": "arn:aws:iam::123456789012:role/DynamoDBContinuousBackup-eu-west-1-Delivery",
    "Prefix": "dynamodb/Orders/",
    "ErrorOutputPrefix": "dynamodb/Orders/_errors/!{firehose:error-output-type}/",
    "BufferingHints": {"SizeInMBs": 128, "IntervalInSeconds": 300},
    "CompressionFormat": "GZIP",
    "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
    "CloudWatchLoggingOptions": {
        "Enabled": True,
        "LogGroupName": "/aws/kinesisfirehose/DynamoDBContinuousBackup",
        "LogStreamName": "Orders",
    },
}
MAPPING_TAGS = want.mapping_tags(NAME, CONFIG, ACCOUNT)
LOG_STREAM = {"logGroupName": naming.DELIVERY_LOG_GROUP, "logStreamName": "Orders"}
UUID = "58298ec1-ec3c-43a5-895d-e89af3d9e3f9"
ARN = ACCOUNT.delivery_stream_arn(NAME)


def create_request(**changes: Any) -> dict[str, Any]:
    tags = want.delivery_stream_tags(NAME, CONFIG, ACCOUNT)
    return {
        "DeliveryStreamName": NAME,
        "DeliveryStreamType": "DirectPut",
        "ExtendedS3DestinationConfiguration": S3_DESTINATION,
        "DeliveryStreamEncryptionConfigurationInput": {"KeyType": "AWS_OWNED_CMK"},
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    } | changes


class Calls:
    """AWS with nobody behind it: the calls that are expected, in order, a service each."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.now = 1_000.0
        self.aws = Aws(region=ACCOUNT.region, sleep=self._sleep, clock=lambda: self.now, max_attempts=1)
        self._stubs: dict[str, Stubber] = {}

    def stub(self, service: str) -> Stubber:
        if service not in self._stubs:
            self._stubs[service] = Stubber(self.aws.client(service, informs=service == "logs"))
            self._stubs[service].activate()
        return self._stubs[service]

    def expect(self, service: str, operation: str, parameters: dict[str, Any], answer: Any = None) -> None:
        self.stub(service).add_response(operation, answer or {}, parameters)

    def refuse(self, service: str, operation: str, code: str, message: str = "") -> None:
        self.stub(service).add_client_error(operation, code, message)

    def all_made(self) -> None:
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    for name, value in {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}.items():
        monkeypatch.setenv(name, value)
    made = Calls()
    yield made
    made.all_made()


def apply(calls: Calls, action: Action) -> None:
    Executor(calls.aws, CONFIG, ACCOUNT, logging.getLogger("test-executor")).apply(action)


def test_apply_of_enable_stream_asks_for_new_and_old_images(calls: Calls) -> None:
    calls.expect(
        "dynamodb",
        "update_table",
        {
            "TableName": NAME,
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        },
        {"TableDescription": {"LatestStreamArn": STREAM_ARN}},
    )
    apply(calls, EnableStream(NAME))


def test_apply_of_disable_stream_switches_it_off(calls: Calls) -> None:
    expected = {"TableName": NAME, "StreamSpecification": {"StreamEnabled": False}}
    calls.expect("dynamodb", "update_table", expected)
    apply(calls, DisableStream(NAME, "KEYS_ONLY"))


def test_apply_of_opting_out_and_in_changes_only_our_tag(calls: Calls) -> None:
    arn = ACCOUNT.table_arn(NAME)
    calls.expect(
        "dynamodb", "tag_resource", {"ResourceArn": arn, "Tags": [{"Key": naming.MANAGED_TAG, "Value": "off"}]}
    )
    calls.expect("dynamodb", "untag_resource", {"ResourceArn": arn, "TagKeys": [naming.MANAGED_TAG]})
    apply(calls, OptOut(NAME))
    apply(calls, OptIn(NAME))


def test_apply_of_create_delivery_stream_makes_its_log_stream_first(calls: Calls) -> None:
    calls.expect("logs", "create_log_stream", LOG_STREAM)
    calls.expect("firehose", "create_delivery_stream", create_request(), {"DeliveryStreamARN": ARN})
    apply(calls, CreateDeliveryStream(NAME, NAME))


def test_apply_of_create_delivery_stream_in_place_of_one_that_is_gone_notes_the_mapping_to_be_made_anew(
    calls: Calls,
) -> None:
    calls.expect("logs", "create_log_stream", LOG_STREAM)
    request = create_request()
    request["Tags"].append({"Key": naming.REPLACES_TAG, "Value": UUID})
    calls.expect("firehose", "create_delivery_stream", request, {"DeliveryStreamARN": ARN})
    apply(calls, CreateDeliveryStream(NAME, NAME, replaces=UUID))


def test_apply_of_create_delivery_stream_when_the_log_group_is_missing_makes_it(calls: Calls) -> None:
    group = {"logGroupName": naming.DELIVERY_LOG_GROUP}
    calls.refuse("logs", "create_log_stream", "ResourceNotFoundException")
    calls.expect("logs", "create_log_group", {**group, "tags": OURS})
    calls.expect("logs", "put_retention_policy", {**group, "retentionInDays": 30})
    calls.expect("logs", "create_log_stream", LOG_STREAM)
    calls.expect("firehose", "create_delivery_stream", create_request(), {"DeliveryStreamARN": ARN})
    apply(calls, CreateDeliveryStream(NAME, NAME))


CANNOT_ASSUME = (
    "Firehose is unable to assume role x. Please check the role provided.",
    "The security token included in the request is invalid. Ensure that the provided IAM role associated with "
    "firehose is not deleted.",
)


@pytest.mark.parametrize("said", CANNOT_ASSUME)
def test_apply_of_create_delivery_stream_when_firehose_cannot_assume_the_role_asks_once_and_says_not_yet(
    calls: Calls, said: str
) -> None:
    calls.refuse("logs", "create_log_stream", "ResourceAlreadyExistsException")
    calls.refuse("firehose", "create_delivery_stream", "InvalidArgumentException", said)
    with pytest.raises(NotYet, match="cannot assume role") as caught:
        apply(calls, CreateDeliveryStream(NAME, NAME))
    assert calls.slept == []
    assert caught.value.reason == f"IAM to let Firehose assume role {CONFIG.delivery_role_arn} for {NAME}"
    assert CONFIG.delivery_role_arn in caught.value.problem
    assert f"{NAME} has no delivery stream" in caught.value.problem
    assert "exist" in caught.value.hint
    assert "trust firehose.amazonaws.com" in caught.value.hint
    assert caught.value.code == "InvalidArgumentException"


@pytest.mark.parametrize("said", CANNOT_ASSUME)
def test_apply_of_update_delivery_stream_when_firehose_cannot_assume_the_role_says_not_yet_and_tags_nothing(
    calls: Calls, said: str
) -> None:
    calls.expect("logs", "create_log_stream", LOG_STREAM)
    calls.refuse("firehose", "update_destination", "InvalidArgumentException", said)
    aim = want.destination(NAME, CONFIG, ACCOUNT)
    with pytest.raises(NotYet, match="cannot assume role") as caught:
        apply(calls, UpdateDeliveryStream(NAME, NAME, "7", "destinationId-1", aim))
    assert f"delivery stream {NAME} of {NAME} is not as configured" in caught.value.problem
    assert "trust firehose.amazonaws.com" in caught.value.hint


CANNOT_READ = (
    f"Cannot access stream {STREAM_ARN}. Please ensure the role can perform the GetRecords, GetShardIterator, "
    "DescribeStream, and ListStreams Actions on your stream in IAM.",
    f"Cannot access stream {STREAM_ARN}.",
    "please ensure the role can perform the GetRecords, ListShards, and ListStreams Actions",
    "The function execution role does not have permissions to call PutObject on S3",
    "The role defined for the function cannot be assumed by Lambda.",
)


@pytest.mark.parametrize("said", CANNOT_READ)
@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("create_event_source_mapping", CreateMapping(NAME, STREAM_ARN)),
        ("create_event_source_mapping", CreateMapping(NAME, STREAM_ARN, naming.ITEM_IMAGES_FUNCTION)),
        ("update_event_source_mapping", UpdateMapping(NAME, UUID)),
        ("update_event_source_mapping", UpdateMapping(NAME, UUID, naming.ITEM_IMAGES_FUNCTION)),
    ],
)
def test_apply_of_a_mapping_when_its_role_may_not_read_the_stream_says_not_yet(
    calls: Calls, operation: str, action: CreateMapping | UpdateMapping, said: str
) -> None:
    calls.refuse("lambda", operation, "InvalidParameterValueException", said)
    config = replace(CONFIG, item_images=ItemImages(bucket="images"))
    with pytest.raises(NotYet) as caught:
        Executor(calls.aws, config, ACCOUNT, logging.getLogger("test")).apply(action)
    assert calls.slept == []
    role = ACCOUNT.role_arn(naming.function_role(action.function, ACCOUNT.region))
    assert caught.value.reason == f"IAM to let {action.function} read the stream of {NAME} with role {role}"
    assert f"{NAME} cannot be mapped to {action.function} with role {role}: " in caught.value.problem
    assert said in caught.value.problem
    for part in (
        "ReadStreams",
        "ListStreams",
        "ReadEncryptedStreams",
        "WriteWhatCannotBe",
        "KMS key",
        "docs/iam.md",
    ):
        assert part in caught.value.hint
    assert caught.value.code == "InvalidParameterValueException"


@pytest.mark.parametrize(
    ("service", "operation", "code", "said", "action"),
    [
        (
            "lambda",
            "create_event_source_mapping",
            "InvalidParameterValueException",
            "Batching window must be between 0 and 300",
            CreateMapping(NAME, STREAM_ARN),
        ),
        (
            "lambda",
            "create_event_source_mapping",
            "AccessDeniedException",
            "Cannot access stream, says somebody else",
            CreateMapping(NAME, STREAM_ARN),
        ),
        (
            "firehose",
            "create_delivery_stream",
            "InvalidArgumentException",
            "BufferingHints.SizeInMBs is out of range",
            CreateDeliveryStream(NAME, NAME),
        ),
        (
            "firehose",
            "create_delivery_stream",
            "AccessDeniedException",
            "not authorized to perform iam:PassRole, nor to assume a role",
            CreateDeliveryStream(NAME, NAME),
        ),
    ],
)
def test_apply_when_aws_refuses_the_request_itself_raises_what_it_says_and_no_not_yet(
    calls: Calls, service: str, operation: str, code: str, said: str, action: Action
) -> None:
    if service == "firehose":
        calls.expect("logs", "create_log_stream", LOG_STREAM)
    calls.refuse(service, operation, code, said)
    with pytest.raises(ClientError, match=said):
        apply(calls, action)


def test_apply_of_update_delivery_stream_names_the_version_and_then_tags_the_new_configuration(
    calls: Calls,
) -> None:
    aim = want.destination(NAME, CONFIG, ACCOUNT)
    calls.expect("logs", "create_log_stream", LOG_STREAM)
    calls.expect(
        "firehose",
        "update_destination",
        {
            "DeliveryStreamName": NAME,
            "CurrentDeliveryStreamVersionId": "7",
            "DestinationId": "destinationId-1",
            "ExtendedS3DestinationUpdate": S3_DESTINATION,
        },
    )
    calls.expect("firehose", "tag_delivery_stream", {"DeliveryStreamName": NAME, "Tags": create_request()["Tags"]})
    apply(calls, UpdateDeliveryStream(NAME, NAME, "7", "destinationId-1", aim))


def test_apply_of_encrypting_uses_the_configured_key(calls: Calls) -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/1"
    calls.expect(
        "firehose",
        "start_delivery_stream_encryption",
        {
            "DeliveryStreamName": NAME,
            "DeliveryStreamEncryptionConfigurationInput": {"KeyType": "CUSTOMER_MANAGED_CMK", "KeyARN": key},
        },
    )
    config = replace(CONFIG, kms_key_arn=key)
    Executor(calls.aws, config, ACCOUNT, logging.getLogger("test")).apply(EncryptDeliveryStream(NAME, NAME, key))


def test_apply_of_releasing_and_keeping_changes_only_the_release_tag(calls: Calls) -> None:
    calls.expect(
        "firehose",
        "tag_delivery_stream",
        {"DeliveryStreamName": NAME, "Tags": [{"Key": naming.RELEASED_AT_TAG, "Value": "1000"}]},
    )
    calls.expect(
        "firehose",
        "untag_delivery_stream",
        {"DeliveryStreamName": NAME, "TagKeys": [naming.RELEASED_AT_TAG]},
    )
    apply(calls, MarkReleased(NAME, NAME))
    apply(calls, MarkInUse(NAME, NAME))


MAPPING_ARN = f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{UUID}"


def test_apply_of_marking_restorability_changes_only_its_tag(calls: Calls) -> None:
    tag = "dynamodb-continuous-backup:not-restorable"
    calls.expect("lambda", "tag_resource", {"Resource": MAPPING_ARN, "Tags": {tag: "includeTtlDeletes router"}})
    since = {"dynamodb-continuous-backup:restorable-since": "1970-01-01T00:16:40Z"}
    calls.expect("lambda", "tag_resource", {"Resource": MAPPING_ARN, "Tags": since})
    calls.expect("lambda", "untag_resource", {"Resource": MAPPING_ARN, "TagKeys": [tag]})
    apply(calls, MarkRestorability(NAME, UUID, ("includeTtlDeletes", "router")))
    apply(calls, MarkRestorability(NAME, UUID, ()))


def test_apply_of_create_and_update_mapping_for_images_gives_it_their_settings_and_function(calls: Calls) -> None:
    images = ItemImages(bucket="images", batch_size=7, batching_window_seconds=9)
    config = replace(CONFIG, item_images=images)
    settings = {
        "BatchSize": 7,
        "MaximumBatchingWindowInSeconds": 9,
        "ParallelizationFactor": 1,
        "MaximumRetryAttempts": -1,
        "MaximumRecordAgeInSeconds": 79_200,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": ACCOUNT.bucket_arn(CONFIG.bucket)}},
    }
    tags = want.image_mapping_tags(NAME, images, config, ACCOUNT)
    assert tags[naming.TABLE_TAG] == NAME
    where = {"EventSourceArn": STREAM_ARN, "FunctionName": naming.ITEM_IMAGES_FUNCTION}
    how = {"StartingPosition": "TRIM_HORIZON", "Enabled": True, "Tags": tags}
    calls.expect("lambda", "create_event_source_mapping", {**where, **how, **settings})
    calls.expect(
        "lambda",
        "update_event_source_mapping",
        {"UUID": UUID, "Enabled": True, "FilterCriteria": {}, **settings},
    )
    calls.expect("lambda", "tag_resource", {"Resource": MAPPING_ARN, "Tags": tags})
    executor = Executor(calls.aws, config, ACCOUNT, logging.getLogger("test"))
    executor.apply(CreateMapping(NAME, STREAM_ARN, naming.ITEM_IMAGES_FUNCTION))
    executor.apply(UpdateMapping(NAME, UUID, naming.ITEM_IMAGES_FUNCTION))


def test_apply_of_create_mapping_of_a_log_that_lacks_something_says_so_from_the_start(calls: Calls) -> None:
    config = replace(CONFIG, transformer="plain", delivery_streams={NAME: "my-own-stream"})
    request = {
        "EventSourceArn": STREAM_ARN,
        "FunctionName": "LambdaStreamToFirehose",
        "StartingPosition": "TRIM_HORIZON",
        "Enabled": True,
        "Tags": {**MAPPING_TAGS, naming.NOT_RESTORABLE_TAG: "transformer deliveryStreams"},
        **MAPPING_SETTINGS,
    }
    calls.expect("lambda", "create_event_source_mapping", request)
    Executor(calls.aws, config, ACCOUNT, logging.getLogger("test")).apply(CreateMapping(NAME, STREAM_ARN))


def test_apply_of_create_mapping_reads_from_the_beginning_and_gives_up_nothing(calls: Calls) -> None:
    calls.expect(
        "lambda",
        "create_event_source_mapping",
        {
            "EventSourceArn": STREAM_ARN,
            "FunctionName": "LambdaStreamToFirehose",
            "StartingPosition": "TRIM_HORIZON",
            "Enabled": True,
            "Tags": MAPPING_TAGS,
            **MAPPING_SETTINGS,
        },
    )
    apply(calls, CreateMapping(NAME, STREAM_ARN))


def test_tags_of_what_is_made_name_the_table_and_change_with_the_configuration() -> None:
    slower = replace(CONFIG, batching_window_seconds=5, buffer_seconds=60)
    for tags in (want.mapping_tags, want.delivery_stream_tags):
        before, after = tags(NAME, CONFIG, ACCOUNT), tags(NAME, slower, ACCOUNT)
        assert (before[naming.MANAGED_TAG], before[naming.TABLE_TAG]) == (naming.MANAGED_TAG_VALUE, NAME)
        assert before[naming.CONFIGURATION_TAG] != after[naming.CONFIGURATION_TAG]


def test_apply_of_create_mapping_when_nothing_is_deployed_says_so(calls: Calls) -> None:
    calls.refuse("lambda", "create_event_source_mapping", "ResourceNotFoundException", "Function not found")
    with pytest.raises(AwsError, match="there is no function LambdaStreamToFirehose") as caught:
        apply(calls, CreateMapping(NAME, STREAM_ARN))
    assert "deploy.py" in caught.value.hint


def test_apply_of_update_mapping_enables_it_and_takes_filters_away(calls: Calls) -> None:
    calls.expect(
        "lambda",
        "update_event_source_mapping",
        {"UUID": UUID, "Enabled": True, "FilterCriteria": {}, **MAPPING_SETTINGS},
    )
    calls.expect("lambda", "tag_resource", {"Resource": MAPPING_ARN, "Tags": MAPPING_TAGS})
    apply(calls, UpdateMapping(NAME, UUID))


def test_apply_of_deleting_makes_one_call_each(calls: Calls) -> None:
    calls.expect("lambda", "delete_event_source_mapping", {"UUID": UUID})
    calls.expect("firehose", "delete_delivery_stream", {"DeliveryStreamName": NAME})
    apply(calls, DeleteMapping(NAME, UUID, "because"))
    apply(calls, DeleteDeliveryStream(NAME, NAME, "because"))


@pytest.mark.parametrize(
    "code", ["ResourceInUseException", "ResourceNotFoundException", "ConcurrentModificationException"]
)
def test_apply_when_somebody_was_quicker_is_no_error(calls: Calls, code: str) -> None:
    calls.refuse("firehose", "delete_delivery_stream", code)
    apply(calls, DeleteDeliveryStream(NAME, NAME, "because"))


@pytest.mark.parametrize("code", ["AccessDeniedException", "LimitExceededException"])
def test_apply_when_aws_refuses_raises(calls: Calls, code: str) -> None:
    calls.refuse("firehose", "delete_delivery_stream", code)
    with pytest.raises(ClientError):
        apply(calls, DeleteDeliveryStream(NAME, NAME, "because"))


def test_apply_of_many_control_calls_keeps_firehoses_pace(calls: Calls) -> None:
    for _ in range(9):
        calls.expect("firehose", "delete_delivery_stream", {"DeliveryStreamName": NAME})
    executor = Executor(calls.aws, CONFIG, ACCOUNT, logging.getLogger("test"))
    for _ in range(9):
        executor.apply(DeleteDeliveryStream(NAME, NAME, "because"))
    assert calls.now - 1_000 == pytest.approx(8 / 4)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (EnableStream(NAME), f"Table already has an enabled stream: TableName: {NAME}"),
        (DisableStream(NAME, "KEYS_ONLY"), f"Table has no stream to disable: TableName: {NAME}"),
    ],
)
def test_apply_when_somebody_has_switched_the_stream_meanwhile_leaves_it_to_the_next_look(
    aws: Aws, caplog: pytest.LogCaptureFixture, action: Action, said: str
):
    """DynamoDB's code for it is that of every wrong request, so its words are what tells."""
    with Stubber(aws.client("dynamodb")) as dynamodb:
        dynamodb.add_client_error("update_table", "ValidationException", said)
        with caplog.at_level(logging.INFO):
            Executor(aws, CONFIG, ACCOUNT, logging.getLogger("test-overtaken")).apply(action)
    assert "Overtaken" in caplog.text


def test_apply_when_the_request_is_wrong_raises_what_dynamodb_says(aws: Aws):
    with Stubber(aws.client("dynamodb")) as dynamodb:
        dynamodb.add_client_error("update_table", "ValidationException", "1 validation error detected")
        with pytest.raises(ClientError, match="1 validation error"):
            Executor(aws, CONFIG, ACCOUNT, logging.getLogger("test-overtaken")).apply(EnableStream(NAME))
