import json
from typing import Any

import pytest

from continuous_backup.errors import MalformedEvent
from continuous_backup.streams_to_firehose.changes import Change, NoChange, read
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


def read_one(record: Any) -> Change | NoChange:
    (item,) = read({"Records": [record]})
    return item


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


def test_read_when_a_change_is_given_expects_the_documented_line():
    (insert, _, _) = read(event_of_file("dynamodb-insert-modify-remove.json"))
    assert isinstance(insert, Change)
    assert insert.line.decode() == (
        '{"Keys":{"MyHashKey":{"S":"abc"}},'
        '"NewImage":{"MyHashKey":{"S":"abc"},"123":{"S":"0921438-09"},'
        '"Größe":{"N":"12345678901234567890.123456789012345678"}},'
        '"SequenceNumber":"13021600000000001596893679","SizeBytes":61,'
        '"ApproximateCreationDateTime":1479499740,"eventName":"INSERT",'
        '"eventSourceARN":"arn:aws:dynamodb:eu-west-1:123456789012:table/MyDynamoTable/stream/'
        '2016-11-16T20:42:48.104"}\n'
    )
    assert (insert.position, insert.table, insert.time) == (0, "MyDynamoTable", 1479499740)
    assert insert.sequence_number == "13021600000000001596893679"


@pytest.mark.parametrize(
    "file",
    ["dynamodb-insert-modify-remove.json", "dynamodb-ttl-delete.json", "dynamodb-binary-and-sets.json"],
)
def test_read_when_given_a_real_event_expects_lines_with_its_fields_and_values_untouched(file: str):
    event = event_of_file(file)
    changes = read(event)
    assert len(changes) == len(event["Records"])
    for record, change in zip(event["Records"], changes, strict=True):
        assert isinstance(change, Change)
        assert change.line.endswith(b"}\n")
        assert change.line.count(b"\n") == 1
        line = json.loads(change.line)
        expected = {**record["dynamodb"], **record}
        assert line == {name: expected[name] for name in ORDER if name in expected}
        assert list(line) == [name for name in ORDER if name in expected]


def test_read_when_an_item_expired_expects_who_deleted_it_in_the_line():
    (change,) = read(event_of_file("dynamodb-ttl-delete.json"))
    assert isinstance(change, Change)
    assert b'"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"}' in change.line


def test_read_when_images_are_null_expects_them_left_out():
    record = with_value(stream_record(1), None, "dynamodb", "NewImage")
    change = read_one({**record, "userIdentity": None})
    assert isinstance(change, Change)
    assert b"NewImage" not in change.line
    assert b"userIdentity" not in change.line


def test_read_when_an_image_is_empty_expects_it_kept():
    change = read_one(with_value(stream_record(1), {}, "dynamodb", "NewImage"))
    assert isinstance(change, Change)
    assert b'"NewImage":{}' in change.line


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (without(stream_record(1), "dynamodb"), "it has no dynamodb"),
        (with_value(stream_record(1), ["secret"], "dynamodb"), "it has no dynamodb"),
        (without(stream_record(1), "dynamodb", "SequenceNumber"), "it has no SequenceNumber"),
        (with_value(stream_record(1), "", "dynamodb", "SequenceNumber"), "it has no SequenceNumber"),
        (with_value(stream_record(1), 100, "dynamodb", "SequenceNumber"), "it has no SequenceNumber"),
        (with_value(stream_record(1), "../secret", "dynamodb", "SequenceNumber"), "it has no SequenceNumber"),
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
        (with_value(stream_record(1), "secret \ud800", "dynamodb", "NewImage", "Text", "S"), "line"),
        ("secret", "not an object"),
        (None, "not an object"),
        (["secret"], "not an object"),
    ],
)
def test_read_when_a_record_is_no_change_expects_it_whole_with_a_reason(record: Any, problem: str):
    item = read_one(record)
    assert isinstance(item, NoChange)
    assert problem in item.problem
    assert "secret" not in item.problem
    assert json.loads(item.document) == record
    assert item.document.endswith(b"\n")
    assert item.document.count(b"\n") == 1


def test_read_when_a_record_is_no_change_expects_what_it_tells_of_itself():
    item = read_one(without(stream_record(1), "dynamodb", "Keys"))
    assert isinstance(item, NoChange)
    assert (item.table, item.sequence_number, item.time) == ("Orders", sequence_number(1), NOW - 7199)


def test_read_when_a_record_is_no_change_and_tells_nothing_expects_nothing_made_up():
    item = read_one({"dynamodb": {"ApproximateCreationDateTime": "yesterday"}, "eventSourceARN": 7})
    assert isinstance(item, NoChange)
    assert (item.table, item.sequence_number, item.time) == ("", "", None)


@pytest.mark.parametrize("name", ["_", "a/../b", "Orders secret", "T" * 256])
def test_read_when_the_arn_holds_no_name_of_a_table_expects_none_told(name: str):
    record = {**stream_record(1), "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:123456789012:table/{name}"}
    item = read_one(record)
    assert isinstance(item, NoChange)
    assert item.table == ""


@pytest.mark.parametrize("time", ["1479499740", None, True, -1, 1e300, float("nan"), {"S": "1"}])
def test_read_when_the_time_is_no_time_expects_a_change_without_one(time: Any):
    change = read_one(with_value(stream_record(1), time, "dynamodb", "ApproximateCreationDateTime"))
    assert isinstance(change, Change)
    assert change.time is None


def test_read_when_records_are_mixed_expects_their_positions_in_the_event():
    items = read({"Records": [stream_record(1), None, stream_record(2)]})
    assert [item.position for item in items] == [0, 1, 2]
    assert [type(item) for item in items] == [Change, NoChange, Change]


def test_read_when_there_are_no_records_expects_nothing():
    assert read({"Records": []}) == []


@pytest.mark.parametrize("event", [{}, None, [], "Records", {"Records": None}, {"Records": {}}, {"records": []}])
def test_read_when_it_is_no_event_of_a_stream_expects_it_refused(event: Any):
    with pytest.raises(MalformedEvent, match="no list of Records"):
        read(event)
