"""What describe and list calls say, as facts: over all pages, and with what AWS leaves out."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from continuous_backup import naming
from continuous_backup.aws import Aws, ClientError
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.observer import Listing, Observer, Overview
from continuous_backup.ensure_backup.state import Stream, Table
from tests.unit.ensure_backup.wiring import ACCOUNT, CONFIG, FORMER_ARN, NAME, STREAM_ARN

Stubs = Callable[[str], Stubber]
UUID = "58298ec1-ec3c-43a5-895d-e89af3d9e3f9"
TABLE_ARN = ACCOUNT.table_arn(NAME)


@pytest.fixture
def observer(aws: Aws) -> Observer:
    return Observer(aws, CONFIG, ACCOUNT, calls_per_second=1_000)


def mapping_of(stream_arn: str = STREAM_ARN, uuid: str = UUID, **changes: Any) -> dict[str, Any]:
    return {
        "UUID": uuid,
        "EventSourceArn": stream_arn,
        "FunctionArn": ACCOUNT.function_arn(naming.FORWARDER_FUNCTION),
        "State": "Enabled",
        "BatchSize": 1000,
        "MaximumBatchingWindowInSeconds": 30,
        "ParallelizationFactor": 1,
        "MaximumRetryAttempts": -1,
        "MaximumRecordAgeInSeconds": 79_200,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "DestinationConfig": {"OnFailure": {"Destination": ACCOUNT.bucket_arn(CONFIG.bucket)}},
    } | changes


def answer_image_mappings(stub: Stubs, *mappings: dict[str, Any]) -> None:
    answer = {"EventSourceMappings": [*mappings]}
    stub("lambda").add_response(
        "list_event_source_mappings", answer, {"FunctionName": naming.ITEM_IMAGES_FUNCTION}
    )


def answer_lists(stub: Stubs, *pages: list[dict[str, Any]]) -> None:
    for number, page in enumerate(pages):
        more = {"NextMarker": f"page-{number + 1}"} if number + 1 < len(pages) else {}
        stub("lambda").add_response("list_event_source_mappings", {"EventSourceMappings": page, **more})
    answer_image_mappings(stub)
    stub("lambda", informs=True).add_response(
        "get_function_configuration", {"Description": f"x {CONFIG.fingerprint}"}
    )
    stub("firehose").add_response(
        "list_delivery_streams", {"DeliveryStreamNames": ["a", "b"], "HasMoreDeliveryStreams": True}
    )
    stub("firehose").add_response(
        "list_delivery_streams",
        {"DeliveryStreamNames": ["c"], "HasMoreDeliveryStreams": False},
        {"Limit": 10_000, "ExclusiveStartDeliveryStreamName": "b"},
    )


def describe_table(stub: Stubs, **facts: Any) -> None:
    described = {"TableStatus": "ACTIVE"} | facts
    stub("dynamodb").add_response("describe_table", {"Table": described}, {"TableName": NAME})


STREAMING = {
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    "LatestStreamArn": STREAM_ARN,
}


def test_listing_takes_in_every_page_of_mappings_and_delivery_streams(observer: Observer, stub: Stubs) -> None:
    uuids = [f"58298ec1-ec3c-43a5-895d-{number:012}" for number in range(3)]
    answer_lists(stub, *([mapping_of(uuid=uuid)] for uuid in uuids))
    listing = observer.listing()
    assert [each.uuid for each in listing.mappings] == uuids
    assert listing.delivery_streams == {"a", "b", "c"}
    assert listing.mappings[0].settings == want.mapping_settings(CONFIG, ACCOUNT)


def test_listing_leaves_out_mappings_of_other_sources(observer: Observer, stub: Stubs) -> None:
    answer_lists(stub, [mapping_of("arn:aws:sqs:eu-west-1:123456789012:queue"), mapping_of()])
    assert [each.stream_arn for each in observer.listing().mappings] == [STREAM_ARN]


@pytest.mark.parametrize(
    ("difference", "field", "value"),
    [
        ({"MaximumRetryAttempts": 2}, "retry_attempts", 2),
        ({"FunctionResponseTypes": []}, "reports_batch_item_failures", False),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}, "filters", True),
        ({"DestinationConfig": {}}, "on_failure", ""),
        ({"BisectBatchOnFunctionError": False}, "bisects", False),
    ],
)
def test_listing_sees_each_setting_that_could_lose_changes(
    observer: Observer, stub: Stubs, difference: dict[str, Any], field: str, value: object
) -> None:
    answer_lists(stub, [mapping_of(**difference)])
    assert getattr(observer.listing().mappings[0].settings, field) == value


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, Table(NAME)),
        (STREAMING, Table(NAME, stream=Stream(STREAM_ARN))),
        ({"LatestStreamArn": FORMER_ARN}, Table(NAME, stream=Stream(FORMER_ARN, "", enabled=False))),
        ({"Replicas": [{"RegionName": "eu-central-1"}]}, Table(NAME, replicas=1)),
        ({"TableStatus": "ARCHIVED"}, Table(NAME, status="ARCHIVED")),
    ],
)
def test_table_is_what_describe_table_says(
    observer: Observer, stub: Stubs, facts: dict[str, Any], expected: Table
) -> None:
    describe_table(stub, **facts)
    stub("dynamodb").add_response("list_tags_of_resource", {"Tags": []}, {"ResourceArn": TABLE_ARN})
    assert observer.table(NAME) == expected


def test_table_when_its_tag_opts_it_out_says_so(observer: Observer, stub: Stubs) -> None:
    describe_table(stub)
    tags = [{"Key": "team", "Value": "x"}, {"Key": naming.MANAGED_TAG, "Value": "off"}]
    stub("dynamodb").add_response("list_tags_of_resource", {"Tags": tags})
    found = observer.table(NAME)
    assert found
    assert found.opted_out


def test_table_when_it_is_not_there_is_none_and_any_other_error_is_raised(observer: Observer, stub: Stubs) -> None:
    stub("dynamodb").add_client_error("describe_table", "ResourceNotFoundException")
    assert observer.table(NAME) is None
    stub("dynamodb").add_client_error("describe_table", "ThrottlingException")
    with pytest.raises(ClientError):
        observer.table(NAME)


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "InternalFailure"])
def test_delivery_stream_when_it_cannot_be_described_is_not_taken_to_be_missing(
    observer: Observer, stub: Stubs, code: str
) -> None:
    stub("firehose").add_client_error("describe_delivery_stream", code, http_status_code=400)
    with pytest.raises(ClientError):
        observer.delivery_stream(NAME)


def test_observe_counts_other_readers_of_the_stream_before_we_join_it(observer: Observer, stub: Stubs) -> None:
    describe_table(stub, **STREAMING)
    stub("dynamodb").add_response("list_tags_of_resource", {"Tags": []})
    stub("firehose").add_client_error("describe_delivery_stream", "ResourceNotFoundException")
    theirs = mapping_of(FunctionArn=ACCOUNT.function_arn("theirs"))
    stub("lambda").add_response(
        "list_event_source_mappings", {"EventSourceMappings": [theirs]}, {"EventSourceArn": STREAM_ARN}
    )
    stub("pipes").add_response(
        "list_pipes", {"Pipes": [{"Name": "theirs", "Source": STREAM_ARN}]}, {"SourcePrefix": STREAM_ARN}
    )
    state = observer.observe(NAME, Listing((), frozenset()))
    assert state.other_readers == 2
    assert state.delivery_stream is None


def test_observe_tells_mappings_that_are_ours_and_streams_that_are_gone(observer: Observer, stub: Stubs) -> None:
    former_uuid = "58298ec1-ec3c-43a5-895d-000000000002"
    answer_lists(stub, [mapping_of(), mapping_of(FORMER_ARN, former_uuid)])
    listing = observer.listing()
    describe_table(stub, **STREAMING)
    stub("dynamodb").add_response("list_tags_of_resource", {"Tags": []})
    stub("dynamodbstreams").add_client_error("describe_stream", "ResourceNotFoundException")
    stub("lambda").add_response("list_tags", {"Tags": {naming.MANAGED_TAG: naming.MANAGED_TAG_VALUE}})
    stub("lambda").add_response("list_tags", {"Tags": {"owner": "another team"}})
    described = {
        "DeliveryStreamName": NAME,
        "DeliveryStreamARN": ACCOUNT.delivery_stream_arn(NAME),
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamType": "DirectPut",
        "VersionId": "1",
        "Destinations": [],
        "HasMoreDestinations": False,
    }
    stub("firehose").add_response("describe_delivery_stream", {"DeliveryStreamDescription": described})
    stub("firehose").add_response("list_tags_for_delivery_stream", {"Tags": [], "HasMoreTags": False})
    current, former = observer.observe(NAME, listing).mappings
    assert (current.ours, current.stream_is_gone) == (True, False)
    assert (former.ours, former.stream_is_gone) == (False, True)


def test_glance_makes_one_describe_call_and_believes_the_tags(observer: Observer, stub: Stubs) -> None:
    describe_table(stub, **STREAMING)
    tags = want.delivery_stream_tags(NAME, CONFIG, ACCOUNT)
    overview = Overview(
        (),
        frozenset({NAME}),
        frozenset({NAME}),
        {ACCOUNT.delivery_stream_arn(NAME): tags, TABLE_ARN: {naming.MANAGED_TAG: "off"}},
    )
    state = observer.glance(NAME, overview)
    assert state.table
    assert state.table.opted_out
    assert state.delivery_stream
    assert (state.delivery_stream.ours, state.delivery_stream.destination) == (True, None)


def test_observe_when_the_delivery_stream_is_gone_counts_readers_before_our_place_is_given_up(
    observer: Observer, stub: Stubs
) -> None:
    answer_lists(stub, [mapping_of()])
    listing = observer.listing()
    describe_table(stub, **STREAMING)
    stub("dynamodb").add_response("list_tags_of_resource", {"Tags": []})
    stub("lambda").add_response("list_tags", {"Tags": {naming.MANAGED_TAG: naming.MANAGED_TAG_VALUE}})
    stub("firehose").add_client_error("describe_delivery_stream", "ResourceNotFoundException")
    both = [mapping_of(), mapping_of(FunctionArn=ACCOUNT.function_arn("theirs"))]
    stub("lambda").add_response("list_event_source_mappings", {"EventSourceMappings": both})
    stub("pipes").add_response("list_pipes", {"Pipes": []})
    assert observer.observe(NAME, listing).other_readers == 1


def test_listing_when_there_is_no_forwarder_has_no_mappings(observer: Observer, stub: Stubs) -> None:
    stub("lambda").add_client_error("list_event_source_mappings", "ResourceNotFoundException")
    stub("lambda").add_client_error("list_event_source_mappings", "ResourceNotFoundException")
    stub("lambda", informs=True).add_client_error("get_function_configuration", "ResourceNotFoundException")
    stub("firehose").add_response(
        "list_delivery_streams", {"DeliveryStreamNames": [], "HasMoreDeliveryStreams": False}
    )
    assert observer.listing() == Listing((), frozenset())


@pytest.mark.parametrize(("said", "agrees"), [(f"configuration {CONFIG.fingerprint}", True), ("another", False)])
def test_observe_tells_whether_the_forwarder_has_our_configuration(
    observer: Observer, stub: Stubs, said: str, agrees: bool
) -> None:
    stub("dynamodb").add_client_error("describe_table", "ResourceNotFoundException")
    stub("firehose").add_client_error("describe_delivery_stream", "ResourceNotFoundException")
    assert observer.observe(NAME, Listing((), frozenset(), forwarder=said)).forwarder_agrees is agrees


# --- what people may choose


MAPPING_ARN = ACCOUNT.mapping_arn(UUID)
MARKED = {naming.MANAGED_TAG: naming.MANAGED_TAG_VALUE, naming.NOT_RESTORABLE_TAG: "includeTtlDeletes router"}
KEYS = ("includeTtlDeletes", "router")


def described_as(stub: Stubs, name: str, tags: dict[str, str]) -> None:
    described = {
        "DeliveryStreamName": name,
        "DeliveryStreamARN": ACCOUNT.delivery_stream_arn(name),
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamType": "DirectPut",
        "VersionId": "1",
        "Destinations": [],
        "HasMoreDestinations": False,
    }
    stub("firehose").add_response(
        "describe_delivery_stream", {"DeliveryStreamDescription": described}, {"DeliveryStreamName": name}
    )
    stub("firehose").add_response(
        "list_tags_for_delivery_stream",
        {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()], "HasMoreTags": False},
        {"DeliveryStreamName": name},
    )


def test_observe_reads_what_the_log_lacks_anew_each_time(observer: Observer, stub: Stubs) -> None:
    """What was just marked would be marked again and again otherwise."""
    answer_lists(stub, [mapping_of()])
    listing = observer.listing()
    for tags, expected in ((MARKED, KEYS), ({naming.MANAGED_TAG: naming.MANAGED_TAG_VALUE}, ())):
        describe_table(stub, **STREAMING)
        stub("dynamodb").add_response("list_tags_of_resource", {"Tags": []})
        stub("lambda").add_response("list_tags", {"Tags": tags}, {"Resource": MAPPING_ARN})
        described_as(stub, NAME, want.delivery_stream_tags(NAME, CONFIG, ACCOUNT))
        (found,) = observer.observe(NAME, listing).mappings
        assert (found.ours, found.not_restorable) == (True, expected)


@pytest.mark.parametrize(
    ("named", "former"), [("my-own-stream", ["Orders", "Orders.gz"]), ("Orders", ["Orders.gz"])]
)
def test_observe_of_a_table_with_somebody_elses_delivery_stream_looks_at_all_that_was_ours(
    aws: Aws, stub: Stubs, named: str, former: list[str]
) -> None:
    config = replace(CONFIG, delivery_streams={NAME: named})
    describe_table(stub)
    stub("dynamodb").add_response("list_tags_of_resource", {"Tags": []})
    described_as(stub, named, {"team": "payments"})
    for name in former:
        described_as(stub, name, {})
    listing = Listing((), frozenset({named, *former, "Orders.gz.gz"}))
    state = Observer(aws, config, ACCOUNT, calls_per_second=1_000).observe(NAME, listing)
    assert state.delivery_stream
    assert (state.delivery_stream.name, state.delivery_stream.ours) == (named, False)
    assert [each.name for each in state.former_delivery_streams] == former


def test_glance_of_a_table_with_somebody_elses_delivery_stream_finds_what_was_ours(aws: Aws, stub: Stubs) -> None:
    describe_table(stub)
    tags = {ACCOUNT.delivery_stream_arn(NAME): want.delivery_stream_tags(NAME, CONFIG, ACCOUNT)}
    overview = Overview((), frozenset({NAME, "my-own-stream"}), frozenset({NAME}), tags)
    config = replace(CONFIG, delivery_streams={NAME: "my-own-stream"})
    state = Observer(aws, config, ACCOUNT).glance(NAME, overview)
    assert state.delivery_stream
    assert (state.delivery_stream.name, state.delivery_stream.ours) == ("my-own-stream", False)
    assert [(each.name, each.ours) for each in state.former_delivery_streams] == [(NAME, True)]


@pytest.mark.parametrize(
    ("told", "lacks", "asked", "expected"),
    [
        (True, False, False, KEYS),
        (True, True, False, KEYS),
        (False, False, False, None),
        (False, True, True, KEYS),
    ],
)
def test_glance_believes_what_is_told_of_a_mapping_and_asks_only_where_a_mark_is_due(
    aws: Aws, stub: Stubs, told: bool, lacks: bool, asked: bool, expected: tuple[str, ...] | None
) -> None:
    answer_lists(stub, [mapping_of()])
    observer = Observer(aws, replace(CONFIG, transformer="plain") if lacks else CONFIG, ACCOUNT)
    listing = observer.listing()
    describe_table(stub, **STREAMING)
    if asked:
        stub("lambda").add_response("list_tags", {"Tags": MARKED}, {"Resource": MAPPING_ARN})
    tags = {MAPPING_ARN: MARKED} if told else {}
    overview = Overview(listing.mappings, frozenset(), frozenset({NAME}), tags)
    (found,) = observer.glance(NAME, overview).mappings
    assert found.not_restorable == expected


# --- a tag is no proof

THEIR_ROLE, THEIR_BUCKET = "arn:aws:iam::123456789012:role/theirs", "arn:aws:s3:::theirs"
OUR_BUCKET = ACCOUNT.bucket_arn(CONFIG.bucket)


@pytest.mark.parametrize(
    ("role", "bucket", "prefix", "ours"),
    [
        (CONFIG.delivery_role_arn, OUR_BUCKET, "dynamodb/Orders/", True),
        (CONFIG.delivery_role_arn, THEIR_BUCKET, "logs/", True),
        (THEIR_ROLE, OUR_BUCKET, "dynamodb/Orders/", True),
        (THEIR_ROLE, OUR_BUCKET, "dynamodb/Carts/", False),
        (THEIR_ROLE, OUR_BUCKET, "logs/", False),
        (THEIR_ROLE, THEIR_BUCKET, "dynamodb/Orders/", False),
    ],
)
def test_delivery_stream_with_our_tags_is_ours_where_it_also_writes_as_ours_do(
    observer: Observer, stub: Stubs, role: str, bucket: str, prefix: str, ours: bool
) -> None:
    """Either may have been changed in the configuration since it was made."""
    destination = {
        "RoleARN": role,
        "BucketARN": bucket,
        "Prefix": prefix,
        "BufferingHints": {},
        "CompressionFormat": "GZIP",
        "EncryptionConfiguration": {},
    }
    described = {
        "DeliveryStreamName": NAME,
        "DeliveryStreamARN": ACCOUNT.delivery_stream_arn(NAME),
        "DeliveryStreamStatus": "ACTIVE",
        "DeliveryStreamType": "DirectPut",
        "VersionId": "1",
        "Destinations": [{"DestinationId": "1", "ExtendedS3DestinationDescription": destination}],
        "HasMoreDestinations": False,
    }
    stub("firehose").add_response("describe_delivery_stream", {"DeliveryStreamDescription": described})
    tags = [{"Key": key, "Value": its} for key, its in want.delivery_stream_tags(NAME, CONFIG, ACCOUNT).items()]
    stub("firehose").add_response("list_tags_for_delivery_stream", {"Tags": tags, "HasMoreTags": False})
    found = observer.delivery_stream(NAME)
    assert found
    assert (found.tagged, found.ours) == (True, ours)


def test_delivery_stream_with_our_tags_and_another_kind_of_destination_is_not_ours(
    observer: Observer, stub: Stubs
) -> None:
    described_as(stub, NAME, want.delivery_stream_tags(NAME, CONFIG, ACCOUNT))
    found = observer.delivery_stream(NAME)
    assert found
    assert not found.ours
