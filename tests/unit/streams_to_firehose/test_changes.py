import json
from typing import Any

import pytest

from continuous_backup.errors import MalformedEvent
from continuous_backup.streams_to_firehose import changes
from continuous_backup.streams_to_firehose.changes import NoLine
from tests.unit.streams_to_firehose.fakes import NOW, event_of_file, sequence_number, stream_arn, stream_record

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


def without(record: dict[str, Any], *path: str) -> dict[str, Any]:
    copy = json.loads(json.dumps(record))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    del inner[path[-1]]
    return copy


def with_value(record: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    copy = json.loads(json.dumps(record))
    inner = copy
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return copy


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
    assert (changes.table(insert), changes.time_of_change(insert)) == ("MyDynamoTable", 1479499740)
    assert changes.sequence_number(insert) == "13021600000000001596893679"


@pytest.mark.parametrize(
    "file",
    ["dynamodb-insert-modify-remove.json", "dynamodb-ttl-delete.json", "dynamodb-binary-and-sets.json"],
)
def test_line_when_given_a_real_event_expects_its_fields_and_values_untouched(file: str):
    for record in changes.records_of(event_of_file(file)):
        assert changes.is_change(record)
        text = changes.line(record)
        assert text.endswith(b"}\n")
        assert text.count(b"\n") == 1
        expected = {**record["dynamodb"], **record}
        assert json.loads(text) == {name: expected[name] for name in ORDER if name in expected}
        assert list(json.loads(text)) == [name for name in ORDER if name in expected]


def test_line_when_an_item_expired_expects_who_deleted_it():
    (record,) = event_of_file("dynamodb-ttl-delete.json")["Records"]
    assert b'"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"}' in changes.line(record)
    assert changes.is_ttl_delete(record)


@pytest.mark.parametrize("identity", [None, {}, "dynamodb.amazonaws.com", {"principalId": "somebody"}])
def test_is_ttl_delete_when_somebody_deleted_it_expects_no(identity: Any):
    assert not changes.is_ttl_delete({**stream_record(1), "userIdentity": identity})


def test_line_when_images_are_null_expects_them_left_out():
    record = with_value(stream_record(1), None, "dynamodb", "NewImage")
    text = changes.line({**record, "userIdentity": None})
    assert b"NewImage" not in text
    assert b"userIdentity" not in text


def test_line_when_an_image_is_empty_expects_it_kept():
    assert b'"NewImage":{}' in changes.line(with_value(stream_record(1), {}, "dynamodb", "NewImage"))


def test_line_when_no_utf_8_says_it_expects_it_refused_without_its_contents():
    record = with_value(stream_record(1), "secret \ud800", "dynamodb", "NewImage", "Text", "S")
    assert changes.is_change(record)
    with pytest.raises(NoLine, match="cannot be written as a line") as caught:
        changes.line(record)
    assert "secret" not in str(caught.value)
    assert json.loads(changes.whole(record)) == record


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (without(stream_record(1), "dynamodb"), "it has no dynamodb"),
        (with_value(stream_record(1), ["secret"], "dynamodb"), "it has no dynamodb"),
        (without(stream_record(1), "dynamodb", "SequenceNumber"), "it has no SequenceNumber"),
        (with_value(stream_record(1), "", "dynamodb", "SequenceNumber"), "it has no SequenceNumber"),
        (with_value(stream_record(1), 100, "dynamodb", "SequenceNumber"), "it has no SequenceNumber"),
        (with_value(stream_record(1), "../secret", "dynamodb", "SequenceNumber"), "it has no SequenceNumber"),
        (with_value(stream_record(1), "12²", "dynamodb", "SequenceNumber"), "it has no SequenceNumber"),
        (with_value(stream_record(1), ["1"], "dynamodb", "SequenceNumber"), "it has no SequenceNumber"),
        (with_value(stream_record(1), None, "dynamodb", "Keys"), "it has no Keys"),
        (with_value(stream_record(1), ["secret"], "eventSourceARN"), "eventSourceARN"),
        (with_value(stream_record(1), {"secret": 1}, "eventName"), "eventName"),
        (without(stream_record(1), "dynamodb", "Keys"), "it has no Keys"),
        (without(stream_record(1), "eventSourceARN"), "eventSourceARN"),
        (with_value(stream_record(1), "Orders", "eventSourceARN"), "eventSourceARN"),
        (with_value(stream_record(1), stream_arn().split("/stream/")[0], "eventSourceARN"), "eventSourceARN"),
        (with_value(stream_record(1), stream_arn("../secret"), "eventSourceARN"), "eventSourceARN"),
        (with_value(stream_record(1), stream_arn("_"), "eventSourceARN"), "eventSourceARN"),
        (
            with_value(stream_record(1), "arn:aws:kinesis:eu-west-1:123456789012:stream/a", "eventSourceARN"),
            "eventSourceARN",
        ),
        (with_value(stream_record(1), "secret", "eventName"), "eventName"),
        (with_value(stream_record(1), ["INSERT"], "eventName"), "eventName"),
        (with_value(stream_record(1), "aws:kinesis", "eventSource"), "eventSource"),
        (without(stream_record(1), "eventSource"), "eventSource"),
        ("secret", "not an object"),
        (None, "not an object"),
        (["secret"], "not an object"),
    ],
)
def test_problem_when_a_record_is_no_change_expects_the_reason_without_its_contents(record: Any, problem: str):
    assert not changes.is_change(record)
    assert problem in changes.problem(record)
    assert "secret" not in changes.problem(record)
    text = changes.whole(record)
    assert json.loads(text) == record
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1


def test_table_when_a_record_is_no_change_expects_what_it_tells_of_itself():
    record = without(stream_record(1), "dynamodb", "Keys")
    told = (changes.table(record), changes.sequence_number(record), changes.time_of_change(record))
    assert told == ("Orders", sequence_number(1), NOW - 7199)


@pytest.mark.parametrize(
    "record", [{"dynamodb": {"ApproximateCreationDateTime": "yesterday"}, "eventSourceARN": 7}, None, "x", {}]
)
def test_table_when_a_record_tells_nothing_expects_nothing_made_up(record: Any):
    told = (changes.table(record), changes.sequence_number(record), changes.time_of_change(record))
    assert told == ("", "", None)


@pytest.mark.parametrize("name", ["_", "a/../b", "Orders secret", "T" * 256])
def test_table_when_the_arn_holds_no_name_of_a_table_expects_none_told(name: str):
    record = {**stream_record(1), "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:123456789012:table/{name}"}
    assert not changes.is_change(record)
    assert changes.table(record) == ""


@pytest.mark.parametrize("time", ["1479499740", None, True, -1, 1e300, float("nan"), {"S": "1"}])
def test_time_of_change_when_it_is_no_time_expects_none(time: Any):
    record = with_value(stream_record(1), time, "dynamodb", "ApproximateCreationDateTime")
    assert changes.is_change(record)
    assert changes.time_of_change(record) is None


def test_records_of_when_there_are_no_records_expects_none():
    assert changes.records_of({"Records": []}) == []


@pytest.mark.parametrize("event", [{}, None, [], "Records", {"Records": None}, {"Records": {}}, {"records": []}])
def test_records_of_when_it_is_no_event_of_a_stream_expects_it_refused(event: Any):
    with pytest.raises(MalformedEvent, match="no list of Records"):
        changes.records_of(event)
