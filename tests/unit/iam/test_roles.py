"""templates/iam-roles.yaml: each call that is made is allowed, and its neighbour is not.

This covers what the local emulator does not enforce: iam:PassRole, what a mapping reads with, what a delivery
stream writes with, trust relationships and KMS.
"""

import json

import pytest

from continuous_backup import naming
from continuous_backup.naming import Account
from tests.unit.iam import reference
from tests.unit.iam.cases import cases, named
from tests.unit.iam.evaluator import Request, Statement, allows, listed, trusts
from tests.unit.iam.policies import IMAGES_BUCKET, Role, actions_of, roles_stack
from tests.unit.iam.sample import (
    ACCOUNT,
    BESIDE_PREFIX,
    BUCKET,
    BUCKET_ARN,
    DELIVERY_ROLE,
    DELIVERY_STREAM,
    ELSEWHERE,
    ENSURE,
    ENSURE_ROLE,
    EVENTS_ROLE,
    FORWARDER,
    HERE,
    IMAGES_ROLE,
    IN_PREFIX,
    KEY,
    LAMBDA_ROLE,
    MAPPING,
    ON_FAILURE,
    OTHER_BUCKET,
    OTHER_FUNCTION,
    OTHER_KEY,
    OTHER_ROLE,
    OTHER_RULE,
    OURS,
    PREFIX,
    RULES,
    STRANGER,
    STREAM,
    TABLE,
    TAGGED,
    TAGGED_OTHERWISE,
    TO_FIREHOSE,
    TO_FORWARDER,
    TO_IMAGES,
    TO_OTHER_FUNCTION,
    log_group,
    log_stream,
    of_object,
    via,
)

#: All inline policies of a role together: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
LARGEST_ROLE_POLICIES = 10_240

IMAGES_BUCKET_ARN = ACCOUNT.bucket_arn(IMAGES_BUCKET)
IMAGE = f"{IMAGES_BUCKET_ARN}/{PREFIX}/Orders/id.S.1/image.json"

STACK = roles_stack(
    ACCOUNT,
    BucketName=BUCKET,
    Prefix=PREFIX,
    KmsKeyArn=KEY,
    ImagesBucketName=IMAGES_BUCKET,
    ImagesPrefix=PREFIX,
)
ROLES = {name: STACK.roles[f"{name}Role"] for name in ("Events", "Delivery", "Lambda", "Ensure", "Images")}
STATEMENTS = [(name, statement) for name, role in ROLES.items() for statement in role.statements]
DELIVERY_LOG = naming.DELIVERY_LOG_GROUP
ENSURE_LOG = naming.log_group(naming.ENSURE_FUNCTION)
FORWARDER_LOG = naming.log_group(naming.FORWARDER_FUNCTION)
IMAGES_LOG = naming.log_group(naming.ITEM_IMAGES_FUNCTION)
OTHERS_OBJECT = {"s3:ResourceAccount": STRANGER.id}


def _logging(group: str) -> list[Request]:
    stream = log_stream(group, "2026/11/22/[$LATEST]0")
    return [Request("logs:CreateLogStream", stream), Request("logs:PutLogEvents", stream)]


#: What Lambda does for a mapping with its function's role.
READING = [
    Request("dynamodb:ListStreams", "*", HERE),
    Request("dynamodb:DescribeStream", STREAM),
    Request("dynamodb:GetShardIterator", STREAM),
    Request("dynamodb:GetRecords", STREAM),
    Request("kms:Decrypt", OTHER_KEY, via("dynamodb")),
    Request("kms:DescribeKey", OTHER_KEY, via("dynamodb")),
]

ALLOWED = {
    "Events": [Request("lambda:InvokeFunction", ENSURE)],
    "Delivery": [
        Request("s3:AbortMultipartUpload", IN_PREFIX, OURS),
        Request("s3:GetObject", IN_PREFIX, OURS),
        Request("s3:PutObject", IN_PREFIX, OURS),
        Request("s3:GetBucketLocation", BUCKET_ARN, OURS),
        Request("s3:ListBucket", BUCKET_ARN, OURS),
        Request("s3:ListBucketMultipartUploads", BUCKET_ARN, OURS),
        Request("logs:PutLogEvents", log_stream(DELIVERY_LOG, "Orders")),
        Request("kms:GenerateDataKey", KEY, of_object(IN_PREFIX)),
        Request("kms:Decrypt", KEY, of_object(IN_PREFIX)),
        Request("kms:GenerateDataKey", KEY, of_object(BUCKET_ARN)),
    ],
    "Lambda": [
        *READING,
        Request("firehose:PutRecordBatch", DELIVERY_STREAM),
        # Firehose asks whoever puts into a delivery stream with a customer managed key, itself or in its name.
        Request("kms:GenerateDataKey", KEY),
        Request("kms:Decrypt", KEY),
        Request("kms:GenerateDataKey", KEY, via("firehose")),
        Request("kms:Decrypt", KEY, via("firehose")),
        Request("s3:PutObject", IN_PREFIX, OURS),
        Request("s3:PutObject", ON_FAILURE, OURS),
        Request("s3:ListBucket", BUCKET_ARN, OURS),
        Request("kms:GenerateDataKey", KEY, of_object(IN_PREFIX)),
        Request("kms:GenerateDataKey", KEY, of_object(ON_FAILURE)),
        Request("kms:Decrypt", KEY, of_object(IN_PREFIX)),
        *_logging(FORWARDER_LOG),
    ],
    "Ensure": [
        Request("dynamodb:ListTables"),
        Request("dynamodb:DescribeTable", TABLE),
        Request("dynamodb:ListTagsOfResource", TABLE),
        Request("dynamodb:UpdateTable", TABLE),
        Request("dynamodb:DescribeStream", STREAM),
        Request("firehose:ListDeliveryStreams"),
        Request("firehose:CreateDeliveryStream", DELIVERY_STREAM),
        Request("firehose:DescribeDeliveryStream", DELIVERY_STREAM),
        Request("firehose:DeleteDeliveryStream", DELIVERY_STREAM, TAGGED),
        Request("firehose:UpdateDestination", DELIVERY_STREAM, TAGGED),
        Request("firehose:TagDeliveryStream", DELIVERY_STREAM),
        Request("firehose:UntagDeliveryStream", DELIVERY_STREAM, TAGGED),
        Request("firehose:ListTagsForDeliveryStream", DELIVERY_STREAM),
        Request("firehose:StartDeliveryStreamEncryption", DELIVERY_STREAM, TAGGED),
        Request("iam:PassRole", DELIVERY_ROLE, TO_FIREHOSE),
        Request("lambda:ListEventSourceMappings"),
        Request("lambda:CreateEventSourceMapping", "*", TO_FORWARDER),
        Request("lambda:CreateEventSourceMapping", "*", TO_IMAGES),
        Request("lambda:UpdateEventSourceMapping", MAPPING, TO_FORWARDER),
        Request("lambda:DeleteEventSourceMapping", MAPPING, TO_IMAGES),
        Request("lambda:ListTags", MAPPING),
        Request("lambda:GetFunctionConfiguration", FORWARDER),
        Request("lambda:TagResource", MAPPING),
        Request("lambda:UntagResource", MAPPING),
        Request("tag:GetResources"),
        Request("pipes:ListPipes"),
        Request("logs:CreateLogGroup", log_group(DELIVERY_LOG)),
        Request("logs:PutRetentionPolicy", log_group(DELIVERY_LOG)),
        Request("logs:TagResource", log_group(DELIVERY_LOG)),
        Request("logs:CreateLogStream", log_stream(DELIVERY_LOG, "Orders")),
        Request("kms:CreateGrant", KEY, via("firehose")),
        Request("kms:DescribeKey", KEY, via("firehose")),
        *_logging(ENSURE_LOG),
    ],
    "Images": [
        *READING,
        Request("s3:PutObject", IMAGE, OURS),
        Request("s3:PutObjectTagging", IMAGE, OURS),
        Request("s3:GetObject", IMAGE, OURS),
        Request("s3:ListBucket", IMAGES_BUCKET_ARN, OURS),
        Request("s3:PutObject", ON_FAILURE, OURS),
        Request("s3:ListBucket", BUCKET_ARN, OURS),
        Request("kms:GenerateDataKey", KEY, of_object(IMAGE)),
        Request("kms:Decrypt", KEY, of_object(IMAGE)),
        Request("kms:GenerateDataKey", KEY, of_object(ON_FAILURE)),
        *_logging(IMAGES_LOG),
    ],
}
#: What no function does; what is another function's is denied beside.
NO_FUNCTION = [
    Request("dynamodb:Scan", TABLE),
    Request("dynamodb:GetItem", TABLE),
    Request("dynamodb:PutItem", TABLE),
    Request("dynamodb:DeleteTable", TABLE),
    Request("dynamodb:TagResource", TABLE),
    Request("dynamodb:UpdateTable", ELSEWHERE.table_arn("Orders")),
    Request("dynamodb:UpdateTable", STRANGER.table_arn("Orders")),
    Request("dynamodb:GetRecords", f"{STRANGER.table_arn('Orders')}/stream/x"),
    Request("dynamodb:DescribeStream", f"{ELSEWHERE.table_arn('Orders')}/stream/x"),
    Request("dynamodb:ListStreams", "*", {"aws:RequestedRegion": ELSEWHERE.region}),
    Request("firehose:PutRecordBatch", ELSEWHERE.delivery_stream_arn("Orders")),
    Request("firehose:StopDeliveryStreamEncryption", DELIVERY_STREAM, TAGGED),
    *(
        Request(f"firehose:{action}", DELIVERY_STREAM, context)
        for context in ({}, TAGGED_OTHERWISE)
        for action in (
            "DeleteDeliveryStream",
            "StartDeliveryStreamEncryption",
            "UntagDeliveryStream",
            "UpdateDestination",
        )
    ),
    Request("iam:PassRole", LAMBDA_ROLE, TO_FIREHOSE),
    Request("iam:PassRole", EVENTS_ROLE, TO_FIREHOSE),
    Request("iam:PassRole", OTHER_ROLE, TO_FIREHOSE),
    Request("iam:PassRole", DELIVERY_ROLE, {"iam:PassedToService": "lambda.amazonaws.com"}),
    Request("iam:PassRole", DELIVERY_ROLE),
    Request("lambda:CreateEventSourceMapping", "*", TO_OTHER_FUNCTION),
    Request("lambda:CreateEventSourceMapping"),
    Request("lambda:UpdateEventSourceMapping", MAPPING, TO_OTHER_FUNCTION),
    Request("lambda:DeleteEventSourceMapping", MAPPING, TO_OTHER_FUNCTION),
    Request("lambda:DeleteEventSourceMapping", MAPPING),
    Request("lambda:TagResource", FORWARDER),
    Request("lambda:ListTags", OTHER_FUNCTION),
    Request("lambda:InvokeFunction", FORWARDER),
    Request("lambda:UpdateFunctionCode", FORWARDER),
    Request("pipes:DescribePipe", ACCOUNT.arn("pipes", "pipe/other")),
    Request("logs:CreateLogGroup", log_group("/aws/lambda/Other")),
    Request("logs:CreateLogStream", log_stream(f"{DELIVERY_LOG}2", "Orders")),
    Request("logs:PutLogEvents", log_stream("/aws/lambda/Other", "x")),
    Request("logs:PutLogEvents", log_stream(f"{FORWARDER_LOG}2", "x")),
    Request("logs:DeleteLogGroup", log_group(FORWARDER_LOG)),
    Request("s3:PutObject", BESIDE_PREFIX, OURS),
    Request("s3:PutObject", f"{BUCKET_ARN}/aws/x", OURS),
    Request("s3:PutObject", OTHER_BUCKET, OURS),
    Request("s3:PutObject", IN_PREFIX, OTHERS_OBJECT),
    Request("s3:PutObject", ON_FAILURE, OTHERS_OBJECT),
    Request("s3:PutObject", IMAGE, OTHERS_OBJECT),
    Request("s3:PutObject", f"{IMAGES_BUCKET_ARN}/{PREFIX}-of-others/x", OURS),
    Request("s3:GetObject", IN_PREFIX, OURS),
    Request("s3:DeleteObject", IN_PREFIX, OURS),
    Request("s3:DeleteObject", IMAGE, OURS),
    Request("s3:DeleteObjectVersion", IMAGE, OURS),
    Request("s3:ListBucket", ACCOUNT.bucket_arn(f"{BUCKET}-too"), OURS),
    Request("kms:Decrypt", OTHER_KEY),
    Request("kms:Decrypt", OTHER_KEY, via("secretsmanager")),
    Request("kms:Decrypt", OTHER_KEY, of_object(IN_PREFIX)),
    Request("kms:Decrypt", ELSEWHERE.arn("kms", "key/1"), via("dynamodb", ELSEWHERE.region)),
    Request("kms:GenerateDataKey", OTHER_KEY, of_object(IN_PREFIX)),
    Request("kms:GenerateDataKey", OTHER_KEY),
    Request("kms:Encrypt", KEY),
    Request("kms:CreateGrant", OTHER_KEY, via("firehose")),
    Request("kms:CreateGrant", KEY, via("ec2")),
]

READING_DATA = [each for each in READING if each.action in {"dynamodb:GetRecords", "kms:Decrypt"}]

DENIED = {
    "Events": [
        Request("lambda:InvokeFunction", FORWARDER),
        Request("lambda:InvokeFunction", OTHER_FUNCTION),
        Request("lambda:InvokeFunction", ELSEWHERE.function_arn(naming.ENSURE_FUNCTION)),
        Request("lambda:UpdateFunctionCode", ENSURE),
    ],
    "Delivery": [
        Request("s3:PutObject", BESIDE_PREFIX, OURS),
        Request("s3:PutObject", ON_FAILURE, OURS),
        Request("s3:PutObject", OTHER_BUCKET, OURS),
        Request("s3:PutObject", IN_PREFIX, OTHERS_OBJECT),
        Request("s3:GetObject", BESIDE_PREFIX, OURS),
        Request("s3:DeleteObject", IN_PREFIX, OURS),
        Request("s3:ListBucket", ACCOUNT.bucket_arn(f"{BUCKET}-too"), OURS),
        Request("logs:PutLogEvents", log_stream(f"{DELIVERY_LOG}2", "Orders")),
        Request("logs:CreateLogStream", log_stream(DELIVERY_LOG, "Orders")),
        Request("kms:GenerateDataKey", OTHER_KEY, of_object(IN_PREFIX)),
        Request("kms:GenerateDataKey", KEY, of_object(BESIDE_PREFIX)),
        Request("kms:GenerateDataKey", KEY),
        Request("kms:CreateGrant", KEY, via("firehose")),
    ],
    "Lambda": [
        *NO_FUNCTION,
        Request("dynamodb:UpdateTable", TABLE),
        Request("firehose:CreateDeliveryStream", DELIVERY_STREAM),
        Request("firehose:DeleteDeliveryStream", DELIVERY_STREAM, TAGGED),
        Request("firehose:TagDeliveryStream", DELIVERY_STREAM),
        Request("iam:PassRole", DELIVERY_ROLE, TO_FIREHOSE),
        Request("lambda:DeleteEventSourceMapping", MAPPING, TO_FORWARDER),
        Request("lambda:TagResource", MAPPING),
        Request("kms:CreateGrant", KEY, via("firehose")),
        Request("s3:PutObject", IMAGE, OURS),
        Request("s3:GetObject", IMAGE, OURS),
        *_logging(ENSURE_LOG),
        *_logging(IMAGES_LOG),
    ],
    "Ensure": [
        *NO_FUNCTION,
        *READING_DATA,
        Request("firehose:PutRecordBatch", DELIVERY_STREAM),
        Request("s3:PutObject", IN_PREFIX, OURS),
        Request("s3:PutObject", ON_FAILURE, OURS),
        Request("s3:ListBucket", BUCKET_ARN, OURS),
        Request("s3:PutObject", IMAGE, OURS),
        Request("kms:Decrypt", KEY),
        Request("kms:GenerateDataKey", KEY, of_object(IN_PREFIX)),
        *_logging(FORWARDER_LOG),
        *_logging(IMAGES_LOG),
    ],
    "Images": [
        *NO_FUNCTION,
        Request("dynamodb:UpdateTable", TABLE),
        Request("firehose:PutRecordBatch", DELIVERY_STREAM),
        Request("firehose:DeleteDeliveryStream", DELIVERY_STREAM, TAGGED),
        Request("firehose:TagDeliveryStream", DELIVERY_STREAM),
        Request("iam:PassRole", DELIVERY_ROLE, TO_FIREHOSE),
        Request("lambda:DeleteEventSourceMapping", MAPPING, TO_IMAGES),
        Request("s3:PutObject", IN_PREFIX, OURS),
        Request("kms:Decrypt", KEY),
        Request("kms:GenerateDataKey", KEY, of_object(IN_PREFIX)),
        *_logging(ENSURE_LOG),
        *_logging(FORWARDER_LOG),
    ],
}


@pytest.mark.parametrize(("role", "request_"), cases(ALLOWED), ids=named)
def test_role_when_the_software_makes_a_call_allows_it(role: str, request_: Request):
    assert allows(ROLES[role].statements, request_)


@pytest.mark.parametrize(("role", "request_"), cases(DENIED), ids=named)
def test_role_when_a_call_goes_next_door_denies_it(role: str, request_: Request):
    assert not allows(ROLES[role].statements, request_)


@pytest.mark.parametrize("role", ROLES)
def test_role_when_all_calls_are_counted_allows_no_action_beyond_them(role: str):
    assert actions_of(ROLES[role].statements) == {each.action for each in ALLOWED[role]}


def test_images_role_when_there_are_no_images_may_write_a_log_and_nothing_else():
    images = roles_stack(ACCOUNT, BucketName=BUCKET, KmsKeyArn=KEY).roles["ImagesRole"]
    assert [each["Sid"] for each in images.statements] == ["Log"]


@pytest.mark.parametrize(
    ("role", "service", "context"),
    [
        ("Events", "events.amazonaws.com", {"aws:SourceAccount": ACCOUNT.id, "aws:SourceArn": RULES[0]}),
        ("Events", "events.amazonaws.com", {"aws:SourceAccount": ACCOUNT.id, "aws:SourceArn": RULES[1]}),
        ("Delivery", "firehose.amazonaws.com", {"sts:ExternalId": ACCOUNT.id}),
        ("Delivery", "firehose.amazonaws.com", {}),
        ("Lambda", "lambda.amazonaws.com", {"aws:SourceAccount": ACCOUNT.id, "aws:SourceArn": FORWARDER}),
        ("Lambda", "lambda.amazonaws.com", {}),
        ("Ensure", "lambda.amazonaws.com", {"aws:SourceAccount": ACCOUNT.id, "aws:SourceArn": ENSURE}),
        ("Images", "lambda.amazonaws.com", {}),
    ],
)
def test_trust_when_its_service_asks_for_this_account_lets_it(role: str, service: str, context: dict[str, str]):
    assert trusts(ROLES[role].trust, service, context)


@pytest.mark.parametrize(
    ("role", "service", "context"),
    [
        ("Events", "events.amazonaws.com", {"aws:SourceAccount": ACCOUNT.id, "aws:SourceArn": OTHER_RULE}),
        ("Events", "events.amazonaws.com", {"aws:SourceAccount": STRANGER.id, "aws:SourceArn": RULES[0]}),
        ("Events", "events.amazonaws.com", {}),
        ("Events", "lambda.amazonaws.com", {"aws:SourceAccount": ACCOUNT.id, "aws:SourceArn": RULES[0]}),
        ("Delivery", "firehose.amazonaws.com", {"sts:ExternalId": STRANGER.id}),
        ("Delivery", "lambda.amazonaws.com", {"sts:ExternalId": ACCOUNT.id}),
        ("Lambda", "lambda.amazonaws.com", {"aws:SourceAccount": STRANGER.id}),
        ("Ensure", "lambda.amazonaws.com", {"aws:SourceAccount": STRANGER.id}),
        ("Images", "events.amazonaws.com", {"aws:SourceAccount": ACCOUNT.id}),
        ("Lambda", "firehose.amazonaws.com", {"aws:SourceAccount": ACCOUNT.id}),
    ],
)
def test_trust_when_another_service_or_account_asks_denies(role: str, service: str, context: dict[str, str]):
    assert not trusts(ROLES[role].trust, service, context)


@pytest.mark.parametrize("role", ROLES.values(), ids=list(ROLES))
def test_trust_when_read_names_one_service_and_nobody_else(role: Role):
    (statement,) = role.trust
    assert list(statement["Principal"]) == ["Service"]
    assert isinstance(statement["Principal"]["Service"], str)
    assert statement["Action"] == "sts:AssumeRole"


@pytest.mark.parametrize(
    ("role", "statement"), STATEMENTS, ids=[f"{role}-{each['Sid']}" for role, each in STATEMENTS]
)
def test_statement_when_compared_with_the_authorization_reference_fits(role: str, statement: Statement):
    assert reference.misfits(statement) == [], role


@pytest.mark.parametrize("role", ROLES)
def test_actions_when_written_are_whole_names(role: str):
    assert [action for action in actions_of(ROLES[role].statements) if "*" in action] == []


def test_names_when_rendered_are_those_of_naming():
    region = ACCOUNT.region
    assert [role.name for role in ROLES.values()] == [
        naming.events_role(region),
        naming.delivery_role(region),
        naming.function_role(naming.FORWARDER_FUNCTION, region),
        naming.function_role(naming.ENSURE_FUNCTION, region),
        naming.function_role(naming.ITEM_IMAGES_FUNCTION, region),
    ]


def test_outputs_when_the_stack_makes_all_roles_are_their_arns():
    assert STACK.outputs == {
        "EventsRoleArn": EVENTS_ROLE,
        "DeliveryRoleArn": DELIVERY_ROLE,
        "LambdaRoleArn": LAMBDA_ROLE,
        "EnsureRoleArn": ENSURE_ROLE,
        "ImagesRoleArn": IMAGES_ROLE,
    }


FOR_FUNCTIONS = {"LambdaRole", "EnsureRole", "ImagesRole"}


@pytest.mark.parametrize(
    ("named", "not_made"),
    [("EventsRole", {"EventsRole"}), ("DeliveryRole", {"DeliveryRole"}), ("LambdaRole", FOR_FUNCTIONS)],
)
def test_role_when_the_user_names_their_own_is_not_made_and_is_the_output(named: str, not_made: set[str]):
    stack = roles_stack(ACCOUNT, BucketName=BUCKET, **{f"{named}Arn": OTHER_ROLE})
    assert set(stack.roles) == {"EventsRole", "DeliveryRole", *FOR_FUNCTIONS} - not_made
    assert {stack.outputs[f"{each}Arn"] for each in not_made} == {OTHER_ROLE}


def test_pass_role_when_the_user_names_a_delivery_role_is_for_that_one_alone():
    stack = roles_stack(ACCOUNT, BucketName=BUCKET, DeliveryRoleArn=OTHER_ROLE)
    statements = stack.roles["EnsureRole"].statements
    assert allows(statements, Request("iam:PassRole", OTHER_ROLE, TO_FIREHOSE))
    assert not allows(statements, Request("iam:PassRole", DELIVERY_ROLE, TO_FIREHOSE))


def test_prefix_when_empty_means_the_whole_bucket_and_no_other():
    stack = roles_stack(ACCOUNT, BucketName=BUCKET, Prefix="", KmsKeyArn=KEY)
    for role in ("DeliveryRole", "LambdaRole"):
        statements = stack.roles[role].statements
        assert allows(statements, Request("s3:PutObject", f"{BUCKET_ARN}/Orders/x", OURS))
        assert not allows(statements, Request("s3:PutObject", OTHER_BUCKET, OURS))
        assert allows(statements, Request("kms:GenerateDataKey", KEY, of_object(f"{BUCKET_ARN}/Orders/x")))


def test_prefix_when_left_out_is_the_default_of_the_configuration():
    stack = roles_stack(ACCOUNT, BucketName=BUCKET)
    assert allows(
        stack.roles["DeliveryRole"].statements, Request("s3:PutObject", f"{BUCKET_ARN}/dynamodb/Orders/x", OURS)
    )


def test_kms_when_no_key_is_set_is_only_for_reading_streams():
    stack = roles_stack(ACCOUNT, BucketName=BUCKET, ImagesBucketName=IMAGES_BUCKET)
    statements = [statement for role in stack.roles.values() for statement in role.statements]
    using_keys = [each for each in statements if any(a.startswith("kms:") for a in listed(each["Action"]))]
    assert [each["Sid"] for each in using_keys] == ["ReadEncryptedStreams"] * 2


@pytest.mark.parametrize("role", ROLES.values(), ids=list(ROLES))
def test_policies_when_the_names_are_as_long_as_can_be_fit_into_a_role(role: Role):
    longest = roles_stack(
        Account("1" * 12, "ap-southeast-2", "aws-us-gov"),
        BucketName="b" * 63,
        Prefix="p" * 100,
        KmsKeyArn=KEY,
        ImagesBucketName="i" * 63,
        ImagesPrefix="p" * 100,
    )
    its = next(each for name, each in longest.roles.items() if role.name.endswith(name.removesuffix("Role")))
    documents = [{"Version": "2012-10-17", "Statement": policy} for policy in its.policies.values()]
    assert sum(len(json.dumps(each, separators=(",", ":"))) for each in documents) <= LARGEST_ROLE_POLICIES


def test_arns_when_in_another_partition_are_of_that_partition():
    china = Account("123456789012", "cn-north-1", "aws-cn")
    stack = roles_stack(china, BucketName=BUCKET, KmsKeyArn=china.arn("kms", "key/1"))
    rendered = json.dumps([[role.trust, role.statements] for role in stack.roles.values()])
    assert "arn:aws-cn:" in rendered
    assert "arn:aws:" not in rendered
