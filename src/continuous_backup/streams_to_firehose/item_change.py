"""A change as a transformer or a router sees it."""

from dataclasses import dataclass, field
from typing import Any

from continuous_backup.reading_streams import stream_records
from continuous_backup.reading_streams.stream_records import StreamRecord
from continuous_backup.streams_to_firehose import changes

#: An item or its keys in DynamoDB's typed JSON: {"Id": {"N": "1"}, "Name": {"S": "Ada"}}.
TypedItem = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One change of one item. What it holds is the stream record's own: read it, and change nothing in it.

    Images are in DynamoDB's typed JSON; `new_image` is None for a REMOVE, `old_image` for an INSERT. `time` is
    when the change was made, by DynamoDB's clock, in seconds since 1970 UTC, None where it does not say.
    `size_bytes` is that of keys and images as DynamoDB counts. `sequence_number` has up to 40 digits.
    """

    table: str
    event_name: str
    keys: TypedItem
    new_image: TypedItem | None
    old_image: TypedItem | None
    sequence_number: str
    time: float | None
    size_bytes: int | None
    stream_arn: str
    user_identity: dict[str, Any] | None
    _record: StreamRecord = field(repr=False, compare=False)

    @property
    def is_ttl_delete(self) -> bool:
        """Whether DynamoDB itself deleted the item, since its time to live was over."""
        return stream_records.is_ttl_delete(self._record)

    @property
    def line(self) -> bytes:
        """The line that is written where there is no transformer."""
        return changes.line(self._record)


def of_record(record: StreamRecord) -> ItemChange:
    """The view of a record in which `stream_records.problem` finds none."""
    stream_record = record["dynamodb"]
    return ItemChange(
        table=stream_records.table(record),
        event_name=record["eventName"],
        keys=stream_record["Keys"],
        new_image=stream_record.get("NewImage"),
        old_image=stream_record.get("OldImage"),
        sequence_number=stream_record["SequenceNumber"],
        time=stream_records.time_of_change(record),
        size_bytes=stream_record.get("SizeBytes"),
        stream_arn=record["eventSourceARN"],
        user_identity=record.get("userIdentity"),
        _record=record,
    )
