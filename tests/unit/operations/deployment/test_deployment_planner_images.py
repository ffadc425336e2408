"""The plan of a deployment with images of items, and what the configuration names as somebody else's."""

from dataclasses import replace

import pytest
from deployments import WANTED, aim

from continuous_backup import naming
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.operations.deployment.actions import (
    Conflict,
    CreateImagesStack,
    DeleteFunction,
    DeleteImagesStack,
    UpdateImagesStack,
    UpdateSettings,
)
from continuous_backup.operations.deployment.planner import plan_removal, plan_replica
from continuous_backup.operations.deployment.state import (
    ImagesBucket,
    Stack,
    Surroundings,
)
from continuous_backup.operations.notes import Note
from continuous_backup.operations.tables.named_delivery_streams import NamedDeliveryStream, notes_on
from tests.unit.operations.deployment.planning import NOTHING, planned

IMAGES = aim(item_images=ItemImages())


def test_plan_with_images_of_items_makes_their_bucket_and_function_and_later_nothing():
    there = replace(WANTED, roles_stack=IMAGES.roles_stack)

    steps = planned(there, IMAGES)

    assert [type(each).__name__ for each in steps if not isinstance(each, UpdateSettings)] == [
        "CreateImagesStack",
        "CreateLogGroup",
        "CreateFunction",
    ]
    assert planned(IMAGES, IMAGES) == []


def test_plan_keeps_the_replication_that_somebody_gave_to_the_stack_of_images():
    given = {"ReplicaBucketArn": "arn:aws:s3:::there", "ReplicaAccountId": "999999999999"}
    stack = replace(IMAGES.images_stack, parameters={**IMAGES.images_stack.parameters, **given})

    assert planned(replace(IMAGES, images_stack=stack), IMAGES) == []
    (update,) = planned(replace(IMAGES, images_stack=replace(stack, template="older")), IMAGES)
    assert update == UpdateImagesStack(stack)


REPLICATED = aim(item_images=ItemImages(replica_account_id="999999999999", replica_region="eu-central-1"))


def test_plan_with_a_replica_tells_the_stack_of_it_and_keeps_what_else_somebody_gave_it():
    there = replace(IMAGES.images_stack, parameters={**IMAGES.images_stack.parameters, "NoncurrentDays": "7"})

    update, note = planned(replace(REPLICATED, images_stack=there), REPLICATED)

    assert isinstance(update, UpdateImagesStack)
    assert update.stack.parameters == {**REPLICATED.images_stack.parameters, "NoncurrentDays": "7"}
    assert isinstance(note, Note)
    assert "S3 replicates what is written from now on" in note.what
    assert planned(replace(REPLICATED, images_stack=update.stack), REPLICATED) == []


def test_plan_with_a_replica_that_is_not_there_changes_nothing_and_says_who_makes_it():
    (conflict,) = planned(NOTHING, REPLICATED, Surroundings(replica_bucket=ImagesBucket("there", exists=False)))

    assert isinstance(conflict, Conflict)
    assert "bucket there, which is to hold the replicas, is not there" in conflict.what
    assert "./deploy.py --replica" in conflict.hint
    assert planned(REPLICATED, REPLICATED, Surroundings(replica_bucket=ImagesBucket("there"))) == []


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"])
def test_plan_where_the_stack_of_images_cannot_be_updated_any_more_makes_it_anew(status):
    there = replace(IMAGES.images_stack, status=status)

    assert planned(replace(IMAGES, images_stack=there), IMAGES) == [
        DeleteImagesStack("DynamoDBItemImages", f"it is {status}"),
        CreateImagesStack(IMAGES.images_stack),
    ]


def test_plan_of_a_replica_makes_its_stack_once_and_touches_none_that_is_not_ours():
    stack = Stack(naming.REPLICA_STACK, "Resources: {}", {"SourceAccountId": "1"})

    assert plan_replica(None, stack) == [CreateImagesStack(stack)]
    assert plan_replica(replace(stack, parameters={"SourceAccountId": "1", "ObjectLockDays": "9"}), stack) == []
    assert plan_replica(replace(stack, template=""), stack) == [UpdateImagesStack(stack)]
    for changes in ({"ours": False}, {"status": "UPDATE_IN_PROGRESS"}, {"parameters": {"SourceAccountId": "2"}}):
        (conflict,) = plan_replica(replace(stack, **changes), stack)
        assert isinstance(conflict, Conflict)


@pytest.mark.parametrize(
    ("bucket", "said"),
    [
        (ImagesBucket("mine", versioned=False), "has no versioning"),
        (ImagesBucket("mine", exists=False), "is not there"),
        (ImagesBucket("mine", elsewhere="ap-south-1"), "is in ap-south-1"),
        (
            ImagesBucket("mine", kms_key="a-key"),
            "bucket mine encrypts with key a-key, which the roles may not use",
        ),
    ],
)
def test_plan_with_a_bucket_of_images_that_does_not_do_changes_nothing(bucket, said):
    (conflict,) = planned(NOTHING, IMAGES, Surroundings(images_bucket=bucket))

    assert isinstance(conflict, Conflict)
    assert said in conflict.what
    assert planned(IMAGES, IMAGES, Surroundings(images_bucket=ImagesBucket("mine"))) == []


def test_plan_with_a_bucket_of_images_that_encrypts_with_another_key_than_ours_warns_loudly():
    with_key = replace(IMAGES, bucket=replace(IMAGES.bucket, kms_key="arn:aws:kms:eu-west-1:1:key/ours"))

    (note,) = planned(with_key, with_key, Surroundings(images_bucket=ImagesBucket("mine", kms_key="key/other")))
    assert isinstance(note, Note)
    assert note.loud
    assert "bucket mine encrypts with key key/other by default, and not kmsKeyArn" in note.what
    assert planned(with_key, with_key, Surroundings(images_bucket=ImagesBucket("mine", kms_key="key/ours"))) == []


def test_plan_of_removal_leaves_the_images():
    steps = plan_removal(IMAGES)

    assert DeleteFunction(naming.ITEM_IMAGES_FUNCTION) in steps
    stays = f"CloudFormation stack {naming.IMAGES_STACK} stays: its bucket holds items' images"
    assert Note(stays, undone=True) in steps
    assert not [each for each in steps if "Images" in type(each).__name__]


def test_plan_with_a_named_delivery_stream_that_is_somebody_elses_and_active_says_nothing():
    assert planned(WANTED, around=Surroundings(delivery_streams=(NamedDeliveryStream("theirs"),))) == []


def test_plan_with_a_named_delivery_stream_that_takes_nothing_says_so():
    around = Surroundings(delivery_streams=(NamedDeliveryStream("theirs", "CREATING"),))

    assert planned(WANTED, around=around) == notes_on(around.delivery_streams)


def test_plan_with_a_named_delivery_stream_that_is_ours_changes_nothing():
    """Deployed, the forwarder would write the changes of one table into the log of another at once."""
    around = Surroundings(delivery_streams=(NamedDeliveryStream("Carts", table="Carts"),))

    (conflict,) = planned(NOTHING, around=around)

    assert isinstance(conflict, Conflict)
    assert conflict.what == (
        "delivery stream Carts, which the configuration names as somebody else's, is ours, that of table Carts"
    )
