"""The loop with an observer of scripted states, an executor that takes notes, and a clock that sleeping moves."""

from collections.abc import Callable
from typing import Any

from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.actions import Action
from continuous_backup.ensure_backup.convergence import Convergence
from continuous_backup.ensure_backup.observer import Listing
from continuous_backup.ensure_backup.state import BackupState, Table
from tests.unit.ensure_backup.wiring import ACCOUNT, CONFIG, NOW, backup

FOREVER = NOW + 1_000_000
NEW = BackupState("Orders", Table("Orders"), backup().delivery_stream)
MAPPABLE = backup(mappings=())
GOOD = backup()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Looks:
    """An observer of scripted states: each look at a table takes the next, the last one stays."""

    def __init__(self, **states: list[BackupState | Exception]) -> None:
        self.states = states
        self.listings = 0

    def listing(self) -> Listing:
        self.listings += 1
        return Listing((), frozenset())

    def observe(self, table: str, listing: Listing | None = None) -> BackupState:
        script = self.states[table]
        state = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(state, Exception):
            raise state
        return state


class Applied:
    def __init__(self, fails: Callable[[Action], Exception | None] = lambda _: None) -> None:
        self.actions: list[Action] = []
        self._fails = fails

    def apply(self, action: Action) -> None:
        if error := self._fails(action):
            raise error
        self.actions.append(action)


def convergence(
    looks: Looks, applied: Applied, clock: Clock | None = None, config: Config = CONFIG
) -> Convergence:
    its: Any = clock or Clock()
    observer: Any = looks
    return Convergence(its, config, ACCOUNT, observer, applied)
