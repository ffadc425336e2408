"""What the findings in Python share: saying what was seen, and tables and streams of an emulator."""

import sys
import time
from importlib.metadata import version
from typing import Any

import boto3
from botocore.config import Config

#: As all emulators here have them: one key, `k`.
_KEY = "k"


def say_versions(*packages: str) -> None:
    print("Versions:", ", ".join(f"{package} {version(package)}" for package in packages))


def expected(sentence: str) -> None:
    print("Expected:", sentence)


def seen(sentence: str) -> None:
    print("Seen:    ", sentence)


def still(holds: bool, change: str) -> None:
    """Ends the finding when it no longer holds, with a sentence on what has changed."""
    if not holds:
        sys.exit(f"Changed:  {change}")


def create_table(
    dynamodb: Any, name: str, *, key_type: str = "S", view: str | None = "NEW_AND_OLD_IMAGES"
) -> None:
    stream = {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}} if view else {}
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": _KEY, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": _KEY, "AttributeType": key_type}],
        BillingMode="PAY_PER_REQUEST",
        **stream,
    )
    wait_until_active(dynamodb, name)


def wait_until_active(dynamodb: Any, name: str) -> None:
    while dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
        time.sleep(0.1)


def stream_arn(dynamodb: Any, name: str) -> str:
    return str(dynamodb.describe_table(TableName=name)["Table"]["LatestStreamArn"])


def records(arn: str) -> list[dict[str, Any]]:
    """All records of a stream, from its beginning; the emulators here have one shard and answer at once.

    Without the client's own validation, because not all emulators name shards in AWS's way.
    """
    streams = boto3.client("dynamodbstreams", config=Config(parameter_validation=False))
    [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return list(streams.get_records(ShardIterator=iterator)["Records"])
