"""A driver of a function that does what Lambda's event source mapping on a DynamoDB stream is documented to do.

One shard, one batch at a time. What the documentation leaves open is decided here in the way that is harder
for the function, and says so where it is.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html: polling and batching
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html: the settings and their defaults
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html: partial failures
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html: retries and the on-failure destination
"""

import json
import uuid
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

#: The most that a synchronous invocation takes, "6 MB", in bytes of the event as JSON.
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
PAYLOAD_BYTES = 6 * 1024 * 1024
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
STREAM_RETENTION_SECONDS = 24 * 3600
ENDLESS = -1
RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
TOO_OLD = "RecordAgeExceeded"

_ENVELOPE = len('{"Records":[]}')


class FunctionError(Exception):
    """The function raised, timed out or died: the invocation has failed as a whole."""


@dataclass(frozen=True)
class Settings:
    """Those of CreateEventSourceMapping, with its defaults; `report_batch_item_failures` is a response type."""

    batch_size: int = 100
    maximum_retry_attempts: int = ENDLESS
    maximum_record_age_seconds: int = ENDLESS
    bisect_batch_on_function_error: bool = False
    report_batch_item_failures: bool = True
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """What a shard holds: `record` is what the function gets; the stream itself knows the rest.

    `created` is in seconds since 1970 UTC. `number` orders the shard; it is `sequence_number`, as an integer.
    """

    sequence_number: str
    created: float
    record: Any

    @property
    def number(self) -> int:
        return int(self.sequence_number)


class Shard:
    """A shard of a stream, in order of its sequence numbers. Records vanish 24 hours after they were made."""

    def __init__(self, stream_arn: str, shard_id: str = "shardId-00000001730974800000-0a1b2c3d") -> None:
        self.stream_arn = stream_arn
        self.id = shard_id
        self._records: list[StreamRecord] = []
        self._numbers: list[int] = []

    def append(self, record: StreamRecord) -> None:
        if self._numbers and record.number <= self._numbers[-1]:
            raise ValueError(f"{record.sequence_number} does not come after {self._numbers[-1]}")
        self._records.append(record)
        self._numbers.append(record.number)

    def extend(self, records: Sequence[StreamRecord]) -> None:
        for record in records:
            self.append(record)

    def __len__(self) -> int:
        return len(self._records)

    def forget(self, number: int) -> None:
        """Drops the records up to a number, which nobody reads any more."""
        count = bisect_right(self._numbers, number)
        del self._records[:count], self._numbers[:count]

    def after(self, number: int, most: int) -> list[StreamRecord]:
        """The next records behind a number, at most so many, whatever their age."""
        first = bisect_right(self._numbers, number)
        return self._records[first : first + most]


@dataclass(frozen=True)
class Invocation:
    """One call of the function: its batch, how much of it is done with, and why the rest is not."""

    batch: tuple[StreamRecord, ...]
    acknowledged: tuple[StreamRecord, ...]
    problem: str

    @property
    def succeeded(self) -> bool:
        return len(self.acknowledged) == len(self.batch)


@dataclass(frozen=True)
class _Batch:
    records: tuple[StreamRecord, ...]
    retries: int = 0


class EventSourceMapping:
    """Reads a shard from TRIM_HORIZON. Call `invoke_next` again and again; it answers None where nothing is due.

    `invoke` takes the event and answers what the function does; it raises FunctionError where that fails.
    `clock` says the time in seconds since 1970. `on_failure` is the destination on S3: it is given the key and
    the body of each object; without one, what is discarded is lost, as it is with Lambda.
    """

    def __init__(
        self,
        shard: Shard,
        invoke: Callable[[dict[str, Any]], Any],
        clock: Callable[[], float],
        settings: Settings | None = None,
        on_failure: Callable[[str, bytes], None] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.discarded: list[StreamRecord] = []
        self.expired: list[StreamRecord] = []
        self._shard = shard
        self._invoke = invoke
        self._clock = clock
        self._on_failure = on_failure
        self._read_up_to = -1
        self._due: deque[_Batch] = deque()

    def invoke_next(self) -> Invocation | None:
        """Invokes the function once, and settles what its answer means for the batch."""
        batch = self._next_batch()
        if batch is None:
            return None
        done, problem = self._done_of(batch.records)
        if done is None or done < len(batch.records):
            self._settle(batch, done)
        return Invocation(batch.records, batch.records[: done or 0], problem)

    def _next_batch(self) -> _Batch | None:
        while True:
            if not self._due:
                records = self._read()
                if not records:
                    return None
                self._read_up_to = records[-1].number
                self._due.append(_Batch(records))
            batch = self._due.popleft()
            left = self._young_enough(batch)
            if left:
                return _Batch(left, batch.retries)

    def _read(self) -> tuple[StreamRecord, ...]:
        """Up to the batch size, and no more than the payload takes; one record at least."""
        taken: list[StreamRecord] = []
        size = _ENVELOPE
        for each in self._shard.after(self._read_up_to, self.settings.batch_size):
            size += len(_json(each.record)) + 1
            if taken and size > PAYLOAD_BYTES:
                break
            taken.append(each)
        return tuple(taken)

    def _young_enough(self, batch: _Batch) -> tuple[StreamRecord, ...]:
        """Without those that the stream has no more, and those over the maximum age, which are discarded.

        The on-failure destination is documented for records over the maximum age, not for expired ones.
        """
        now = self._clock()
        there = [each for each in batch.records if now - each.created < STREAM_RETENTION_SECONDS]
        self.expired += [each for each in batch.records if now - each.created >= STREAM_RETENTION_SECONDS]
        most = self.settings.maximum_record_age_seconds
        if most == ENDLESS:
            return tuple(there)
        if too_old := tuple(each for each in there if now - each.created > most):
            self._discard(too_old, TOO_OLD, batch.retries)
        return tuple(each for each in there if now - each.created <= most)

    def _done_of(self, records: tuple[StreamRecord, ...]) -> tuple[int | None, str]:
        """How many of a batch are done with, from its beginning, or None where it failed as a whole; and why."""
        try:
            answer = self._invoke({"Records": [each.record for each in records]})
        except FunctionError as err:
            return None, str(err)
        if not self.settings.report_batch_item_failures:
            return len(records), ""
        first = first_to_come_again(answer, [each.sequence_number for each in records])
        return first, "" if first == len(records) else f"the function answered {str(answer)[:200]}"

    def _settle(self, batch: _Batch, done: int | None) -> None:
        """What is left of a batch comes again, until its retries are used up.

        Where that is wanted, a batch that failed as a whole comes in halves, and one that was done in part is
        split at the number that was reported; neither consumes a retry. There is nothing to split at the first.
        Not documented, so the harder way: the rest of a batch that was done in part keeps the count of its
        retries, and no newer records join it.
        """
        rest = batch.records[done or 0 :]
        bisect = self.settings.bisect_batch_on_function_error
        if bisect and done:
            self._due.appendleft(_Batch(rest, batch.retries))
        elif bisect and done is None and len(rest) > 1:
            middle = len(rest) // 2
            self._due.extendleft([_Batch(rest[middle:], batch.retries), _Batch(rest[:middle], batch.retries)])
        elif batch.retries == self.settings.maximum_retry_attempts:
            self._discard(rest, RETRIES_EXHAUSTED, batch.retries + 1)
        else:
            self._due.appendleft(_Batch(rest, batch.retries + 1))

    def _discard(self, records: tuple[StreamRecord, ...], condition: str, invocations: int) -> None:
        self.discarded += records
        if self._on_failure is None:
            return
        now = datetime.fromtimestamp(self._clock(), UTC)
        key = (
            f"aws/lambda/{self.settings.uuid}/{self._shard.id}/"
            f"{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
        )
        document = {
            "requestContext": {"condition": condition, "approximateInvokeCount": invocations},
            "version": "1.0",
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "DDBStreamBatchInfo": {
                "shardId": self._shard.id,
                "startSequenceNumber": records[0].sequence_number,
                "endSequenceNumber": records[-1].sequence_number,
                "approximateArrivalOfFirstRecord": _iso(records[0].created),
                "approximateArrivalOfLastRecord": _iso(records[-1].created),
                "batchSize": len(records),
                "streamArn": self._shard.stream_arn,
            },
            "payload": _json({"Records": [each.record for each in records]}),
        }
        self._on_failure(key, _json(document).encode())


def first_to_come_again(answer: Any, sequence_numbers: Sequence[str]) -> int | None:
    """The place in the batch from which everything comes again; the batch's length where all is done.

    Nothing reported is success. The lowest number counts, wherever in the list it stands. An identifier that
    is empty, missing, misnamed or no number of the batch means that the whole batch has failed: None.
    """
    if answer is None or answer == {}:
        return len(sequence_numbers)
    if not isinstance(answer, dict) or "batchItemFailures" not in answer:
        return None
    reported = answer["batchItemFailures"]
    if reported is None or reported == []:
        return len(sequence_numbers)
    if not isinstance(reported, list):
        return None
    places = {number: place for place, number in enumerate(sequence_numbers)}
    named = [each.get("itemIdentifier") if isinstance(each, dict) else None for each in reported]
    if not all(isinstance(each, str) and each in places for each in named):
        return None
    return min(places[each] for each in named)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _json(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))
