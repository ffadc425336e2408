"""One batch of a stream, forwarded: what is accepted, and from where it has to come again."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from continuous_backup.aws import Client
from continuous_backup.config import Config
from continuous_backup.errors import BackupError
from continuous_backup.logs import logger
from continuous_backup.naming import Account
from continuous_backup.streams_to_firehose import delivery, packing, whole_objects
from continuous_backup.streams_to_firehose.changes import Change, NoChange, read
from continuous_backup.streams_to_firehose.packing import Oversize, PackedRecord
from continuous_backup.streams_to_firehose.patience import Patience
from continuous_backup.streams_to_firehose.whole_objects import WholeObject


@dataclass
class Tally:
    """What one invocation did, for its log. `bytes` are those that Firehose accepted, before base64."""

    table: str = ""
    changes: int = 0
    forwarded: int = 0
    oversize: int = 0
    failed: int = 0
    firehose_records: int = 0
    bytes: int = 0
    calls: int = 0
    retries: int = 0

    def facts(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Surroundings:
    """What is the same for all invocations of a warm function; `client` makes one of a service when asked."""

    config: Config
    account: Account
    client: Callable[[str], Client]
    clock: Callable[[], float]
    limits: packing.Limits = packing.FIREHOSE


def forward(event: object, surroundings: Surroundings, patience: Patience, tally: Tally) -> str:
    """Forwards the records of an event; answers the sequence number of the first that was not accepted.

    "" says that all were accepted. What comes before the number in the stream was accepted, by Firehose or
    by S3; from it on, everything has to come again, also what was accepted already: at least once.
    Raises MalformedEvent for an event of another kind, and AwsError where AWS refuses for good; nothing of
    the batch is to be acknowledged then.
    """
    items = read(event)
    tables = sorted({item.table for item in items if item.table}) or [""]
    tally.changes, tally.table = len(items), ", ".join(tables)
    batch = _Batch(surroundings, patience, tally, [False] * len(items))
    try:
        # As Lambda invokes us there is one table; a record that names none is taken in its turn with that.
        for table in tables:
            batch.forward_table(table, [item for item in items if (item.table or tables[0]) == table])
    finally:
        tally.calls, tally.retries = patience.calls, patience.retries
    return _first_sequence_number_not_accepted(items, batch.accepted)


def _first_sequence_number_not_accepted(items: Sequence[Change | NoChange], accepted: Sequence[bool]) -> str:
    """Of a record without a number, that of the nearest before it: repeating is safe, and leaving out is not.

    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    if all(accepted):
        return ""
    first = accepted.index(False)
    for item in reversed(items[: first + 1]):
        if item.sequence_number:
            return item.sequence_number
    raise BackupError(
        "the batch begins with a record without a sequence number, which could not be kept on S3",
        "nothing of it is acknowledged, and Lambda repeats it; the lines before in the log say why",
    )


class _Batch:
    """The records of one invocation. Each is accepted only once Firehose or S3 has said so."""

    def __init__(self, surroundings: Surroundings, patience: Patience, tally: Tally, accepted: list[bool]) -> None:
        self._surroundings = surroundings
        self._config = surroundings.config
        self._patience = patience
        self._tally = tally
        self.accepted = accepted

    def forward_table(self, table: str, items: Iterable[Change | NoChange]) -> None:
        """In the order of the stream, up to the first that is not accepted: all after it comes again anyway."""
        for is_change, run in groupby(items, key=lambda item: isinstance(item, Change)):
            of_run = list(run)
            if is_change:
                done = self._forward_changes(table, [item for item in of_run if isinstance(item, Change)])
            else:
                done = all(self._keep_failed(item) for item in of_run if isinstance(item, NoChange))
            if not done:
                return

    def _forward_changes(self, table: str, changes: Sequence[Change]) -> bool:
        lines = [change.line for change in changes]
        limits = self._surroundings.limits
        packed = packing.records_of(lines, compressed=self._config.forwarder_compresses, limits=limits)
        for is_oversize, run in groupby(packed, key=lambda each: isinstance(each, Oversize)):
            if is_oversize:
                oversize = (changes[each.index] for each in run if isinstance(each, Oversize))
                done = all(self._write_oversize(change) for change in oversize)
            else:
                records = (each for each in run if isinstance(each, PackedRecord))
                done = all(self._put(table, call, changes) for call in packing.calls_of(records, limits))
            if not done:
                return False
        return True

    def _put(self, table: str, call: Sequence[PackedRecord], changes: Sequence[Change]) -> bool:
        name = self._config.delivery_stream_name(table)
        delivered = delivery.put_call(self._surroundings.client("firehose"), name, call, self._patience)
        for record in delivered.accepted:
            for change in changes[record.first : record.last + 1]:
                self.accepted[change.position] = True
            self._tally.forwarded += record.last + 1 - record.first
            self._tally.firehose_records += 1
            self._tally.bytes += len(record.data)
        if delivered.reason:
            first = next(c for c in changes[call[0].first :] if not self.accepted[c.position])
            self._say_not_accepted(table, first.sequence_number, f"{name}: {delivered.reason}")
        return not delivered.reason

    def _write_oversize(self, change: Change) -> bool:
        whole = whole_objects.of_oversize(change, self._config.prefix, self._surroundings.clock())
        if not self._written(whole, change):
            return False
        self._tally.oversize += 1
        logger().info(
            "a change is too large for Firehose and was written to S3",
            extra={"table": change.table, "sequence_number": change.sequence_number, "key": whole.key},
        )
        return True

    def _keep_failed(self, record: NoChange) -> bool:
        whole = whole_objects.of_failed(record, self._config.prefix, self._surroundings.clock())
        if not self._written(whole, record):
            return False
        self._tally.failed += 1
        logger().error(
            "a record is no change of an item and was kept whole on S3",
            extra={
                "table": record.table,
                "sequence_number": record.sequence_number,
                "reason": record.problem,
                "key": whole.key,
            },
        )
        return True

    def _written(self, whole: WholeObject, item: Change | NoChange) -> bool:
        s3 = self._surroundings.client("s3")
        reason = whole_objects.put_object(s3, whole, self._config, self._surroundings.account, self._patience)
        self.accepted[item.position] = not reason
        if reason:
            self._say_not_accepted(
                item.table, item.sequence_number, f"s3://{self._config.bucket}/{whole.key}: {reason}"
            )
        return not reason

    def _say_not_accepted(self, table: str, sequence_number: str, reason: str) -> None:
        logger().warning(
            "a change is not accepted yet; Lambda goes on from it",
            extra={"table": table, "sequence_number": sequence_number, "reason": reason},
        )
