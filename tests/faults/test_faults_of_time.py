"""An outage of Firehose's against the clock, with nothing skipped: what waits is delayed, and nothing else."""

import time
from collections.abc import Callable

from tests.faults.fault_proxy import FIREHOSE, error
from tests.faults.pipeline import Pipeline
from tests.faults.stream_changes import history

Pipelines = Callable[..., Pipeline]

_WAITING = 100_000
_BATCH = 5_000
_OUTAGE_SECONDS = 60.0
#: An invocation gives up long before its time-out, so that others have their turn: patience.py's cap, and a call.
_MOST_SECONDS_OF_AN_INVOCATION = 35.0


def test_forwarding_a_backlog_through_an_outage_of_a_minute_expects_a_delay_and_then_all_of_it(
    pipeline: Pipelines,
):
    it = pipeline(skips_pauses=False, batch_size=_BATCH)
    records = history(_WAITING, items=1_000)
    begins, outage, longest = 4, [0.0, 0.0], 0.0
    before = time.monotonic()

    def keep_time(_: object) -> None:
        nonlocal longest, before
        now = time.monotonic()
        longest, before = max(longest, now - before), now
        if len(it.invocations) == begins:
            it.proxy.inject(FIREHOSE | error("ServiceUnavailableException", 503))
            outage[0] = now
        elif outage[0] and not outage[1] and now > outage[0] + _OUTAGE_SECONDS:
            it.proxy.inject()
            outage[1] = now

    it.forward(records, keep_time)
    done = [len(each.acknowledged) for each in it.invocations]
    refused = done.count(0)
    assert done == [_BATCH] * begins + [0] * refused + [_BATCH] * (_WAITING // _BATCH - begins)
    assert refused * _MOST_SECONDS_OF_AN_INVOCATION > _OUTAGE_SECONDS
    assert longest < _MOST_SECONDS_OF_AN_INVOCATION
    assert it.kept.copies == _WAITING
    assert it.function.cold_starts == 1
