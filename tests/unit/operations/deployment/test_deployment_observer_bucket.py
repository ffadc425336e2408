"""What is seen of the bucket of the change log, and of its policy."""

from dataclasses import replace

import pytest
from deployments import ACCOUNT

from continuous_backup.aws import ClientError
from continuous_backup.errors import ExitCode, UsageError
from continuous_backup.operations.deployment import bucket_policy
from continuous_backup.operations.deployment.observer import observe
from continuous_backup.operations.deployment.state import (
    Bucket,
    Deployment,
    Lifecycle,
    Versioning,
)
from tests.unit.operations.deployment.observing import (
    BLOCKED,
    BUCKET_ARN,
    CONFIG,
    KEPT,
    KEY,
    describe_access,
    describe_bucket,
    describe_bucket_before_its_encryption,
    describe_bucket_before_its_versioning,
    encrypted_with,
)

# --- the bucket


def test_observe_where_nothing_is_there_finds_nothing(aws, nothing_but_a_bucket):
    nothing_but_a_bucket.add_client_error("head_bucket", "404", http_status_code=404)

    assert observe(aws, CONFIG, ACCOUNT) == Deployment()


def test_bucket_that_is_ours_and_secured_is_seen_as_such(aws, nothing_but_a_bucket):
    describe_bucket(nothing_but_a_bucket)

    assert observe(aws, CONFIG, ACCOUNT).bucket == KEPT


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

    assert observe(aws, CONFIG, ACCOUNT).bucket == replace(KEPT, secured=False)


@pytest.mark.parametrize("code", ["NoSuchPublicAccessBlockConfiguration", "AccessDenied"])
def test_bucket_without_tags_and_access_block_is_neither_ours_nor_secured(aws, nothing_but_a_bucket, code):
    nothing_but_a_bucket.add_response("head_bucket", {})
    nothing_but_a_bucket.add_client_error("get_bucket_tagging", "NoSuchTagSet")
    nothing_but_a_bucket.add_response("get_bucket_versioning", {})
    nothing_but_a_bucket.add_client_error("get_public_access_block", code)
    encrypted_with(nothing_but_a_bucket)

    assert observe(aws, CONFIG, ACCOUNT).bucket == Bucket("mine", ours=False, secured=False)


def test_bucket_of_our_own_name_is_ours_even_before_its_tag(aws, nothing_but_a_bucket):
    nothing_but_a_bucket.add_response("head_bucket", {})
    nothing_but_a_bucket.add_response("get_bucket_versioning", {})
    nothing_but_a_bucket.add_client_error("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration")
    nothing_but_a_bucket.add_client_error("get_public_access_block", "NoSuchPublicAccessBlockConfiguration")
    encrypted_with(nothing_but_a_bucket)
    config = replace(CONFIG, bucket="dynamodb-continuous-backup-123456789012-eu-west-1")

    assert observe(aws, config, ACCOUNT).bucket == Bucket(
        config.bucket, ours=True, secured=False, lifecycle=Lifecycle.OPEN
    )


@pytest.mark.parametrize("key", [KEY, KEY.rpartition("/")[2], f"{KEY.partition(':key/')[0]}:alias/ours"])
def test_bucket_with_a_customer_managed_key_tells_it(aws, nothing_but_a_bucket, key):
    describe_bucket(nothing_but_a_bucket, key=key)

    assert observe(aws, CONFIG, ACCOUNT).bucket == replace(KEPT, kms_key=key)


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

    assert observe(aws, CONFIG, ACCOUNT).bucket == KEPT


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


# --- its versioning


@pytest.mark.parametrize("status", ["Enabled", "Suspended", ""])
def test_bucket_tells_whether_older_versions_are_kept(aws, nothing_but_a_bucket, status):
    describe_bucket_before_its_versioning(nothing_but_a_bucket)
    nothing_but_a_bucket.add_response("get_bucket_versioning", {"Status": status} if status else {})
    nothing_but_a_bucket.add_response("get_bucket_lifecycle_configuration", {"Rules": []})
    describe_access(nothing_but_a_bucket)
    encrypted_with(nothing_but_a_bucket)

    found = observe(aws, CONFIG, ACCOUNT).bucket

    assert (found.versioning, found.lifecycle) == (Versioning(status), Lifecycle.OPEN)


def test_bucket_whose_versioning_and_rules_may_not_be_read_is_unknown_in_both(aws, nothing_but_a_bucket):
    describe_bucket_before_its_versioning(nothing_but_a_bucket)
    nothing_but_a_bucket.add_client_error("get_bucket_versioning", "AccessDenied", http_status_code=403)
    nothing_but_a_bucket.add_client_error(
        "get_bucket_lifecycle_configuration", "AccessDenied", http_status_code=403
    )
    describe_access(nothing_but_a_bucket)
    encrypted_with(nothing_but_a_bucket)

    assert observe(aws, CONFIG, ACCOUNT).bucket == replace(
        KEPT, versioning=Versioning.UNKNOWN, lifecycle=Lifecycle.UNKNOWN
    )


@pytest.mark.parametrize("call", ["get_bucket_versioning", "get_bucket_lifecycle_configuration"])
def test_bucket_whose_versioning_fails_to_be_told_is_no_guess(aws, nothing_but_a_bucket, call):
    describe_bucket_before_its_versioning(nothing_but_a_bucket)
    if call != "get_bucket_versioning":
        nothing_but_a_bucket.add_response("get_bucket_versioning", {})
    nothing_but_a_bucket.add_client_error(call, "InternalError", "We encountered an internal error")

    with pytest.raises(ClientError, match="InternalError"):
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
