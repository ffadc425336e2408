"""Functions of people's own, asked so that whatever they do, we go on: raise, exit, or never answer."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from continuous_backup.errors import failure

#: For one answer: far more than a decision takes, and little of an invocation.
ANSWERS_WITHIN_SECONDS = 2.0
#: For being imported: Lambda gives all of a function's initialisation ten.
LOADS_WITHIN_SECONDS = 8.0
#: After so many times in a row without an answer it is not asked for a while: it would use up all the time.
_PATIENCE = 3
_PAUSE_SECONDS = 60.0


class Failed(Exception):
    """What was asked gave no answer. The text says why, and never quotes what it was asked about."""


class _NoAnswer(BaseException):
    """Raised within what takes too long; no `except Exception` of its own holds it."""


class Stranger:
    """One such function; `what` is what messages call it, such as "the transformer"."""

    def __init__(
        self,
        what: str,
        function: Callable[[Any], Any],
        *,
        answers_within: float = ANSWERS_WITHIN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._function = function
        self._answers_within = answers_within
        self._clock = clock
        self._without_answer = 0
        self._asked_again_at = 0.0

    def ask(self, about: Any) -> Any:
        """Its answer. Raises Failed."""
        if self._without_answer >= _PATIENCE:
            if self._clock() < self._asked_again_at:
                raise Failed(f"{self._what} did not answer several times in a row, and is not asked for a while")
            self._without_answer = 0
        try:
            answer = ask(self._what, lambda: self._function(about), self._answers_within)
        except Failed as err:
            if isinstance(err.__cause__, _NoAnswer):
                self._without_answer += 1
                self._asked_again_at = self._clock() + _PAUSE_SECONDS
            else:
                self._without_answer = 0
            raise
        self._without_answer = 0
        return answer


def ask(what: str, call: Callable[[], Any], seconds: float) -> Any:
    """What a call answers within that time. Raises Failed where it raises, exits, or takes longer.

    The time is kept where that can be: in a process's main thread, on systems with alarms. Lambda's runtime
    calls handlers there. What ends the whole process (os._exit) cannot be held.
    """
    try:
        with _at_most(seconds):
            return call()
    except _NoAnswer as err:
        raise Failed(f"{what} did not answer within {seconds:g} s") from err
    except (Exception, SystemExit) as err:
        raise Failed(f"{what} raised {failure(err)}") from err


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _give_up(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise _NoAnswer
