"""How far a long pass is: a bar with rate and time left on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from continuous_backup.operations import cli

SECONDS_A_LINE = 10.0

#: Takes how many are done, and what else there is to say.
Tell = Callable[[int, str], None]


@contextmanager
def told(
    what: str,
    total: int | None,
    begins_at: int = 0,
    console: Console = cli.progress,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Tell]:
    """Shows how many of `total` are done, None where nobody knows; `begins_at` were done before.

    A bar goes when it is done, whatever ends it; lines stay.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        yield _lines(what, total, begins_at, clock)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[more]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True, get_time=clock) as progress:
        task = progress.add_task(what, total=total, completed=begins_at, more="")
        yield lambda done, more: progress.update(task, completed=done, more=more)


class _Rate(ProgressColumn):
    """How many a second, of late."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} a second" if task.speed is not None else "")


def _lines(what: str, total: int | None, begins_at: int, clock: Callable[[], float]) -> Tell:
    began = told_at = clock()

    def tell(done: int, more: str) -> None:
        nonlocal told_at
        now = clock()
        if now - told_at < SECONDS_A_LINE:
            return
        told_at = now
        cli.tell(f"  {_line(what, done, total, (done - begins_at) / (now - began))}, {more}")

    return tell


def _line(what: str, done: int, total: int | None, a_second: float) -> str:
    of_all = f" of {total:,}" if total is not None else ""
    line = f"{what}: {done:,}{of_all}, {a_second:,.0f} a second"
    if total is None or not a_second:
        return line
    return f"{line}, {timedelta(seconds=round(max(0, total - done) / a_second))} left"
