"""How far a pass is: a bar on a terminal, which goes; lines elsewhere, which are few."""

import io

import pytest
from rich.console import Console

from continuous_backup.operations.writing_items import progress


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def said_without_a_terminal(
    capsys: pytest.CaptureFixture[str], total: int | None, begins_at: int = 0
) -> list[str]:
    clock = Clock()
    with progress.told("images", total, begins_at, Console(file=io.StringIO()), clock) as tell:
        for second in range(1, 26):
            clock.now += 1
            tell(begins_at + 100 * second, f"{second} changes")
    return capsys.readouterr().err.splitlines()


def test_told_without_a_terminal_says_a_line_now_and_then_with_rate_and_time_left(capsys):
    assert said_without_a_terminal(capsys, 10_000) == [
        "  images: 1,000 of 10,000, 100 a second, 0:01:30 left, 10 changes",
        "  images: 2,000 of 10,000, 100 a second, 0:01:20 left, 20 changes",
    ]


def test_told_without_a_terminal_of_what_goes_on_has_the_rate_of_what_is_done_since(capsys):
    first, _ = said_without_a_terminal(capsys, 10_000, begins_at=5_000)
    assert first == "  images: 6,000 of 10,000, 100 a second, 0:00:40 left, 10 changes"


def test_told_without_a_terminal_where_nobody_knows_how_many_there_are_promises_nothing(capsys):
    assert said_without_a_terminal(capsys, None)[0] == "  images: 1,000, 100 a second, 10 changes"


@pytest.mark.parametrize("total", [10_000, None])
def test_told_on_a_terminal_shows_a_bar_with_the_rate_that_goes_at_the_end(capsys, total: int | None):
    clock, file = Clock(), io.StringIO()
    console = Console(file=file, force_terminal=True, width=120, _environ={"TERM": "xterm"})

    def interrupted() -> None:
        with progress.told("images [x]", total, 0, console, clock) as tell:
            for second in range(1, 6):
                clock.now += 1
                tell(100 * second, f"{second} changes")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    shown = file.getvalue()
    assert "images [x]" in shown
    assert "500/10000" in shown if total else "500/?" in shown
    assert "100 a second" in shown
    assert "5 changes" in shown
    assert ("0:01:35" in shown) is bool(total)
    assert shown.endswith("\x1b[1A\x1b[2K"), "the line of the bar is erased"
    assert "\x1b[?25h" in shown, "the cursor is back"
    assert capsys.readouterr().err == ""


def test_told_on_a_dumb_terminal_says_lines(capsys):
    clock, file = Clock(), io.StringIO()
    console = Console(file=file, force_terminal=True, _environ={"TERM": "dumb"})
    with progress.told("images", None, 0, console, clock) as tell:
        clock.now += 10
        tell(10, "1 change")
    assert file.getvalue() == ""
    assert capsys.readouterr().err == "  images: 10, 1 a second, 1 change\n"
