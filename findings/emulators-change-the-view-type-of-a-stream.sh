#!/usr/bin/env bash
# MiniStack and dynoxide change the view type of a stream that is on, which AWS and moto refuse.
#
# A backup needs NEW_AND_OLD_IMAGES, and finds streams of KEYS_ONLY. In AWS such a stream must be switched off and on
# again, which makes a new one with a new ARN, for which the function needs a new mapping. On MiniStack an UpdateTable
# is enough, the ARN stays, and one stream has records of both kinds; so a test there passes for code that AWS stops.
# On dynoxide it makes a new stream. moto refuses, though with another error than AWS's own ValidationException,
# of which the SDK's description of UpdateTable tells.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install boto3==1.43.106 'moto[server]==5.2.5' ministack==1.5.33
install_for_node @dynoxide/linux-x64@1.2.1
start_ministack
MINISTACK=$AWS_ENDPOINT_URL
start_moto
MOTO=$AWS_ENDPOINT_URL
start_dynoxide
"$work/node_modules/@dynoxide/linux-x64/dynoxide" --version

MINISTACK=$MINISTACK MOTO=$MOTO DYNOXIDE=$AWS_ENDPOINT_URL python - <<'PY'
import os
import re

import boto3
from botocore.exceptions import ClientError
from finding import create_table, expected, records, say_versions, seen, still, stream_arn, wait_until_active

say_versions("ministack", "moto", "boto3")


def changed(name: str) -> str:
    """What comes of it when a stream of keys only is told to have images."""
    os.environ["AWS_ENDPOINT_URL"] = os.environ[name]
    dynamodb = boto3.client("dynamodb")
    create_table(dynamodb, "orders", view="KEYS_ONLY")
    before = stream_arn(dynamodb, "orders")
    dynamodb.put_item(TableName="orders", Item={"k": {"S": "1"}})
    wanted = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    try:
        dynamodb.update_table(TableName="orders", StreamSpecification=wanted)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    wait_until_active(dynamodb, "orders")
    dynamodb.put_item(TableName="orders", Item={"k": {"S": "2"}})
    after = stream_arn(dynamodb, "orders")
    with_image = [("NewImage" in record["dynamodb"]) for record in records(after)]
    same = "the same stream" if before == after else "a new stream"
    return f"{same}, with {with_image.count(False)} record without image and {with_image.count(True)} with one"


model = boto3.client("dynamodb").meta.service_model.shape_for("UpdateTableInput").members["StreamSpecification"]
words = re.sub(r"<[^>]+>", "", model.documentation)
expected("ValidationException; AWS says: " + words[words.index("You receive") :].strip())
for name, answer in {
    "MINISTACK": "the same stream, with 1 record without image and 1 with one",
    "DYNOXIDE": "a new stream, with 1 record without image and 1 with one",
    "MOTO": "ResourceInUseException",
}.items():
    now = changed(name)
    seen(f"{name.lower()}: {now}")
    still(now == answer, f"{name.lower()} no longer answers '{answer}'.")
PY
