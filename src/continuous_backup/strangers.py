"""Functions of people's own, asked so that whatever they do, we go on: raise, exit, or never answer."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
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
#: What it has to clean up in, once told to end. After that it is told again and again, and at each line.
_CLEANS_UP_WITHIN_SECONDS = 0.1
#: Where Python's own library is. Cut short between its lines, it would leave half a module behind, or an event
#: loop that is said to run: what it calls is told to end, and it alone only after so many alarms.
_OF_PYTHON = ("<frozen ", f"{os.path.dirname(os.__file__)}{os.sep}")
_ALARMS_THAT_SPARE_IT = 20
_HAS_ALARMS = hasattr(signal, "SIGALRM")


class Failed(Exception):
    """What was asked gave no answer. The text says why, and never quotes what it was asked about."""


class _TooLate(Failed):
    """There was none in time."""


class _NoAnswer(BaseException):
    """Raised within what takes too long; no `except Exception` of its own holds it."""

    def __init__(self, limit: "_Limit") -> None:
        self._limit = limit

    def __del__(self) -> None:
        self._limit.insist()


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
            answer = ask(self._what, partial(self._function, about), self._answers_within)
        except _TooLate:
            self._without_answer += 1
            self._asked_again_at = self._clock() + _PAUSE_SECONDS
            raise
        except Failed:
            self._without_answer = 0
            raise
        self._without_answer = 0
        return answer


def ask(what: str, call: Callable[[], Any], seconds: float) -> Any:
    """What a call answers within that time. Raises Failed where it raises, exits, or takes longer.

    The time is kept where that can be: in a process's main thread, on systems with alarms. Lambda's runtime
    calls handlers there. What catches the alarm, with whatever `except`, is ended all the same; its answer
    counts, where it has one in the moment it has to clean up in. What cannot be ended: code in C that never
    comes back to Python, what uses the process's alarm or tracing itself, threads that it began, and a coroutine
    that it leaves, which Python closes later, and which catches that too. What ends the whole process
    (os._exit) cannot be held.
    """
    limit = _Limit(seconds)
    try:
        limit.begin()
        return _answer(call)
    except KeyboardInterrupt:
        raise
    except BaseException as err:
        if limit.reached:
            raise _TooLate(f"{what} did not answer within {seconds:g} s") from err
        raise Failed(f"{what} raised {failure(err)}") from err
    finally:
        limit.end()


def _answer(call: Callable[[], Any]) -> Any:
    """Within this, and nowhere else, is what is told to end: so that no alarm reaches who asks."""
    return call()


class _Limit:
    """The time of one call of `_answer`. What is in it then is told to end until it does.

    Each alarm raises in it. Who catches that, in a loop, would go on for ever. So from the second alarm on each
    line raises that is executed next: after a `try` that caught, the next line is outside of it. That is done by
    a tracing function, which Python unsets when it raises; it is set again, for the next `try` around that one,
    when a function is left or called (by a profiling function), and when what was raised is dropped.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._alarms = 0
        self._over = False
        self._is_kept = _HAS_ALARMS and threading.current_thread() is threading.main_thread()
        if self._is_kept:
            on_alarm = signal.getsignal(signal.SIGALRM) or signal.SIG_DFL
            self._before = on_alarm, sys.gettrace(), sys.getprofile()

    @property
    def reached(self) -> bool:
        return self._alarms > 0

    @property
    def _insists(self) -> bool:
        return self._alarms > 1

    def begin(self) -> None:
        if self._is_kept:
            signal.signal(signal.SIGALRM, self._on_alarm)
            signal.setitimer(signal.ITIMER_REAL, self._seconds, _CLEANS_UP_WITHIN_SECONDS)

    def end(self) -> None:
        if self._is_kept:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._over = True
            on_alarm, tracing, profiling = self._before
            signal.signal(signal.SIGALRM, on_alarm)
            if self._insists:
                sys.settrace(tracing)
                sys.setprofile(profiling)

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if frame is None or _is_ours(frame) or not _within_answer(frame):
            return  # as it begins or ends, or as it is told already; there will be another alarm
        self._alarms += 1
        self.insist()
        raise _NoAnswer(self)

    def insist(self) -> None:
        """Sees to it that the next line of what is asked raises, if it was told before."""
        if self._insists and not self._over and (within := _within_answer(sys._getframe())):
            sys.setprofile(self._on_call)
            sys.settrace(self._on_line)
            for each in within:
                each.f_trace = self._on_line

    def _on_call(self, frame: FrameType, event: str, argument: Any) -> None:  # noqa: ARG002
        if sys.gettrace() is None:
            self.insist()

    def _on_line(self, frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG002
        if self._over or _is_ours(frame) or self._spares(frame):
            return None
        if event == "line" and _within_answer(frame):
            raise _NoAnswer(self)
        return self._on_line

    def _spares(self, frame: FrameType) -> bool:
        return self._alarms <= _ALARMS_THAT_SPARE_IT and frame.f_code.co_filename.startswith(_OF_PYTHON)


def _within_answer(frame: FrameType | None) -> list[FrameType]:
    """The frames of what is asked, from this one outwards; none where this one is not called by `_answer`."""
    found: list[FrameType] = []
    while frame is not None and frame.f_code is not _answer.__code__:
        if not _is_ours(frame):
            found.append(frame)
        frame = frame.f_back
    return [*found, frame] if frame else []


def _is_ours(frame: FrameType) -> bool:
    return frame.f_globals is globals() and frame.f_code is not _answer.__code__
