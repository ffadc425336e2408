#!/usr/bin/env bash
# A stream that is switched on anew begins with the records of the streams before it, in dynoxide.
#
# In AWS, switching a stream off and on again makes another stream with another ARN, and what it holds are the
# changes since then, with the images that its own view type asks for. A backup that finds a new stream reads it
# from TRIM_HORIZON for that reason. On dynoxide, that reads changes a second time that it has already stored,
# and after a table was dropped and made anew, it stores the changes of the old table as the new one's.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install boto3==1.43.106
install_for_node @dynoxide/linux-x64@1.2.1
start_dynoxide
"$work/node_modules/@dynoxide/linux-x64/dynoxide" --version

python - <<'PY'
import boto3
from finding import create_table, expected, records, say_versions, seen, still, stream_arn, wait_until_active

say_versions("boto3")
dynamodb = boto3.client("dynamodb")


def put(key: str) -> None:
    dynamodb.put_item(TableName="orders", Item={"k": {"S": key}, "secret": {"S": "text"}})


def keys_and_images(arn: str) -> list[str]:
    return [
        record["dynamodb"]["Keys"]["k"]["S"] + (" with an image" if "NewImage" in record["dynamodb"] else "")
        for record in records(arn)
    ]


create_table(dynamodb, "orders")
first = stream_arn(dynamodb, "orders")
put("before")
dynamodb.update_table(TableName="orders", StreamSpecification={"StreamEnabled": False})
wait_until_active(dynamodb, "orders")
put("while it was off")
dynamodb.update_table(
    TableName="orders", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
)
wait_until_active(dynamodb, "orders")
put("after")
second = stream_arn(dynamodb, "orders")
still(first != second, "the stream that was switched on again has the ARN of the one before.")

expected("the second stream, of keys only, has ['after']")
second_has = keys_and_images(second)
seen(str(second_has))
still(second_has == ["before with an image", "after"], "a stream switched on again begins otherwise now.")

dynamodb.delete_table(TableName="orders")
dynamodb.get_waiter("table_not_exists").wait(TableName="orders", WaiterConfig={"Delay": 1})
create_table(dynamodb, "orders")
put("in the new table")
expected("the stream of a new table of the same name has ['in the new table with an image']")
third_has = keys_and_images(stream_arn(dynamodb, "orders"))
seen(str(third_has))
still(
    third_has == ["before with an image", "after", "in the new table with an image"],
    "the stream of a table made anew begins otherwise now.",
)
PY
