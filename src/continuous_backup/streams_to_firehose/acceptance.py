"""What of a batch was accepted, and from where it has to come again."""

from collections.abc import Iterable, Sequence
from typing import Any

from continuous_backup.logs import logger
from continuous_backup.reading_streams import stream_records


class Acceptance:
    """Of the records of one invocation: each is accepted only once Firehose or S3 has said so.

    `accepted` has a mark for each position. `end` is the position of the first record that was not accepted, as
    far as is known: what comes after it comes again anyway, so that no more of that is sent.
    """

    def __init__(self, records: Sequence[Any]) -> None:
        self._records = records
        self.accepted = bytearray(len(records))
        self.end = len(records)

    def accept(self, positions: Iterable[int]) -> None:
        for position in positions:
            self.accepted[position] = True

    def refuse(self, position: int, table: str, reason: str) -> None:
        """The record there was not accepted, and the log says why."""
        self.end = min(self.end, position)
        number = stream_records.sequence_number(self._records[position])
        logger().warning(
            "a change is not accepted yet; Lambda goes on from it",
            extra={"table": table, "sequence_number": number, "reason": reason},
        )

    def first_sequence_number_not_accepted(self) -> str:
        """Empty where all was accepted."""
        return stream_records.first_to_come_again(self._records, self.accepted)
