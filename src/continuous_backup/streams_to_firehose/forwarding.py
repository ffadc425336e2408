"""One batch of a stream, forwarded: what is accepted, and from where it has to come again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from continuous_backup.aws import Client
from continuous_backup.configuration.config import Config
from continuous_backup.logs import logger
from continuous_backup.naming import Account
from continuous_backup.patience import Patience
from continuous_backup.reading_streams import own_streams, stream_records
from continuous_backup.streams_to_firehose import delivery, packing
from continuous_backup.streams_to_firehose.acceptance import Acceptance
from continuous_backup.streams_to_firehose.changes import NoLine
from continuous_backup.streams_to_firehose.choices import Choices
from continuous_backup.streams_to_firehose.keeping_whole import Keeper
from continuous_backup.streams_to_firehose.lanes import Lane, Lanes, sorted_into_lanes
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
    at least once. Raises MalformedEvent for an event of another kind, or of another account's or region's
    stream, before anything is written; and AwsError where AWS refuses for good. Nothing of the batch is to be
    acknowledged then.
    """
    records = stream_records.records_of(event)
    own_streams.require_own(records, surroundings.account)
    batch = _Batch(records, surroundings, patience, tally)
    try:
        batch.forward()
    finally:
        tally.calls, tally.retries = patience.calls, patience.retries
    return batch.acceptance.first_sequence_number_not_accepted()


class _Batch:
    """The records of one invocation, made lines and put lane by lane."""

    def __init__(
        self, records: Sequence[Any], surroundings: Surroundings, patience: Patience, tally: Tally
    ) -> None:
        self._records = records
        self._surroundings = surroundings
        self._patience = patience
        self._tally = tally
        self.acceptance = Acceptance(records)
        self._failed: dict[int, str] = {}
        self._keeper = Keeper(
            records,
            self.acceptance,
            s3=partial(surroundings.client, "s3"),
            config=surroundings.config,
            account=surroundings.account,
            clock=surroundings.clock,
            patience=patience,
            tally=tally,
        )

    def forward(self) -> None:
        found = sorted_into_lanes(self._records, self._surroundings.choices, self._surroundings.config)
        self._failed = found.failed
        for position in found.dropped:
            self._drop(position)
        self._say_what_there_is(found)
        for lane in found.lanes:
            self._forward_lane(lane, checked=found.checked)
        self._keep_failed(before=len(self._records))

    def _say_what_there_is(self, found: Lanes) -> None:
        records = self._records
        # As Lambda invokes us there is one table; it is told even where all of its changes are dropped.
        known = {
            stream_records.table(records[position]) for position in (*found.failed, *range(min(1, len(records))))
        }
        tables = sorted(({lane.table for lane in found.lanes} | known) - {""})
        self._tally.table, self._tally.changes = ", ".join(tables), len(records)
        self._tally.unrouted += found.unrouted.total()
        times = (stream_records.time_of_change(record) for record in records)
        oldest = next((time for time in times if time is not None), None)
        if oldest is not None:
            self._tally.oldest_change_seconds = max(0.0, round(self._surroundings.clock() - oldest, 1))
        for reason, times_seen in found.unrouted.items():
            logger().warning(
                "changes go to the table's own delivery stream, since the router failed",
                extra={"table": self._tally.table, "changes": times_seen, "reason": reason},
            )

    def _forward_lane(self, lane: Lane, *, checked: bool) -> None:
        limits = self._surroundings.limits
        packed = packing.records_of(self._lines(lane, checked), compressed=lane.compressed, limits=limits)
        for call in packing.calls_of(packed, limits):
            # In the order of the stream, so that an invocation in which all is slow still gets on.
            first = call.position if isinstance(call, Oversize) else call[0].positions[0]
            if not (self._keep_failed(before=first) and self._accepted(lane, call)):
                return

    def _accepted(self, lane: Lane, call: Sequence[PackedRecord] | Oversize) -> bool:
        if isinstance(call, Oversize):
            return self._keeper.keep_oversize(lane.table, call)
        return self._put(lane, call)

    def _lines(self, lane: Lane, checked: bool) -> Iterator[PositionedLine]:
        """One at a time, so that the lines of a batch are never all in memory."""
        records, acceptance = self._records, self.acceptance
        line, is_change = self._surroundings.choices.line, stream_records.is_change
        for position in lane.positions:
            if position >= acceptance.end:
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
        self.acceptance.accept([position])
        self._tally.dropped += 1

    def _put(self, lane: Lane, call: Sequence[PackedRecord]) -> bool:
        firehose = self._surroundings.client("firehose")
        delivered = delivery.put_call(firehose, lane.delivery_stream, call, self._patience)
        for record in delivered.accepted:
            self.acceptance.accept(record.positions)
            self._tally.forwarded += len(record.positions)
            self._tally.firehose_records += 1
            self._tally.line_bytes += record.line_bytes
            self._tally.firehose_bytes += len(record.data)
        if delivered.reason:
            positions = (position for record in call for position in record.positions)
            first = next(position for position in positions if not self.acceptance.accepted[position])
            self.acceptance.refuse(first, lane.table, f"{lane.delivery_stream}: {delivered.reason}")
        return not delivered.reason

    def _keep_failed(self, before: int) -> bool:
        """Keeps those whose position is less; those behind what was not accepted come again anyway."""
        most = min(before, self.acceptance.end)
        due = {position: self._failed.pop(position) for position in sorted(self._failed) if position < most}
        return self._keeper.keep_failed(due)
