"""Forwarding: whatever AWS answers, and whenever time runs out, nothing is lost and nothing is invented."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from continuous_backup.configuration.config import Config
from continuous_backup.errors import BackupError
from continuous_backup.patience import CONNECT_SECONDS, READ_SECONDS, SECONDS_OF_A_CALL
from continuous_backup.reading_streams import stream_records
from continuous_backup.streams_to_firehose import changes
from continuous_backup.streams_to_firehose.choices import Choices
from continuous_backup.streams_to_firehose.packing import Limits
from tests.unit.streams_to_firehose.fakes import (
    DENIED,
    NOW,
    THROTTLED,
    UNHEARD,
    Answer,
    Backup,
    FakeFirehose,
    FakeS3,
    Raises,
    Refuses,
    Time,
    client_error,
    lines_in,
    stream_record,
)

#: A line has some 370 bytes: a record holds a few, a call some records, and a text of 1,000 is oversize.
SMALL = Limits(record_bytes=1_200, records_a_call=3, call_bytes=3_000, member_bytes=2_400)
BATCH = 12
LONGEST_CALL = CONNECT_SECONDS + READ_SECONDS

_S3_BUSY = client_error("SlowDown", 503, "PutObject")
_S3_DENIED = client_error("AccessDenied", 403, "PutObject")

#: A busy machine is no reason to fail.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

PLACES = st.frozensets(st.integers(0, 2), min_size=1)
REFUSALS = PLACES.map(lambda places: Refuses(lambda place: place in places))
FAILURES = st.builds(Raises, st.sampled_from([THROTTLED, UNHEARD, DENIED]), accepted=st.just(False))
LOST_ANSWERS = st.just(Raises(UNHEARD, accepted=True))
FAULTS_OF_FIREHOSE = st.lists(st.one_of(REFUSALS, FAILURES, LOST_ANSWERS), max_size=12)
FAULTS_OF_S3 = st.lists(st.sampled_from([_S3_BUSY, _S3_DENIED]), max_size=4)
#: From next to nothing, in which one call is tried, to enough for many retries.
SECONDS = st.lists(st.sampled_from([0.1, 13.2, 14.0, 60.0]), min_size=1, max_size=8)


@st.composite
def a_stream(draw: st.DrawFn) -> list[Any]:
    """The records of one shard: some too large for Firehose, some that are no changes, some without a number."""
    kinds = st.sampled_from(["change"] * 6 + ["large", "no change", "unnumbered"])
    records: list[Any] = []
    for number, kind in enumerate(draw(st.lists(kinds, min_size=1, max_size=40))):
        text = "".join(f"{number * 7919 + n:x}" for n in range(1_000 if kind == "large" else number % 30))
        record = stream_record(number, text=text, item=number % 3)
        if kind == "no change":
            record["eventName"] = "RENAME"
        if kind == "unnumbered":
            del record["dynamodb"]["SequenceNumber"]
        records.append(record)
    return records


@dataclass
class Invocation:
    """A batch, and what the function answered; None where it failed."""

    batch: list[Any]
    answer: Answer | None
    seconds: float
    time: Time


def invocations_until_done(
    backup: Backup, stream: list[Any], seconds: list[float], seconds_a_call: float = 0.05
) -> Iterator[Invocation]:
    """An event source mapping with ReportBatchItemFailures: it goes on from the number that is reported.

    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    position, turn = 0, 0
    while position < len(stream):
        assert turn < 500, "it goes on for ever"
        batch = stream[position : position + BATCH]
        # Those that were drawn, and enough after them: the faults end, too.
        has = seconds[turn] if turn < len(seconds) else 60.0
        time = Time(left=has, seconds_a_call=seconds_a_call)
        turn += 1
        try:
            answer = backup.invoke(batch, time)
        except BackupError:
            yield Invocation(batch, None, has, time)
            continue
        yield Invocation(batch, answer, has, time)
        position += position_of(answer.first_not_accepted, batch)


def position_of(number: str, batch: list[Any]) -> int:
    """Where Lambda goes on: at the record with the number, which has to be one of the batch's."""
    if not number:
        return len(batch)
    return [each["dynamodb"].get("SequenceNumber") for each in batch].index(number)


def kept_form(record: Any) -> bytes:
    """What is written of a record: the line of a change, or else the record whole."""
    try:
        return changes.line(record) if stream_records.is_change(record) else stream_records.whole(record)
    except changes.NoLine:
        return stream_records.whole(record)


def backup_with(faults: list[Any], faults_of_s3: list[Exception], compressed: bool) -> Backup:
    return Backup(
        Config(compression="forwarder" if compressed else "firehose"),
        FakeFirehose(faults, limits=SMALL),
        FakeS3(faults_of_s3),
        SMALL,
    )


def stored(backup: Backup) -> list[bytes]:
    return backup.lines(backup.config.delivery_stream_name("Orders"))


@settings(PATIENT, max_examples=150)
@given(a_stream(), FAULTS_OF_FIREHOSE, FAULTS_OF_S3, SECONDS, st.booleans())
def test_forward_whatever_fails_expects_all_before_the_reported_number_accepted(
    stream: list[Any], faults: list[Any], faults_of_s3: list[Exception], seconds: list[float], compressed: bool
):
    backup = backup_with(faults, faults_of_s3, compressed)
    for invocation in invocations_until_done(backup, stream, seconds):
        if invocation.answer:
            acknowledged = position_of(invocation.answer.first_not_accepted, invocation.batch)
            now_stored = set(stored(backup))
            for record in invocation.batch[:acknowledged]:
                assert kept_form(record) in now_stored


@settings(PATIENT, max_examples=150)
@given(a_stream(), FAULTS_OF_FIREHOSE, FAULTS_OF_S3, SECONDS, st.booleans())
def test_forward_whatever_fails_expects_everything_in_the_end_and_nothing_else(
    stream: list[Any], faults: list[Any], faults_of_s3: list[Exception], seconds: list[float], compressed: bool
):
    backup = backup_with(faults, faults_of_s3, compressed)
    for _ in invocations_until_done(backup, stream, seconds):
        pass
    assert set(stored(backup)) == {kept_form(record) for record in stream}


@settings(PATIENT, max_examples=100)
@given(a_stream(), FAULTS_OF_FIREHOSE, FAULTS_OF_S3, SECONDS, st.booleans())
def test_forward_whatever_fails_expects_the_order_within_an_item_to_be_recoverable(
    stream: list[Any], faults: list[Any], faults_of_s3: list[Exception], seconds: list[float], compressed: bool
):
    backup = backup_with(faults, faults_of_s3, compressed)
    for _ in invocations_until_done(backup, stream, seconds):
        pass
    lines = [changes.line(record) for record in stream if stream_records.is_change(record)]
    once = {
        (line["eventSourceARN"], line["SequenceNumber"]): line
        for line in map(json.loads, stored(backup))
        if "Keys" in line
    }
    for item in ({"Id": {"N": str(number)}} for number in range(3)):
        read_back = sorted(
            (line for line in once.values() if line["Keys"] == item), key=lambda line: int(line["SequenceNumber"])
        )
        assert read_back == [line for line in map(json.loads, lines) if line["Keys"] == item]


@settings(PATIENT, max_examples=100)
@given(a_stream(), FAULTS_OF_FIREHOSE, FAULTS_OF_S3, SECONDS, st.sampled_from([0.05, 6.0, LONGEST_CALL]))
def test_forward_whatever_fails_expects_time_for_the_answer_left(
    stream: list[Any],
    faults: list[Any],
    faults_of_s3: list[Exception],
    seconds: list[float],
    seconds_a_call: float,
):
    backup = backup_with(faults, faults_of_s3, compressed=False)
    for invocation in invocations_until_done(backup, stream, seconds, seconds_a_call):
        if invocation.seconds >= SECONDS_OF_A_CALL:
            assert invocation.time.left >= SECONDS_OF_A_CALL - LONGEST_CALL


@settings(PATIENT, max_examples=50)
@given(a_stream(), st.booleans())
def test_forward_when_nothing_fails_expects_every_record_written_once(stream: list[Any], compressed: bool):
    backup = backup_with([], [], compressed)
    invocations = list(invocations_until_done(backup, stream, []))
    assert len(invocations) == -(-len(stream) // BATCH)
    assert sorted(stored(backup)) == sorted(kept_form(record) for record in stream)


def number_of(record: Any) -> int:
    """Which of the stream's records it is, by the time that each has of its own."""
    return int(record["dynamodb"]["ApproximateCreationDateTime"]) - int(NOW) + 7200


def choices_of(dropped: frozenset[int], failing: frozenset[int], elsewhere: frozenset[int]) -> Choices:
    """Records are dropped, have no line, or go to another delivery stream, by their number."""

    def line(record: Any) -> bytes:
        if number_of(record) in failing:
            raise changes.NoLine("there is none")
        return changes.line(record)

    return Choices(
        drops=lambda record: number_of(record) in dropped,
        line=line,
        route=lambda record: "elsewhere" if number_of(record) in elsewhere else "",
    )


NUMBERS = st.frozensets(st.integers(0, 39))


@settings(PATIENT, max_examples=150)
@given(a_stream(), FAULTS_OF_FIREHOSE, FAULTS_OF_S3, SECONDS, NUMBERS, NUMBERS, NUMBERS)
def test_forward_whatever_is_chosen_and_fails_expects_each_where_it_belongs_in_the_end(
    stream: list[Any],
    faults: list[Any],
    faults_of_s3: list[Exception],
    seconds: list[float],
    dropped: frozenset[int],
    failing: frozenset[int],
    elsewhere: frozenset[int],
):
    backup = backup_with(faults, faults_of_s3, compressed=True)
    backup.choices = choices_of(dropped, failing, elsewhere)
    for _ in invocations_until_done(backup, stream, seconds):
        pass
    changed = [
        record for record in stream if stream_records.is_change(record) and number_of(record) not in dropped
    ]
    whole = {stream_records.whole(record) for record in stream if not stream_records.is_change(record)}
    whole |= {stream_records.whole(record) for record in changed if number_of(record) in failing}
    lines = {number_of(record): changes.line(record) for record in changed if number_of(record) not in failing}
    straight = {line for key, body in backup.s3.objects.items() if "_failed" not in key for line in lines_in(body)}
    kept = {line for key, body in backup.s3.objects.items() if "_failed" in key for line in lines_in(body)}
    assert kept == whole
    assert straight <= set(lines.values())
    there = {line for number, line in lines.items() if number in elsewhere}
    assert set(backup.firehose.lines("elsewhere")) | (straight & there) == there
    here = set(lines.values()) - there
    assert set(backup.firehose.lines("Orders.gz")) | (straight & here) == here


def numbers_and_texts() -> st.SearchStrategy[Any]:
    leaf = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
    names = st.sampled_from(list(stream_record(1)) + list(stream_record(1)["dynamodb"]))
    return st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5)
    )


@settings(PATIENT, max_examples=50)
@given(st.lists(numbers_and_texts() | numbers_and_texts().map(lambda junk: stream_record(1) | {"dynamodb": junk})))
def test_forward_whatever_the_records_hold_expects_all_kept_and_no_failure(records: list[Any]):
    backup = Backup()
    answer = backup.invoke(records)
    assert answer.first_not_accepted == ""
    assert answer.tally.forwarded + answer.tally.failed == len(records)
    assert set(stored(backup)) == {kept_form(record) for record in records}
