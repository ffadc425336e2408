"""What is seen of the surroundings of a deployment: trails, concurrency, buckets of others."""

from dataclasses import replace

import pytest
from botocore.exceptions import EndpointConnectionError
from deployments import ACCOUNT

from continuous_backup.aws import ClientError
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.operations.deployment.observer import _selects_api_calls, surroundings
from continuous_backup.operations.deployment.state import (
    ImagesBucket,
    Surroundings,
)
from tests.unit.operations.deployment.observing import CONFIG

# --- the trail

TRAIL = {"TrailARN": "arn:aws:cloudtrail:eu-west-1:123456789012:trail/t", "HomeRegion": "eu-west-1"}
MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}
ALL_EVENTS = {"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": True}]}


@pytest.fixture
def account_settings(stub):
    stub("lambda", informs=True).add_response(
        "get_account_settings", {"AccountLimit": {"UnreservedConcurrentExecutions": 90}}
    )


def describe_trail(trails, *, logging=True, selectors=ALL_EVENTS) -> None:
    trails.add_response("get_trail_status", {"IsLogging": logging}, {"Name": TRAIL["TrailARN"]})
    if logging:
        trails.add_response("get_event_selectors", selectors, {"TrailName": TRAIL["TrailARN"]})


def test_surroundings_without_a_trail_say_so_and_tell_the_concurrency(aws, stub, account_settings):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []}, {"includeShadowTrails": True})
    stub("lambda").add_client_error("list_event_source_mappings", "ResourceNotFoundException")

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


# --- buckets of items' images, and what Firehose refuses to tell


@pytest.mark.parametrize(("status", "versioned"), [("Enabled", True), ("Suspended", False), (None, False)])
def test_surroundings_tell_whether_the_bucket_that_is_named_for_images_has_versions(
    aws, stub, account_settings, status, versioned
):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    asked = {"Bucket": "images", "ExpectedBucketOwner": ACCOUNT.id}
    stub("s3").add_response("head_bucket", {"BucketRegion": ACCOUNT.region}, asked)
    stub("s3").add_response("get_bucket_versioning", {"Status": status} if status else {}, asked)
    stub("s3").add_client_error("get_bucket_encryption", "ServerSideEncryptionConfigurationNotFoundError")
    config = replace(CONFIG, item_images=ItemImages(bucket="images"))

    assert surroundings(aws, config, ACCOUNT).images_bucket == ImagesBucket("images", versioned=versioned)


def test_surroundings_tell_the_key_that_the_bucket_for_images_encrypts_with(aws, stub, account_settings):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    stub("s3").add_response("head_bucket", {"BucketRegion": ACCOUNT.region})
    stub("s3").add_response("get_bucket_versioning", {"Status": "Enabled"})
    by_default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "a-key"}}
    stub("s3").add_response(
        "get_bucket_encryption",
        {"ServerSideEncryptionConfiguration": {"Rules": [by_default]}},
        {"Bucket": "images"},
    )
    config = replace(CONFIG, item_images=ItemImages(bucket="images"))

    assert surroundings(aws, config, ACCOUNT).images_bucket == ImagesBucket("images", kms_key="a-key")


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


OUR_IMAGES = "dynamodb-item-images-123456789012-eu-west-1"


def _rule(status: str) -> dict[str, object]:
    rule = {"Status": status, "Destination": {"Bucket": "b"}}
    return {"ReplicationConfiguration": {"Role": "r", "Rules": [rule]}}


REPLICATING, SWITCHED_OFF = _rule("Enabled"), _rule("Disabled")


def _ours(aws, **settings):
    config = replace(CONFIG, item_images=ItemImages(**settings)).in_account(ACCOUNT)
    return surroundings(aws, config, ACCOUNT).images_bucket


@pytest.mark.parametrize(("status", "versioned"), [("Enabled", True), ("Suspended", False)])
def test_surroundings_tell_whether_our_own_bucket_for_images_keeps_versions(
    aws, stub, account_settings, status, versioned
):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    where = {"Bucket": OUR_IMAGES, "ExpectedBucketOwner": ACCOUNT.id}
    stub("s3").add_response("get_bucket_versioning", {"Status": status}, where)

    assert _ours(aws) == ImagesBucket(OUR_IMAGES, versioned=versioned, ours=True)


@pytest.mark.parametrize(("answer", "replicates"), [(REPLICATING, True), (SWITCHED_OFF, False), (None, False)])
def test_surroundings_tell_whether_our_own_bucket_for_images_replicates_where_it_is_to(
    aws, stub, account_settings, answer, replicates
):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    stub("s3").add_response("get_bucket_versioning", {"Status": "Enabled"})
    if answer:
        stub("s3").add_response("get_bucket_replication", answer)
    else:
        stub("s3").add_client_error("get_bucket_replication", "ReplicationConfigurationNotFoundError")
    stub("s3").add_response("head_bucket", {})  # the replica

    found = _ours(aws, replica_account_id="999999999999", replica_region="eu-central-1")

    assert found == ImagesBucket(OUR_IMAGES, ours=True, replicates=replicates)


@pytest.mark.parametrize("code", ["NoSuchBucket", "AccessDenied", "SlowDown"])
def test_surroundings_where_our_own_bucket_for_images_is_not_there_or_refuses_tell_nothing(
    aws, stub, account_settings, code
):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    stub("s3").add_client_error("get_bucket_versioning", code)

    assert _ours(aws) is None


def test_surroundings_where_firehose_fails_are_not_taken_for_none(aws, stub, account_settings):
    stub("cloudtrail").add_response("describe_trails", {"trailList": []})
    stub("firehose").add_client_error("describe_delivery_stream", "InternalFailure", http_status_code=400)

    with pytest.raises(ClientError):
        surroundings(aws, replace(CONFIG, delivery_streams={"Orders": "theirs"}), ACCOUNT)


UNREACHABLE = EndpointConnectionError(endpoint_url="https://nowhere.amazonaws.com/")


@pytest.mark.parametrize("error", [UNREACHABLE, "AccessDeniedException", "ThrottlingException"], ids=str)
def test_surroundings_that_are_refused_or_out_of_reach_are_unknown_and_stop_nothing(aws, error):
    """Trails, the account's quota, and the bucket of the replica: each only informs."""
    config = replace(CONFIG, item_images=REPLICATED).in_account(ACCOUNT)
    for service, operation in (
        ("cloudtrail", "DescribeTrails"),
        ("lambda", "GetAccountSettings"),
        ("s3", "HeadBucket"),
    ):

        def fail(operation=operation, **_):
            code = {"Error": {"Code": error, "Message": error}}
            raise ClientError(code, operation) if isinstance(error, str) else error

        aws.client(service).meta.events.register(f"before-call.{service}.{operation}", fail)

    found = surroundings(aws, config, ACCOUNT)

    assert (found.trail_logs_api_calls, found.unreserved_concurrency) == (None, None)
    assert found.replica_bucket == ImagesBucket("there", exists=True)
