#!/usr/bin/env bash
# A rule of microburst for one table leaves out batches, transactions, PartiQL and streams; for Firehose, everything.
#
# Who tests a backup with "this table is throttled" or "this delivery stream fails" writes `resource: orders`, sees
# the rule taken, and the test pass: no request that carries a batch ever met the fault. microburst takes the table
# from a request's `TableName` at the top, and does not know where Firehose has a name. A rule with `body`
# (a JMESPath expression) does what one wants: it is tried here, too.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install boto3==1.43.106 microburst==0.10.0 ministack==1.5.33
start_ministack
port=$(free_port)
start "$port" microburst --host 127.0.0.1 --port "$port" --upstream "$AWS_ENDPOINT_URL"

BEHIND_MICROBURST=http://localhost:$port python - <<'PY'
import json
import os
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError
from finding import create_table, expected, say_versions, seen, still

say_versions("microburst", "ministack", "boto3")
behind = os.environ["BEHIND_MICROBURST"]
create_table(boto3.client("dynamodb"), "orders")
boto3.client("s3").create_bucket(Bucket="orders", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
boto3.client("firehose").create_delivery_stream(
    DeliveryStreamName="orders",
    ExtendedS3DestinationConfiguration={
        "RoleARN": "arn:aws:iam::000000000000:role/delivery",
        "BucketARN": "arn:aws:s3:::orders",
    },
)
dynamodb = boto3.client("dynamodb", endpoint_url=behind)
firehose = boto3.client("firehose", endpoint_url=behind)
s3 = boto3.client("s3", endpoint_url=behind)
item = {"k": {"S": "1"}}
requests: dict[str, Callable[[], Any]] = {
    "PutItem": lambda: dynamodb.put_item(TableName="orders", Item=item),
    "Scan": lambda: dynamodb.scan(TableName="orders"),
    "S3 ListObjectsV2": lambda: s3.list_objects_v2(Bucket="orders"),
    "BatchWriteItem": lambda: dynamodb.batch_write_item(RequestItems={"orders": [{"PutRequest": {"Item": item}}]}),
    "BatchGetItem": lambda: dynamodb.batch_get_item(RequestItems={"orders": {"Keys": [item]}}),
    "TransactWriteItems": lambda: dynamodb.transact_write_items(
        TransactItems=[{"Put": {"TableName": "orders", "Item": item}}]
    ),
    "ExecuteStatement": lambda: dynamodb.execute_statement(Statement='SELECT * FROM "orders"'),
    "Firehose PutRecord": lambda: firehose.put_record(DeliveryStreamName="orders", Record={"Data": b"x"}),
    "Firehose PutRecordBatch": lambda: firehose.put_record_batch(
        DeliveryStreamName="orders", Records=[{"Data": b"x"}]
    ),
}


def refused_under(*rules: dict[str, Any]) -> set[str]:
    """The requests that meet the fault when these are the only rules."""
    body = json.dumps(rules).encode()
    set_rules = urllib.request.Request(f"{behind}/_microburst/rules", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(set_rules) as answer:
        still(len(json.load(answer)) == len(rules), "microburst does not take the rules any more.")
    refused = set()
    for name, request in requests.items():
        try:
            request()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            still(code == "ThrottlingException", f"{name} fails with another error: {error}")
            refused.add(name)
    return refused


fault = {"error": {"code": "ThrottlingException", "status": 400}}
expected(f"a rule for the resource 'orders' refuses all {len(requests)} requests that are about orders")
by_resource = refused_under({"service": "*", "resource": "orders", **fault})
missed = requests.keys() - by_resource
seen(f"it refuses {', '.join(sorted(by_resource))}, and lets {', '.join(sorted(missed))} pass")
still(by_resource == {"PutItem", "Scan", "S3 ListObjectsV2"}, "a rule for a resource refuses other requests now.")

by_body = refused_under(
    {"service": "dynamodb", "body": "RequestItems.orders || TransactItems[?Put.TableName == 'orders']", **fault},
    {"service": "firehose", "body": "DeliveryStreamName == 'orders'", **fault},
)
seen(f"rules on the body refuse {', '.join(sorted(by_body))}")
still(
    by_body >= {"BatchWriteItem", "BatchGetItem", "TransactWriteItems", "Firehose PutRecordBatch"},
    "rules on the body miss batches, too.",
)
PY
