#!/usr/bin/env bash
# No reader that uses boto3 can go on in a stream of dynoxide from where it was: the sequence numbers are too short.
#
# AWS's sequence numbers have 21 to 40 digits and its shard ids 28 to 65 characters, and boto3 refuses to send shorter
# ones. dynoxide counts from 1, and names a shard after its table: so all is well in a test that reads from
# TRIM_HORIZON a table with a long name, and the reader of a backup that keeps its position, or a table that is
# called `orders`, never comes as far as a request. `parameter_validation=False` in boto3's Config helps.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install boto3==1.43.106
install_for_node @dynoxide/linux-x64@1.2.1
start_dynoxide
"$work/node_modules/@dynoxide/linux-x64/dynoxide" --version

python - <<'PY'
import boto3
from botocore.exceptions import ParamValidationError
from finding import create_table, expected, records, say_versions, seen, still, stream_arn

say_versions("boto3")
dynamodb = boto3.client("dynamodb")
streams = boto3.client("dynamodbstreams")


def refusal(**parameters: str) -> str:
    try:
        streams.get_shard_iterator(**parameters)
    except ParamValidationError as error:
        return str(error).splitlines()[-1]
    return "none"


expected("a reader of any table's stream gets an iterator, from the beginning and after any record")
seen_refusals = {}
for table in ("orders", "orders-of-all-customers"):
    create_table(dynamodb, table)
    dynamodb.put_item(TableName=table, Item={"k": {"S": "1"}})
    arn = stream_arn(dynamodb, table)
    [shard] = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    position = records(arn)[0]["dynamodb"]["SequenceNumber"]
    of_shard = {"StreamArn": arn, "ShardId": shard["ShardId"]}
    seen_refusals[table] = (
        refusal(**of_shard, ShardIteratorType="TRIM_HORIZON"),
        refusal(**of_shard, ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=position),
    )
    seen(f"{table}: shard {shard['ShardId']}, first sequence number {position}")
    for start, reason in zip(("from the beginning", "after the first record"), seen_refusals[table], strict=True):
        seen(f"    refused by boto3 {start}: {reason}")

still(
    "ShardId" in seen_refusals["orders"][0] and seen_refusals["orders-of-all-customers"][0] == "none",
    "shards have other names now, or boto3 checks them otherwise.",
)
still(
    "SequenceNumber" in seen_refusals["orders-of-all-customers"][1],
    "a position in a stream of dynoxide can be sent by boto3 now.",
)
PY
