"""Records of a batch that Firehose cannot be given: kept whole, on S3."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from continuous_backup.aws import Client
from continuous_backup.configuration.config import Config
from continuous_backup.logs import logger
from continuous_backup.naming import Account
from continuous_backup.patience import Patience
from continuous_backup.reading_streams import stream_records, whole_objects
from continuous_backup.reading_streams.whole_objects import WholeObject
from continuous_backup.streams_to_firehose.acceptance import Acceptance
from continuous_backup.streams_to_firehose.packing import Oversize
from continuous_backup.streams_to_firehose.tally import Tally


class Keeper:
    """Writes them, and says of each whether S3 has accepted it."""

    def __init__(
        self,
        records: Sequence[Any],
        acceptance: Acceptance,
        *,
        s3: Callable[[], Client],
        config: Config,
        account: Account,
        clock: Callable[[], float],
        patience: Patience,
        tally: Tally,
    ) -> None:
        self._records = records
        self._acceptance = acceptance
        self._s3 = s3
        self._config = config
        self._account = account
        self._clock = clock
        self._patience = patience
        self._tally = tally

    def keep_oversize(self, table: str, oversize: Oversize) -> bool:
        """A line that fits into no record of Firehose's, as an object of the log."""
        record = self._records[oversize.position]
        whole = whole_objects.of_oversize(record, oversize.line, self._config.prefix, self._clock())
        if not self._written(whole, [oversize.position], table):
            return False
        self._tally.oversize += 1
        logger().info(
            "a change is too large for Firehose and was written to S3",
            extra={
                "table": table,
                "sequence_number": stream_records.sequence_number(record),
                "key": whole.key,
            },
        )
        return True

    def keep_failed(self, failed: Mapping[int, str]) -> bool:
        """Records of which no line can be made, by position, with the reason.

        Those of a table go together: where a transformer fails, it can be all of a batch.
        """
        by_table: dict[str, dict[int, str]] = {}
        for position in sorted(failed):
            table = stream_records.table(self._records[position])
            by_table.setdefault(table, {})[position] = failed[position]
        return all(self._keep_failed_of_table(table, its) for table, its in by_table.items())

    def _keep_failed_of_table(self, table: str, failed: dict[int, str]) -> bool:
        records = [self._records[position] for position in failed]
        whole = whole_objects.of_failed(table, records, self._config.prefix, self._clock())
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
        bucket, key = self._config.bucket, self._config.kms_key_arn
        reason = whole_objects.put_object(self._s3(), whole, bucket, key, self._account, self._patience)
        if reason:
            self._acceptance.refuse(positions[0], table, f"s3://{bucket}/{whole.key}: {reason}")
            return False
        self._acceptance.accept(positions)
        return True
