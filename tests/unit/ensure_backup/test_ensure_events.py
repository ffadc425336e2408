"""Events as EventBridge delivers them: whose table, or nobody's."""

import json
from pathlib import Path
from typing import Any

import pytest

from continuous_backup.ensure_backup import events
from continuous_backup.errors import MalformedEvent

PAYLOADS = Path(__file__).parents[2] / "events"


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("cloudtrail-create-table", "CreateTable"),
        ("cloudtrail-delete-table", "DeleteTable"),
        ("cloudtrail-delete-table-by-arn", "DeleteTable"),
        ("cloudtrail-update-table-stream-off", "UpdateTable"),
        ("cloudtrail-restore-from-backup", "RestoreTableFromBackup"),
        ("cloudtrail-restore-to-point-in-time", "RestoreTableToPointInTime"),
        ("cloudtrail-import-table", "ImportTable"),
        ("cloudtrail-create-global-table", "CreateGlobalTable"),
    ],
)
def test_read_of_a_call_that_makes_or_changes_a_table_names_the_table_it_makes(name: str, call: str) -> None:
    assert events.read(payload(name)) == events.TableEvent(call, "Orders")


def test_read_of_a_call_that_aws_refused_keeps_the_error_code() -> None:
    seen = events.read(payload("cloudtrail-create-table-refused"))
    assert seen == events.TableEvent("CreateTable", "Orders", "ResourceInUseException")


def test_read_of_the_schedule_is_a_sweep() -> None:
    assert events.read(payload("scheduled")) == events.Sweep()


@pytest.mark.parametrize("event", [payload("cloudtrail-put-item"), {}, {"detail-type": "x", "detail": None}])
def test_read_of_something_else_is_unknown(event: dict[str, Any]) -> None:
    assert isinstance(events.read(event), events.Unknown)


@pytest.mark.parametrize("event", [None, [], "CreateTable", payload("cloudtrail-create-table-nameless")])
def test_read_of_a_malformed_event_raises(event: object) -> None:
    with pytest.raises(MalformedEvent):
        events.read(event)


@pytest.mark.parametrize("change", [{"provisionedThroughput": {}}, {"attributeDefinitions": []}, {}])
def test_read_of_an_update_that_leaves_the_stream_as_it_is_is_unknown(change: dict[str, Any]) -> None:
    event = payload("cloudtrail-update-table-stream-off")
    event["detail"]["requestParameters"] = {"tableName": "Orders", **change}
    assert isinstance(events.read(event), events.Unknown)


def test_event_pattern_lists_every_call_that_is_understood() -> None:
    assert set(events.EVENT_PATTERN["detail"]["eventName"]) == set(events.TABLE_EVENTS)  # type: ignore[index]
