"""When Lambda calls a function with the changes of a shard, and with how many."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

#: Lambda polls a shard at a base rate of 4 times a second: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Burst:
    """So many changes at one moment."""

    seconds: float
    changes: int


@dataclass(frozen=True)
class Invocation:
    """A call with so many changes at one moment; `waited` is the sum of the seconds that its changes waited."""

    seconds: float
    changes: int
    waited: float


def bursts(changes: int, gap_seconds: float, least: int = 1, most: int = 1, seed: int = 1) -> list[Burst]:
    """At least so many changes in bursts of `least` to `most`, at random, every `gap_seconds` on average."""
    chance = random.Random(seed)
    found: list[Burst] = []
    now, count = 0.0, 0
    while count < changes:
        now += chance.expovariate(1 / gap_seconds)
        found.append(Burst(now, chance.randint(least, most)))
        count += found[-1].changes
    return found


def invocations(arriving: Sequence[Burst], window_seconds: float, batch_size: int) -> list[Invocation]:
    """How one shard's changes are batched.

    The poll that finds the first change opens the window. The function is called when the window is over or
    the batch is full, and takes at most a batch; what is left is the beginning of the next.
    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
    """
    called: list[Invocation] = []
    waiting: list[float] = []
    coming = [burst.seconds for burst in arriving for _ in range(burst.changes)]
    position, free_at = 0, 0.0
    while position < len(coming) or waiting:
        first = waiting[0] if waiting else coming[position]
        opened = math.ceil(max(first, free_at) / POLL_SECONDS) * POLL_SECONDS
        closes = opened + window_seconds
        while position < len(coming) and len(waiting) < batch_size and coming[position] <= closes:
            waiting.append(coming[position])
            position += 1
        at = max(opened, waiting[batch_size - 1]) if len(waiting) >= batch_size else closes
        taken, waiting = waiting[:batch_size], waiting[batch_size:]
        called.append(Invocation(at, len(taken), sum(at - seconds for seconds in taken)))
        free_at = at
    return called
