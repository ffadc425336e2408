#!/usr/bin/env bash
# dynoxide makes a stream record of every write, also of one that changes nothing.
#
# DynamoDB's guide says that a PutItem or UpdateItem which does not change any data makes no record. So whoever writes
# all items of a table once more, "to get them into the backup", gets nothing in AWS, and everything on dynoxide; and
# a count of changes that is right here is too high there. MiniStack does as the guide says, and is tried beside it.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install boto3==1.43.106 ministack==1.5.33
install_for_node @dynoxide/linux-x64@1.2.1
start_ministack
MINISTACK=$AWS_ENDPOINT_URL
start_dynoxide
"$work/node_modules/@dynoxide/linux-x64/dynoxide" --version

MINISTACK=$MINISTACK DYNOXIDE=$AWS_ENDPOINT_URL python - <<'PY'
import os
from collections.abc import Callable
from typing import Any

import boto3
from finding import create_table, expected, records, say_versions, seen, still, stream_arn

say_versions("ministack", "boto3")
KEY = {"k": {"S": "1"}}
ITEM = {**KEY, "price": {"N": "1.5"}}


def recorded(name: str) -> list[str]:
    """The writes that change nothing and make a record nevertheless."""
    os.environ["AWS_ENDPOINT_URL"] = os.environ[name]
    dynamodb = boto3.client("dynamodb")
    create_table(dynamodb, "orders")
    arn = stream_arn(dynamodb, "orders")
    dynamodb.put_item(TableName="orders", Item=ITEM)
    writes: dict[str, Callable[[], Any]] = {
        "PutItem": lambda: dynamodb.put_item(TableName="orders", Item=ITEM),
        "PutItem, price 1.50": lambda: dynamodb.put_item(
            TableName="orders", Item={**ITEM, "price": {"N": "1.50"}}
        ),
        "UpdateItem": lambda: dynamodb.update_item(
            TableName="orders",
            Key=KEY,
            UpdateExpression="SET price = :price",
            ExpressionAttributeValues={":price": ITEM["price"]},
        ),
        "BatchWriteItem": lambda: dynamodb.batch_write_item(
            RequestItems={"orders": [{"PutRequest": {"Item": ITEM}}]}
        ),
        "TransactWriteItems": lambda: dynamodb.transact_write_items(
            TransactItems=[{"Put": {"TableName": "orders", "Item": ITEM}}]
        ),
    }
    made_a_record = []
    for what, write in writes.items():
        before = len(records(arn))
        write()
        if len(records(arn)) > before:
            made_a_record.append(what)
    return made_a_record


expected("no records at all")
by_ministack, by_dynoxide = recorded("MINISTACK"), recorded("DYNOXIDE")
seen(f"ministack has records of: {'; '.join(by_ministack) or 'nothing'}")
seen(f"dynoxide has records of: {'; '.join(by_dynoxide) or 'nothing'}")
still({"PutItem", "UpdateItem"} <= set(by_dynoxide), "dynoxide no longer records writes that change nothing.")
still(not by_ministack, "MiniStack records writes that change nothing now.")
PY
