"""Lines packed into as few Firehose records and calls as its limits allow: pure, nothing is sent."""

from collections.abc import Iterable, Iterator
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

#: A line, and the position in the event of the record that it was made of.
PositionedLine = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class PackedRecord:
    """A Firehose record: the lines of the records at these positions, in their order.

    `line_bytes` is the size of the lines, `data` the same or their gzip member.
    """

    data: bytes
    positions: list[int]
    line_bytes: int


@dataclass(frozen=True, slots=True)
class Oversize:
    """A line that fits into no record."""

    position: int
    line: bytes


Packed = PackedRecord | Oversize


def records_of(
    lines: Iterable[PositionedLine], *, compressed: bool, limits: Limits = FIREHOSE
) -> Iterator[Packed]:
    """All lines, each exactly once and in order, in records that hold the limit.

    No more lines are taken than the next record needs, so that all of them are never in memory at once.
    Compressed, each record is one gzip member.
    """
    return _compressed(lines, limits) if compressed else _plain(lines, limits)


def calls_of(records: Iterable[Packed], limits: Limits = FIREHOSE) -> Iterator[list[PackedRecord] | Oversize]:
    """The records in calls of PutRecordBatch that hold its limits, in order; an oversize line by itself."""
    call: list[PackedRecord] = []
    size = 0
    for record in records:
        full = isinstance(record, PackedRecord) and (
            len(call) == limits.records_a_call or size + len(record.data) > limits.call_bytes
        )
        if call and (full or isinstance(record, Oversize)):
            yield call
            call, size = [], 0
        if isinstance(record, Oversize):
            yield record
            continue
        call.append(record)
        size += len(record.data)
    if call:
        yield call


def _plain(lines: Iterable[PositionedLine], limits: Limits) -> Iterator[Packed]:
    most = limits.record_bytes
    positions: list[int] = []
    texts: list[bytes] = []
    size = 0
    for position, text in lines:
        length = len(text)
        if size + length > most:
            if texts:
                yield PackedRecord(b"".join(texts), positions, size)
                positions, texts, size = [], [], 0
            if length > most:
                yield Oversize(position, text)
                continue
        positions.append(position)
        texts.append(text)
        size += length
    if texts:
        yield PackedRecord(b"".join(texts), positions, size)


def _compressed(lines: Iterable[PositionedLine], limits: Limits) -> Iterator[Packed]:
    """How much a line shrinks is not known before: as many are taken as fit if they shrink as the ones before
    did, and fewer of the same again where they do not.
    """
    planned = limits.member_bytes
    positions: list[int] = []
    texts: list[bytes] = []
    size = 0
    coming = iter(lines)
    while True:
        if size <= planned:
            for position, text in coming:
                positions.append(position)
                texts.append(text)
                size += len(text)
                if size > planned:
                    break
        if not texts:
            return
        count, length = _first_of(texts, size, planned)
        data = gzip_member(b"".join(texts[:count]))
        # A member over the limit makes the plan smaller than its text: fewer of the same lines come next.
        planned = min(limits.member_bytes, int(length * limits.record_bytes / len(data) * _PLANNED_SHARE))
        if len(data) <= limits.record_bytes:
            yield PackedRecord(data, positions[:count], length)
        elif count == 1:
            yield Oversize(positions[0], texts[0])
        else:
            continue
        del positions[:count], texts[:count]
        size -= length


def _first_of(texts: list[bytes], size: int, most: int) -> tuple[int, int]:
    """How many of the first texts are together at most `most` bytes, at least one, and their bytes.

    `size` is that of all of them, from the end of which it counts: mostly it is one too many.
    """
    count = len(texts)
    while count > 1 and size > most:
        count -= 1
        size -= len(texts[count])
    return count, size
