"""Stages for the tests that need the whole product: made once a file, in a temporary folder."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local.change_log_check import ChangeLog, Item, changes, fold, scan
from local.stage import PREFIX, Settings, Stage
from local.waiting import wait_for


def deployed(work: Path, **settings: object) -> Iterator[Stage]:
    """For a fixture: the product built and deployed, with these keys of the configuration."""
    with Stage(work, Settings(settings)) as stage:
        stage.build()
        stage.deploy()
        yield stage


def whitelist(stage: Stage, *tables: str, everything: bool = False) -> str:
    """A whitelist file in the seed's shape."""
    path = stage.work / f"whitelist-{abs(hash((tables, everything)))}.hjson"
    path.write_text(json.dumps({"provisionAll": everything, "tableNames": list(tables)}))
    return str(path)


def put(stage: Stage, table: str, *numbers: int, **attributes: dict[str, Any]) -> None:
    for number in numbers:
        item = {"id": {"S": f"item-{number}"}, "number": {"N": str(number)}} | attributes
        stage.emulator.client("dynamodb").put_item(TableName=table, Item=item)


def wait_for_changes(stage: Stage, table: str, count: int, within: float = 120) -> ChangeLog:
    """The change log of a table, once it has that many changes."""
    log = ChangeLog(stage.emulator.client("s3"), stage.bucket, PREFIX, table)
    wait_for(lambda: len(log.read_new()) >= count, f"{count} changes of {table}", within)
    return log


def folded(stage: Stage, table: str) -> dict[str, Item]:
    return fold(changes(stage.emulator.client("s3"), stage.bucket, PREFIX, table))


def scanned(stage: Stage, table: str) -> dict[str, Item]:
    return scan(stage.emulator.client("dynamodb"), table)


def delivery_streams(stage: Stage) -> list[str]:
    names: list[str] = stage.emulator.client("firehose").list_delivery_streams(Limit=1000)["DeliveryStreamNames"]
    return names


def stream_arn(stage: Stage, table: str) -> str:
    described = stage.emulator.client("dynamodb").describe_table(TableName=table)["Table"]
    return str(described.get("LatestStreamArn", ""))


def described_delivery_stream(stage: Stage, table: str) -> dict[str, Any]:
    found: dict[str, Any] = stage.emulator.client("firehose").describe_delivery_stream(DeliveryStreamName=table)
    return found["DeliveryStreamDescription"]


def wait_until(condition: Callable[[], bool], what: str, within: float = 120) -> None:
    wait_for(lambda: condition() or None, what, within)
