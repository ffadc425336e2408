"""The table that images are written into: as it is, or as it would be made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from continuous_backup.aws import Client, ClientError, error_code
from continuous_backup.errors import AwsError, UsageError
from continuous_backup.item_images.image import Version
from continuous_backup.operations.writing_items import streams
from continuous_backup.operations.writing_items.key_values import LONGEST_SORT_KEY, bytes_of
from continuous_backup.operations.writing_items.typed_json import Item

_ACTIVE = "ACTIVE"
_POLL_SECONDS = 1.0
_READY_WITHIN_SECONDS = 300.0
#: A stream can be switched on in the call that makes the table, and its label be a little earlier than that
#: table is said to be. Nobody makes, uses and deletes a table within so little time.
_SAME_MOMENT = timedelta(seconds=5)


@dataclass(frozen=True)
class Target:
    """A table: its keys with their types, the partition key first. `created` is None where it is to be made."""

    name: str
    arn: str
    keys: Mapping[str, str]
    created: datetime | None
    stream: str = ""

    @property
    def is_there(self) -> bool:
        return self.created is not None

    @property
    def partition_key(self) -> str:
        return next(iter(self.keys))

    def has_keys_like(self, keys: Item) -> bool:
        """Whether the table can have an item of these keys: for one that it cannot, a whole batch is refused."""
        if {name: next(iter(typed)) for name, typed in keys.items()} != dict(self.keys):
            return False
        sort_keys = (keys[name] for name in self.keys if name != self.partition_key)
        return all(bytes_of(typed) <= LONGEST_SORT_KEY for typed in sort_keys)

    def has_seen(self, version: Version) -> bool:
        """Whether the change that an image shows was made in this table, in its present life.

        The ARN of the image's stream names the table, and says in its label when the stream was switched on: a
        table of the same name that was deleted had its streams before this one was made. Where the label is no
        time, True: then the item stays that is there.
        """
        if self.created is None or streams.table_of(version.stream) != self.arn:
            return False
        if version.stream == self.stream:
            return True
        switched_on = streams.switched_on(version.stream)
        return switched_on is None or switched_on >= self.created - _SAME_MOMENT


def in_words(keys: Mapping[str, str]) -> str:
    """Key attributes with their types: id (S), at (N)."""
    return ", ".join(f"{name} ({kind})" for name, kind in keys.items())


def described(dynamodb: Client, table: str) -> Target | None:
    """The table, or None where there is none. Raises UsageError where it cannot be written to yet."""
    try:
        said = dynamodb.describe_table(TableName=table)["Table"]
    except ClientError as err:
        if error_code(err) == "ResourceNotFoundException":
            return None
        raise
    if said["TableStatus"] not in {_ACTIVE, "UPDATING"}:
        raise UsageError(f"table {table} is {said['TableStatus']}", "run it again when the table is ACTIVE")
    types = {each["AttributeName"]: each["AttributeType"] for each in said["AttributeDefinitions"]}
    names = [each["AttributeName"] for each in sorted(said["KeySchema"], key=lambda each: str(each["KeyType"]))]
    keys = {name: types[name] for name in names}  # HASH comes before RANGE
    return Target(table, said["TableArn"], keys, said["CreationDateTime"], said.get("LatestStreamArn", ""))


def require_unchanged(dynamodb: Client, target: Target) -> None:
    """Raises UsageError where it is not, any more, the table that was looked at: right before it is written to."""
    now = described(dynamodb, target.name)
    was = "none" if not target.is_there else f"with the keys {in_words(target.keys)}, made {target.created}"
    if now is None and target.is_there:
        problem = f"table {target.name} is no longer there"
    elif now is not None and not target.is_there:
        problem = f"table {target.name} has been made meanwhile, with the keys {in_words(now.keys)}"
    elif now is not None and (list(now.keys.items()), now.created) != (list(target.keys.items()), target.created):
        problem = f"table {target.name} is another one now: with the keys {in_words(now.keys)}, made {now.created}"
    else:
        return
    raise UsageError(f"{problem}; there was {was} when it was looked at, and nothing is written", "run it again")


def planned(table: str, arn: str, types: Mapping[str, str], partition_key: str) -> Target:
    """The table as it would be made for items with these keys, by name with their types.

    Raises UsageError where it is not clear which is the partition key: images do not tell.
    """
    names = in_words(types)
    if not partition_key and len(types) > 1:
        raise UsageError(
            f"the images have the keys {names}, and do not tell which is the partition key",
            "add --partition-key with its name",
        )
    first = partition_key or next(iter(types))
    if first not in types:
        raise UsageError(
            f"--partition-key {first}: the images have the keys {names}", "name the one that was the partition key"
        )
    ordered = [first, *(name for name in types if name != first)]
    return Target(table, arn, {name: types[name] for name in ordered}, None)


def created(
    dynamodb: Client, target: Target, sleep: Callable[[float], None], clock: Callable[[], float]
) -> Target:
    """Makes a planned table, on demand and without a stream, and waits until it can be written to.

    Raises what AWS raises, and AwsError where it is not ready in time; then it is there, and a repetition goes on.
    """
    kinds = ("HASH", "RANGE")
    schema: list[dict[str, Any]] = [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(target.keys, kinds, strict=False)
    ]
    dynamodb.create_table(
        TableName=target.name,
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind} for name, kind in target.keys.items()
        ],
        KeySchema=schema,
        BillingMode="PAY_PER_REQUEST",
    )
    deadline = clock() + _READY_WITHIN_SECONDS
    while clock() < deadline:
        if dynamodb.describe_table(TableName=target.name)["Table"]["TableStatus"] == _ACTIVE:
            made = described(dynamodb, target.name)
            if made is not None:
                return made
        sleep(_POLL_SECONDS)
    raise AwsError(
        f"table {target.name} is not ready after {_READY_WITHIN_SECONDS:.0f} s", "run it again: it goes on"
    )
