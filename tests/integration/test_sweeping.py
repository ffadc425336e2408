"""The sweep on an account in which things happen: mappings and delivery streams that were changed or deleted."""

from collections.abc import Iterator

import pytest

from local.stage import Stage
from local.waiting import wait_for
from tests.integration.staging import (
    delivery_streams,
    deployed,
    described_delivery_stream,
    folded,
    put,
    scanned,
    stream_arn,
    wait_for_changes,
    wait_until,
)

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """With few tables: a sweep looks at each of them for a second, for the sake of Firehose's quota."""
    yield from deployed(tmp_path_factory.mktemp("stage"))


def test_sweep_when_a_mapping_was_deleted_by_hand_makes_it_anew_from_the_beginning(stage: Stage) -> None:
    stage.create_table("Healed")
    mapping = stage.wait_until_wired("Healed")
    stage.emulator.client("lambda").delete_event_source_mapping(UUID=mapping["UUID"])
    put(stage, "Healed", 1, 2, 3)
    stage.sweep()
    again = stage.wait_until_wired("Healed")
    assert again["UUID"] != mapping["UUID"]
    wait_for_changes(stage, "Healed", 3)
    assert folded(stage, "Healed") == scanned(stage, "Healed")


def test_sweep_when_a_delivery_stream_was_deleted_by_hand_makes_it_and_its_mapping_anew(stage: Stage) -> None:
    stage.create_table("Dropped")
    mapping = stage.wait_until_wired("Dropped")
    stage.emulator.client("firehose").delete_delivery_stream(DeliveryStreamName="Dropped")
    put(stage, "Dropped", 1, 2)
    stage.sweep()
    wait_until(lambda: "Dropped" in delivery_streams(stage), "the delivery stream")
    assert stage.wait_until_wired("Dropped")["UUID"] != mapping["UUID"]
    wait_for_changes(stage, "Dropped", 2)


def test_sweep_when_somebody_changed_a_mapping_sets_it_right(stage: Stage) -> None:
    stage.create_table("Tampered")
    mapping = stage.wait_until_wired("Tampered")
    stage.emulator.client("lambda").update_event_source_mapping(
        UUID=mapping["UUID"], Enabled=False, MaximumRetryAttempts=1
    )
    stage.sweep()
    again = stage.wait_until_wired("Tampered")
    assert (again["UUID"], again["MaximumRetryAttempts"]) == (mapping["UUID"], -1)


def test_sweep_when_somebody_changed_a_delivery_stream_sets_it_right(stage: Stage) -> None:
    stage.create_table("Rerouted")
    stage.wait_until_wired("Rerouted")
    described = described_delivery_stream(stage, "Rerouted")
    stage.emulator.client("firehose").update_destination(
        DeliveryStreamName="Rerouted",
        CurrentDeliveryStreamVersionId=described["VersionId"],
        DestinationId=described["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={"Prefix": "elsewhere/"},
    )
    stage.sweep()
    destination = described_delivery_stream(stage, "Rerouted")["Destinations"][0][
        "ExtendedS3DestinationDescription"
    ]
    assert destination["Prefix"] == "dynamodb/Rerouted/"


def test_sweep_when_all_is_as_wanted_changes_nothing(stage: Stage) -> None:
    stage.create_table("Quiet")
    stage.wait_until_wired("Quiet")
    stage.sweep()
    assert stage.sweep()["changes"] == 0


def test_deleting_a_table_removes_nothing_and_a_new_table_of_the_name_uses_its_delivery_stream(
    stage: Stage,
) -> None:
    dynamodb = stage.emulator.client("dynamodb")
    stage.create_table("Phoenix")
    old = stage.wait_until_wired("Phoenix")
    put(stage, "Phoenix", 1)
    wait_for_changes(stage, "Phoenix", 1)
    created = described_delivery_stream(stage, "Phoenix")["CreateTimestamp"]
    dynamodb.delete_table(TableName="Phoenix")
    stage.sweep()
    assert [each["UUID"] for each in stage.mappings("Phoenix")] == [old["UUID"]]

    stage.create_table("Phoenix")
    new = wait_for(
        lambda: next((each for each in stage.mappings("Phoenix") if each["UUID"] != old["UUID"]), None),
        "the new table to be wired",
    )
    assert new["EventSourceArn"] == stream_arn(stage, "Phoenix")
    assert described_delivery_stream(stage, "Phoenix")["CreateTimestamp"] == created
    put(stage, "Phoenix", 2)
    log = wait_for_changes(stage, "Phoenix", 2)
    assert len({change.stream_arn for change in log.read_new()}) == 2, "a line says which table's life it is of"
