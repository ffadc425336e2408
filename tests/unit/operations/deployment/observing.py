"""What looking at a deployment is tested with."""

import json

from deployments import ACCOUNT, ENSURE, FORWARDER

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.operations.deployment import bucket_lifecycle, bucket_policy
from continuous_backup.operations.deployment.state import Bucket, Lifecycle, Versioning

CONFIG = Config(bucket="mine").in_account(ACCOUNT)
BUCKET_ARN = "arn:aws:s3:::mine"
IN_ORDER = [ENSURE, FORWARDER]
LOG_GROUPS = [naming.DELIVERY_LOG_GROUP, *map(naming.log_group, IN_ORDER)]
OURS = {"Key": naming.MANAGED_TAG, "Value": naming.MANAGED_TAG_VALUE}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
#: As deploy.py leaves it.
KEPT = Bucket("mine", ours=True, secured=True, versioning=Versioning.ENABLED, lifecycle=Lifecycle.DECIDED)
BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


def drifted(stub, *resources: dict[str, object], stack: str = naming.ROLES_STACK, **only: object) -> None:
    """CloudFormation's answers where these resources of a stack differ, after it has looked for a while."""
    cloudformation = stub("cloudformation")
    cloudformation.add_response(
        "detect_stack_drift", {"StackDriftDetectionId": "looking"}, {"StackName": stack, **only}
    )
    for status in ("DETECTION_IN_PROGRESS", "DETECTION_COMPLETE"):
        looked = {"StackId": stack, "StackDriftDetectionId": "looking", "DetectionStatus": status, "Timestamp": 0}
        cloudformation.add_response("describe_stack_drift_detection_status", looked)
    asked = {"StackName": stack, "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"]}
    first, rest = [*resources[:1]], [*resources[1:]]
    cloudformation.add_response(
        "describe_stack_resource_drifts",
        {"StackResourceDrifts": first, **({"NextToken": "more"} if rest else {})},
        asked,
    )
    if rest:
        cloudformation.add_response(
            "describe_stack_resource_drifts", {"StackResourceDrifts": rest}, {**asked, "NextToken": "more"}
        )


def drifted_role(
    role: str, *differences: dict[str, str], status: str = "MODIFIED", policies: tuple[str, ...] = ()
) -> dict[str, object]:
    """One of those resources; `policies` are the names of those that its template has, in order."""
    return {
        "StackId": "stack",
        "LogicalResourceId": f"{role.rpartition('-')[2]}Role",
        "PhysicalResourceId": role,
        "ResourceType": "AWS::IAM::Role",
        "ExpectedProperties": json.dumps({"Policies": [{"PolicyName": each} for each in policies]}),
        "PropertyDifferences": list(differences),
        "StackResourceDriftStatus": status,
        "Timestamp": 0,
    }


def encrypted_with(s3, key: str = "") -> None:
    """S3's answer where the bucket encrypts with a key of KMS, or with its own."""
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": False}]}
    s3.add_response("get_bucket_encryption", {"ServerSideEncryptionConfiguration": rules})


def describe_bucket(s3, *, key: str = "", **facts) -> None:
    describe_bucket_before_its_encryption(s3, **facts)
    encrypted_with(s3, key)


def describe_bucket_before_its_encryption(s3, **facts) -> None:
    describe_bucket_before_its_versioning(s3)
    s3.add_response("get_bucket_versioning", {"Status": "Enabled"}, {"Bucket": "mine"})
    s3.add_response("get_bucket_lifecycle_configuration", {"Rules": bucket_lifecycle.joined([])})
    describe_access(s3, **facts)


def describe_bucket_before_its_versioning(s3) -> None:
    s3.add_response("head_bucket", {}, {"Bucket": "mine", "ExpectedBucketOwner": ACCOUNT.id})
    s3.add_response("get_bucket_tagging", {"TagSet": [OURS]})


def describe_access(s3, *, block=BLOCKED, policy=None) -> None:
    s3.add_response("get_public_access_block", {"PublicAccessBlockConfiguration": block})
    s3.add_response("get_bucket_policy", {"Policy": json.dumps(policy or bucket_policy.tls_only(BUCKET_ARN))})
