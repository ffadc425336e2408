#!/usr/bin/env bash
# MiniStack's drift detection sees that a role trusts somebody else, and not that its inline policy is gone.
#
# Inline policies are a property of AWS::IAM::Role, and CloudFormation compares all that a template sets. On MiniStack
# a role without its policy is IN_SYNC, while a change of its trust is MODIFIED: that drift detection is there, and
# works for roles, hides that it does not look at what most people would look for. A test of "our deployment notices
# a role that lost its rights" passes or fails there by which of the two it takes away.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install boto3==1.43.106 ministack==1.5.33
start_ministack

python - <<'PY'
import json
import time

import boto3
from finding import expected, say_versions, seen, still

say_versions("ministack", "boto3")
cloudformation, iam = boto3.client("cloudformation"), boto3.client("iam")


def trust(service: str) -> dict[str, object]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::a-bucket/*"}
policy = {"Version": "2012-10-17", "Statement": [statement]}
role = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "RoleName": "deliverer",
        "AssumeRolePolicyDocument": trust("firehose.amazonaws.com"),
        "Policies": [{"PolicyName": "Deliver", "PolicyDocument": policy}],
    },
}
cloudformation.create_stack(
    StackName="roles",
    TemplateBody=json.dumps({"Resources": {"Role": role}}),
    Capabilities=["CAPABILITY_NAMED_IAM"],
)
cloudformation.get_waiter("stack_create_complete").wait(StackName="roles", WaiterConfig={"Delay": 1})


def drift() -> str:
    looking = cloudformation.detect_stack_drift(StackName="roles")["StackDriftDetectionId"]
    for _ in range(60):
        found = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=looking)
        if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
        time.sleep(0.5)
    (its,) = cloudformation.describe_stack_resource_drifts(StackName="roles")["StackResourceDrifts"]
    return str(its["StackResourceDriftStatus"])


still(drift() == "IN_SYNC", "a role as it was made is not IN_SYNC.")
still(iam.list_role_policies(RoleName="deliverer")["PolicyNames"] == ["Deliver"], "the role has no inline policy.")
iam.delete_role_policy(RoleName="deliverer", PolicyName="Deliver")
expected("a role whose inline policy was deleted is MODIFIED")
without_policy = drift()
seen(f"its policies are {iam.list_role_policies(RoleName='deliverer')['PolicyNames']}, and it is {without_policy}")
still(without_policy == "IN_SYNC", "the policy that is gone is noticed now.")

iam.update_assume_role_policy(RoleName="deliverer", PolicyDocument=json.dumps(trust("ec2.amazonaws.com")))
other_trust = drift()
seen(f"with another trust policy it is {other_trust}")
still(other_trust == "MODIFIED", "another trust policy is not noticed any more.")
PY
