"""The planner and images of items: a second reader, where there is a place, taken away like the first."""

from dataclasses import replace

import pytest

from continuous_backup import naming
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import CreateMapping, DeleteMapping, Problem, UpdateMapping, Wait
from continuous_backup.ensure_backup.state import BackupState, Mapping, Stream
from continuous_backup.ensure_backup.wanted import Wanted
from tests.unit.ensure_backup.wiring import (
    ACCOUNT,
    CONFIG,
    NAME,
    STREAM_ARN,
    backup,
    kinds,
    mapping,
    planned,
    table,
)

IMAGES = ItemImages(bucket="images")
KEEPING = replace(CONFIG, item_images=IMAGES)
SETTINGS = want.image_mapping_settings(IMAGES, KEEPING, ACCOUNT)
OLD_STREAM = STREAM_ARN + "-older"


def reader(**changes: object) -> Mapping:
    """The mapping to LambdaStreamToItemImages as it should be."""
    return replace(Mapping("images-1", STREAM_ARN, settings=SETTINGS), **changes)


def imaged(**changes: object) -> BackupState:
    """A table that is backed up, and has images."""
    return replace(backup(image_mappings=(reader(),)), **changes)


def test_settings_of_the_images_are_the_forwarders_but_for_the_batches() -> None:
    images = ItemImages(batch_size=7, batching_window_seconds=9)
    settings = want.image_mapping_settings(images, replace(CONFIG, parallelization_factor=3), ACCOUNT)
    theirs = want.mapping_settings(CONFIG, ACCOUNT)
    assert settings == replace(theirs, batch_size=7, batching_window_seconds=9, parallelization_factor=1)


def test_plan_without_images_asks_nothing_of_them() -> None:
    assert planned(backup()) == []


def test_plan_with_images_maps_the_stream_to_them_too() -> None:
    assert planned(backup(), config=KEEPING) == [CreateMapping(NAME, STREAM_ARN, naming.ITEM_IMAGES_FUNCTION)]
    assert planned(imaged(), config=KEEPING) == []


def test_plan_maps_the_change_log_first() -> None:
    (step,) = planned(backup(mappings=()), config=KEEPING)
    assert step == CreateMapping(NAME, STREAM_ARN)


@pytest.mark.parametrize(
    "config", [CONFIG, replace(KEEPING, item_images=replace(IMAGES, table_name_match_regex="x"))]
)
def test_plan_where_images_are_not_wanted_any_more_takes_the_mapping_away(config) -> None:
    (step,) = planned(imaged(), config=config)
    assert step == DeleteMapping(NAME, "images-1", "itemImages leaves the table out")
    (wait,) = planned(imaged(image_mappings=(reader(state="Deleting"),)), config=config)
    assert isinstance(wait, Wait)


@pytest.mark.parametrize(
    ("others", "join", "kinds_"),
    [(0, False, ["CreateMapping"]), (1, False, ["Problem"]), (1, True, ["CreateMapping"])],
)
def test_plan_where_the_stream_has_another_reader_already_says_so(
    others: int, join: bool, kinds_: list[str]
) -> None:
    config = replace(KEEPING, join_busy_streams=join)
    steps = planned(backup(other_readers=others), config=config)
    assert kinds(steps) == kinds_
    assert join or not others or "TooManyReaders" in str(steps[0])


def test_plan_where_images_and_another_have_both_places_does_not_make_the_forwarder_a_third() -> None:
    steps = planned(imaged(mappings=(), other_readers=1), config=KEEPING)
    assert kinds(steps) == ["Problem"]
    assert "TooManyReaders" in str(steps[0])


def test_plan_of_a_global_table_refuses_images_and_takes_them_away() -> None:
    state = backup(table=table(replicas=2))
    (problem,) = planned(state, config=KEEPING)
    assert isinstance(problem, Problem)
    assert "global table" in problem.what
    assert kinds(planned(replace(state, image_mappings=(reader(),)), config=KEEPING)) == [
        "Problem",
        "DeleteMapping",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "Disabled"},
        {"settings": replace(SETTINGS, batch_size=1)},
        {"settings": replace(SETTINGS, filters=True)},
    ],
)
def test_plan_where_somebody_changed_the_mapping_sets_it_right(changes) -> None:
    found = imaged(image_mappings=(reader(**changes),))
    assert planned(found, config=KEEPING) == [UpdateMapping(NAME, "images-1", naming.ITEM_IMAGES_FUNCTION)]


def test_plan_where_the_mapping_is_not_ours_leaves_it_and_says_so() -> None:
    found = imaged(image_mappings=(reader(ours=False),))
    assert kinds(planned(found, config=KEEPING)) == ["Problem"]
    assert kinds(planned(found, wanted=Wanted.RELEASED, config=KEEPING))[0] == "Problem"


@pytest.mark.parametrize("gone", [False, True])
def test_plan_reads_a_former_stream_to_its_end(gone: bool) -> None:
    former = reader(uuid="images-0", stream_arn=OLD_STREAM, stream_is_gone=gone)
    steps = planned(imaged(image_mappings=(former, reader())), config=KEEPING)
    assert [each.uuid for each in steps if isinstance(each, DeleteMapping)] == (["images-0"] if gone else [])


@pytest.mark.parametrize("gone", [False, True])
def test_plan_of_a_table_that_is_deleted_keeps_reading_until_its_stream_is_gone(gone: bool) -> None:
    state = BackupState(NAME, image_mappings=(reader(stream_is_gone=gone),))
    assert kinds(planned(state, config=KEEPING)) == (["DeleteMapping"] if gone else [])


LEFT_OUT = imaged()
OPTED_OUT = imaged(table=table(opted_out=True))
GONE = imaged(table=None)


@pytest.mark.parametrize(
    ("state", "wanted"), [(LEFT_OUT, Wanted.KEPT), (OPTED_OUT, Wanted.PROTECTED), (GONE, Wanted.PROTECTED)]
)
def test_plan_of_what_only_stays_wired_keeps_its_images_while_they_are_configured(
    state: BackupState, wanted: Wanted
) -> None:
    assert planned(state, wanted=wanted, config=KEEPING) == []
    changed = replace(state, image_mappings=(reader(state="Disabled"),))
    assert planned(changed, wanted=wanted, config=KEEPING) == [
        UpdateMapping(NAME, "images-1", naming.ITEM_IMAGES_FUNCTION)
    ]
    assert planned(state, wanted=wanted) == [DeleteMapping(NAME, "images-1", "itemImages is switched off")]


@pytest.mark.parametrize("wanted", [Wanted.RELEASED, Wanted.DEPROVISIONED])
def test_plan_of_a_table_to_release_takes_both_mappings_away(wanted: Wanted) -> None:
    uuids = {
        each.uuid for each in planned(imaged(), wanted=wanted, config=KEEPING) if isinstance(each, DeleteMapping)
    }
    assert uuids == {"images-1", mapping().uuid}


def test_plan_where_the_stream_is_off_waits_with_images_until_it_is_on() -> None:
    off = imaged(table=table(stream=Stream(STREAM_ARN, enabled=False)))
    assert "CreateMapping" not in kinds(planned(off, config=KEEPING))
