"""The line of the log that a change becomes."""

import json

import pytest

from continuous_backup.reading_streams import stream_records
from continuous_backup.streams_to_firehose import changes
from continuous_backup.streams_to_firehose.changes import NoLine
from tests.unit.streams_to_firehose.fakes import event_of_file, stream_record, with_value

ORDER = [
    "Keys",
    "NewImage",
    "OldImage",
    "SequenceNumber",
    "SizeBytes",
    "ApproximateCreationDateTime",
    "eventName",
    "userIdentity",
    "eventSourceARN",
]


def test_line_when_a_change_is_given_expects_the_documented_line():
    (insert, _, _) = event_of_file("dynamodb-insert-modify-remove.json")["Records"]
    assert changes.line(insert).decode() == (
        '{"Keys":{"MyHashKey":{"S":"abc"}},'
        '"NewImage":{"MyHashKey":{"S":"abc"},"123":{"S":"0921438-09"},'
        '"Größe":{"N":"12345678901234567890.123456789012345678"}},'
        '"SequenceNumber":"13021600000000001596893679","SizeBytes":61,'
        '"ApproximateCreationDateTime":1479499740,"eventName":"INSERT",'
        '"eventSourceARN":"arn:aws:dynamodb:eu-west-1:123456789012:table/MyDynamoTable/stream/'
        '2016-11-16T20:42:48.104"}\n'
    )
    assert (stream_records.table(insert), stream_records.time_of_change(insert)) == ("MyDynamoTable", 1479499740)
    assert stream_records.sequence_number(insert) == "13021600000000001596893679"


@pytest.mark.parametrize(
    "file",
    ["dynamodb-insert-modify-remove.json", "dynamodb-ttl-delete.json", "dynamodb-binary-and-sets.json"],
)
def test_line_when_given_a_real_event_expects_its_fields_and_values_untouched(file: str):
    for record in stream_records.records_of(event_of_file(file)):
        assert stream_records.is_change(record)
        text = changes.line(record)
        assert text.endswith(b"}\n")
        assert text.count(b"\n") == 1
        expected = {**record["dynamodb"], **record}
        assert json.loads(text) == {name: expected[name] for name in ORDER if name in expected}
        assert list(json.loads(text)) == [name for name in ORDER if name in expected]


def test_line_when_an_item_expired_expects_who_deleted_it():
    (record,) = event_of_file("dynamodb-ttl-delete.json")["Records"]
    assert b'"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"}' in changes.line(record)
    assert stream_records.is_ttl_delete(record)


def test_line_when_images_are_null_expects_them_left_out():
    record = with_value(stream_record(1), None, "dynamodb", "NewImage")
    text = changes.line({**record, "userIdentity": None})
    assert b"NewImage" not in text
    assert b"userIdentity" not in text


def test_line_when_an_image_is_empty_expects_it_kept():
    assert b'"NewImage":{}' in changes.line(with_value(stream_record(1), {}, "dynamodb", "NewImage"))


def test_line_when_no_utf_8_says_it_expects_it_refused_without_its_contents():
    record = with_value(stream_record(1), "secret \ud800", "dynamodb", "NewImage", "Text", "S")
    assert stream_records.is_change(record)
    with pytest.raises(NoLine, match="cannot be written as a line") as caught:
        changes.line(record)
    assert "secret" not in str(caught.value)
    assert json.loads(stream_records.whole(record)) == record
