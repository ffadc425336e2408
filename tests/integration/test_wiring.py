"""EnsureDynamoBackup on events of an account in which things happen: toggled streams, strangers, refusals."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from continuous_backup import naming
from local.stage import REPOSITORY, Stage
from local.waiting import wait_for
from tests.integration.staging import (
    delivery_streams,
    deployed,
    described_delivery_stream,
    put,
    stream_arn,
    wait_for_changes,
    wait_until,
)

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    yield from deployed(tmp_path_factory.mktemp("stage"), tableNameMatchRegex="(?!test-)")


def switch_stream(stage: Stage, table: str, view_type: str = "") -> None:
    specification: dict[str, Any] = {"StreamEnabled": bool(view_type)}
    if view_type:
        specification["StreamViewType"] = view_type
    stage.emulator.client("dynamodb").update_table(TableName=table, StreamSpecification=specification)


def invoke_unless_busy(stage: Stage, event: Any) -> Any:
    """The function's answer; None while its one execution is taken."""
    functions = stage.emulator.client("lambda")
    try:
        answer = functions.invoke(FunctionName=naming.ENSURE_FUNCTION, Payload=json.dumps(event))
    except functions.exceptions.TooManyRequestsException:
        return None
    document = json.loads(answer["Payload"].read())
    assert not answer.get("FunctionError"), document
    return document


def refusals(stage: Stage, table: str) -> list[dict[str, Any]]:
    """What the function logged as errors about a table."""
    documents = (json.loads(line) for line in stage.logs(naming.ENSURE_FUNCTION) if line.startswith("{"))
    return [each for each in documents if each["level"] == "ERROR" and each.get("table") == table]


def test_wiring_when_a_table_is_created_is_as_documented(stage: Stage) -> None:
    stage.create_table("Documented")
    mapping = stage.wait_until_wired("Documented")
    expected = {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 1000,
        "MaximumBatchingWindowInSeconds": 0,
        "ParallelizationFactor": 1,
        "MaximumRetryAttempts": -1,
        "MaximumRecordAgeInSeconds": 79_200,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": f"arn:aws:s3:::{stage.bucket}"}},
    }
    assert {name: mapping[name] for name in expected} == expected
    assert mapping["EventSourceArn"] == stream_arn(stage, "Documented")
    described = described_delivery_stream(stage, "Documented")
    destination = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert destination["Prefix"] == "dynamodb/Documented/"
    assert destination["ErrorOutputPrefix"] == "dynamodb/Documented/_errors/!{firehose:error-output-type}/"
    assert destination["CompressionFormat"] == "GZIP"
    assert destination["CloudWatchLoggingOptions"]["Enabled"] is True
    assert described["DeliveryStreamEncryptionConfiguration"]["Status"] == "ENABLED"
    tags = stage.emulator.client("firehose").list_tags_for_delivery_stream(DeliveryStreamName="Documented")["Tags"]
    assert {naming.MANAGED_TAG, naming.TABLE_TAG, naming.CONFIGURATION_TAG} <= {tag["Key"] for tag in tags}
    streams = stage.emulator.client("logs").describe_log_streams(logGroupName=naming.DELIVERY_LOG_GROUP)
    assert "Documented" in {each["logStreamName"] for each in streams["logStreams"]}


def test_wiring_when_it_is_done_is_told_in_the_log(stage: Stage) -> None:
    stage.create_table("Told")
    stage.wait_until_wired("Told")
    arn = stream_arn(stage, "Told")
    sentences = {
        "Loaded configuration from config.hjson",
        "Enabled Update Stream for Told",
        f"Resolved DynamoDB Stream ARN: {arn}",
        "Created new Firehose Delivery Stream arn:aws:firehose:eu-west-1:123456789012:deliverystream/Told",
        "Resolved Firehose Delivery Stream ARN: arn:aws:firehose:eu-west-1:123456789012:deliverystream/Told",
        "Processed 1 Events",
    }

    def told() -> set[str]:
        lines = (line for line in stage.logs(naming.ENSURE_FUNCTION) if line.startswith("{"))
        return {json.loads(line)["message"] for line in lines}

    wait_until(lambda: sentences <= told(), "the seed's sentences in the log")


def test_wiring_when_the_filter_leaves_a_table_out_leaves_it_alone(stage: Stage) -> None:
    stage.create_table("test-Filtered")
    wait_until(
        lambda: "The filter leaves test-Filtered out" in "\n".join(stage.logs(naming.ENSURE_FUNCTION)),
        "the event",
        30,
    )
    assert not stage.mappings("test-Filtered")
    assert stream_arn(stage, "test-Filtered") == ""
    assert "test-Filtered" not in delivery_streams(stage)


def test_wiring_when_somebody_switches_the_stream_off_enables_it_and_maps_the_new_one(stage: Stage) -> None:
    stage.create_table("Toggled")
    first = stage.wait_until_wired("Toggled")["EventSourceArn"]
    switch_stream(stage, "Toggled")
    wait_until(
        lambda: any(
            each["EventSourceArn"] == stream_arn(stage, "Toggled") != first for each in stage.mappings("Toggled")
        ),
        "the new stream to be mapped",
    )
    put(stage, "Toggled", 1)
    wait_for_changes(stage, "Toggled", 1)
    assert first in {each["EventSourceArn"] for each in stage.mappings("Toggled")}, "the old one drains"


def test_wiring_when_the_stream_has_another_view_type_leaves_it_alone_and_says_so(stage: Stage) -> None:
    stage.create_table("KeysOnly", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    before = stream_arn(stage, "KeysOnly")
    said = "the stream of KeysOnly has view type KEYS_ONLY"
    wait_until(lambda: said in "\n".join(stage.logs(naming.ENSURE_FUNCTION)), "the problem in the log")
    assert stream_arn(stage, "KeysOnly") == before
    assert not stage.mappings("KeysOnly")


def test_wiring_when_a_strangers_delivery_stream_has_the_name_touches_nothing_and_says_so(stage: Stage) -> None:
    firehose = stage.emulator.client("firehose")
    destination = {"RoleARN": "arn:aws:iam::123456789012:role/theirs", "BucketARN": "arn:aws:s3:::theirs"}
    firehose.create_delivery_stream(
        DeliveryStreamName="Theirs",
        ExtendedS3DestinationConfiguration=destination,
        Tags=[{"Key": "owner", "Value": "another team"}],
    )
    before = described_delivery_stream(stage, "Theirs")
    stage.create_table("Theirs")
    said = "delivery stream Theirs is there already and is not ours"
    wait_until(lambda: said in "\n".join(stage.logs(naming.ENSURE_FUNCTION)), "the conflict in the log")
    assert described_delivery_stream(stage, "Theirs") == before
    assert not stage.mappings("Theirs")
    stage.emulator.client("dynamodb").delete_table(TableName="Theirs")
    assert stage.sweep()["failed"] == 0
    assert described_delivery_stream(stage, "Theirs") == before


def test_wiring_when_a_table_is_restored_from_a_backup_wires_it_like_any_other(stage: Stage) -> None:
    dynamodb = stage.emulator.client("dynamodb")
    stage.create_table("Original")
    put(stage, "Original", 1)
    backup = dynamodb.create_backup(TableName="Original", BackupName="before")["BackupDetails"]["BackupArn"]
    dynamodb.restore_table_from_backup(TargetTableName="Restored", BackupArn=backup)
    stage.wait_until_wired("Restored")
    wait_until(
        lambda: any(each.call == "RestoreTableFromBackup" for each in stage.api_events.deliveries), "its event"
    )


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("cloudtrail-create-table-refused", 0),
        ("cloudtrail-put-item", 0),
        # A table that is not there (any more), as when events come late or out of order: nothing to do.
        ("cloudtrail-create-table", 1),
        ("cloudtrail-delete-table", 1),
        ("cloudtrail-delete-table-by-arn", 1),
        ("cloudtrail-update-table-stream-off", 1),
        ("cloudtrail-restore-to-point-in-time", 1),
        ("cloudtrail-import-table", 1),
    ],
)
def test_event_as_eventbridge_delivers_it_is_understood(stage: Stage, name: str, tables: int) -> None:
    """Of a table that does not exist here, so that each changes nothing."""
    event = json.loads((REPOSITORY / "tests" / "events" / f"{name}.json").read_text())
    expected = {"tables": tables, "changes": 0, "problems": 0, "unfinished": 0, "failed": 0}
    assert wait_for(lambda: invoke_unless_busy(stage, event), "EnsureDynamoBackup to be free") == expected


def test_event_of_another_service_is_ignored(stage: Stage) -> None:
    event = {"detail-type": "EC2 Instance State-change", "source": "aws.ec2", "detail": {}}
    answer = wait_for(lambda: invoke_unless_busy(stage, event), "EnsureDynamoBackup to be free")
    assert answer["tables"] == 0


def test_event_when_the_role_lacks_a_statement_fails_with_a_clear_message(stage: Stage) -> None:
    iam, role = stage.emulator.client("iam"), naming.function_role(naming.ENSURE_FUNCTION, stage.emulator.region)
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policies = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}
    holder = next(name for name in names if "firehose:CreateDeliveryStream" in json.dumps(policies[name]))
    reduced = {
        **policies[holder],
        "Statement": [
            statement
            for statement in policies[holder]["Statement"]
            if "firehose:CreateDeliveryStream" not in json.dumps(statement)
        ],
    }
    iam.put_role_policy(RoleName=role, PolicyName=holder, PolicyDocument=json.dumps(reduced))
    try:
        stage.create_table("NotAllowed")
        refused = wait_for(lambda: refusals(stage, "NotAllowed"), "the refusal in the log")[0]
        assert "not authorized to perform: firehose:" in refused["message"]
        assert "docs/iam.md" in refused["hint"]
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=holder, PolicyDocument=json.dumps(policies[holder]))
    stage.sweep()
    stage.wait_until_wired("NotAllowed")
