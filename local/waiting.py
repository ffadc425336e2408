"""Waiting for what comes by itself, with a bound."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_LONGEST_PAUSE_SECONDS = 0.7


class NotInTime(AssertionError):
    """What was waited for did not come; the message says what, and how long it was waited for."""


def wait_for(condition: Callable[[], T | None], what: str, within: float = 120, every: float = 0.2) -> T:
    """What the condition gives soon after that is true. Raises NotInTime after `within` seconds.

    It is asked for at first after `every` seconds, and then less and less often: whoever asks keeps the emulator
    from what it is waited for.
    """
    deadline = time.monotonic() + within
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            raise NotInTime(f"waited {within:.0f} s for {what}")
        time.sleep(every)
        every = max(every, min(every * 1.3, _LONGEST_PAUSE_SECONDS))
