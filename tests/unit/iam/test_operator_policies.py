"""docs/policies: each script's calls are allowed, and no more."""

import json
import re
from typing import Any

import pytest

from continuous_backup import naming
from tests.unit.iam import reference
from tests.unit.iam.cases import cases, named
from tests.unit.iam.evaluator import Request, Statement, allows
from tests.unit.iam.policies import IMAGES_BUCKET, OF_SCRIPTS, actions_of, operator_policy, operator_policy_text
from tests.unit.iam.restoring_policies import BUCKET_SIDE, SIDES, TABLE_SIDE, restoring_policy
from tests.unit.iam.sample import (
    ACCOUNT,
    BUCKET,
    BUCKET_ARN,
    DELIVERY_ROLE,
    DELIVERY_STREAM,
    ELSEWHERE,
    ENSURE,
    EVENTS_ROLE,
    FORWARDER,
    FUNCTION_ROLES,
    IMAGES,
    IN_PREFIX,
    LAMBDA_ROLE,
    MAPPING,
    OTHER_BUCKET,
    OTHER_FUNCTION,
    OTHER_ROLE,
    OTHER_RULE,
    OURS,
    PREFIX,
    ROLES,
    RULES,
    STRANGER,
    STREAM,
    TABLE,
    TAGGED,
    TAGGED_OTHERWISE,
    TO_FIREHOSE,
    TO_FORWARDER,
    TO_OTHER_FUNCTION,
    log_group,
    log_stream,
)

#: Characters of a managed policy, without white space:
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
LARGEST_MANAGED_POLICY = 6_144

PLACEHOLDERS = {"Partition", "Region", "Account", "Bucket", "Prefix", "ImagesBucket", "ImagesPrefix"}


def _policy(
    script: str,
    account: naming.Account,
    bucket: str = BUCKET,
    prefix: str = PREFIX,
    images_bucket: str = IMAGES_BUCKET,
) -> dict[str, Any]:
    """That of a script, or of one side of restore_images.py: then the prefix is that of the images."""
    if script in SIDES:
        return restoring_policy(script, account, images_bucket, prefix)
    return operator_policy(script, account, bucket, prefix, images_bucket)


POLICIES = {script: _policy(script, ACCOUNT)["Statement"] for script in (*OF_SCRIPTS, *SIDES)}
STATEMENTS = [(script, statement) for script, policy in POLICIES.items() for statement in policy]

FUNCTIONS = [ENSURE, FORWARDER, IMAGES]
LOG_GROUPS = [
    naming.DELIVERY_LOG_GROUP,
    naming.log_group(naming.ENSURE_FUNCTION),
    naming.log_group(naming.FORWARDER_FUNCTION),
    naming.log_group(naming.ITEM_IMAGES_FUNCTION),
]
IMAGES_BUCKET_ARN = ACCOUNT.bucket_arn(IMAGES_BUCKET)
IMAGE = f"{IMAGES_BUCKET_ARN}/{PREFIX}/Orders/id.S.1/image.json"
IMAGES_STACK = ACCOUNT.arn("cloudformation", f"stack/{naming.IMAGES_STACK}/51af3dc1")
STACK = ACCOUNT.arn("cloudformation", f"stack/{naming.ROLES_STACK}/51af3dc0")
OTHER_STACK = ACCOUNT.arn("cloudformation", "stack/Other/51af3dc0")
TRAIL = ELSEWHERE.arn("cloudtrail", "trail/everything")
BY_CLOUDFORMATION = {"aws:CalledVia": ["cloudformation.amazonaws.com"]}
BY_EVENTS = {"lambda:Principal": "events.amazonaws.com"}
TO_EVENTS = {"iam:PassedToService": "events.amazonaws.com"}
TO_LAMBDA = {"iam:PassedToService": "lambda.amazonaws.com"}


def _on_each(resources: list[str], *actions: str) -> list[Request]:
    return [Request(action, resource) for resource in resources for action in actions]


LOOKING = [
    Request("sts:GetCallerIdentity"),
    Request("dynamodb:ListTables"),
    Request("dynamodb:DescribeTable", TABLE),
    Request("dynamodb:ListTagsOfResource", TABLE),
    Request("dynamodb:DescribeStream", STREAM),
    Request("firehose:ListDeliveryStreams"),
    Request("firehose:DescribeDeliveryStream", DELIVERY_STREAM),
    Request("firehose:ListTagsForDeliveryStream", DELIVERY_STREAM),
    Request("lambda:ListEventSourceMappings"),
    Request("lambda:ListTags", MAPPING),
    Request("tag:GetResources"),
    Request("pipes:ListPipes"),
]
READING_ROLES = [
    each
    for role in ROLES
    for each in (
        Request("iam:GetRole", role),
        Request("iam:GetRolePolicy", role),
        Request("iam:ListRolePolicies", role),
        Request("iam:ListAttachedRolePolicies", role),
    )
]

CHANGING_DELIVERY_STREAMS = (
    "DeleteDeliveryStream",
    "StartDeliveryStreamEncryption",
    "UntagDeliveryStream",
    "UpdateDestination",
)
OPTING_OUT = {
    f"aws:RequestTag/{naming.MANAGED_TAG}": naming.OPTED_OUT_TAG_VALUE,
    "aws:TagKeys": [naming.MANAGED_TAG],
}

ALLOWED = {
    "deploy": [
        Request("sts:GetCallerIdentity"),
        Request("tag:GetResources"),
        Request("dynamodb:ListTables"),
        Request("lambda:ListEventSourceMappings"),
        *_on_each(
            [BUCKET_ARN],
            "s3:ListBucket",
            "s3:CreateBucket",
            "s3:PutEncryptionConfiguration",
            "s3:GetBucketTagging",
            "s3:GetEncryptionConfiguration",
            "s3:PutBucketPublicAccessBlock",
            "s3:GetBucketPublicAccessBlock",
            "s3:PutBucketPolicy",
            "s3:GetBucketPolicy",
            "s3:PutBucketTagging",
            "s3:GetBucketVersioning",
            "s3:PutBucketVersioning",
            "s3:GetLifecycleConfiguration",
            "s3:PutLifecycleConfiguration",
        ),
        *_on_each(
            [IMAGES_BUCKET_ARN],
            "s3:GetReplicationConfiguration",
            "s3:GetBucketVersioning",
            "s3:GetEncryptionConfiguration",
            "s3:ListBucket",
        ),
        *(Request("iam:GetRole", role) for role in ROLES),
        Request("iam:PassRole", EVENTS_ROLE, TO_EVENTS),
        *(Request("iam:PassRole", role, TO_LAMBDA) for role in FUNCTION_ROLES),
        Request("firehose:DescribeDeliveryStream", DELIVERY_STREAM),
        Request("firehose:ListTagsForDeliveryStream", DELIVERY_STREAM),
        Request("logs:DescribeLogGroups"),
        *_on_each(
            [log_group(group) for group in LOG_GROUPS],
            "logs:CreateLogGroup",
            "logs:PutRetentionPolicy",
            "logs:TagResource",
            "logs:ListTagsForResource",
        ),
        *_on_each(
            FUNCTIONS,
            "lambda:GetFunction",
            "lambda:CreateFunction",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "lambda:GetFunctionConcurrency",
            "lambda:PutFunctionConcurrency",
            "lambda:DeleteFunctionConcurrency",
            "lambda:GetPolicy",
            "lambda:RemovePermission",
            "lambda:TagResource",
            "lambda:ListTags",
        ),
        Request("lambda:AddPermission", ENSURE, BY_EVENTS),
        Request("lambda:GetAccountSettings"),
        *_on_each(
            RULES,
            "events:DescribeRule",
            "events:PutRule",
            "events:ListTargetsByRule",
            "events:PutTargets",
            "events:TagResource",
            "events:ListTagsForResource",
        ),
        Request("cloudtrail:DescribeTrails"),
        Request("cloudtrail:GetTrailStatus", TRAIL),
        Request("cloudtrail:GetEventSelectors", TRAIL),
    ],
    "deploy-stacks": [
        *(
            Request(f"s3:{action}", IMAGES_BUCKET_ARN, BY_CLOUDFORMATION)
            for action in (
                "CreateBucket",
                "DeleteBucket",
                "DeleteBucketPolicy",
                "GetBucketOwnershipControls",
                "GetBucketPolicy",
                "GetBucketPublicAccessBlock",
                "GetBucketTagging",
                "GetBucketVersioning",
                "GetEncryptionConfiguration",
                "GetLifecycleConfiguration",
                "GetReplicationConfiguration",
                "PutBucketOwnershipControls",
                "PutBucketPolicy",
                "PutBucketPublicAccessBlock",
                "PutBucketTagging",
                "PutBucketVersioning",
                "PutEncryptionConfiguration",
                "PutLifecycleConfiguration",
                "PutReplicationConfiguration",
            )
        ),
        *_on_each(
            [STACK, IMAGES_STACK],
            "cloudformation:CreateStack",
            "cloudformation:DeleteStack",
            "cloudformation:UpdateStack",
            "cloudformation:DescribeStacks",
            "cloudformation:DescribeStackEvents",
            "cloudformation:GetTemplate",
            "cloudformation:TagResource",
            "cloudformation:CreateChangeSet",
            "cloudformation:DeleteChangeSet",
            "cloudformation:DescribeChangeSet",
            "cloudformation:DescribeStackResourceDrifts",
            "cloudformation:DetectStackDrift",
            "cloudformation:DetectStackResourceDrift",
            "cloudformation:ExecuteChangeSet",
        ),
        *READING_ROLES,
        *(
            Request(action, role, BY_CLOUDFORMATION)
            for role in ROLES
            for action in (
                "iam:CreateRole",
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:PutRolePolicy",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            )
        ),
        Request("cloudformation:DescribeStackDriftDetectionStatus"),
        Request("cloudformation:BatchDescribeTypeConfigurations"),
    ],
    "undeploy": [
        *LOOKING,
        Request("logs:DescribeLogGroups"),
        *_on_each([log_group(group) for group in LOG_GROUPS], "logs:DeleteLogGroup", "logs:ListTagsForResource"),
        *_on_each(
            FUNCTIONS,
            "lambda:DeleteFunction",
            "lambda:GetFunction",
            "lambda:GetFunctionConcurrency",
            "lambda:GetFunctionConfiguration",
            "lambda:GetPolicy",
            "lambda:ListTags",
        ),
        *_on_each(
            RULES,
            "events:DescribeRule",
            "events:ListTargetsByRule",
            "events:ListTagsForResource",
            "events:RemoveTargets",
            "events:DeleteRule",
        ),
        *_on_each(
            [STACK],
            "cloudformation:DeleteStack",
            "cloudformation:DescribeStacks",
            "cloudformation:DescribeStackEvents",
            "cloudformation:GetTemplate",
        ),
        *READING_ROLES,
        Request("iam:DeleteRole", LAMBDA_ROLE, BY_CLOUDFORMATION),
        Request("iam:DeleteRolePolicy", LAMBDA_ROLE, BY_CLOUDFORMATION),
    ],
    "provision": [
        *LOOKING,
        Request("lambda:GetFunctionConfiguration", ENSURE),
        Request("lambda:GetFunctionConfiguration", FORWARDER),
        Request("lambda:GetFunctionConfiguration", IMAGES),
        Request("dynamodb:Scan", TABLE),
        Request("s3:ListBucket", IMAGES_BUCKET_ARN),
        *_on_each(
            [IMAGE, f"{IMAGES_BUCKET_ARN}/Orders/id.S.1/image.json"],
            "s3:GetObject",
            "s3:PutObject",
        ),
        Request("dynamodb:UpdateTable", TABLE),
        Request("dynamodb:UntagResource", TABLE, {"aws:TagKeys": [naming.MANAGED_TAG]}),
        *_on_each([DELIVERY_STREAM], "firehose:CreateDeliveryStream", "firehose:TagDeliveryStream"),
        *(Request(f"firehose:{action}", DELIVERY_STREAM, TAGGED) for action in CHANGING_DELIVERY_STREAMS),
        Request("iam:PassRole", DELIVERY_ROLE, TO_FIREHOSE),
        Request("lambda:CreateEventSourceMapping", "*", TO_FORWARDER),
        Request("lambda:UpdateEventSourceMapping", MAPPING, TO_FORWARDER),
        Request("lambda:DeleteEventSourceMapping", MAPPING, TO_FORWARDER),
        Request("lambda:TagResource", MAPPING),
        Request("lambda:UntagResource", MAPPING),
        Request("logs:CreateLogGroup", log_group(naming.DELIVERY_LOG_GROUP)),
        Request("logs:CreateLogStream", log_stream(naming.DELIVERY_LOG_GROUP, "Orders")),
        Request("logs:PutRetentionPolicy", log_group(naming.DELIVERY_LOG_GROUP)),
        Request("logs:TagResource", log_group(naming.DELIVERY_LOG_GROUP)),
    ],
    "deprovision": [
        *LOOKING,
        Request("cloudwatch:GetMetricStatistics"),
        Request("dynamodb:TagResource", TABLE, OPTING_OUT),
        Request("lambda:GetFunctionConfiguration", FORWARDER),
        Request("lambda:DeleteEventSourceMapping", MAPPING, TO_FORWARDER),
        Request("firehose:TagDeliveryStream", DELIVERY_STREAM, TAGGED),
        Request("firehose:DeleteDeliveryStream", DELIVERY_STREAM, TAGGED),
    ],
    BUCKET_SIDE: [
        Request("sts:GetCallerIdentity"),
        *_on_each([IMAGES_BUCKET_ARN], "s3:ListBucket", "s3:ListBucketVersions"),
        *_on_each([IMAGE], "s3:GetObject", "s3:GetObjectVersion"),
    ],
    TABLE_SIDE: [
        Request("sts:GetCallerIdentity"),
        *_on_each(
            [TABLE],
            "dynamodb:BatchGetItem",
            "dynamodb:CreateTable",
            "dynamodb:DeleteItem",
            "dynamodb:DescribeTable",
            "dynamodb:PutItem",
        ),
    ],
}

NOBODY = [
    Request("dynamodb:DeleteTable", TABLE),
    Request("dynamodb:Query", TABLE),
    Request("dynamodb:GetRecords", STREAM),
    Request("dynamodb:DescribeStream", f"{ELSEWHERE.table_arn('Orders')}/stream/x"),
    Request("lambda:CreateEventSourceMapping"),
    Request("lambda:DeleteEventSourceMapping", MAPPING),
    Request("dynamodb:UpdateTable", ELSEWHERE.table_arn("Orders")),
    # Other tags of tables are other people's.
    Request("dynamodb:UntagResource", TABLE),
    Request("dynamodb:UntagResource", TABLE, {"aws:TagKeys": ["cost-centre"]}),
    Request("dynamodb:UntagResource", TABLE, {"aws:TagKeys": [naming.MANAGED_TAG, "cost-centre"]}),
    Request("dynamodb:TagResource", TABLE),
    Request("dynamodb:TagResource", TABLE, {"aws:TagKeys": ["cost-centre"], "aws:RequestTag/cost-centre": "1"}),
    Request("dynamodb:TagResource", TABLE, {**OPTING_OUT, "aws:TagKeys": [naming.MANAGED_TAG, "cost-centre"]}),
    Request("dynamodb:TagResource", TABLE, {**OPTING_OUT, f"aws:RequestTag/{naming.MANAGED_TAG}": "managed"}),
    *(
        Request(f"firehose:{action}", DELIVERY_STREAM, context)
        for context in ({}, TAGGED_OTHERWISE)
        for action in CHANGING_DELIVERY_STREAMS
    ),
    Request("firehose:PutRecordBatch", DELIVERY_STREAM),
    Request("firehose:DeleteDeliveryStream", ELSEWHERE.delivery_stream_arn("Orders")),
    Request("s3:DeleteBucket", BUCKET_ARN),
    Request("s3:DeleteObject", IN_PREFIX, OURS),
    Request("s3:GetObject", IN_PREFIX, OURS),
    Request("s3:PutObject", IN_PREFIX, OURS),
    Request("s3:PutBucketPolicy", OTHER_BUCKET),
    Request("s3:PutBucketVersioning", OTHER_BUCKET),
    Request("s3:PutLifecycleConfiguration", OTHER_BUCKET),
    Request("lambda:CreateEventSourceMapping", "*", TO_OTHER_FUNCTION),
    Request("lambda:UpdateEventSourceMapping", MAPPING, TO_OTHER_FUNCTION),
    Request("lambda:DeleteEventSourceMapping", MAPPING, TO_OTHER_FUNCTION),
    Request("lambda:UpdateFunctionCode", OTHER_FUNCTION),
    Request("lambda:DeleteFunction", OTHER_FUNCTION),
    Request("lambda:AddPermission", ENSURE, {"lambda:Principal": "999999999999"}),
    Request("lambda:AddPermission", FORWARDER, BY_EVENTS),
    Request("lambda:AddPermission", IMAGES, BY_EVENTS),
    Request("lambda:InvokeFunction", ENSURE),
    Request("events:PutTargets", OTHER_RULE),
    Request("events:DeleteRule", OTHER_RULE),
    Request("logs:DeleteLogGroup", log_group("/aws/lambda/Other")),
    Request("logs:DeleteLogGroup", log_group(f"{naming.DELIVERY_LOG_GROUP}2")),
    Request("cloudformation:UpdateStack", OTHER_STACK),
    Request("cloudformation:DeleteStack", OTHER_STACK),
    Request("iam:PutRolePolicy", OTHER_ROLE, BY_CLOUDFORMATION),
    Request("iam:PutRolePolicy", LAMBDA_ROLE),
    Request("iam:CreateRole", LAMBDA_ROLE, {"aws:CalledVia": ["athena.amazonaws.com"]}),
    Request("iam:DeleteRole", OTHER_ROLE, BY_CLOUDFORMATION),
    Request("iam:DeleteRole", LAMBDA_ROLE),
    Request("iam:AttachRolePolicy", LAMBDA_ROLE, BY_CLOUDFORMATION),
    Request("iam:PassRole", OTHER_ROLE, TO_FIREHOSE),
    Request("iam:PassRole", OTHER_ROLE, TO_LAMBDA),
    Request("iam:PassRole", DELIVERY_ROLE, TO_LAMBDA),
    Request("iam:PassRole", LAMBDA_ROLE, TO_EVENTS),
    Request("iam:PassRole", LAMBDA_ROLE, TO_FIREHOSE),
    Request("iam:PassRole", EVENTS_ROLE, TO_LAMBDA),
    Request("s3:DeleteObject", IMAGE),
    Request("s3:PutObjectTagging", IMAGE),
    Request("s3:DeleteObjectVersion", IMAGE),
    Request("s3:PutBucketVersioning", IMAGES_BUCKET_ARN),
]
#: Reading and writing the items of tables is for who restores, and reading images for who reads them there.
NOBODY_ELSE = {
    TABLE_SIDE: [
        *_on_each([TABLE], "dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:PutItem"),
        Request("dynamodb:CreateTable", TABLE),
    ],
    BUCKET_SIDE: [Request("s3:GetObjectVersion", IMAGE), Request("s3:ListBucketVersions", IMAGES_BUCKET_ARN)],
}
#: What is next door to what a side may.
NOT_EVEN = {
    BUCKET_SIDE: [
        Request("s3:GetObject", f"{IMAGES_BUCKET_ARN}/{PREFIX}-of-others/Orders/id.S.1/image.json"),
        Request("s3:GetObjectVersion", f"{IMAGES_BUCKET_ARN}/Orders/id.S.1/image.json"),
        Request("s3:GetObject", f"{IMAGES_BUCKET_ARN}-too/{PREFIX}/Orders/id.S.1/image.json"),
        Request("s3:ListBucket", f"{IMAGES_BUCKET_ARN}-too"),
        Request("s3:ListBucket", BUCKET_ARN),
        Request("s3:PutObject", IMAGE),
        Request("s3:PutObjectTagging", IMAGE),
    ],
    TABLE_SIDE: [
        Request("dynamodb:PutItem", ELSEWHERE.table_arn("Orders")),
        Request("dynamodb:PutItem", STRANGER.table_arn("Orders")),
        Request("dynamodb:CreateTable", ELSEWHERE.table_arn("Orders")),
        Request("dynamodb:UpdateTable", TABLE),
        Request("dynamodb:Scan", TABLE),
        Request("dynamodb:TagResource", TABLE, OPTING_OUT),
        Request("s3:GetObject", IMAGE),
    ],
}


@pytest.mark.parametrize(("script", "request_"), cases(ALLOWED), ids=named)
def test_policy_when_the_script_makes_a_call_allows_it(script: str, request_: Request):
    assert allows(POLICIES[script], request_)


@pytest.mark.parametrize(("script", "request_"), cases(dict.fromkeys(POLICIES, NOBODY)), ids=named)
def test_policy_when_a_call_is_no_scripts_denies_it(script: str, request_: Request):
    assert not allows(POLICIES[script], request_)


@pytest.mark.parametrize(
    ("script", "request_"),
    [
        (script, each)
        for side, requests in NOBODY_ELSE.items()
        for script in POLICIES
        if script != side
        for each in requests
    ],
    ids=named,
)
def test_policy_when_a_call_is_that_of_a_restoration_denies_it_to_all_others(script: str, request_: Request):
    assert not allows(POLICIES[script], request_)


@pytest.mark.parametrize(("script", "request_"), cases(NOT_EVEN), ids=named)
def test_policy_for_a_restoration_when_a_call_goes_next_door_denies_it(script: str, request_: Request):
    assert not allows(POLICIES[script], request_)


def test_policy_for_a_restoration_when_images_have_no_prefix_reads_the_whole_bucket_and_no_other():
    statements = restoring_policy(BUCKET_SIDE, ACCOUNT, IMAGES_BUCKET)["Statement"]
    assert allows(statements, Request("s3:GetObject", f"{IMAGES_BUCKET_ARN}/Orders/id.S.1/image.json"))
    assert not allows(statements, Request("s3:GetObject", OTHER_BUCKET))


@pytest.mark.parametrize("script", POLICIES)
def test_policy_when_all_calls_are_counted_allows_no_action_beyond_them(script: str):
    assert actions_of(POLICIES[script]) == {each.action for each in ALLOWED[script]}


@pytest.mark.parametrize("script", ["deprovision", "undeploy", BUCKET_SIDE])
def test_policy_when_the_script_takes_down_or_reads_creates_and_changes_nothing(script: str):
    changing = [each for each in actions_of(POLICIES[script]) if re.search(r":(Create|Put|Update|Add|Pass)", each)]
    assert changing == []


@pytest.mark.parametrize(
    ("script", "statement"), STATEMENTS, ids=[f"{script}-{each['Sid']}" for script, each in STATEMENTS]
)
def test_statement_when_compared_with_the_authorization_reference_fits(script: str, statement: Statement):
    assert reference.misfits(statement) == []


@pytest.mark.parametrize("script", POLICIES)
def test_actions_when_written_are_whole_names(script: str):
    assert [action for action in actions_of(POLICIES[script]) if "*" in action] == []


@pytest.mark.parametrize("script", POLICIES)
def test_policy_when_the_names_are_as_long_as_can_be_fits_into_a_managed_policy(script: str):
    govcloud = naming.Account("1" * 12, "ap-southeast-2", "aws-us-gov")
    longest = _policy(script, govcloud, bucket="b" * 63, prefix="p" * 100, images_bucket="i" * 63)
    assert len(json.dumps(longest, separators=(",", ":"))) <= LARGEST_MANAGED_POLICY


@pytest.mark.parametrize("script", POLICIES)
def test_placeholders_when_used_are_the_documented_ones(script: str):
    assert set(re.findall(r"\$\{(\w*)\}", operator_policy_text(script))) <= PLACEHOLDERS


@pytest.mark.parametrize("script", POLICIES)
def test_arns_when_in_another_partition_are_of_that_partition(script: str):
    china = naming.Account("123456789012", "cn-north-1", "aws-cn")
    rendered = json.dumps(_policy(script, china))
    assert "arn:aws-cn:" in rendered
    assert "arn:aws:" not in rendered
