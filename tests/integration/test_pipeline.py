"""From CreateTable to S3 and back: the built zips, the deployed roles, IAM enforced, both ways of compressing."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from local.change_log_check import changes
from local.stage import PREFIX, Stage
from tests.integration.staging import deployed, folded, put, scanned, wait_for_changes

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module", params=["firehose", "forwarder"])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    # A space in the path, since users have them.
    yield from deployed(tmp_path_factory.mktemp("a stage"), firehoseCompression=request.param)


#: For what has nothing to do with who compresses.
by_default = pytest.mark.parametrize("stage", ["firehose"], indirect=True)


def test_pipeline_when_a_table_is_created_by_an_ordinary_call_writes_every_change_to_s3(stage: Stage) -> None:
    dynamodb = stage.emulator.client("dynamodb")
    stage.create_table("Orders")
    mapping = stage.wait_until_wired("Orders")
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    put(stage, "Orders", *range(60))
    rich = {
        "set": {"SS": ["a", "b"]},
        "binary": {"B": b"\x00\xff\x10"},
        "number": {"N": "1234567890123456789012345678901234567.8"},
        "nested": {"M": {"list": {"L": [{"NULL": True}, {"BOOL": False}, {"S": "Zürich ☃"}]}}},
    }
    put(stage, "Orders", 1000, **rich)
    for number in range(20):
        dynamodb.update_item(
            TableName="Orders",
            Key={"id": {"S": f"item-{number}"}},
            UpdateExpression="SET paid = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )
    for number in range(50, 60):
        dynamodb.delete_item(TableName="Orders", Key={"id": {"S": f"item-{number}"}})

    log = wait_for_changes(stage, "Orders", 91)
    names = [change.event_name for change in log.read_new()]
    assert {name: names.count(name) for name in set(names)} == {"INSERT": 61, "MODIFY": 20, "REMOVE": 10}
    found = scanned(stage, "Orders")
    assert len(found) == 51
    assert folded(stage, "Orders") == found
    compresses = stage.settings.values["firehoseCompression"] == "forwarder"
    assert set(log.compressed.values()) == {compresses}, (
        "the forwarder's members are gzip; Firehose's own is AWS's"
    )


def test_pipeline_when_a_change_is_too_large_for_firehose_writes_it_to_s3_all_the_same(stage: Stage) -> None:
    stage.create_table("Large")
    stage.wait_until_wired("Large")
    # Random, so that gzip only undoes base64: two images of 390 KB are 1.04 MB plain, and 0.78 MB compressed.
    for _ in range(2):
        put(stage, "Large", 1, blob={"B": os.urandom(390_000)})
    log = wait_for_changes(stage, "Large", 2)
    oversize = [key for key in log.objects if "/oversize-" in key]
    assert len(oversize) == (0 if stage.settings.values["firehoseCompression"] == "forwarder" else 1)
    assert all(log.compressed[key] for key in oversize)


def test_pipeline_when_names_are_long_keeps_two_tables_apart(stage: Stage) -> None:
    names = [f"{'orders-of-a-department-with-a-very-long-name-' * 2}{number}" for number in (1, 2)]
    for name in names:
        stage.create_table(name)
    for number, name in enumerate(names):
        stage.wait_until_wired(name)
        put(stage, name, number)
    for number, name in enumerate(names):
        log = wait_for_changes(stage, name, 1)
        assert [change.new_image["number"] for change in log.read_new() if change.new_image] == [
            {"N": str(number)}
        ]


def test_pipeline_when_a_warm_function_is_invoked_many_times_writes_every_time(stage: Stage) -> None:
    stage.create_table("Warm")
    stage.wait_until_wired("Warm")
    for number in range(10):
        put(stage, "Warm", number)
        wait_for_changes(stage, "Warm", number + 1)
    assert folded(stage, "Warm") == scanned(stage, "Warm")


def test_pipeline_when_a_table_has_another_tables_compression_name_keeps_them_apart(stage: Stage) -> None:
    for name in ("Pair", "Pair.gz"):
        stage.create_table(name)
    for name in ("Pair", "Pair.gz"):
        stage.wait_until_wired(name)
        put(stage, name, 7)
        wait_for_changes(stage, name, 1)
        assert folded(stage, name) == scanned(stage, name)


@by_default
@pytest.mark.parametrize("event", [{}, [], {"Records": None}, "a text"])
def test_forwarder_when_the_event_is_malformed_fails_loudly(stage: Stage, event: Any) -> None:
    answer = stage.emulator.client("lambda").invoke(
        FunctionName="LambdaStreamToFirehose", Payload=json.dumps(event)
    )
    assert answer.get("FunctionError")
    assert "Records" in answer["Payload"].read().decode()


def test_forwarder_when_a_record_is_no_change_keeps_it_whole_and_forwards_the_others(stage: Stage) -> None:
    stage.create_table("Mixed")
    stage.wait_until_wired("Mixed")
    arn = stage.mappings("Mixed")[0]["EventSourceArn"]
    good = {
        "eventSource": "aws:dynamodb",
        "eventName": "INSERT",
        "eventSourceARN": arn,
        "dynamodb": {
            "Keys": {"id": {"S": "a"}},
            "NewImage": {"id": {"S": "a"}},
            "SequenceNumber": "100000000000000000001",
            "SizeBytes": 4,
            "ApproximateCreationDateTime": 1795339784,
        },
    }
    bad = {"eventSource": "aws:dynamodb", "eventName": "INSERT", "eventSourceARN": arn, "secret": "kept whole"}
    answer = stage.emulator.client("lambda").invoke(
        FunctionName="LambdaStreamToFirehose", Payload=json.dumps({"Records": [bad, good]})
    )
    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}
    assert len(wait_for_changes(stage, "Mixed", 1).read_new()) == 1
    s3 = stage.emulator.client("s3")
    failed = s3.list_objects_v2(Bucket=stage.bucket, Prefix=f"{PREFIX}/Mixed/_failed/")["Contents"]
    assert len(failed) == 1
    logged = "\n".join(stage.logs("LambdaStreamToFirehose"))
    assert "kept whole on S3" in logged
    assert "secret" not in logged


@by_default
@pytest.mark.parametrize(
    "event",
    [
        [],
        "a text",
        {
            "detail-type": "AWS API Call via CloudTrail",
            "detail": {
                "eventSource": "dynamodb.amazonaws.com",
                "eventName": "CreateTable",
                "requestParameters": {},
            },
        },
    ],
)
def test_ensure_when_the_event_is_malformed_fails_loudly(stage: Stage, event: Any) -> None:
    answer = stage.emulator.client("lambda").invoke(FunctionName="EnsureDynamoBackup", Payload=json.dumps(event))
    assert answer.get("FunctionError")


def test_change_log_over_all_tables_is_in_the_documented_format(stage: Stage) -> None:
    stage.create_table("Last")
    stage.wait_until_wired("Last")
    put(stage, "Last", 1)
    wait_for_changes(stage, "Last", 1)
    assert changes(stage.emulator.client("s3"), stage.bucket, PREFIX)
