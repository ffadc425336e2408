#!/usr/bin/env bash
# Deleting a stack on MiniStack deletes its bucket with all that is in it; CloudFormation deletes empty ones only.
#
# A backup's bucket survives the deletion of its stack by `DeletionPolicy: Retain`. Whoever forgets that is told so in
# AWS, because the deletion of a bucket with objects fails. On MiniStack it succeeds: a test there neither sees that
# a teardown would get stuck, nor that the backups were safe. S3 itself, in the same MiniStack, refuses as AWS does,
# and the policy is obeyed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install boto3==1.43.106 ministack==1.5.33
start_ministack

python - <<'PY'
import contextlib
import json

import boto3
from botocore.exceptions import ClientError, WaiterError
from finding import expected, say_versions, seen, still

say_versions("ministack", "boto3")
cloudformation, s3 = boto3.client("cloudformation"), boto3.client("s3")


def create(bucket: str, **attributes: str) -> None:
    """A stack with this bucket, and an object in it."""
    resource = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}, **attributes}
    cloudformation.create_stack(StackName=bucket, TemplateBody=json.dumps({"Resources": {"Backups": resource}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=bucket, WaiterConfig={"Delay": 1})
    s3.put_object(Bucket=bucket, Key="changes-of-2026", Body=b"{}")


def delete(bucket: str) -> str:
    stack = cloudformation.describe_stacks(StackName=bucket)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=bucket)
    with contextlib.suppress(WaiterError):
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    return str(cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


def holds_the_backup(bucket: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key="changes-of-2026")
    except ClientError:
        return False
    return True


create("kept-by-policy", DeletionPolicy="Retain", UpdateReplacePolicy="Retain")
create("not-empty")
try:
    s3.delete_bucket(Bucket="not-empty")
    refusal = "none"
except ClientError as error:
    refusal = error.response["Error"]["Code"]
seen(f"S3's own DeleteBucket of a bucket with an object: {refusal}")
still(refusal == "BucketNotEmpty", "S3's DeleteBucket does not refuse any more.")

expected("the stack of a bucket with an object ends in DELETE_FAILED, and the object is there")
status = delete("not-empty")
kept = holds_the_backup("not-empty")
seen(f"{status}, and the object is {'there' if kept else 'gone'}")
still(status == "DELETE_COMPLETE" and not kept, "the deletion of the stack ends otherwise now.")

status = delete("kept-by-policy")
kept = holds_the_backup("kept-by-policy")
seen(f"with DeletionPolicy: Retain: {status}, and the object is {'there' if kept else 'gone'}")
still(kept, "the policy is not obeyed.")
PY
