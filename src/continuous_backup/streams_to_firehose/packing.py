"""Lines packed into as few Firehose records and calls as its limits allow: pure, nothing is sent."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from continuous_backup.streams_to_firehose.compression import gzip_member


@dataclass(frozen=True)
class Limits:
    """How much may go together, in bytes before base64.

    https://docs.aws.amazon.com/firehose/latest/dev/limits.html and
    https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html have Firehose's numbers.
    `member_bytes` is ours: the most lines that are compressed at once, which bounds the memory. A batch of
    Lambda's 6 MB makes two members then, each of which is small against a record once it is compressed.
    """

    record_bytes: int = 1_024_000
    records_a_call: int = 500
    call_bytes: int = 4 * 1024 * 1024
    member_bytes: int = 4 * 1024 * 1024


FIREHOSE = Limits()

#: How much of a record is planned to be used when the compressed size is only guessed.
_PLANNED_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class PackedRecord:
    """A Firehose record: the lines `first` to `last`, both included, in their order."""

    data: bytes
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Oversize:
    """The line at `index` fits into no record."""

    index: int


def records_of(
    lines: Sequence[bytes], *, compressed: bool, limits: Limits = FIREHOSE
) -> Iterator[PackedRecord | Oversize]:
    """All lines, each exactly once and in order, in records that hold the limit.

    Compressed, each record is one gzip member. How much a line shrinks is not known before: as many are
    taken as fit if they shrink as the ones before did, and fewer again where they do not.
    """
    most = limits.member_bytes if compressed else limits.record_bytes
    planned = most
    first = 0
    while first < len(lines):
        last = _last_of_run(lines, first, planned)
        text = b"".join(lines[first : last + 1])
        data = gzip_member(text) if compressed else text
        if len(data) <= limits.record_bytes:
            yield PackedRecord(data, first, last)
            first = last + 1
        elif first == last:
            yield Oversize(first)
            first += 1
        # else: fewer of the same lines, since a member over the limit makes the plan smaller than the text.
        if compressed:
            planned = min(most, int(len(text) * limits.record_bytes / len(data) * _PLANNED_SHARE))


def calls_of(records: Iterable[PackedRecord], limits: Limits = FIREHOSE) -> Iterator[list[PackedRecord]]:
    """The records in calls of PutRecordBatch that hold its limits, in order."""
    call: list[PackedRecord] = []
    size = 0
    for record in records:
        if call and (len(call) == limits.records_a_call or size + len(record.data) > limits.call_bytes):
            yield call
            call, size = [], 0
        call.append(record)
        size += len(record.data)
    if call:
        yield call


def _last_of_run(lines: Sequence[bytes], first: int, most: int) -> int:
    """The last of the lines from `first` on that are together at most `most` bytes; at least `first`."""
    last, size = first, len(lines[first])
    while last + 1 < len(lines) and size + len(lines[last + 1]) <= most:
        last += 1
        size += len(lines[last])
    return last
