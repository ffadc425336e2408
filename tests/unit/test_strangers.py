"""Functions of people's own: whatever they do, there is an answer or a reason, in time."""

import asyncio
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
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


# --- what catches the alarm: each goes on for ever, and each ends


def holds_everything() -> None:
    while True:
        try:
            time.sleep(60)
        except:  # noqa: E722
            continue


def holds_everything_by_name_and_is_busy() -> None:
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001
            continue


def holds_everything_that_another_holds() -> None:
    while True:
        try:
            holds_everything()
        except:  # noqa: E722
            continue


def holds_everything_twice_in_one_function() -> None:
    while True:
        try:
            try:  # noqa: SIM105
                time.sleep(60)
            except:  # noqa: E722
                pass
        except:  # noqa: E722
            continue


def holds_everything_twice_and_calls_nothing() -> None:
    while True:
        try:
            try:
                while True:
                    pass
            except:  # noqa: E722
                pass
        except:  # noqa: E722
            pass


def keeps_what_it_holds_and_so_does_another() -> None:
    kept: list[BaseException] = []

    def inner() -> None:
        while True:
            try:
                time.sleep(60)
            except BaseException as err:  # noqa: BLE001
                kept.append(err)

    while True:
        try:
            inner()
        except BaseException as err:  # noqa: BLE001
            kept.append(err)


def goes_on_in_finally() -> None:
    try:
        time.sleep(60)
    finally:
        while True:
            try:
                time.sleep(60)
            finally:
                continue  # noqa: B012


def suppresses_everything() -> None:
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(60)


def tries_again() -> None:
    try:
        time.sleep(60)
    except BaseException:  # noqa: BLE001
        tries_again()


def generated() -> Iterator[int]:
    while True:
        try:
            time.sleep(60)
            yield 1
        except:  # noqa: E722
            yield 2


def asks_a_generator() -> None:
    while True:
        try:
            for _ in generated():
                pass
        except:  # noqa: E722
            continue


def is_asynchronous() -> None:
    async def holds() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    asyncio.run(holds())


def reschedules_itself() -> None:
    """Python's own loop holds everything, and is spared at first."""

    def works() -> None:
        loop.call_soon(works)
        time.sleep(60)

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)
    loop.call_soon(works)
    try:
        loop.run_forever()
    finally:
        asyncio._set_running_loop(None)
        loop.close()


def raises_another_when_it_is_told_to_end() -> None:
    try:
        time.sleep(60)
    except BaseException:  # noqa: BLE001
        raise KeyError("late") from None


def untraced(call: Callable[[], None], tracing: Any = None) -> Any:
    """What tracing there is after a call that finds this one: what measures coverage would lose its place."""
    before = sys.gettrace()
    sys.settrace(tracing)
    try:
        call()
        return sys.gettrace()
    finally:
        sys.settrace(before)


SHAPES = [
    holds_everything,
    holds_everything_by_name_and_is_busy,
    holds_everything_that_another_holds,
    holds_everything_twice_in_one_function,
    holds_everything_twice_and_calls_nothing,
    keeps_what_it_holds_and_so_does_another,
    goes_on_in_finally,
    suppresses_everything,
    tries_again,
    asks_a_generator,
    is_asynchronous,
    reschedules_itself,
    raises_another_when_it_is_told_to_end,
]


def asked_in_vain(shape: Callable[[], None]) -> None:
    with pytest.raises(Failed, match=r"^it did not answer within 0\.05 s$"):
        ask("it", shape, SHORT)


@pytest.mark.parametrize("shape", SHAPES)
def test_ask_of_what_catches_whatever_ends_it_ends_it_all_the_same(shape: Callable[[], None]):
    began = time.monotonic()
    untraced(lambda: asked_in_vain(shape))
    assert time.monotonic() - began < 5
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_ask_of_what_is_ended_leaves_tracing_and_profiling_as_they_were(shape: Callable[[], None]):
    def tracing(*_: Any) -> None: ...

    assert untraced(lambda: asked_in_vain(shape), tracing) is tracing
    assert sys.getprofile() is None


def test_ask_again_and_again_of_what_catches_everything_lets_nothing_out_but_the_reason():
    def asked() -> None:
        for _ in range(10):
            with pytest.raises(Failed):
                ask("it", holds_everything_that_another_holds, 0.0001)
            assert sys.gettrace() is None

    untraced(asked)


def test_ask_of_what_ends_by_itself_as_it_is_told_again_lets_nothing_out_but_the_reason():
    """Also where it is left while tracing is on, which is then of no effect on who asks."""

    def ends_soon(seconds: float) -> int:
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            with contextlib.suppress(BaseException):
                time.sleep(seconds)
        return 7

    def asked() -> None:
        for number in range(15):
            with contextlib.suppress(Failed):
                assert ask("it", lambda number=number: ends_soon(0.1 + number / 10_000), 0.0005) == 7
            assert (sys.gettrace(), sys.getprofile()) == (None, None)
            assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)

    untraced(asked)


def test_ask_of_what_ends_at_the_very_moment_of_the_alarm_answers_or_fails_and_leaves_no_alarm():
    """Whatever is interrupted then, that is not the stranger: the alarm reaches nobody who asks."""
    before = signal.getsignal(signal.SIGALRM)
    told = set[str]()
    for number in range(3000):
        seconds = 0.0001 + number % 10 / 1_000_000

        def ends_then(until: float = seconds) -> int:
            began = time.perf_counter()
            while time.perf_counter() - began < until:
                pass
            return 7

        try:
            told.add(str(ask("it", ends_then, seconds)))
        except Failed:
            told.add("failed")
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        assert signal.getsignal(signal.SIGALRM) is before
    assert told <= {"7", "failed"}


def test_ask_that_is_interrupted_as_it_begins_or_ends_is_not():
    """The alarm's handler, called as if it came late: what it interrupts is not the stranger."""
    handlers: list[Any] = []
    ask("it", lambda: handlers.append(signal.getsignal(signal.SIGALRM)), 60)
    assert handlers[0](signal.SIGALRM, sys._getframe()) is None
    assert handlers[0](signal.SIGALRM, None) is None


def test_ask_of_what_cleans_up_as_it_is_told_to_end_lets_it():
    cleaned: list[str] = []

    def cleans_up() -> None:
        try:
            time.sleep(60)
        finally:
            cleaned.append("one")
            cleaned.append("two")

    asked_in_vain(cleans_up)
    assert cleaned == ["one", "two"]


def test_ask_of_what_answers_in_time_traces_nothing():
    """Tracing is what would make each line of a transformer several times as slow."""
    seen: list[Any] = []

    def looks() -> int:
        seen.extend((sys.gettrace(), sys.getprofile(), sys._getframe().f_trace))
        return 7

    assert untraced(lambda: ask("it", looks, 60)) is None
    assert seen == [None, None, None]


def test_ask_of_what_raises_more_than_an_exception_fails_with_the_reason():
    def is_cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(Failed, match=r"^it raised CancelledError in is_cancelled, line \d+$"):
        ask("it", is_cancelled, SHORT)


def test_ask_of_what_a_person_interrupts_is_interrupted():
    def is_interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask("it", is_interrupted, SHORT)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_stranger_that_raises_another_when_it_is_told_to_end_gave_no_answer_in_time():
    stranger = Stranger("the router", lambda _: raises_another_when_it_is_told_to_end(), answers_within=0.01)
    for _ in range(3):
        with pytest.raises(Failed, match="did not answer within"):
            stranger.ask(1)
    with pytest.raises(Failed, match="is not asked for a while"):
        stranger.ask(1)
