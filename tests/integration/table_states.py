"""The states of tables as AWS documents them, for engines that show ACTIVE at once."""

import json
from typing import Any

from botocore.awsrequest import AWSResponse

from continuous_backup.aws import Aws
from tests.unit.operations.writing_items.tables import refusal

_ON_TABLES = ("CreateTable", "UpdateTable", "DeleteTable")
_ON_ITEMS = ("PutItem", "GetItem", "DeleteItem", "Scan")
_Answer = tuple[AWSResponse, dict[str, Any]]


class TableStates:
    """CreateTable makes a table that is CREATING, and UpdateTable one that is UPDATING, for so many seconds.

    Meanwhile DescribeTable says so, another change of it is refused with ResourceInUseException and, while it is
    CREATING, so are its items, with ResourceNotFoundException; everything else is the engine's. Time is that of
    `aws`, whose client of DynamoDB is changed. `calls` are those on tables that reached the engine.
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html#API_UpdateTable_Errors
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html#API_PutItem_Errors
    """

    def __init__(self, aws: Aws, seconds: float) -> None:
        self.calls: list[str] = []
        self._aws = aws
        self._seconds = seconds
        self._until: dict[str, tuple[str, float]] = {}
        events = aws.client("dynamodb").meta.events
        for operation in (*_ON_TABLES, *_ON_ITEMS):
            events.register(f"before-call.dynamodb.{operation}", self._before)
        for operation in (*_ON_TABLES, "DescribeTable"):
            events.register(f"after-call.dynamodb.{operation}", self._after)

    def begin(self, table: str, state: str) -> None:
        """The table is in this state from now on, as if somebody else had changed it."""
        self._until[table] = (state, self._aws.clock() + self._seconds)

    def of(self, table: str) -> str:
        state, until = self._until.get(table, ("", 0.0))
        return state if self._aws.clock() < until else "ACTIVE"

    def _before(self, *, model: Any, params: dict[str, Any], **_: Any) -> _Answer | None:
        table, operation = str(json.loads(params["body"])["TableName"]), str(model.name)
        state = self.of(table)
        if state != "ACTIVE" and operation in ("UpdateTable", "DeleteTable"):
            return _refused("ResourceInUseException", operation)
        if state == "CREATING" and operation in _ON_ITEMS:
            return _refused("ResourceNotFoundException", operation)
        if operation in _ON_TABLES:
            self.calls.append(operation)
        return None

    def _after(self, *, model: Any, parsed: dict[str, Any], **_: Any) -> None:
        described = parsed.get("TableDescription") or parsed.get("Table")
        if not described:
            return
        if model.name in ("CreateTable", "UpdateTable"):
            self.begin(described["TableName"], "CREATING" if model.name == "CreateTable" else "UPDATING")
        if model.name != "DeleteTable":
            described["TableStatus"] = self.of(described["TableName"])


def _refused(code: str, operation: str) -> _Answer:
    return AWSResponse("", 400, {}, None), dict(refusal(code, operation).response)
