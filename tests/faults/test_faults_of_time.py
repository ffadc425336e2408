"""Outages of Firehose's: a minute against the clock, in which nothing is lost, and more than a day, played."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.faults.event_source_mapping import TOO_OLD, EventSourceMapping, Shard
from tests.faults.fault_proxy import FIREHOSE, error
from tests.faults.pipeline import Pipeline
from tests.faults.stream_changes import NOW, history, stream_arn

Pipelines = Callable[..., Pipeline]

_WAITING = 40_000
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


def test_forwarding_through_an_outage_of_a_day_expects_all_of_it_in_the_log_or_whole_at_the_on_failure_destination(
    pipeline: Pipelines, compression: dict[str, str]
):
    """The oldest changes are over the mapping's record age before the stream forgets them, and go where Lambda
    puts them; what was made later is in the log as soon as Firehose is back.
    """
    it = pipeline(compression, batch_size=100)
    hour, hours, elsewhere = 3_600, 0, dict[str, bytes]()
    records = history(1_000, seconds_between=120)  # over a day and more
    assert records[-1].created - records[0].created > 30 * hour
    shard = Shard(stream_arn())
    mapping = EventSourceMapping(
        shard, it.function.invoke, lambda: NOW + hours * hour, it.settings, elsewhere.__setitem__
    )
    it.proxy.inject(FIREHOSE | error("ServiceUnavailableException", 503))
    for hours in range(1, 36):
        made = [each for each in records if NOW + (hours - 1) * hour <= each.created < NOW + hours * hour]
        shard.extend(made)
        if hours < 28:
            it.invoke_next(mapping)
            continue
        it.proxy.inject()
        while it.invoke_next(mapping):
            pass

    assert not mapping.expired, "the stream forgot some before they were kept"
    kept_elsewhere = [record for body in elsewhere.values() for record in _records_in(body)]
    assert 0 < len(kept_elsewhere) < len(records)
    forwarded = [each for each in records if each not in mapping.discarded]
    it.kept.check_all(forwarded)
    assert kept_elsewhere == [each.record for each in records[: len(kept_elsewhere)]]
    assert len(forwarded) + len(kept_elsewhere) == len(records)


def _records_in(body: bytes) -> list[Any]:
    """The stream records that Lambda wrote to the destination: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html"""
    document = json.loads(body)
    assert document["requestContext"]["condition"] == TOO_OLD
    records: list[Any] = json.loads(document["payload"])["Records"]
    return records
