"""What is deployed, read from AWS's answers."""

import json
from dataclasses import replace

import pytest
from deployments import ACCOUNT, ENSURE, FORWARDER, WANTED

from continuous_backup import naming
from continuous_backup.aws import ClientError
from continuous_backup.configuration.config import Config
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.errors import ExitCode, UsageError
from continuous_backup.operations.deployment import bucket_policy
from continuous_backup.operations.deployment.observer import _selects_api_calls, observe, surroundings
from continuous_backup.operations.deployment.state import (
    Bucket,
    Deployment,
    ImagesBucket,
    LogGroup,
    Surroundings,
)
from continuous_backup.operations.deployment.wanted import statement_id

CONFIG = Config(bucket="mine").in_account(ACCOUNT)
BUCKET_ARN = "arn:aws:s3:::mine"
IN_ORDER = [ENSURE, FORWARDER]
LOG_GROUPS = [naming.DELIVERY_LOG_GROUP, *map(naming.log_group, IN_ORDER)]
OURS = {"Key": naming.MANAGED_TAG, "Value": naming.MANAGED_TAG_VALUE}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd"
BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


@pytest.fixture
def nothing_but_a_bucket(stub):
    """Everything but the bucket, which a test describes itself, is not there."""
    for _ in range(2):
        stub("cloudformation").add_client_error("describe_stacks", "ValidationError", "does not exist")
    for _ in range(4):
        stub("logs").add_response("describe_log_groups", {"logGroups": []})
    for _ in range(3):
        stub("lambda").add_client_error("get_function", "ResourceNotFoundException")
    for _ in range(2):
        stub("events").add_client_error("describe_rule", "ResourceNotFoundException")
    return stub("s3")


def encrypted_with(s3, key: str = "") -> None:
    """S3's answer where the bucket encrypts with a key of KMS, or with its own."""
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": False}]}
    s3.add_response("get_bucket_encryption", {"ServerSideEncryptionConfiguration": rules})


def describe_bucket(s3, *, key: str = "", **facts) -> None:
    describe_bucket_before_its_encryption(s3, **facts)
    encrypted_with(s3, key)


def describe_bucket_before_its_encryption(s3, *, block=BLOCKED, policy=None) -> None:
    s3.add_response("head_bucket", {}, {"Bucket": "mine", "ExpectedBucketOwner": ACCOUNT.id})
    s3.add_response("get_bucket_tagging", {"TagSet": [OURS]})
    s3.add_response("get_public_access_block", {"PublicAccessBlockConfiguration": block})
    s3.add_response("get_bucket_policy", {"Policy": json.dumps(policy or bucket_policy.tls_only(BUCKET_ARN))})


# --- the bucket


def test_observe_where_nothing_is_there_finds_nothing(aws, nothing_but_a_bucket):
    nothing_but_a_bucket.add_client_error("head_bucket", "404", http_status_code=404)

    assert observe(aws, CONFIG, ACCOUNT) == Deployment()


def test_bucket_that_is_ours_and_secured_is_seen_as_such(aws, nothing_but_a_bucket):
    describe_bucket(nothing_but_a_bucket)

    assert observe(aws, CONFIG, ACCOUNT).bucket == Bucket("mine", ours=True, secured=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"block": {**BLOCKED, "BlockPublicPolicy": False}},
        {"policy": {"Statement": []}},
        {"policy": bucket_policy.tls_only("arn:aws:s3:::other")},
    ],
)
def test_bucket_that_is_not_closed_in_every_way_is_not_secured(aws, nothing_but_a_bucket, changes):
    describe_bucket(nothing_but_a_bucket, **changes)

    assert observe(aws, CONFIG, ACCOUNT).bucket == Bucket("mine", ours=True, secured=False)


@pytest.mark.parametrize("code", ["NoSuchPublicAccessBlockConfiguration", "AccessDenied"])
def test_bucket_without_tags_and_access_block_is_neither_ours_nor_secured(aws, nothing_but_a_bucket, code):
    nothing_but_a_bucket.add_response("head_bucket", {})
    nothing_but_a_bucket.add_client_error("get_bucket_tagging", "NoSuchTagSet")
    nothing_but_a_bucket.add_client_error("get_public_access_block", code)
    encrypted_with(nothing_but_a_bucket)

    assert observe(aws, CONFIG, ACCOUNT).bucket == Bucket("mine", ours=False, secured=False)


def test_bucket_of_our_own_name_is_ours_even_before_its_tag(aws, nothing_but_a_bucket):
    nothing_but_a_bucket.add_response("head_bucket", {})
    nothing_but_a_bucket.add_client_error("get_public_access_block", "NoSuchPublicAccessBlockConfiguration")
    encrypted_with(nothing_but_a_bucket)
    config = replace(CONFIG, bucket="dynamodb-continuous-backup-123456789012-eu-west-1")

    assert observe(aws, config, ACCOUNT).bucket == Bucket(config.bucket, ours=True, secured=False)


@pytest.mark.parametrize("key", [KEY, KEY.rpartition("/")[2], f"{KEY.partition(':key/')[0]}:alias/ours"])
def test_bucket_with_a_customer_managed_key_tells_it(aws, nothing_but_a_bucket, key):
    describe_bucket(nothing_but_a_bucket, key=key)

    assert observe(aws, CONFIG, ACCOUNT).bucket == Bucket("mine", ours=True, secured=True, kms_key=key)


@pytest.mark.parametrize("key", ["", "alias/aws/s3", "arn:aws:kms:eu-west-1:123456789012:alias/aws/s3"])
def test_bucket_with_a_key_of_aws_has_none_that_needs_permission(aws, nothing_but_a_bucket, key):
    describe_bucket(nothing_but_a_bucket, key=key)

    assert observe(aws, CONFIG, ACCOUNT).bucket.kms_key == ""


def test_bucket_with_kms_and_no_key_named_has_that_of_aws(aws, nothing_but_a_bucket):
    describe_bucket_before_its_encryption(nothing_but_a_bucket)
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]}
    nothing_but_a_bucket.add_response("get_bucket_encryption", {"ServerSideEncryptionConfiguration": rules})

    assert observe(aws, CONFIG, ACCOUNT).bucket.kms_key == ""


@pytest.mark.parametrize("code", ["ServerSideEncryptionConfigurationNotFoundError", "AccessDenied"])
def test_bucket_whose_encryption_is_not_told_is_taken_for_one_without_a_key(aws, nothing_but_a_bucket, code):
    describe_bucket_before_its_encryption(nothing_but_a_bucket)
    nothing_but_a_bucket.add_client_error("get_bucket_encryption", code)

    assert observe(aws, CONFIG, ACCOUNT).bucket == Bucket("mine", ours=True, secured=True)


@pytest.mark.parametrize("code", ["403", "AccessDenied"])
def test_bucket_of_another_account_is_refused(aws, nothing_but_a_bucket, code):
    nothing_but_a_bucket.add_client_error("head_bucket", code, "Forbidden", 403)

    with pytest.raises(UsageError, match=r"^bucket mine belongs to another account") as caught:
        observe(aws, CONFIG, ACCOUNT)

    assert caught.value.exit_code == ExitCode.USAGE
    assert "firehoseDeliveryBucket" in caught.value.hint


@pytest.mark.parametrize(
    ("headers", "where"),
    [({"x-amz-bucket-region": "us-east-2"}, "in us-east-2"), ({}, "in another region")],
)
def test_bucket_of_another_region_that_s3_redirects_to_is_refused(aws, nothing_but_a_bucket, headers, where):
    metadata = {"HTTPHeaders": headers}
    nothing_but_a_bucket.add_client_error("head_bucket", "301", "Moved", 301, response_meta=metadata)

    with pytest.raises(UsageError) as caught:
        observe(aws, CONFIG, ACCOUNT)

    assert caught.value.problem == f"bucket mine is {where}, not in eu-west-1"
    assert "its own region" in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        {"BucketRegion": "us-east-2"},
        {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {"x-amz-bucket-region": "us-east-2"}}},
    ],
)
def test_bucket_of_another_region_that_answers_all_the_same_is_refused(aws, nothing_but_a_bucket, answer):
    nothing_but_a_bucket.add_response("head_bucket", answer)

    with pytest.raises(UsageError, match=r"^bucket mine is in us-east-2, not in eu-west-1$"):
        observe(aws, CONFIG, ACCOUNT)


# --- its policy


def statement(**changes: object) -> dict[str, object]:
    return {**bucket_policy.tls_only(BUCKET_ARN)["Statement"][0], **changes}


@pytest.mark.parametrize(
    "policy",
    [
        bucket_policy.tls_only(BUCKET_ARN),
        {"Statement": statement()},
        {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject"}, statement()]},
        {"Statement": [statement(Action=["s3:*"], Principal={"AWS": "*"}, Sid="theirs")]},
        {"Statement": [statement(Condition={"Bool": {"aws:SecureTransport": False}})]},
    ],
)
def test_bucket_policy_that_refuses_all_without_tls_is_seen_as_such(policy):
    assert bucket_policy.is_tls_only(policy, BUCKET_ARN)


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:user/one"}},
        {"Action": "s3:GetObject"},
        {"Action": ["s3:GetObject", "s3:PutObject"]},
        {"Resource": BUCKET_ARN},
        {"Resource": [f"{BUCKET_ARN}/*"]},
        {"Resource": ["arn:aws:s3:::other", "arn:aws:s3:::other/*"]},
        {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
        {"Condition": {}},
    ],
)
def test_bucket_policy_that_refuses_less_is_not_enough(changes):
    assert not bucket_policy.is_tls_only({"Statement": [statement(**changes)]}, BUCKET_ARN)


def test_bucket_policy_of_ours_lets_nothing_through_without_tls_and_allows_nothing():
    (only,) = bucket_policy.tls_only(BUCKET_ARN)["Statement"]

    assert (only["Effect"], only["Principal"], only["Action"]) == ("Deny", "*", "s3:*")
    assert only["Resource"] == [BUCKET_ARN, f"{BUCKET_ARN}/*"]
    assert only["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


# --- the rest of it


def no_images(stub, *, functions: bool = True) -> None:
    """Nothing of item images is there: where a test has described the stack, the log groups and the functions."""
    stub("cloudformation").add_client_error("describe_stacks", "ValidationError", "does not exist")
    stub("logs").add_response("describe_log_groups", {"logGroups": []})
    if functions:
        stub("lambda").add_client_error("get_function", "ResourceNotFoundException")


def describe_everything(stub) -> None:
    describe_bucket(stub("s3"))
    _describe_stack(stub("cloudformation"))
    for name in LOG_GROUPS:
        group = WANTED.log_groups[name]
        longer = log_group(f"{name}-2", retentionInDays=1)
        exact = log_group(name, retentionInDays=group.retention_days)
        stub("logs").add_response(
            "describe_log_groups", {"logGroups": [longer, exact]}, {"logGroupNamePrefix": name}
        )
        tags_of_log_group(stub("logs"), name, {OURS["Key"]: OURS["Value"]})
    for name in IN_ORDER:
        _describe_function(stub("lambda"), WANTED.functions[name])
    no_images(stub)
    for rule in WANTED.rules.values():
        _describe_rule(stub("events"), rule)
        allowed = [
            {"Sid": statement_id(each), "Condition": {"ArnLike": {"AWS:SourceArn": ACCOUNT.rule_arn(each)}}}
            for each in WANTED.rules
        ]
        stub("lambda").add_response("get_policy", {"Policy": json.dumps({"Statement": allowed})})


def log_group(name: str, **facts) -> dict[str, object]:
    """As DescribeLogGroups tells of it: its ARN ends in what stands for its streams."""
    return {"logGroupName": name, "arn": f"{ACCOUNT.arn('logs', f'log-group:{name}')}:*", **facts}


def tags_of_log_group(logs, name: str, tags: dict[str, str]) -> None:
    logs.add_response(
        "list_tags_for_resource", {"tags": tags}, {"resourceArn": ACCOUNT.arn("logs", f"log-group:{name}")}
    )


def _describe_stack(cloudformation, **changes) -> None:
    stack = {
        "StackName": naming.ROLES_STACK,
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": 0,
        "Tags": [OURS],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in WANTED.roles_stack.parameters.items()
        ],
        **changes,
    }
    cloudformation.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": naming.ROLES_STACK})
    if stack["StackStatus"] != "DELETE_COMPLETE":
        cloudformation.add_response("get_template", {"TemplateBody": WANTED.roles_stack.template})


def _describe_function(functions, its, tags=None) -> None:
    configuration = {
        "Role": its.role_arn,
        "Handler": its.handler,
        "Runtime": its.runtime,
        "Architectures": [its.architecture],
        "MemorySize": its.memory_mb,
        "Timeout": its.timeout_seconds,
        "LoggingConfig": {"LogFormat": its.log_format},
        "CodeSha256": its.code_sha256,
        "Description": its.description,
    }
    found = {"Configuration": configuration, "Tags": tags or {OURS["Key"]: OURS["Value"]}}
    functions.add_response("get_function", found, {"FunctionName": its.name})
    reserved = {"ReservedConcurrentExecutions": its.reserved_concurrency} if its.reserved_concurrency else {}
    functions.add_response("get_function_concurrency", reserved, {"FunctionName": its.name})


def _describe_rule(events, rule, tags=(OURS,)) -> None:
    trigger = {"ScheduleExpression": rule.schedule} if rule.schedule else {"EventPattern": rule.pattern}
    described = {"Arn": ACCOUNT.rule_arn(rule.name), "RoleArn": rule.role_arn, "State": "ENABLED", **trigger}
    events.add_response("describe_rule", described, {"Name": rule.name})
    events.add_response("list_targets_by_rule", {"Targets": [{"Id": "x", "Arn": rule.target_arn}]})
    events.add_response("list_tags_for_resource", {"Tags": list(tags)})


def test_observe_of_what_deploying_made_finds_what_was_wanted(aws, stub):
    describe_everything(stub)

    found = observe(aws, CONFIG, ACCOUNT)

    assert found == Deployment(
        Bucket("mine", ours=True, secured=True),
        WANTED.roles_stack,
        log_groups=WANTED.log_groups,
        functions=WANTED.functions,
        rules=WANTED.rules,
    )
    assert list(found.functions) == IN_ORDER, "what wires is taken away first"


def test_observe_where_things_carry_no_tag_of_ours_says_so(aws, stub):
    stub("s3").add_client_error("head_bucket", "404", http_status_code=404)
    _describe_stack(stub("cloudformation"), Tags=[{"Key": naming.MANAGED_TAG, "Value": "other"}])
    for name, tags in zip(LOG_GROUPS, ({}, {"team": "theirs"}, {naming.MANAGED_TAG: "other"}), strict=True):
        stub("logs").add_response("describe_log_groups", {"logGroups": [log_group(name)]})
        tags_of_log_group(stub("logs"), name, tags)
    for name in IN_ORDER:
        _describe_function(stub("lambda"), WANTED.functions[name], {"team": "theirs"})
    no_images(stub)
    for rule in WANTED.rules.values():
        _describe_rule(stub("events"), rule, [])
        stub("lambda").add_client_error("get_policy", "ResourceNotFoundException")

    found = observe(aws, CONFIG, ACCOUNT)

    assert not found.roles_stack.ours
    assert {name: each.ours for name, each in found.functions.items()} == {ENSURE: False, FORWARDER: False}
    assert {each.ours for each in found.log_groups.values()} == {False}
    assert {each.ours for each in found.rules.values()} == {False}
    assert {each.may_invoke for each in found.rules.values()} == {False}


def test_observe_of_a_stack_that_was_deleted_finds_none(aws, stub):
    stub("s3").add_client_error("head_bucket", "404", http_status_code=404)
    _describe_stack(stub("cloudformation"), StackStatus="DELETE_COMPLETE")
    for _ in range(3):
        stub("logs").add_response("describe_log_groups", {"logGroups": []})
    for _ in range(2):
        stub("lambda").add_client_error("get_function", "ResourceNotFoundException")
        stub("events").add_client_error("describe_rule", "ResourceNotFoundException")
    no_images(stub)

    assert observe(aws, CONFIG, ACCOUNT).roles_stack is None


def test_observe_of_a_log_group_behind_a_page_of_longer_names_finds_it(aws, stub):
    stub("s3").add_client_error("head_bucket", "404", http_status_code=404)
    stub("cloudformation").add_client_error("describe_stacks", "ValidationError")
    name = naming.log_group(ENSURE)
    stub("logs").add_response("describe_log_groups", {"logGroups": []})
    stub("logs").add_response("describe_log_groups", {"logGroups": [log_group(f"{name}-2")], "nextToken": "more"})
    stub("logs").add_response("describe_log_groups", {"logGroups": [log_group(name)]})
    tags_of_log_group(stub("logs"), name, {OURS["Key"]: OURS["Value"]})
    stub("logs").add_response("describe_log_groups", {"logGroups": []})
    for _ in range(2):
        stub("lambda").add_client_error("get_function", "ResourceNotFoundException")
        stub("events").add_client_error("describe_rule", "ResourceNotFoundException")
    no_images(stub)

    assert observe(aws, CONFIG, ACCOUNT).log_groups == {name: LogGroup(name, 0)}


# --- the trail

TRAIL = {"TrailARN": "arn:aws:cloudtrail:eu-west-1:123456789012:trail/t", "HomeRegion": "eu-west-1"}
MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}
ALL_EVENTS = {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}


@pytest.fixture
def account_settings(stub):
    stub("lambda").add_response("get_account_settings", {"AccountLimit": {"UnreservedConcurrentExecutions": 90}})


def describe_trail(trails, *, logging=True, selectors=ALL_EVENTS) -> None:
    trails.add_response("get_trail_status", {"IsLogging": logging}, {"Name": TRAIL["TrailARN"]})
    if logging:
        trails.add_response("get_event_selectors", selectors, {"TrailName": TRAIL["TrailARN"]})


def test_surroundings_without_a_trail_say_so_and_tell_the_concurrency(aws, stub, account_settings):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []}, {"includeShadowTrails": True})

    assert surroundings(aws, CONFIG, ACCOUNT) == Surroundings(False, 90)


@pytest.mark.parametrize(
    ("selectors", "logs"),
    [
        (ALL_EVENTS, True),
        ({"EventSelectors": [{"IncludeManagementEvents": True}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": True}]}, True),
        ({"EventSelectors": [{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}]}, False),
        ({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": False}]}, False),
        ({"AdvancedEventSelectors": [{"FieldSelectors": [MANAGEMENT]}]}, True),
        (
            {
                "AdvancedEventSelectors": [
                    {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]},
                    {"FieldSelectors": [MANAGEMENT]},
                ]
            },
            True,
        ),
        ({}, False),
    ],
)
def test_surroundings_with_a_trail_tell_whether_it_takes_in_api_calls(
    aws, stub, account_settings, selectors, logs
):
    stub("cloudtrail").add_response("describe_trails", {"trailList": [TRAIL]})
    describe_trail(stub("cloudtrail"), selectors=selectors)

    assert surroundings(aws, CONFIG, ACCOUNT).trail_logs_api_calls is logs


def test_surroundings_with_a_trail_that_is_off_have_none(aws, stub, account_settings):
    stub("cloudtrail").add_response("describe_trails", {"trailList": [TRAIL]})
    describe_trail(stub("cloudtrail"), logging=False)

    assert surroundings(aws, CONFIG, ACCOUNT).trail_logs_api_calls is False


def test_surroundings_with_one_good_trail_of_two_have_one(aws, stub, account_settings):
    stub("cloudtrail").add_response("describe_trails", {"trailList": [TRAIL, TRAIL]})
    describe_trail(stub("cloudtrail"), logging=False)
    describe_trail(stub("cloudtrail"))

    assert surroundings(aws, CONFIG, ACCOUNT).trail_logs_api_calls is True


def test_surroundings_with_a_good_trail_behind_an_unreadable_one_have_one(aws, stub, account_settings):
    stub("cloudtrail").add_response("describe_trails", {"trailList": [TRAIL, TRAIL]})
    stub("cloudtrail").add_client_error("get_trail_status", "AccessDeniedException")
    describe_trail(stub("cloudtrail"))

    assert surroundings(aws, CONFIG, ACCOUNT).trail_logs_api_calls is True


@pytest.mark.parametrize(("everywhere", "logs"), [(True, True), (False, False)])
def test_surroundings_with_a_trail_of_another_region_count_it_where_it_covers_all(
    aws, stub, account_settings, everywhere, logs
):
    elsewhere = {**TRAIL, "HomeRegion": "us-east-1", "IsMultiRegionTrail": everywhere}
    stub("cloudtrail").add_response("describe_trails", {"trailList": [elsewhere]})
    if everywhere:
        describe_trail(stub("cloudtrail"))

    assert surroundings(aws, CONFIG, ACCOUNT).trail_logs_api_calls is logs


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnsupportedOperationException"])
def test_surroundings_that_may_not_be_looked_at_are_unknown(aws, stub, account_settings, code):
    stub("cloudtrail").add_client_error("describe_trails", code)

    assert surroundings(aws, CONFIG, ACCOUNT).trail_logs_api_calls is None


@pytest.mark.parametrize("code", ["TrailNotFoundException", "CloudTrailARNInvalidException"])
def test_surroundings_with_a_trail_of_the_organization_that_tells_nothing_are_unknown(
    aws, stub, account_settings, code
):
    stub("cloudtrail").add_response("describe_trails", {"trailList": [TRAIL]})
    stub("cloudtrail").add_client_error("get_trail_status", code)

    assert surroundings(aws, CONFIG, ACCOUNT).trail_logs_api_calls is None


@pytest.mark.parametrize(
    ("others", "takes_in"),
    [
        ([], True),
        ([{"Field": "readOnly", "Equals": ["false"]}], True),
        ([{"Field": "readOnly", "Equals": ["true"]}], False),
        ([{"Field": "eventSource", "NotEquals": ["kms.amazonaws.com", "rdsdata.amazonaws.com"]}], True),
        ([{"Field": "eventSource", "NotEquals": ["kms.amazonaws.com", "dynamodb.amazonaws.com"]}], False),
        ([{"Field": "eventSource", "Equals": ["s3.amazonaws.com"]}], False),
        ([{"Field": "eventSource", "Equals": ["s3.amazonaws.com", "dynamodb.amazonaws.com"]}], True),
    ],
)
def test_advanced_selector_of_management_events_takes_in_dynamodbs_writes_or_not(others, takes_in):
    assert _selects_api_calls({"FieldSelectors": [MANAGEMENT, *others]}) is takes_in


@pytest.mark.parametrize(
    "fields",
    [[], [{"Field": "eventCategory", "Equals": ["Data"]}], [{"Field": "readOnly", "Equals": ["false"]}]],
)
def test_advanced_selector_without_management_events_takes_in_nothing(fields):
    assert not _selects_api_calls({"FieldSelectors": fields})


# --- delivery streams that the configuration names


@pytest.mark.parametrize(("status", "versioned"), [("Enabled", True), ("Suspended", False), (None, False)])
def test_surroundings_tell_whether_the_bucket_that_is_named_for_images_has_versions(
    aws, stub, account_settings, status, versioned
):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    asked = {"Bucket": "images", "ExpectedBucketOwner": ACCOUNT.id}
    stub("s3").add_response("head_bucket", {"BucketRegion": ACCOUNT.region}, asked)
    stub("s3").add_response("get_bucket_versioning", {"Status": status} if status else {}, asked)
    config = replace(CONFIG, item_images=ItemImages(bucket="images"))

    assert surroundings(aws, config, ACCOUNT).images_bucket == ImagesBucket("images", versioned=versioned)


def test_surroundings_where_the_bucket_for_images_is_not_there_say_so(aws, stub, account_settings):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    stub("s3").add_client_error("head_bucket", "404", http_status_code=404)
    config = replace(CONFIG, item_images=ItemImages(bucket="images"))

    assert surroundings(aws, config, ACCOUNT).images_bucket == ImagesBucket("images", exists=False)


def test_surroundings_where_the_bucket_for_images_is_in_another_region_say_which(aws, stub, account_settings):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    stub("s3").add_response("head_bucket", {"BucketRegion": "ap-south-1"})
    stub("s3").add_response("get_bucket_versioning", {"Status": "Enabled"})
    config = replace(CONFIG, item_images=ItemImages(bucket="images"))

    assert surroundings(aws, config, ACCOUNT).images_bucket == ImagesBucket("images", elsewhere="ap-south-1")


REPLICATED = ItemImages(replica_account_id="999999999999", replica_region="eu-central-1", replica_bucket="there")


@pytest.mark.parametrize(
    ("code", "status", "exists"), [("404", 404, False), ("403", 403, True), ("301", 301, True), ("400", 400, True)]
)
def test_surroundings_tell_whether_the_bucket_of_the_replica_is_there_though_it_refuses_us(
    aws, stub, account_settings, code, status, exists
):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    stub("s3").add_client_error("head_bucket", code, http_status_code=status, expected_params={"Bucket": "there"})
    config = replace(CONFIG, item_images=REPLICATED).in_account(ACCOUNT)

    assert surroundings(aws, config, ACCOUNT).replica_bucket == ImagesBucket("there", exists=exists)


def test_surroundings_with_the_bucket_of_our_own_stack_do_not_ask_for_it(aws, stub, account_settings):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    config = replace(CONFIG, item_images=ItemImages()).in_account(ACCOUNT)

    assert surroundings(aws, config, ACCOUNT).images_bucket is None


def test_surroundings_where_firehose_fails_are_not_taken_for_none(aws, stub, account_settings):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    stub("firehose").add_client_error("describe_delivery_stream", "InternalFailure", http_status_code=400)

    with pytest.raises(ClientError):
        surroundings(aws, replace(CONFIG, delivery_streams={"Orders": "theirs"}), ACCOUNT)
