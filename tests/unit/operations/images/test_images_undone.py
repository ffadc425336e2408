"""Which counts say that something that was asked for is not done."""

from dataclasses import replace

import pytest

from continuous_backup.operations.images.asked_images import AskedImages
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.undone import undone
from continuous_backup.operations.images.wanted import If, Wanted
from tests.unit.operations.images.restorations import WANTED
from tests.unit.operations.writing_items.tables import TIME

BY_KEY = Wanted("images", "backups", "Orders", asked=AskedImages([], {"id": "S"}, "backups", "Orders"))
DONE = Tally(images=9, tombstones=1, foreign=1, written=1, overwritten=1, same=1, deleted=1, verified=1)


@pytest.mark.parametrize("wanted", [WANTED, BY_KEY])
@pytest.mark.parametrize("condition", list(If))
def test_undone_of_what_is_all_done_is_nothing(wanted: Wanted, condition: If):
    assert undone(DONE, wanted, condition) == []


@pytest.mark.parametrize("wanted", [WANTED, BY_KEY])
@pytest.mark.parametrize("name", ["missing", "lost", "unreadable", "failed_records", "refused"])
def test_undone_of_what_cannot_be_done_names_it_whatever_was_asked_for(wanted: Wanted, name: str):
    assert undone(Tally(**{name: 1}), wanted, If.NEVER) == [name]


@pytest.mark.parametrize("name", ["gone", "later"])
def test_undone_of_an_item_that_was_asked_for_by_its_key_names_why(name: str):
    assert undone(Tally(**{name: 1}), BY_KEY, If.ALWAYS) == [name]
    assert undone(Tally(**{name: 1}), WANTED, If.ALWAYS) == []


def test_undone_when_images_of_other_lives_are_left_out_says_so_unless_somebody_has_said_which():
    left_out = Tally(left_out=1)
    assert undone(left_out, WANTED, If.ALWAYS) == ["left_out"]
    assert undone(left_out, replace(WANTED, lives_are_asked=True), If.ALWAYS) == []


def test_undone_when_an_item_stays_that_was_asked_for_by_key_or_as_of_a_time_says_so_unless_never_was_asked_for():
    stays = Tally(kept=1, stayed=1)
    as_of = replace(WANTED, as_of=TIME)
    assert undone(stays, BY_KEY, If.NEWER) == undone(stays, as_of, If.NEWER) == ["kept", "stayed"]
    assert (
        undone(stays, BY_KEY, If.NEVER) == undone(stays, as_of, If.NEVER) == undone(stays, WANTED, If.NEWER) == []
    )
