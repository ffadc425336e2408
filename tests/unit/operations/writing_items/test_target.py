"""The table that is written to: what is known of it, how it is made, and which images it has seen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.stub import Stubber

from continuous_backup.aws import Aws
from continuous_backup.errors import AwsError, UsageError
from continuous_backup.item_images.image import Version
from continuous_backup.operations.writing_items import target as targets
from continuous_backup.operations.writing_items.target import Target
from tests.unit.operations.writing_items.tables import ARN, OLD_STREAM, STREAM, TARGET

TWO_KEYS = {"when": {"N": "1"}, "id": {"S": "a"}}
TYPES = {"when": "N", "id": "S"}


def described(status: str = "ACTIVE") -> dict[str, object]:
    return {
        "Table": {
            "TableName": "Orders",
            "TableArn": ARN,
            "TableStatus": status,
            "KeySchema": [
                {"AttributeName": "when", "KeyType": "RANGE"},
                {"AttributeName": "id", "KeyType": "HASH"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "of-an-index", "AttributeType": "B"},
                {"AttributeName": "when", "AttributeType": "N"},
            ],
            "CreationDateTime": datetime(2026, 11, 25, tzinfo=UTC),
        }
    }


def test_described_of_a_table_has_its_keys_the_partition_key_first(aws: Aws, stub: Callable[[str], Stubber]):
    stub("dynamodb").add_response("describe_table", described(), {"TableName": "Orders"})
    found = targets.described(aws.client("dynamodb"), "Orders")
    assert found is not None
    assert list(found.keys.items()) == [("id", "S"), ("when", "N")]
    assert (found.partition_key, found.is_there) == ("id", True)
    assert found.has_keys_like(TWO_KEYS)
    assert not found.has_keys_like({"id": {"S": "a"}})
    assert not found.has_keys_like({"id": {"S": "a"}, "when": {"S": "1"}})


def test_described_of_no_table_is_none_and_of_one_that_is_being_deleted_refuses(
    aws: Aws, stub: Callable[[str], Stubber]
):
    stub("dynamodb").add_client_error("describe_table", "ResourceNotFoundException")
    assert targets.described(aws.client("dynamodb"), "Orders") is None
    stub("dynamodb").add_response("describe_table", described("DELETING"))
    with pytest.raises(UsageError, match="Orders is DELETING"):
        targets.described(aws.client("dynamodb"), "Orders")


OTHER_KEYS = replace(TARGET, keys={"id": "S", "when": "N"}, created=datetime(2026, 11, 25, tzinfo=UTC))


@pytest.mark.parametrize(
    ("looked_at", "said"),
    [
        (replace(OTHER_KEYS, keys={"id": "N", "when": "N"}), "is another one now: with the keys id \\(S\\), when"),
        (replace(OTHER_KEYS, keys={"when": "N", "id": "S"}), "is another one now"),
        (replace(OTHER_KEYS, created=datetime(2026, 11, 24, tzinfo=UTC)), "is another one now"),
        (replace(OTHER_KEYS, created=None), "has been made meanwhile, with the keys id \\(S\\), when"),
    ],
)
def test_require_unchanged_of_another_table_than_was_looked_at_refuses(
    aws: Aws, stub: Callable[[str], Stubber], looked_at: Target, said: str
):
    stub("dynamodb").add_response("describe_table", described())
    with pytest.raises(UsageError, match=said):
        targets.require_unchanged(aws.client("dynamodb"), looked_at)
    stub("dynamodb").add_client_error("describe_table", "ResourceNotFoundException")
    if looked_at.is_there:
        with pytest.raises(UsageError, match="is no longer there"):
            targets.require_unchanged(aws.client("dynamodb"), looked_at)
    else:
        targets.require_unchanged(aws.client("dynamodb"), looked_at)


def test_require_unchanged_of_the_same_table_goes_on_also_when_it_is_updating(
    aws: Aws, stub: Callable[[str], Stubber]
):
    for status in ("ACTIVE", "UPDATING"):
        stub("dynamodb").add_response("describe_table", described(status))
        targets.require_unchanged(aws.client("dynamodb"), OTHER_KEYS)


def test_planned_of_two_keys_asks_which_is_the_partition_key():
    with pytest.raises(UsageError, match=r"when \(N\), id \(S\)"):
        targets.planned("Orders", ARN, TYPES, "")
    with pytest.raises(UsageError, match="--partition-key other"):
        targets.planned("Orders", ARN, TYPES, "other")
    assert list(targets.planned("Orders", ARN, TYPES, "id").keys) == ["id", "when"]
    assert targets.planned("Orders", ARN, {"id": "S"}, "").keys == {"id": "S"}


def test_created_makes_the_table_and_waits_until_it_is_active(aws: Aws, stub: Callable[[str], Stubber]):
    dynamodb = stub("dynamodb")
    dynamodb.add_response(
        "create_table",
        {},
        {
            "TableName": "Orders",
            "AttributeDefinitions": [
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "when", "AttributeType": "N"},
            ],
            "KeySchema": [
                {"AttributeName": "id", "KeyType": "HASH"},
                {"AttributeName": "when", "KeyType": "RANGE"},
            ],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )
    for status in ("CREATING", "CREATING", "ACTIVE", "ACTIVE"):
        dynamodb.add_response("describe_table", described(status))
    planned = targets.planned("Orders", ARN, TYPES, "id")
    assert not planned.is_there
    assert targets.created(aws.client("dynamodb"), planned, aws.sleep, aws.clock).is_there


def test_created_when_the_table_does_not_become_active_says_so(aws: Aws, stub: Callable[[str], Stubber]):
    stub("dynamodb").add_response("create_table", {})
    for _ in range(300):
        stub("dynamodb").add_response("describe_table", described("CREATING"))
    planned = targets.planned("Orders", ARN, TYPES, "id")
    with pytest.raises(AwsError, match="not ready"):
        targets.created(aws.client("dynamodb"), planned, aws.sleep, aws.clock)


@pytest.mark.parametrize(
    ("stream", "seen"),
    [
        (STREAM, True),
        (f"{ARN}/stream/2026-11-25T09:00:00.000", True),
        (f"{ARN}/stream/2026-11-25T08:59:58.000", True),
        (f"{ARN}/stream/2026-11-25T08:59:50.000", False),
        (OLD_STREAM, False),
        (f"{ARN}-2/stream/2026-11-25T09:30:00.000", False),
        (STREAM.replace("123456789012", "444455556666"), False),
        (STREAM.replace("eu-west-1", "eu-central-1"), False),
        (f"{ARN}/stream/no time", True),
        ("", False),
    ],
)
def test_has_seen_is_of_changes_that_were_made_in_this_life_of_this_table(stream: str, seen: bool):
    assert TARGET.has_seen(Version(stream, 1)) is seen
    assert not replace(TARGET, created=None).has_seen(Version(stream, 1))


def test_has_seen_of_the_stream_of_today_is_true_whatever_the_clocks_say():
    odd = replace(TARGET, stream=OLD_STREAM)
    assert odd.has_seen(Version(OLD_STREAM, 1))
