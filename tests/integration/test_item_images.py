"""The latest image of each item, from an ordinary CreateTable call to its object: the built zip, under IAM."""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from continuous_backup import naming
from continuous_backup.item_images import image, object_names
from continuous_backup.item_images.image import ItemImage
from local.stage import Stage
from local.waiting import wait_for
from tests.integration.staging import deployed, put, scanned, wait_for_changes, wait_until, whitelist

pytestmark = pytest.mark.emulator
PREFIX = "latest"
LEFT_ALONE = [{"Key": naming.MANAGED_TAG, "Value": naming.OPTED_OUT_TAG_VALUE}]
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    images = {"prefix": PREFIX, "batchingWindowSeconds": 0, "timeoutSeconds": 15, "tableNameMatchRegex": "Imaged"}
    yield from deployed(tmp_path_factory.mktemp("stage"), itemImages=json.dumps(images))


def images_of(stage: Stage, table: str) -> dict[str, ItemImage]:
    s3, found = stage.emulator.client("s3"), {}
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=stage.images_bucket, Prefix=naming.table_prefix(PREFIX, table)
    )
    for name in (each["Key"] for page in pages for each in page.get("Contents", [])):
        body = s3.get_object(Bucket=stage.images_bucket, Key=name)["Body"].read()
        found[name] = image.parse(body, table)
        assert object_names.of_keys(found[name].keys, PREFIX, table) == name
    return found


def live(stage: Stage, table: str) -> dict[str, Any]:
    """The items of all images that are no tombstones, by their id."""
    return {each.image["id"]["S"]: each.image for each in images_of(stage, table).values() if each.image}


def items(stage: Stage, table: str) -> dict[str, Any]:
    pages = stage.emulator.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return {item["id"]["S"]: item for page in pages for item in page["Items"]}


def readers(stage: Stage, table: str) -> dict[str, dict[str, Any]]:
    return {each["FunctionArn"].rpartition(":")[2]: each for each in stage.mappings(table)}


def wait_until_imaged(stage: Stage, table: str) -> None:
    wait_until(
        lambda: readers(stage, table).get(naming.ITEM_IMAGES_FUNCTION, {}).get("State") == "Enabled",
        f"{table} to have images",
        120,
    )


def test_images_follow_a_table_from_the_moment_it_is_made_and_the_change_log_does_too(stage: Stage):
    stage.create_table("Imaged")
    wait_until_imaged(stage, "Imaged")
    dynamodb = stage.emulator.client("dynamodb")
    put(stage, "Imaged", *range(20))
    put(
        stage,
        "Imaged",
        *range(10),
        note={"S": "changed"},
        tags={"SS": ["a", "b"]},
        exact={"N": "0.10000000000000000001"},
    )
    dynamodb.delete_item(TableName="Imaged", Key={"id": {"S": "item-3"}})
    awkward = ["a/b", "..", "😀", "x y", "image.json", "/", "!2F", "\x00\x01\n"]
    for each in awkward:
        dynamodb.put_item(TableName="Imaged", Item={"id": {"S": each}, "number": {"N": "1"}})

    wait_until(lambda: live(stage, "Imaged") == items(stage, "Imaged"), "the images to be what the table is", 90)

    (tombstone,) = [each for each in images_of(stage, "Imaged").values() if each.deleted]
    assert tombstone.keys == {"id": {"S": "item-3"}}
    name = object_names.of_keys(tombstone.keys, PREFIX, "Imaged")
    s3 = stage.emulator.client("s3")
    tags = s3.get_object_tagging(Bucket=stage.images_bucket, Key=name)["TagSet"]
    assert tags == [{"Key": "dynamodb-continuous-backup-image", "Value": "tombstone"}]
    assert s3.get_bucket_versioning(Bucket=stage.images_bucket)["Status"] == "Enabled"
    log = wait_for_changes(stage, "Imaged", 39)
    assert log is not None
    assert len(scanned(stage, "Imaged")) == 27


def test_tables_that_are_left_out_have_one_reader(stage: Stage):
    stage.create_table("Plain")
    stage.wait_until_wired("Plain")
    stage.sweep()
    assert set(readers(stage, "Plain")) == {naming.FORWARDER_FUNCTION}


def test_streams_with_readers_of_somebody_elses_get_no_third_and_what_was_not_read_is_read_when_there_is_a_place(
    stage: Stage,
):
    others = [other_function(stage, f"Other-{number}") for number in (1, 2)]
    for table, reading in (("Imaged-6", others[:1]), ("Imaged-7", others)):
        stage.create_table(table, Tags=LEFT_ALONE, StreamSpecification=STREAM)
        stream = stage.emulator.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
        for function in reading:
            stage.emulator.client("lambda").create_event_source_mapping(
                FunctionName=function, EventSourceArn=stream, StartingPosition="LATEST", Enabled=False
            )
    asked = (whitelist(stage, "Imaged-6", "Imaged-7"), "--config-file", str(stage.config_file))
    done = stage.script("provision_tables.py", *asked, "--output", "json", expect=1)
    results = {each["table"]: each for each in json.loads(done.stdout)["tables"]}
    assert "Imaged-6 has 1 other readers beside the forwarder" in results["Imaged-6"]["result"]
    assert "TooManyReaders: the stream of Imaged-7 has 2 other readers" in results["Imaged-7"]["result"]
    assert set(readers(stage, "Imaged-7")) == set(others)
    assert set(readers(stage, "Imaged-6")) == {naming.FORWARDER_FUNCTION, others[0]}
    put(stage, "Imaged-6", 1)
    wait_for_changes(stage, "Imaged-6", 1)
    stage.sweep()
    assert naming.ITEM_IMAGES_FUNCTION not in readers(stage, "Imaged-6")

    stage.emulator.client("lambda").delete_event_source_mapping(UUID=readers(stage, "Imaged-6")[others[0]]["UUID"])
    wait_until(lambda: others[0] not in readers(stage, "Imaged-6"), "the other reader to be gone")
    stage.sweep()
    wait_until(lambda: live(stage, "Imaged-6") == items(stage, "Imaged-6"), "the image of before", 120)


def other_function(stage: Stage, name: str) -> str:
    """A function of somebody else's, which does nothing."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("other.py", "def handler(event, context):\n    pass\n")
    functions = stage.emulator.client("lambda")
    role = functions.get_function_configuration(FunctionName=naming.FORWARDER_FUNCTION)["Role"]
    functions.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role,
        Handler="other.handler",
        Code={"ZipFile": code.getvalue()},
    )
    return name


def test_sweep_when_the_mapping_of_the_images_was_deleted_makes_it_anew_and_writes_nothing_again(stage: Stage):
    stage.create_table("Imaged-2")
    wait_until_imaged(stage, "Imaged-2")
    put(stage, "Imaged-2", 1, 2, 3)
    wait_until(lambda: len(live(stage, "Imaged-2")) == 3, "three images")
    old = readers(stage, "Imaged-2")[naming.ITEM_IMAGES_FUNCTION]["UUID"]
    stage.emulator.client("lambda").delete_event_source_mapping(UUID=old)
    wait_until(lambda: naming.ITEM_IMAGES_FUNCTION not in readers(stage, "Imaged-2"), "the mapping to be gone")
    stage.sweep()
    wait_until_imaged(stage, "Imaged-2")
    put(stage, "Imaged-2", 4)
    wait_until(lambda: len(live(stage, "Imaged-2")) == 4, "four images")

    versions = stage.emulator.client("s3").list_object_versions(
        Bucket=stage.images_bucket, Prefix=naming.table_prefix(PREFIX, "Imaged-2")
    )["Versions"]
    assert len(versions) == 4, "what came again from the beginning of the stream was there already"


def test_function_when_an_older_change_comes_late_leaves_the_newer_image_on_s3(stage: Stage):
    stage.create_table("Imaged-3")
    wait_until_imaged(stage, "Imaged-3")
    put(stage, "Imaged-3", 7, note={"S": "new"})
    wait_until(lambda: len(live(stage, "Imaged-3")) == 1, "the image")
    arn = readers(stage, "Imaged-3")[naming.ITEM_IMAGES_FUNCTION]["EventSourceArn"]
    late = {
        "eventSource": "aws:dynamodb",
        "eventName": "REMOVE",
        "eventSourceARN": arn,
        "dynamodb": {"Keys": {"id": {"S": "item-7"}}, "SequenceNumber": "1", "ApproximateCreationDateTime": 1},
    }
    answer = stage.emulator.client("lambda").invoke(
        FunctionName=naming.ITEM_IMAGES_FUNCTION, Payload=json.dumps({"Records": [late]})
    )
    assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}
    assert live(stage, "Imaged-3")["item-7"]["note"] == {"S": "new"}


def test_deprovisioning_takes_both_mappings_and_leaves_the_images(stage: Stage):
    stage.create_table("Imaged-4")
    wait_until_imaged(stage, "Imaged-4")
    put(stage, "Imaged-4", 1)
    wait_until(lambda: len(live(stage, "Imaged-4")) == 1, "the image")
    own = ("--config-file", str(stage.config_file), "--yes")
    stage.script("deprovision_tables.py", whitelist(stage, "Imaged-4"), *own)
    wait_for(lambda: not readers(stage, "Imaged-4"), "both mappings to be gone")
    assert len(live(stage, "Imaged-4")) == 1


def test_deploying_again_changes_nothing_and_undeploying_leaves_the_images(stage: Stage):
    assert "Nothing to do" in stage.deploy().stderr
    own = ("--config-file", str(stage.config_file), "--deprovision", "--dry-run")
    told = stage.script("undeploy.py", *own, expect=3).stderr
    assert f"delete function {naming.ITEM_IMAGES_FUNCTION}" in told
    assert f"CloudFormation stack {naming.IMAGES_STACK} stays" in told


def test_provisioning_with_images_writes_those_of_items_that_were_there_already_and_goes_on_from_a_checkpoint(
    stage: Stage,
):
    """Under the policy that docs/iam.md gives for the script. The table was left alone until now."""
    stage.create_table("Imaged-5", Tags=LEFT_ALONE)
    put(stage, "Imaged-5", *range(300))
    own = ("--config-file", str(stage.config_file), "--items-per-second", "5000")
    asked = (whitelist(stage, "Imaged-5"), "--images", *own)
    planned = stage.script("provision_tables.py", *asked, "--dry-run").stderr
    assert "Then the items of 1 table would be scanned" in planned
    assert not images_of(stage, "Imaged-5")

    told = stage.script("provision_tables.py", *asked, credentials=stage.operator("provision")).stderr
    assert "Imaged-5: images of 300 of 300 items written; none was there." in told
    assert live(stage, "Imaged-5") == items(stage, "Imaged-5")
    again = stage.script("provision_tables.py", *asked).stderr
    assert "images of 0 of 300 items written; 300 were there" in again

    put(stage, "Imaged-5", 7, note={"S": "new"})
    wait_until(lambda: "note" in live(stage, "Imaged-5")["item-7"], "the stream's word to win")
