"""Delivery streams of somebody else's that the configuration names."""

import pytest

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.naming import Account
from continuous_backup.operations.notes import Note
from continuous_backup.operations.tables.named_delivery_streams import NamedDeliveryStream, look, notes_on

ACCOUNT = Account("123456789012", "eu-west-1")

WAIT = (
    "changes for it, and all behind them, wait in their table's stream, 22 hours long. Create it, or take it out "
    "of the configuration"
)


@pytest.mark.parametrize(
    ("status", "said", "loud"),
    [
        ("", f"is not there: {WAIT}", True),
        ("CREATING", f"is CREATING: {WAIT}", True),
        (None, "could not be looked at: see that it is there, and is not ours", False),
    ],
)
def test_notes_on_one_that_takes_nothing_say_so(status, said, loud):
    assert notes_on([NamedDeliveryStream("theirs", status)]) == [
        Note(f"delivery stream theirs, which the configuration names, {said}", loud=loud)
    ]


def test_notes_on_one_that_is_active_are_none():
    assert notes_on([NamedDeliveryStream("theirs")]) == []


OUR_ROLE = ACCOUNT.role_arn("DynamoDBContinuousBackup-eu-west-1-Delivery")
THEIR_ROLE = ACCOUNT.role_arn("theirs")


def describe_delivery_stream(
    stub, name: str, status: str, tags: dict[str, str], role: str = OUR_ROLE, prefix: str = ""
) -> None:
    destination = {
        "RoleARN": role,
        "BucketARN": "arn:aws:s3:::dynamodb-continuous-backup-123456789012-eu-west-1",
        "Prefix": prefix,
        "BufferingHints": {},
        "CompressionFormat": "GZIP",
        "EncryptionConfiguration": {},
    }
    described = {
        "DeliveryStreamName": name,
        "DeliveryStreamARN": ACCOUNT.delivery_stream_arn(name),
        "DeliveryStreamStatus": status,
        "DeliveryStreamType": "DirectPut",
        "VersionId": "1",
        "Destinations": [{"DestinationId": "1", "ExtendedS3DestinationDescription": destination}],
        "HasMoreDestinations": False,
    }
    stub("firehose").add_response(
        "describe_delivery_stream", {"DeliveryStreamDescription": described}, {"DeliveryStreamName": name}
    )
    told = [{"Key": key, "Value": value} for key, value in tags.items()]
    stub("firehose").add_response(
        "list_tags_for_delivery_stream", {"Tags": told, "HasMoreTags": False}, {"DeliveryStreamName": name}
    )


def test_look_tells_of_each_that_is_named_once(aws, stub):
    describe_delivery_stream(stub, "theirs", "ACTIVE", {"team": "payments"})
    stub("firehose").add_client_error("describe_delivery_stream", "ResourceNotFoundException")
    stub("firehose").add_client_error("describe_delivery_stream", "AccessDeniedException")
    describe_delivery_stream(
        stub, "of-ours", "CREATING", {naming.MANAGED_TAG: "managed", naming.TABLE_TAG: "Carts"}
    )
    describe_delivery_stream(stub, "of-nobody", "ACTIVE", {naming.MANAGED_TAG: "managed"})
    config = Config(
        delivery_streams={"Orders": "theirs", "Customers": "theirs", "Logs": "missing"},
        route_by_attribute={
            "status": {"PAID": "secret", "NEW": "theirs"},
            "kind": {"a": "of-ours", "b": "of-nobody"},
        },
    ).in_account(ACCOUNT)

    assert look(aws, config) == (
        NamedDeliveryStream("theirs", "ACTIVE", ""),
        NamedDeliveryStream("missing", "", ""),
        NamedDeliveryStream("secret", None, ""),
        NamedDeliveryStream("of-ours", "CREATING", "Carts"),
        NamedDeliveryStream("of-nobody", "ACTIVE", "(none)"),
    )


@pytest.mark.parametrize(
    ("role", "prefix", "table"),
    [
        (THEIR_ROLE, "logs/", ""),
        (THEIR_ROLE, "dynamodb/Carts/", "Carts"),
        (OUR_ROLE, "logs/", "Carts"),
    ],
)
def test_look_takes_a_tag_that_anybody_can_set_for_no_proof(aws, stub, role, prefix, table):
    tags = {naming.MANAGED_TAG: "managed", naming.TABLE_TAG: "Carts"}
    describe_delivery_stream(stub, "theirs", "ACTIVE", tags, role, prefix)
    config = Config(delivery_streams={"Orders": "theirs"}).in_account(ACCOUNT)

    assert look(aws, config) == (NamedDeliveryStream("theirs", "ACTIVE", table),)
