"""Packing: whatever the lines are, the limits hold and what comes out is what went in."""

import gzip
import random
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from continuous_backup.streams_to_firehose.compression import gzip_member
from continuous_backup.streams_to_firehose.packing import Limits, Oversize, PackedRecord, calls_of, records_of

#: Small, so that a few short lines meet every one of them.
SMALL = Limits(record_bytes=100, records_a_call=3, call_bytes=250, member_bytes=400)


@st.composite
def a_line(draw: st.DrawFn) -> bytes:
    """Of 1 to 300 bytes: one that shrinks to almost nothing, or one that does not shrink at all."""
    size = draw(st.integers(1, 300))
    if draw(st.booleans()):
        return b"x" * (size - 1) + b"\n"
    return random.Random(draw(st.integers(0, 1000))).randbytes(size - 1) + b"\n"


#: A busy machine is no reason to fail.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
LINES = st.lists(a_line(), max_size=60)
COMPRESSED = st.booleans()


@PATIENT
@given(LINES, COMPRESSED)
def test_records_of_whatever_the_lines_expects_each_exactly_once_in_order(lines: list[bytes], compressed: bool):
    packed = records_of(enumerate(lines), compressed=compressed, limits=SMALL)
    held = [
        index for each in packed for index in ([each.position] if isinstance(each, Oversize) else each.positions)
    ]
    assert held == list(range(len(lines)))


@PATIENT
@given(LINES, COMPRESSED)
def test_records_of_whatever_the_lines_expects_their_very_bytes(lines: list[bytes], compressed: bool):
    for each in records_of(enumerate(lines), compressed=compressed, limits=SMALL):
        if isinstance(each, PackedRecord):
            text = gzip.decompress(each.data) if compressed else each.data
            assert text == b"".join(lines[position] for position in each.positions)
            assert each.line_bytes == len(text)


@PATIENT
@given(LINES, COMPRESSED)
def test_records_of_whatever_the_lines_expects_the_limit_held(lines: list[bytes], compressed: bool):
    for each in records_of(enumerate(lines), compressed=compressed, limits=SMALL):
        if isinstance(each, PackedRecord):
            assert len(each.data) <= SMALL.record_bytes


@PATIENT
@given(LINES, COMPRESSED)
def test_records_of_whatever_the_lines_expects_only_those_oversize_that_fit_nowhere(
    lines: list[bytes], compressed: bool
):
    for each in records_of(enumerate(lines), compressed=compressed, limits=SMALL):
        if isinstance(each, Oversize):
            assert each.line == lines[each.position]
            alone = gzip_member(each.line) if compressed else each.line
            assert len(alone) > SMALL.record_bytes


@PATIENT
@given(LINES)
def test_records_of_whatever_the_lines_expects_no_two_plain_records_that_would_fit_in_one(lines: list[bytes]):
    packed = list(records_of(enumerate(lines), compressed=False, limits=SMALL))
    for one, next_one in pairwise(packed):
        if isinstance(one, PackedRecord) and isinstance(next_one, PackedRecord):
            assert len(one.data) + len(lines[next_one.positions[0]]) > SMALL.record_bytes


@PATIENT
@given(st.lists(st.integers(1, 100), max_size=60))
def test_calls_of_whatever_the_sizes_expects_the_limits_held_and_all_records_in_order(sizes: list[int]):
    records = [PackedRecord(b"x" * size, [n], size) for n, size in enumerate(sizes)]
    calls = [call for call in calls_of(records, SMALL) if isinstance(call, list)]
    assert [record for call in calls for record in call] == records
    for call in calls:
        assert 0 < len(call) <= SMALL.records_a_call
        assert sum(len(record.data) for record in call) <= SMALL.call_bytes
    for call, next_call in pairwise(calls):
        assert (
            len(call) == SMALL.records_a_call
            or sum(len(record.data) for record in call) + len(next_call[0].data) > SMALL.call_bytes
        )
