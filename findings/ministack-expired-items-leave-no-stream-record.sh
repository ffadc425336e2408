#!/usr/bin/env bash
# MiniStack deletes expired items (TTL) without a record in the stream. Takes about a minute and a half.
#
# In AWS, an expired item is deleted by a REMOVE record as any other, with `userIdentity` saying that TTL did it. A
# backup of changes lives on that: on MiniStack the item is gone from the table and stays in the backup for ever, and
# a test that compares the two fails for a reason that AWS does not have. A deletion by hand is recorded.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install boto3==1.43.106 ministack==1.5.33
start_ministack

python - <<'PY'
import re
import time

import boto3
from finding import create_table, expected, records, say_versions, seen, still, stream_arn

#: MiniStack looks for expired items once a minute.
WAIT = 150

say_versions("ministack", "boto3")
dynamodb = boto3.client("dynamodb")
create_table(dynamodb, "sessions")
dynamodb.update_time_to_live(
    TableName="sessions", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
)
an_hour_ago = {"N": str(int(time.time()) - 3600)}
for key in ("expired", "deleted by hand"):
    dynamodb.put_item(TableName="sessions", Item={"k": {"S": key}, "expires": an_hour_ago})
dynamodb.delete_item(TableName="sessions", Key={"k": {"S": "deleted by hand"}})

until = time.monotonic() + WAIT
while dynamodb.scan(TableName="sessions")["Items"]:
    still(time.monotonic() < until, f"an expired item is there for more than {WAIT} seconds.")
    time.sleep(2)
seen("the expired item is gone from the table")

identity = boto3.client("dynamodbstreams").meta.service_model.shape_for("Record").members["userIdentity"]
words = " ".join(re.sub(r"<[^>]+>", " ", identity.documentation).split())
expected(f"two REMOVE records, the later one by TTL; AWS says: {words}")
removed = [
    record["dynamodb"]["Keys"]["k"]["S"] + (" by TTL" if "userIdentity" in record else "")
    for record in records(stream_arn(dynamodb, "sessions"))
    if record["eventName"] == "REMOVE"
]
seen(f"REMOVE records: {removed}")
still(removed == ["deleted by hand"], "expired items have a record now, or deletions have none.")
PY
