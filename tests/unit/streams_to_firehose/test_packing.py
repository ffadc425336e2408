import base64
import gzip
import random

import pytest

from continuous_backup.streams_to_firehose.compression import gzip_member
from continuous_backup.streams_to_firehose.packing import (
    FIREHOSE,
    Oversize,
    Packed,
    PackedRecord,
    calls_of,
    records_of,
)

RECORD = 1_024_000
CALL = 4 * 1024 * 1024
CHANCE = random.Random(7)


def line_of(size: int) -> bytes:
    return b"x" * (size - 1) + b"\n"


def random_line(size: int) -> bytes:
    """Of a size before base64: what a binary attribute looks like in a change."""
    return base64.b64encode(CHANCE.randbytes(size)) + b"\n"


def plain(lines: list[bytes]) -> list[Packed]:
    return list(records_of(enumerate(lines), compressed=False))


def compressed(lines: list[bytes]) -> list[Packed]:
    return list(records_of(enumerate(lines), compressed=True))


def record_of(lines: list[bytes], first: int = 0) -> PackedRecord:
    """A plain record of lines, the first of which has this position."""
    return PackedRecord(b"".join(lines), list(range(first, first + len(lines))), sum(map(len, lines)))


def test_limits_when_compared_with_the_documented_ones_expects_the_same():
    assert (FIREHOSE.record_bytes, FIREHOSE.records_a_call, FIREHOSE.call_bytes) == (RECORD, 500, CALL)


@pytest.mark.parametrize("size", [RECORD - 1, RECORD])
def test_records_of_when_a_line_just_fits_expects_one_record(size: int):
    assert plain([line_of(size)]) == [record_of([line_of(size)])]


def test_records_of_when_a_line_is_one_byte_too_long_expects_it_named_oversize():
    assert plain([line_of(RECORD + 1)]) == [Oversize(0, line_of(RECORD + 1))]


def test_records_of_when_lines_together_just_fit_expects_one_record():
    lines = [line_of(RECORD - 10), line_of(10)]
    assert plain(lines) == [record_of(lines)]


def test_records_of_when_lines_together_are_one_byte_too_long_expects_two_records():
    lines = [line_of(RECORD - 10), line_of(11)]
    assert plain(lines) == [record_of(lines[:1]), record_of(lines[1:], 1)]


def test_records_of_when_a_line_in_the_middle_is_oversize_expects_the_others_around_it():
    lines = [line_of(10), line_of(20), line_of(RECORD + 1), line_of(30)]
    assert plain(lines) == [
        record_of(lines[:2]),
        Oversize(2, lines[2]),
        record_of(lines[3:], 3),
    ]


def test_records_of_when_there_are_no_lines_expects_no_records():
    assert plain([]) == []
    assert compressed([]) == []


def test_records_of_when_lines_shrink_expects_one_member_for_four_mebibytes():
    lines = [b'{"Keys":{"Id":{"N":"%d"}},"NewImage":{"Name":{"S":"somebody"}}}\n' % n for n in range(60_000)]
    assert sum(map(len, lines)) < FIREHOSE.member_bytes
    (record,) = compressed(lines)
    assert isinstance(record, PackedRecord)
    assert (record.positions, record.line_bytes) == (list(range(60_000)), sum(map(len, lines)))
    assert gzip.decompress(record.data) == b"".join(lines)
    assert len(record.data) < RECORD


def test_records_of_when_lines_hardly_shrink_expects_full_records_within_the_limit():
    lines = [random_line(9_000) for _ in range(400)]
    records = compressed(lines)
    assert all(isinstance(each, PackedRecord) for each in records)
    sizes = [len(each.data) for each in records if isinstance(each, PackedRecord)]
    assert max(sizes) <= RECORD
    assert min(sizes[:-1]) > 0.85 * RECORD


def test_records_of_when_lines_shrink_differently_expects_the_limit_held_and_nothing_lost():
    lines = [line_of(500_000)] * 8 + [random_line(300_000) for _ in range(8)] + [line_of(500_000)] * 8
    records = [each for each in compressed(lines) if isinstance(each, PackedRecord)]
    assert max(len(each.data) for each in records) <= RECORD
    assert b"".join(gzip.decompress(each.data) for each in records) == b"".join(lines)


def test_records_of_when_a_line_fits_only_compressed_expects_it_in_a_record():
    line = line_of(2_400_000)
    assert plain([line]) == [Oversize(0, line)]
    (record,) = compressed([line])
    assert isinstance(record, PackedRecord)
    assert gzip.decompress(record.data) == line


def test_records_of_when_a_line_fits_not_even_compressed_expects_it_named_oversize():
    # Bytes without any pattern do not shrink: gzip adds 23 bytes and more to them.
    line = CHANCE.randbytes(RECORD)
    assert compressed([line_of(9), line, line_of(9)])[1] == Oversize(1, line)


def test_calls_of_when_there_are_more_than_500_records_expects_two_calls():
    records = [PackedRecord(b"x", [n], 1) for n in range(501)]
    assert list(calls_of(records)) == [records[:500], records[500:]]


@pytest.mark.parametrize(("last", "calls"), [(98_304, 1), (98_305, 2)])
def test_calls_of_when_records_come_to_four_mebibytes_expects_a_second_call_only_beyond(last: int, calls: int):
    sizes = [RECORD, RECORD, RECORD, RECORD, last]
    records = [PackedRecord(b"x" * size, [n], size) for n, size in enumerate(sizes)]
    assert sum(sizes) - CALL == calls - 1
    assert len(list(calls_of(records))) == calls


def test_calls_of_when_a_line_is_oversize_expects_what_comes_before_it_put_first():
    one, large, another = record_of([b"1"]), Oversize(1, b"2"), record_of([b"3"], 2)
    assert list(calls_of([one, large, another])) == [[one], large, [another]]


def test_records_of_when_the_lines_come_one_by_one_expects_no_more_taken_than_the_next_record_needs():
    taken: list[int] = []

    def lines():
        for position in range(10):
            taken.append(position)
            yield position, line_of(RECORD // 2)

    for limits_of, most in ((False, 3), (True, 9)):
        taken.clear()
        next(iter(records_of(lines(), compressed=limits_of)))
        assert len(taken) <= most


def test_calls_of_when_there_are_no_records_expects_no_calls():
    assert list(calls_of([])) == []


def test_gzip_member_when_made_twice_expects_the_same_bytes():
    first = gzip_member(b"a line\n")
    assert first == gzip_member(b"a line\n")
    assert first[4:8] == bytes(4), "a time in the header would make every retry another object"
    assert gzip.decompress(first) == b"a line\n"
