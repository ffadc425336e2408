import base64
import random
from typing import Any

import pytest

from continuous_backup.configuration.config import Config
from continuous_backup.errors import AwsError, BackupError, MalformedEvent
from continuous_backup.reading_streams import stream_records
from continuous_backup.streams_to_firehose import changes
from tests.unit.streams_to_firehose.fakes import (
    DENIED,
    THROTTLED,
    Backup,
    FakeFirehose,
    FakeS3,
    Raises,
    Refuses,
    Time,
    client_error,
    event_of_file,
    lines_in,
    sequence_number,
    stream_record,
)

RECORD = 1_024_000
CHANCE = random.Random(11)
S3_BUSY = client_error("SlowDown", 503, "PutObject")
S3_DENIED = client_error("AccessDenied", 403, "PutObject")
COMPRESSED = Config(compression="forwarder")


def lines_of(records: list[Any]) -> list[bytes]:
    return [changes.line(record) for record in records if stream_records.is_change(record)]


def large_item(number: int) -> dict[str, Any]:
    """An item of 400 KB of binary is replaced by another one: both images are in the change."""
    record = stream_record(number)
    for image in ("NewImage", "OldImage"):
        record["dynamodb"][image]["Blob"] = {"B": base64.b64encode(CHANCE.randbytes(399_000)).decode()}
    return record


def change_of_size(number: int, size: int) -> dict[str, Any]:
    """A change whose line has so many bytes."""
    (line,) = lines_of([stream_record(number)])
    return stream_record(number, text="x" * (size - len(line)))


def unnumbered() -> dict[str, Any]:
    record = stream_record(0, text="not a change")
    del record["dynamodb"]["SequenceNumber"]
    return record


def test_forward_when_all_is_well_expects_every_line_in_order_in_one_call():
    backup = Backup()
    records = event_of_file("dynamodb-insert-modify-remove.json")["Records"]
    assert backup.invoke(records).first_not_accepted == ""
    assert backup.firehose.lines("MyDynamoTable") == lines_of(records)
    assert len(backup.firehose.calls) == 1
    assert backup.s3.puts == []


def test_forward_when_there_are_many_changes_expects_few_records_and_a_tally():
    backup = Backup()
    records = [stream_record(n, text="x" * 20_000) for n in range(100)]
    size = sum(map(len, lines_of(records)))
    facts = backup.invoke(records).tally.facts()
    assert {name: fact.value for name, fact in facts.items()} == {
        "ChangesReceived": 100,
        "ChangesForwarded": 100,
        "FirehoseRecords": 2,
        "BytesBeforeCompression": size,
        "BytesToFirehose": size,
        "Calls": 1,
        "OldestChangeAge": 7200.0,
    }


def test_forward_when_the_forwarder_compresses_expects_members_in_the_delivery_stream_for_them():
    backup = Backup(COMPRESSED)
    records = [stream_record(n, text="x" * 5_000) for n in range(1000)]
    tally = backup.invoke(records).tally
    assert list(backup.firehose.accepted) == ["Orders.gz"]
    assert backup.firehose.lines("Orders.gz") == lines_of(records)
    assert tally.firehose_records == 2
    assert tally.firehose_bytes < 200_000
    assert tally.line_bytes == sum(map(len, lines_of(records)))


def test_forward_when_an_event_has_two_tables_expects_each_in_its_own_delivery_stream_in_order():
    backup = Backup()
    records = [stream_record(n, ("Orders", "Users")[n % 2]) for n in range(10)]
    backup.invoke(records)
    assert backup.firehose.lines("Orders") == lines_of(records[::2])
    assert backup.firehose.lines("Users") == lines_of(records[1::2])
    assert len(backup.firehose.calls) == 2


def test_forward_when_the_name_of_a_table_is_long_expects_the_delivery_stream_made_for_it():
    backup, table = Backup(), "T" * 100
    backup.invoke([stream_record(1, table)])
    assert list(backup.firehose.accepted) == [Config().delivery_stream_name(table)]


def test_forward_when_there_are_no_records_expects_nothing_done():
    backup = Backup()
    assert backup.invoke([]).first_not_accepted == ""
    assert backup.firehose.calls == []


def test_forward_when_it_is_no_event_of_a_stream_expects_an_error():
    with pytest.raises(MalformedEvent):
        Backup().invoke("Records")  # type: ignore[arg-type]


@pytest.mark.parametrize(("size", "through_firehose"), [(RECORD - 1, True), (RECORD, True), (RECORD + 1, False)])
def test_forward_when_a_line_is_near_the_limit_expects_s3_only_beyond_it(size: int, through_firehose: bool):
    backup = Backup()
    record = change_of_size(1, size)
    assert [len(line) for line in lines_of([record])] == [size]
    assert backup.invoke([record]).first_not_accepted == ""
    assert (len(backup.firehose.calls), len(backup.s3.objects)) == ((1, 0) if through_firehose else (0, 1))
    assert backup.lines() == lines_of([record])


def test_forward_when_an_item_of_400_kb_is_replaced_expects_it_on_s3_and_the_others_forwarded():
    backup = Backup()
    records = [stream_record(1), large_item(2), stream_record(3)]
    answer = backup.invoke(records)
    before, large, after = lines_of(records)
    assert backup.firehose.lines() == [before, after]
    ((key, body),) = backup.s3.objects.items()
    assert key.startswith(f"dynamodb/Orders/2024/11/07/08/oversize-{sequence_number(2)}-")
    assert lines_in(body) == [large]
    assert answer.first_not_accepted == ""
    assert (answer.tally.forwarded, answer.tally.oversize) == (2, 1)


def test_forward_when_a_large_change_shrinks_enough_expects_it_through_firehose():
    backup = Backup(COMPRESSED)
    records = [change_of_size(1, 3_000_000), large_item(2)]
    backup.invoke(records)
    assert backup.s3.objects == {}
    assert backup.firehose.lines("Orders.gz") == lines_of(records)


def test_forward_when_a_large_change_comes_again_expects_the_same_object():
    backup = Backup()
    record = large_item(1)
    backup.invoke([record])
    backup.now += 36_000
    backup.invoke([record])
    assert len(backup.s3.puts) == 2
    assert len(backup.s3.objects) == 1


def test_forward_when_a_record_is_no_change_expects_it_kept_and_the_others_forwarded():
    backup = Backup()
    records = [stream_record(1), {"who": "knows"}, unnumbered(), stream_record(4)]
    answer = backup.invoke(records)
    assert backup.firehose.lines() == lines_of(records)
    assert [key[: key.index("_failed/")] for key in backup.s3.objects] == [
        "dynamodb/_/",
        "dynamodb/Orders/",
    ]
    assert (answer.first_not_accepted, answer.tally.failed, answer.tally.forwarded) == ("", 2, 2)


def test_forward_when_nothing_is_a_change_expects_all_kept():
    backup = Backup()
    assert backup.invoke([None, 7]).first_not_accepted == ""
    assert sorted(backup.s3.lines()) == [b"7\n", b"null\n"]


def test_forward_when_firehose_goes_on_refusing_one_expects_that_one_reported_though_later_ones_were_accepted():
    records = [change_of_size(n, 600_000) for n in range(5)]
    backup = Backup(firehose=FakeFirehose([Refuses(lambda p: p == 2)] + [Refuses(lambda _: True)] * 1000))
    answer = backup.invoke(records)
    assert answer.first_not_accepted == sequence_number(2)
    assert backup.firehose.lines() == [line for n, line in enumerate(lines_of(records)) if n != 2]
    assert answer.tally.forwarded == 4
    assert answer.tally.retries > 5


def test_forward_when_firehose_refuses_the_first_expects_it_reported_though_the_rest_was_accepted():
    backup = Backup(firehose=FakeFirehose([Refuses(lambda place: place == 0)]))
    answer = backup.invoke([change_of_size(n, 600_000) for n in range(3)], Time(left=1))
    assert answer.first_not_accepted == sequence_number(0)
    assert answer.tally.forwarded == 2


def test_forward_when_the_second_call_is_throttled_expects_no_third_call_begun():
    records = [change_of_size(n, 900_000) for n in range(12)]
    backup = Backup(firehose=FakeFirehose([Refuses(lambda _: False)] + [Raises(THROTTLED)] * 1000))
    answer = backup.invoke(records)
    assert answer.first_not_accepted == sequence_number(4)
    assert backup.firehose.lines() == lines_of(records[:4])
    assert {tuple(map(len, call)) for _, call in backup.firehose.calls} == {(900_000,) * 4}


def test_forward_when_there_is_no_delivery_stream_yet_expects_the_first_change_reported_at_once():
    backup, time = Backup(firehose=FakeFirehose(missing=["Orders"])), Time()
    answer = backup.invoke([stream_record(n) for n in range(3)], time)
    assert answer.first_not_accepted == sequence_number(0)
    assert (len(backup.firehose.calls), backup.lines(), time.pauses) == (1, [], [])


def test_forward_when_there_is_no_delivery_stream_yet_expects_nothing_after_the_first_change_begun():
    backup = Backup(firehose=FakeFirehose(missing=["Orders"]))
    backup.invoke([stream_record(1), unnumbered(), stream_record(2), large_item(3)])
    assert (len(backup.firehose.calls), len(backup.s3.puts)) == (1, 0)


def test_forward_when_one_of_two_tables_has_no_delivery_stream_expects_the_other_forwarded():
    backup = Backup(firehose=FakeFirehose(missing=["Orders"]))
    records = [stream_record(1, "Users"), stream_record(2, "Orders"), stream_record(3, "Users")]
    assert backup.invoke(records).first_not_accepted == sequence_number(2)
    assert len(backup.firehose.lines("Users")) == 2


def test_forward_when_access_is_denied_expects_an_error_and_nothing_acknowledged():
    backup = Backup(firehose=FakeFirehose([Raises(DENIED)]))
    with pytest.raises(AwsError, match="delivery stream Orders"):
        backup.invoke([stream_record(1)])


def test_forward_when_s3_stays_busy_expects_the_large_change_reported():
    backup = Backup(s3=FakeS3([S3_BUSY] * 1000))
    answer = backup.invoke([stream_record(1), large_item(2), stream_record(3)])
    assert answer.first_not_accepted == sequence_number(2)
    assert len(backup.firehose.lines()) == 1


@pytest.mark.parametrize("record", [large_item(2), None])
def test_forward_when_s3_denies_expects_an_error(record: Any):
    with pytest.raises(AwsError, match="s3://"):
        Backup(s3=FakeS3([S3_DENIED])).invoke([stream_record(1), record])


def test_forward_when_a_record_without_a_number_is_not_kept_expects_the_one_before_it_reported():
    backup = Backup(s3=FakeS3([S3_BUSY] * 1000))
    answer = backup.invoke([stream_record(1), unnumbered(), stream_record(3)])
    assert answer.first_not_accepted == sequence_number(1)


def test_forward_when_the_first_record_has_no_number_and_is_not_kept_expects_an_error():
    backup = Backup(s3=FakeS3([S3_BUSY] * 1000))
    with pytest.raises(BackupError, match="begins with a record without a sequence number"):
        backup.invoke([unnumbered(), stream_record(3)])


def test_forward_when_hardly_any_time_is_left_expects_one_call_all_the_same():
    backup = Backup()
    answer = backup.invoke([change_of_size(n, 900_000) for n in range(6)], Time(left=1))
    assert len(backup.firehose.lines()) == 4
    assert answer.first_not_accepted == sequence_number(4)


def test_forward_when_the_first_table_is_refused_expects_nothing_of_the_others_that_comes_again():
    backup = Backup(firehose=FakeFirehose(missing=["Orders"]))
    records = [stream_record(n, "Orders" if n in (0, 3) else "Users") for n in range(6)]
    assert backup.invoke(records[1:] + records[:1]).first_not_accepted == sequence_number(3)
    assert backup.firehose.lines("Users") == lines_of([records[n] for n in (1, 2, 4, 5)])
    backup.firehose.accepted.clear()
    assert backup.invoke(records).first_not_accepted == sequence_number(0)
    assert backup.firehose.lines("Users") == []


def test_forward_when_every_call_is_slow_expects_each_invocation_to_get_on():
    backup, left = Backup(), [{**stream_record(0), "eventName": "RENAME"}, *map(large_item, range(1, 7))]
    for _ in range(10):
        answer = backup.invoke(left, Time(left=40, seconds_a_call=12))
        numbers = [record["dynamodb"]["SequenceNumber"] for record in left]
        left = left[numbers.index(answer.first_not_accepted) :] if answer.first_not_accepted else []
        if not left:
            break
    assert left == []
    assert len(backup.s3.objects) == 7
