"""The demonstration of `make demo-continuity` with a few items: what is lost in one account is in another."""

from pathlib import Path

import pytest

from local import airports
from local.airports import Difference, Item, Update
from local.continuity import SETTINGS, Continuity
from local.demonstration import Narrator
from local.stage import Stage

pytestmark = pytest.mark.emulator


def airport(number: int, **attributes: str) -> Item:
    return {airports.KEY: {"S": f"X/{number}"}} | {name: {"S": its} for name, its in attributes.items()}


def test_table_when_its_account_is_lost_is_restored_from_the_replica_in_another(tmp_path: Path):
    items = {f"X/{number}": airport(number, name="old") for number in range(40)}
    changes = Difference(
        puts=[airport(number, name="new") for number in range(100, 105)],
        updates=[Update(airport(number), {"name": {"S": "newer"}}) for number in range(5)],
        deletes=[airport(number) for number in range(10, 13)],
    )
    with Stage(tmp_path, SETTINGS) as stage:
        Continuity(stage, Narrator(quiet=True)).demonstrate(items, changes)
