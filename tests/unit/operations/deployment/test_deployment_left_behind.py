"""What deploying says of a log, and of images, that stay where they are while new ones go elsewhere."""

from dataclasses import replace

import pytest
from deployments import ROLE, WANTED, aim

from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.operations.deployment.left_behind import notes_on
from continuous_backup.operations.deployment.state import Deployment, Place, Surroundings, Wiring

DEFAULT = "s3://dynamodb-continuous-backup-123456789012-eu-west-1/dynamodb"
OWN_ROLES = {"events_role_arn": ROLE, "delivery_role_arn": ROLE, "lambda_role_arn": ROLE}
NOT_KNOWN = Surroundings(wiring=None)


def said(there: Deployment, wanted: Deployment, around: Surroundings = Surroundings()) -> list[str]:  # noqa: B008
    notes = notes_on(there, wanted, around)
    assert all(note.loud for note in notes)
    return [str(note) for note in notes]


def elsewhere(place: Place) -> Surroundings:
    """Where the tables' delivery streams write to that place."""
    return Surroundings(wiring=Wiring(log=place))


def images(**settings: object) -> dict[str, object]:
    return {"item_images": ItemImages(**settings)}


@pytest.mark.parametrize("around", [Surroundings(), NOT_KNOWN])
@pytest.mark.parametrize("there", [Deployment(), WANTED, aim(**images())])
def test_left_behind_where_the_place_stays_the_same_is_nothing(there, around):
    assert said(there, WANTED, around) == said(there, aim(**images()), around) == []


@pytest.mark.parametrize(
    ("settings", "place", "keys"),
    [
        ({"bucket": "mine"}, "s3://mine/dynamodb", "firehoseDeliveryBucket"),
        ({"prefix": "logs"}, f"{DEFAULT.removesuffix('dynamodb')}logs", "firehoseDeliveryPrefix"),
        (
            {"bucket": "mine", "prefix": "logs"},
            "s3://mine/logs",
            "firehoseDeliveryBucket and firehoseDeliveryPrefix",
        ),
    ],
)
def test_left_behind_where_the_log_goes_elsewhere_is_the_earlier_one(settings, place, keys):
    (note,) = said(WANTED, aim(**settings))
    before, _, after = note.partition(". Until the sweep has come to a table, ")
    assert "./provision_tables.py whitelist.hjson" in after
    assert before == (
        f"the change log so far stays at {DEFAULT}, and nothing is moved: what is new goes to {place}, and "
        "whoever reads or restores looks there alone. Keep them apart and read both, copy it with "
        f"`aws s3 sync {DEFAULT} {place}`, or set {keys} back"
    )


def test_left_behind_where_a_place_is_inside_the_other_is_not_to_be_copied_into_itself():
    (note,) = said(aim(prefix=""), WANTED)

    assert f"stays at {DEFAULT.removesuffix('/dynamodb')}, " in note
    assert "copy it table by table" in note


def test_left_behind_where_the_images_go_elsewhere_are_those_that_there_are():
    (note,) = said(aim(**images(bucket="old", prefix="items")), aim(**images(bucket="new", prefix="items")))

    assert note.startswith("the images of items so far stay at s3://old/items, and nothing is moved")
    assert "`aws s3 sync s3://old/items s3://new/items`, or set itemImages.bucket back" in note
    assert note.endswith(
        "./provision_tables.py whitelist.hjson --images writes those of the items that the tables hold now"
    )


@pytest.mark.parametrize(("before", "after"), [(images(bucket="old"), {}), ({}, images(bucket="new"))])
def test_left_behind_where_images_are_switched_on_or_off_is_nothing(before, after):
    assert said(aim(**before), aim(**after)) == []


def test_left_behind_with_roles_of_peoples_own_is_seen_by_a_delivery_stream():
    mine = aim(**OWN_ROLES)

    assert said(mine, aim(bucket="new", **OWN_ROLES)) == []
    (note,) = said(mine, aim(bucket="new", **OWN_ROLES), elsewhere(Place("mine", "logs")))
    assert note.startswith("the change log so far stays at s3://mine/logs, ")


def test_left_behind_with_roles_of_peoples_own_is_not_what_a_stack_of_earlier_says():
    there = replace(aim(**OWN_ROLES), roles_stack=aim(bucket="long-ago").roles_stack)

    assert said(there, aim(**OWN_ROLES), elsewhere(aim().log)) == []


def test_left_behind_with_roles_of_peoples_own_has_images_that_our_bucket_holds():
    (note,) = said(aim(**OWN_ROLES, **images()), aim(**OWN_ROLES, **images(bucket="new")))

    assert note.startswith("the images of items so far stay at s3://dynamodb-item-images-123456789012-eu-west-1, ")


def test_left_behind_where_the_roles_were_never_made_is_nothing():
    failed = replace(WANTED, roles_stack=replace(WANTED.roles_stack, status="ROLLBACK_COMPLETE"))

    assert said(failed, aim(bucket="mine")) == []
