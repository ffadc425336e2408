#!/usr/bin/env bash
# MiniStack finds an item by the text of its number key, but puts it by its value.
#
# DynamoDB's numbers are values: 1.5, 1.50 and 15E-1 are one key. A restore that compares a table with a backup asks
# for items by keys that other tools have written down (1.50 in a CSV file, 15E-1 by Java's BigDecimal). On MiniStack
# that item is "not there", a put of it nevertheless overwrites the one that is, and a delete says that all went well
# and deletes nothing. dynoxide, a smaller emulator, does as AWS does, so that it is tried beside it.
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

import boto3
from finding import create_table, expected, say_versions, seen, still

say_versions("ministack", "boto3")


def answers(endpoint_url: str) -> tuple[list[str], int, int]:
    """How the key 1.5 is found, how many items there are after a put of 1.50, and how many after its deletion."""
    dynamodb = boto3.client("dynamodb", endpoint_url=endpoint_url)
    create_table(dynamodb, "prices", key_type="N", view=None)
    dynamodb.put_item(TableName="prices", Item={"k": {"N": "1.5"}})
    found_as = [
        text
        for text in ("1.5", "1.50", "15E-1")
        if "Item" in dynamodb.get_item(TableName="prices", Key={"k": {"N": text}}, ConsistentRead=True)
    ]
    dynamodb.put_item(TableName="prices", Item={"k": {"N": "1.50"}, "new": {"BOOL": True}})
    after_put = len(dynamodb.scan(TableName="prices")["Items"])
    dynamodb.delete_item(TableName="prices", Key={"k": {"N": "1.50"}})
    return found_as, after_put, len(dynamodb.scan(TableName="prices")["Items"])


expected("1.5 is found as 1.5, 1.50 and 15E-1; a put of 1.50 replaces it, and a deletion of 1.50 deletes it")
for name in ("DYNOXIDE", "MINISTACK"):
    got = answers(os.environ[name])
    seen(f"{name.lower()}: found as {got[0]}, items after a put: {got[1]}, after a deletion: {got[2]}")
    if name == "DYNOXIDE":
        still(got == (["1.5", "1.50", "15E-1"], 1, 0), "dynoxide does not take number keys as values.")
    else:
        still(got == (["1.5"], 1, 1), "MiniStack has another idea of number keys.")
PY
