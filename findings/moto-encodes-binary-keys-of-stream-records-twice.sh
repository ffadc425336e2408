#!/usr/bin/env bash
# In moto's streams, the binary keys of a record are base64 of base64, and its images are right.
#
# A backup stores changes under the item's keys. With moto, the keys of a record and the same attribute of its image
# are two things, so a deletion, of which a backup may well keep the keys alone, is one of an item that there never
# was, and the deleted item comes back at a restore. Whoever decodes once more to make a test pass breaks it for AWS.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install boto3==1.43.106 'moto[server]==5.2.5' ministack==1.5.33
start_ministack
MINISTACK=$AWS_ENDPOINT_URL
start_moto

MINISTACK=$MINISTACK MOTO=$AWS_ENDPOINT_URL python - <<'PY'
import base64
import os

import boto3
from finding import create_table, expected, records, say_versions, seen, still, stream_arn

KEY = b"\x00\xff\x10"
say_versions("moto", "ministack", "boto3")
expected(f"the key {KEY!r} stands in the keys and in the image of the record of its put")
for name in ("MINISTACK", "MOTO"):
    os.environ["AWS_ENDPOINT_URL"] = os.environ[name]
    dynamodb = boto3.client("dynamodb")
    create_table(dynamodb, "files", key_type="B")
    dynamodb.put_item(TableName="files", Item={"k": {"B": KEY}})
    [record] = records(stream_arn(dynamodb, "files"))
    of_keys, of_image = (record["dynamodb"][part]["k"]["B"] for part in ("Keys", "NewImage"))
    seen(f"{name.lower()}: {of_keys!r} in the keys, {of_image!r} in the image")
    still(of_image == KEY, f"{name.lower()} has another key in the image.")
    if name == "MOTO":
        still(of_keys == base64.b64encode(KEY), "moto does not encode binary keys twice any more.")
    else:
        still(of_keys == KEY, "MiniStack has another key among the keys.")
PY
