"""Functions of people's own: whatever they do, there is an answer or a reason, in time."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from continuous_backup.strangers import Failed, Stranger, ask

SHORT = 0.05


def raises() -> None:
    raise KeyError("what is in the item")


def leaves() -> None:
    sys.exit(3)


def sleeps() -> None:
    time.sleep(60)


def is_busy_and_holds_everything() -> None:
    while True:
        try:
            while True:
                pass
        except Exception:  # noqa: BLE001
            continue


def test_ask_of_what_answers_gives_the_answer_and_leaves_alarms_as_they_were():
    before = signal.getsignal(signal.SIGALRM)
    assert ask("it", lambda: 7, SHORT) == 7
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (raises, r"^it raised KeyError in raises, line \d+$"),
        (leaves, r"^it raised SystemExit in leaves, line \d+$"),
        (sleeps, r"^it did not answer within 0\.05 s$"),
        (is_busy_and_holds_everything, r"^it did not answer within 0\.05 s$"),
    ],
)
def test_ask_of_what_gives_no_answer_fails_with_the_reason_and_quotes_nothing(call: Callable[[], Any], said: str):
    with pytest.raises(Failed, match=said):
        ask("it", call, SHORT)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_ask_in_another_thread_answers_without_keeping_time():
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(ask("it", lambda: 7, SHORT)))
    thread.start()
    thread.join()
    assert answers == [7]


def test_stranger_that_never_answers_is_not_asked_for_a_while_and_then_again():
    now, asked = [0.0], list[int]()

    def never(about: int) -> None:
        asked.append(about)
        time.sleep(60)

    stranger = Stranger("the router", never, answers_within=0.01, clock=lambda: now[0])
    for number in range(5):
        with pytest.raises(Failed, match="the router did not answer"):
            stranger.ask(number)
    assert asked == [0, 1, 2]
    now[0] += 61
    with pytest.raises(Failed):
        stranger.ask(5)
    assert asked == [0, 1, 2, 5]


def test_stranger_that_is_slow_now_and_then_is_asked_every_time():
    asked: list[int] = []

    def moody(about: int) -> int:
        asked.append(about)
        if about % 2:
            time.sleep(60)
        if about == 6:
            raise ValueError
        return about

    stranger = Stranger("the transformer", moody, answers_within=0.01)
    for number in range(10):
        if number % 2 or number == 6:
            with pytest.raises(Failed):
                stranger.ask(number)
        else:
            assert stranger.ask(number) == number
    assert asked == list(range(10))


def test_stranger_that_raises_is_asked_every_time():
    asked: list[int] = []

    def broken(about: int) -> None:
        asked.append(about)
        raise ValueError

    stranger = Stranger("the transformer", broken)
    for number in range(9):
        with pytest.raises(Failed, match="the transformer raised ValueError"):
            stranger.ask(number)
    assert asked == list(range(9))
