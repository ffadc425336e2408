"""One batch of a stream, forwarded: what is accepted, and from where it has to come again."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from continuous_backup.aws import Client
from continuous_backup.configuration.config import Config
from continuous_backup.logs import logger
from continuous_backup.naming import Account
from continuous_backup.patience import Patience
from continuous_backup.reading_streams import stream_records, whole_objects
from continuous_backup.reading_streams.whole_objects import WholeObject
from continuous_backup.streams_to_firehose import delivery, packing
from continuous_backup.streams_to_firehose.changes import NoLine
from continuous_backup.streams_to_firehose.choices import Choices, NoRoute
from continuous_backup.streams_to_firehose.packing import Oversize, PackedRecord, PositionedLine
from continuous_backup.streams_to_firehose.tally import Tally


@dataclass(frozen=True)
class Surroundings:
    """What is the same for all invocations of a warm function; `client` makes one of a service when asked."""

    config: Config
    account: Account
    client: Callable[[str], Client]
    clock: Callable[[], float]
    choices: Choices = field(default_factory=Choices)
    limits: packing.Limits = packing.FIREHOSE


def forward(event: object, surroundings: Surroundings, patience: Patience, tally: Tally) -> str:
    """Forwards the records of an event; answers the sequence number of the first that was not accepted.

    "" says that all were accepted. What comes before the number in the stream was accepted, by Firehose or
    by S3, or dropped by choice; from it on, everything has to come again, also what was accepted already:
    at least once. Raises MalformedEvent for an event of another kind, and AwsError where AWS refuses for
    good; nothing of the batch is to be acknowledged then.
    """
    batch = _Batch(stream_records.records_of(event), surroundings, patience, tally)
    try:
        batch.forward()
    finally:
        tally.calls, tally.retries = patience.calls, patience.retries
    return batch.first_sequence_number_not_accepted()


@dataclass(frozen=True)
class _Lane:
    """The records, by position, that go to one delivery stream."""

    table: str
    delivery_stream: str
    compressed: bool
    positions: list[int] = field(default_factory=list)


class _Batch:
    """The records of one invocation. Each is accepted only once Firehose or S3 has said so.

    `_end` is the position of the first record that was not accepted, as far as is known: what comes after
    it comes again anyway, so that no more of that is sent.
    """

    def __init__(
        self, records: Sequence[Any], surroundings: Surroundings, patience: Patience, tally: Tally
    ) -> None:
        self._records = records
        self._surroundings = surroundings
        self._config = surroundings.config
        self._choices = surroundings.choices
        self._patience = patience
        self._tally = tally
        self._accepted = bytearray(len(records))
        self._end = len(records)
        self._failed: dict[int, str] = {}
        self._unrouted: Counter[str] = Counter()
        self._asks_of_changes = bool(self._choices.drops or self._choices.route)

    def forward(self) -> None:
        lanes = self._sorted_into_lanes()
        self._say_what_there_is(lanes)
        for lane in lanes:
            self._forward_lane(lane)
        self._keep_failed(before=len(self._records))

    def first_sequence_number_not_accepted(self) -> str:
        """Empty where all was accepted."""
        return stream_records.first_to_come_again(self._records, self._accepted)

    def _sorted_into_lanes(self) -> list[_Lane]:
        """By the stream that a record names, and by the router; what is dropped by choice is done with.

        What names no stream is set aside as failed. Where nothing is asked of a change here, `_lines` finds
        out what is none: then all of a record is read at once, which is faster by a good deal.
        """
        lanes: dict[tuple[str, str], _Lane] = {}
        drops, route = self._choices.drops, self._choices.route
        arn, lane, routed_to = "", None, ""
        for position, record in enumerate(self._records):
            if self._asks_of_changes:
                if not stream_records.is_change(record):
                    self._failed[position] = stream_records.problem(record)
                    continue
                if drops and drops(record):
                    self._drop(position)
                    continue
                routed_to = self._routed(route, record) if route else ""
            if lane is None or route or not stream_records.is_of_stream(record, arn):
                arn = stream_records.stream_arn(record)
                if not arn:
                    self._failed[position] = stream_records.problem(record)
                    continue
                lane = self._lane(lanes, stream_records.table(record), routed_to)
            lane.positions.append(position)
        return list(lanes.values())

    def _routed(self, route: Callable[[Any], str], record: Any) -> str:
        try:
            return route(record)
        except NoRoute as err:
            self._tally.unrouted += 1
            self._unrouted[str(err)] += 1
            return ""

    def _lane(self, lanes: dict[tuple[str, str], _Lane], table: str, routed_to: str) -> _Lane:
        """A delivery stream that is not ours always gets plain lines."""
        name = routed_to or self._config.delivery_stream_name(table)
        if (table, name) not in lanes:
            ours = not routed_to and table not in self._config.delivery_streams
            lanes[table, name] = _Lane(table, name, ours and self._config.forwarder_compresses)
        return lanes[table, name]

    def _say_what_there_is(self, lanes: Sequence[_Lane]) -> None:
        records = self._records
        # As Lambda invokes us there is one table; it is told even where all of its changes are dropped.
        known = {
            stream_records.table(records[position]) for position in (*self._failed, *range(min(1, len(records))))
        }
        tables = sorted(({lane.table for lane in lanes} | known) - {""})
        self._tally.table, self._tally.changes = ", ".join(tables), len(records)
        times = (stream_records.time_of_change(record) for record in records)
        oldest = next((time for time in times if time is not None), None)
        if oldest is not None:
            self._tally.oldest_change_seconds = max(0.0, round(self._surroundings.clock() - oldest, 1))
        for reason, times_seen in self._unrouted.items():
            logger().warning(
                "changes go to the table's own delivery stream, since the router failed",
                extra={"table": self._tally.table, "changes": times_seen, "reason": reason},
            )

    def _forward_lane(self, lane: _Lane) -> None:
        limits = self._surroundings.limits
        packed = packing.records_of(self._lines(lane), compressed=lane.compressed, limits=limits)
        for call in packing.calls_of(packed, limits):
            # In the order of the stream, so that an invocation in which all is slow still gets on.
            first = call.position if isinstance(call, Oversize) else call[0].positions[0]
            if not self._keep_failed(before=first):
                return
            done = self._write_oversize(lane, call) if isinstance(call, Oversize) else self._put(lane, call)
            if not done:
                return

    def _lines(self, lane: _Lane) -> Iterator[PositionedLine]:
        """One at a time, so that the lines of a batch are never all in memory."""
        checked = self._asks_of_changes
        line, records, is_change = self._choices.line, self._records, stream_records.is_change
        for position in lane.positions:
            if position >= self._end:
                return
            record = records[position]
            if not (checked or is_change(record)):
                self._failed[position] = stream_records.problem(record)
                continue
            try:
                text = line(record)
            except NoLine as err:
                self._failed[position] = str(err)
                continue
            if text is None:
                self._drop(position)
            else:
                yield position, text

    def _drop(self, position: int) -> None:
        self._accepted[position] = True
        self._tally.dropped += 1

    def _put(self, lane: _Lane, call: Sequence[PackedRecord]) -> bool:
        firehose = self._surroundings.client("firehose")
        delivered = delivery.put_call(firehose, lane.delivery_stream, call, self._patience)
        for record in delivered.accepted:
            for position in record.positions:
                self._accepted[position] = True
            self._tally.forwarded += len(record.positions)
            self._tally.firehose_records += 1
            self._tally.line_bytes += record.line_bytes
            self._tally.firehose_bytes += len(record.data)
        if delivered.reason:
            positions = (position for record in call for position in record.positions)
            first = next(position for position in positions if not self._accepted[position])
            self._not_accepted(first, lane.table, f"{lane.delivery_stream}: {delivered.reason}")
        return not delivered.reason

    def _write_oversize(self, lane: _Lane, oversize: Oversize) -> bool:
        record = self._records[oversize.position]
        now = self._surroundings.clock()
        whole = whole_objects.of_oversize(record, oversize.line, self._config.prefix, now)
        if not self._written(whole, [oversize.position], lane.table):
            return False
        self._tally.oversize += 1
        logger().info(
            "a change is too large for Firehose and was written to S3",
            extra={
                "table": lane.table,
                "sequence_number": stream_records.sequence_number(record),
                "key": whole.key,
            },
        )
        return True

    def _keep_failed(self, before: int) -> bool:
        """Keeps those whose position is less. Those of a table go together: where a transformer fails, it can
        be all of a batch.
        """
        by_table: dict[str, dict[int, str]] = {}
        for position in sorted(self._failed):
            if position < min(before, self._end):
                table = stream_records.table(self._records[position])
                by_table.setdefault(table, {})[position] = self._failed.pop(position)
        return all(self._keep_failed_of_table(table, failed) for table, failed in by_table.items())

    def _keep_failed_of_table(self, table: str, failed: dict[int, str]) -> bool:
        records = [self._records[position] for position in failed]
        whole = whole_objects.of_failed(table, records, self._config.prefix, self._surroundings.clock())
        if not self._written(whole, list(failed), table):
            return False
        self._tally.failed += len(failed)
        for reason, times in Counter(failed.values()).items():
            numbers = [
                stream_records.sequence_number(self._records[position])
                for position, why in failed.items()
                if why == reason
            ]
            logger().error(
                "records could not become lines of the log and were kept whole on S3",
                extra={
                    "table": table,
                    "records": times,
                    "first_sequence_number": numbers[0],
                    "last_sequence_number": numbers[-1],
                    "reason": reason,
                    "key": whole.key,
                },
            )
        return True

    def _written(self, whole: WholeObject, positions: Sequence[int], table: str) -> bool:
        s3 = self._surroundings.client("s3")
        bucket, key, account = self._config.bucket, self._config.kms_key_arn, self._surroundings.account
        reason = whole_objects.put_object(s3, whole, bucket, key, account, self._patience)
        if reason:
            self._not_accepted(positions[0], table, f"s3://{self._config.bucket}/{whole.key}: {reason}")
            return False
        for position in positions:
            self._accepted[position] = True
        return True

    def _not_accepted(self, position: int, table: str, reason: str) -> None:
        self._end = min(self._end, position)
        number = stream_records.sequence_number(self._records[position])
        logger().warning(
            "a change is not accepted yet; Lambda goes on from it",
            extra={"table": table, "sequence_number": number, "reason": reason},
        )
