"""A table, in memory, as those see it who write items into it."""

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ReadTimeoutError

from continuous_backup.aws import ClientError
from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.table_items import TableItems
from continuous_backup.operations.writing_items.target import Target

TIME = datetime(2026, 11, 25, 10, tzinfo=UTC)
ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders"
#: Of an earlier life of the table than TARGET's, and of this one.
OLD_STREAM = f"{ARN}/stream/2026-11-01T00:00:00.000"
STREAM = f"{ARN}/stream/2026-11-25T09:30:00.000"
TARGET = Target("Orders", ARN, {"id": "S"}, datetime(2026, 11, 25, 9, tzinfo=UTC), STREAM)
UNHEARD = ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com/")


def refusal(code: str, operation: str = "PutItem") -> ClientError:
    said = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError(said, operation)  # type: ignore[arg-type]


class FakeTable:
    """DynamoDB's calls on one table with the key `id`; `fault` is asked before each, and may raise.

    A batch answers `answered` keys at most; the others are unprocessed.
    """

    def __init__(
        self, items: Iterable[dict[str, Any]] = (), *, answered: int = 100, keys: tuple[str, ...] = ("id",)
    ):
        self.keys = keys
        self.items = {self.identity(item): item for item in items}
        self.answered = answered
        self.calls: list[str] = []
        self.fault: Callable[[str, int], Exception | None] = lambda operation, number: None
        #: What is raised after the call was carried out.
        self.late: Callable[[str, int], Exception | None] = lambda operation, number: None
        self._lock = threading.Lock()

    def identity(self, item: dict[str, Any]) -> tuple[Any, ...]:
        return typed_json.identity({name: item[name] for name in self.keys})

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            self._called("BatchGetItem")
            ((name, asked),) = RequestItems.items()
            assert asked["ConsistentRead"]
            assert 0 < len(asked["Keys"]) <= 100
            now, later = asked["Keys"][: self.answered], asked["Keys"][self.answered :]
            found = [self.items[key] for key in map(self.identity, now) if key in self.items]
            left = {name: {"Keys": later, "ConsistentRead": True}} if later else {}
            return {"Responses": {name: found}, "UnprocessedKeys": left}

    def put_item(self, *, TableName: str, Item: dict[str, Any], **condition: Any) -> None:  # noqa: N803
        with self._lock:
            number = self._called("PutItem")
            key = self.identity(Item)
            if condition and key in self.items:
                assert condition["ConditionExpression"] == "attribute_not_exists(#key)"
                raise refusal("ConditionalCheckFailedException")
            self.items[key] = Item
            if error := self.late("PutItem", number):
                raise error

    def delete_item(self, *, TableName: str, Key: dict[str, Any]) -> None:  # noqa: N803
        with self._lock:
            self._called("DeleteItem")
            self.items.pop(self.identity(Key), None)

    def _called(self, operation: str) -> int:
        number = self.calls.count(operation)
        self.calls.append(operation)
        if error := self.fault(operation, number):
            raise error
        return number


class FakeAws:
    def __init__(self, table: FakeTable) -> None:
        self._table = table
        self.now = 0.0
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        assert service == "dynamodb"
        return self._table

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


def table_items(table: FakeTable, target: Target = TARGET, per_second: float = 1e9) -> TableItems:
    return TableItems(FakeAws(table), target, per_second)  # type: ignore[arg-type]


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)
