#!/usr/bin/env bash
# microburst without a single fault refuses requests of 1 to 4 MiB, and passes on smaller and larger ones.
#
# A batch for Firehose holds up to 4 MiB before base64, and DynamoDB takes batches of up to 16 MB, so a backup's
# full batches are of this size. A test with full batches behind microburst sees an error 413 that AWS does not
# give, and that no rule asked for; one that goes over 4 MiB in base64 is fine again. microburst reads up to 4 MiB
# of a request to see what it is about, with a web framework that by itself takes 1 MiB, and leaves larger ones alone.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install boto3==1.43.106 microburst==0.10.0 ministack==1.5.33
start_ministack
port=$(free_port)
start "$port" microburst --host 127.0.0.1 --port "$port" --upstream "$AWS_ENDPOINT_URL"

# Written with `localhost`, because in an address with dots microburst looks for the name of a service.
BEHIND_MICROBURST=http://localhost:$port python - <<'PY'
import os
from typing import Any

import boto3
from botocore.exceptions import ClientError
from finding import expected, say_versions, seen, still

KIB = 1024
say_versions("microburst", "aiohttp", "ministack", "boto3")
boto3.client("s3").create_bucket(Bucket="changes", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
direct = boto3.client("firehose")
direct.create_delivery_stream(
    DeliveryStreamName="changes",
    ExtendedS3DestinationConfiguration={
        "RoleARN": "arn:aws:iam::000000000000:role/delivery",
        "BucketARN": "arn:aws:s3:::changes",
    },
)


def answer(firehose: Any, records: int) -> str:
    """To one call of PutRecordBatch with so many records of 100 KiB; 40 of them are within AWS's limit."""
    batch = [{"Data": b"x" * 100 * KIB}] * records
    try:
        failed = firehose.put_record_batch(DeliveryStreamName="changes", Records=batch)["FailedPutCount"]
    except ClientError as error:
        return f"error {error.response['Error']['Code']}"
    return f"{failed} failed"


behind = boto3.client("firehose", endpoint_url=os.environ["BEHIND_MICROBURST"])
expected("without rules, every batch that Firehose takes is answered as if microburst were not there")
answers = {}
for records in (7, 10, 25, 35):
    answers[records] = (answer(direct, records), answer(behind, records))
    in_base64 = records * 100 / 3 * 4 / KIB
    alone, proxied = answers[records]
    seen(f"{in_base64:.1f} MiB in base64: {alone} without microburst, {proxied} behind it")
still(all(first == "0 failed" for first, _ in answers.values()), "the emulator no longer takes these batches.")
still(
    [second for _, second in answers.values()] == ["0 failed", "error 413", "error 413", "0 failed"],
    "microburst no longer refuses just what is between 1 and 4 MiB.",
)
PY
