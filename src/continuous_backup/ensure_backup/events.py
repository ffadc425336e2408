"""What the function is told: API calls on tables, from CloudTrail by way of EventBridge, or the schedule."""

from collections.abc import Mapping
from dataclasses import dataclass

from continuous_backup import naming
from continuous_backup.errors import MalformedEvent

#: API calls after which a table may be there, be gone, or have lost its stream. The last three are not
#: confirmed by AWS's documentation, and cost nothing where they never come.
TABLE_EVENTS = (
    "CreateTable",
    "DeleteTable",
    "UpdateTable",
    "RestoreTableFromBackup",
    "RestoreTableToPointInTime",
    "CreateGlobalTable",
    "UpdateGlobalTable",
    "ImportTable",
    "CreateTableReplica",
    "RestoreTableFromAwsBackup",
)
#: Parameters of an UpdateTable that can touch the stream. Auto scaling and the like call it all day long.
_ABOUT_STREAMS = {"streamSpecification", "replicaUpdates", "globalTableWitnessUpdates"}
#: Where in `requestParameters` the table's name can stand, the table that is made before the one it is made of.
_NAMES = (("targetTableName",), ("tableCreationParameters", "tableName"), ("tableName",), ("globalTableName",))

EVENT_PATTERN = {
    "source": ["aws.dynamodb"],
    "detail-type": ["AWS API Call via CloudTrail"],
    "detail": {"eventSource": ["dynamodb.amazonaws.com"], "eventName": list(TABLE_EVENTS)},
}


@dataclass(frozen=True)
class TableEvent:
    """An API call on a table; `error_code` is not empty when AWS refused it."""

    name: str
    table: str
    error_code: str = ""


@dataclass(frozen=True)
class Sweep:
    """The schedule: look at everything."""


@dataclass(frozen=True)
class Unknown:
    """Something that is no business of ours."""

    what: str


def read(event: object) -> TableEvent | Sweep | Unknown:
    """What an event says. Raises MalformedEvent where a table's event names no table."""
    if not isinstance(event, Mapping):
        raise MalformedEvent(f"an EventBridge event is a JSON object, not {type(event).__name__}")
    kind = event.get("detail-type")
    if kind == "Scheduled Event":
        return Sweep()
    detail = event.get("detail")
    if kind != "AWS API Call via CloudTrail" or not isinstance(detail, Mapping):
        return Unknown(f"{event.get('source', 'an unknown source')}: {kind or 'no detail-type'}")
    source, name = detail.get("eventSource"), str(detail.get("eventName", ""))
    if source != "dynamodb.amazonaws.com" or name not in TABLE_EVENTS:
        return Unknown(f"{source}: {name}")
    parameters = detail.get("requestParameters")
    if name == "UpdateTable" and isinstance(parameters, Mapping) and not _ABOUT_STREAMS & parameters.keys():
        return Unknown(f"{source}: UpdateTable that leaves the stream as it is")
    error_code = str(detail.get("errorCode") or "")
    table = _table_name(parameters)
    if not table and not error_code:
        raise MalformedEvent(
            f"{name} event {detail.get('eventID', '(without an id)')} names no table",
            "the next sweep sees the table all the same",
        )
    return TableEvent(name, table, error_code)


def _table_name(parameters: object) -> str:
    for path in _NAMES:
        value: object = parameters
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        if isinstance(value, str) and value:
            return naming.table_of_arn(value)
    return ""
