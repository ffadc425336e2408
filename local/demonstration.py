"""What the demonstrations share: a stage, what they say on the way, and how they end."""

import logging
import shutil
import signal
import sys
import time
from collections.abc import Callable

from rich.console import Console

from local import change_log_check, load
from local.api_events import ApiEvents
from local.emulator import EmulatorError
from local.stage import REPOSITORY, ScriptFailed, Settings, Stage
from local.waiting import NotInTime

WORK = REPOSITORY / ".local"


class CheckFailed(AssertionError):
    """Something that the product promises did not hold."""


class Narrator:
    """Says what happens, and since when. `quiet` says nothing, and checks all the same."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(highlight=False, soft_wrap=True, quiet=quiet)
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def step(self, what: str) -> None:
        self._console.print(f"\n[{self.seconds:5.1f} s] {what}", style="bold", markup=False)

    def tell(self, text: str) -> None:
        for line in text.splitlines():
            self._console.print(f"  {line}", markup=False)

    def check(self, claim: str, holds: bool) -> None:
        """Raises CheckFailed where it does not hold."""
        if not holds:
            raise CheckFailed(claim)
        self._console.print(f"  ✓ {claim}", style="green", markup=False)

    def timed(self, work: Callable[[], object], count: int) -> None:
        before = time.monotonic()
        work()
        seconds = time.monotonic() - before
        self.tell(f"written in {seconds:.1f} s, {count / seconds:,.0f} a second")

    def end(self, text: str, style: str) -> None:
        self._console.print(f"\n{text}", style=style, markup=False)


def run(name: str, settings: Settings, demonstrate: Callable[[Stage, Narrator], None]) -> int:
    """Runs a demonstration on a stage of its own below .local; 0 only if every check held."""
    logging.getLogger(ApiEvents.__module__).setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work, narrator = WORK / name, Narrator()
    shutil.rmtree(work, ignore_errors=True)
    try:
        with Stage(work, settings) as stage:
            demonstrate(stage, narrator)
    except (CheckFailed, NotInTime, ScriptFailed, EmulatorError, change_log_check.Wrong, load.NotWritten) as err:
        narrator.end(f"FAILED: {err}", "bold red")
        narrator.tell(f"The emulator's log is {work / 'emulator' / 'emulator.log'}")
        return 1
    except KeyboardInterrupt:
        narrator.end("Interrupted.", "")
        return 130
    narrator.end(f"Every check held. {narrator.seconds:.0f} seconds.", "bold green")
    return 0
