"""Items of the table, read and written; what is throttled is tried again."""

import random
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from continuous_backup.aws import Aws, BotoCoreError, Client, ClientError, error_code
from continuous_backup.errors import AwsError
from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.target import Target
from continuous_backup.operations.writing_items.typed_json import Item
from continuous_backup.patience import passes_by_itself

#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
MOST_KEYS_A_CALL = 100
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0
#: A table with too little capacity is filled slowly, and not given up; one that answers nothing is.
PATIENCE_SECONDS = 300.0
_DOUBLINGS = 10
#: Somebody's transaction has the item in it: the SDK does not repeat that.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
_IN_A_TRANSACTION = "TransactionConflictException"
_PASSING = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ReplicatedWriteConflictException",
    _IN_A_TRANSACTION,
}
_THERE_ALREADY = "ConditionalCheckFailedException"
#: What would be answered to any write: of the caller, or of the table. Every other refusal is one item's alone.
#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html
_OF_ALL = {
    "AccessDenied",
    "AccessDeniedException",
    "AccountProblemException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "ResourceInUseException",
    "ResourceNotFoundException",
    "SignatureDoesNotMatch",
    "SubscriptionRequiredException",
    "TableNotFoundException",
    "UnknownOperationException",
    "UnrecognizedClientException",
}

T = TypeVar("T")


class Refused(Exception):
    """DynamoDB does not take this one item, or does not let it be deleted; the text says why."""


class TableItems:
    """The items of one table, at most so many writes a second by all threads together."""

    def __init__(self, aws: Aws, target: Target, writes_per_second: float) -> None:
        self._aws = aws
        self._dynamodb: Client = aws.client("dynamodb")
        self._target = target
        self._seconds_a_write = 1 / writes_per_second
        self._free_at = 0.0
        self._lock = threading.Lock()

    def get(self, keys: Sequence[Item]) -> dict[tuple[object, ...], Item]:
        """The items that are there, read consistently, by their identity. Up to MOST_KEYS_A_CALL keys."""
        found: dict[tuple[object, ...], Item] = {}
        due = list(keys)
        pauses = _Pauses(self._aws)
        while due:
            asked = {self._target.name: {"Keys": due, "ConsistentRead": True}}
            answer = self._persistently(lambda asked=asked: self._dynamodb.batch_get_item(RequestItems=asked))  # type: ignore[misc]
            items = answer["Responses"].get(self._target.name, [])
            for item in items:
                found[typed_json.identity({name: item[name] for name in self._target.keys})] = item
            due = answer.get("UnprocessedKeys", {}).get(self._target.name, {}).get("Keys", [])
            if items:
                pauses = _Pauses(self._aws)
            elif due and not pauses.pause():
                raise self._given_up("it answers no key of a batch")
        return found

    def put(self, item: Item, *, only_where_none_is: bool) -> bool:
        """Answers whether it was written; False only where another item is there and none may be.

        Raises Refused where DynamoDB does not take this item, and may take others.
        """
        condition = (
            {
                "ConditionExpression": "attribute_not_exists(#key)",
                "ExpressionAttributeNames": {"#key": self._target.partition_key},
            }
            if only_where_none_is
            else {}
        )
        try:
            self._write(lambda: self._dynamodb.put_item(TableName=self._target.name, Item=item, **condition))
        except ClientError as err:
            if error_code(err) == _THERE_ALREADY:
                return False
            raise
        return True

    def delete(self, keys: Item) -> None:
        """Raises Refused where DynamoDB does not let this item be deleted, and may others."""
        self._write(lambda: self._dynamodb.delete_item(TableName=self._target.name, Key=keys))

    def _write(self, call: Callable[[], object]) -> None:
        self._wait_for_a_write()
        try:
            self._persistently(call)
        except ClientError as err:
            code = error_code(err)
            if code in _OF_ALL or code == _THERE_ALREADY:
                raise
            message = err.response["Error"].get("Message", "")
            raise Refused(message if code == "ValidationException" else f"{code}: {message}".rstrip(": ")) from err
        except AwsError as err:
            if err.code == _IN_A_TRANSACTION:
                raise Refused(f"{err.code}, for {PATIENCE_SECONDS:.0f} s") from err
            raise

    def _wait_for_a_write(self) -> None:
        with self._lock:
            now = self._aws.clock()
            begins = max(now, self._free_at)
            self._free_at = begins + self._seconds_a_write
        if begins > now:
            self._aws.sleep(begins - now)

    def _persistently(self, call: Callable[[], T]) -> T:
        """Beyond what the SDK repeats. A write whose answer was lost is repeated: it is the same item."""
        pauses = _Pauses(self._aws)
        while True:
            try:
                return call()
            except (ClientError, BotoCoreError) as err:
                if error_code(err) not in _PASSING and not passes_by_itself(err):
                    raise
                if not pauses.pause():
                    raise self._given_up(error_code(err) or type(err).__name__) from err

    def _given_up(self, reason: str) -> AwsError:
        return AwsError(
            f"table {self._target.name}: {reason}, for {PATIENCE_SECONDS:.0f} s",
            "give the table more capacity, or fewer --writes-per-second; run it again: it goes on where it was",
            reason,
        )


class _Pauses:
    """Exponential backoff with full jitter, until patience is at its end."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._until = aws.clock() + PATIENCE_SECONDS
        self._tries = 0

    def pause(self) -> bool:
        """Answers False, at once, where it has lasted too long."""
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self._tries, _DOUBLINGS))
        self._tries += 1
        if self._aws.clock() >= self._until:
            return False
        self._aws.sleep(random.uniform(0, longest))
        return True
