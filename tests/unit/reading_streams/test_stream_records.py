"""Records of streams, read: real ones, and whatever else Lambda may hand over."""

import json
from typing import Any

import pytest

from continuous_backup.errors import MalformedEvent
from continuous_backup.reading_streams import stream_records
from tests.unit.streams_to_firehose.fakes import (
    NOW,
    sequence_number,
    stream_arn,
    stream_record,
    with_value,
    without,
)


@pytest.mark.parametrize("identity", [None, {}, "dynamodb.amazonaws.com", {"principalId": "somebody"}])
def test_is_ttl_delete_when_somebody_deleted_it_expects_no(identity: Any):
    assert not stream_records.is_ttl_delete({**stream_record(1), "userIdentity": identity})


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
    assert not stream_records.is_change(record)
    assert problem in stream_records.problem(record)
    assert "secret" not in stream_records.problem(record)
    text = stream_records.whole(record)
    assert json.loads(text) == record
    assert text.endswith(b"\n")
    assert text.count(b"\n") == 1


@pytest.mark.parametrize("image", ["NewImage", "OldImage"])
@pytest.mark.parametrize("value", ["secret", ["secret"], 7, True])
def test_is_change_when_an_image_is_no_item_expects_no(image: str, value: Any):
    record = with_value(stream_record(1), value, "dynamodb", image)
    assert not stream_records.is_change(record)
    assert stream_records.problem(record) == "its NewImage or its OldImage is no item"
    assert stream_records.is_change(with_value(stream_record(1), None, "dynamodb", image))


def test_table_when_a_record_is_no_change_expects_what_it_tells_of_itself():
    record = without(stream_record(1), "dynamodb", "Keys")
    told = (
        stream_records.table(record),
        stream_records.sequence_number(record),
        stream_records.time_of_change(record),
    )
    assert told == ("Orders", sequence_number(1), NOW - 7199)


@pytest.mark.parametrize(
    "record", [{"dynamodb": {"ApproximateCreationDateTime": "yesterday"}, "eventSourceARN": 7}, None, "x", {}]
)
def test_table_when_a_record_tells_nothing_expects_nothing_made_up(record: Any):
    told = (
        stream_records.table(record),
        stream_records.sequence_number(record),
        stream_records.time_of_change(record),
    )
    assert told == ("", "", None)


@pytest.mark.parametrize("name", ["_", "a/../b", "Orders secret", "T" * 256])
def test_table_when_the_arn_holds_no_name_of_a_table_expects_none_told(name: str):
    record = {**stream_record(1), "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:123456789012:table/{name}"}
    assert not stream_records.is_change(record)
    assert stream_records.table(record) == ""


@pytest.mark.parametrize("time", ["1479499740", None, True, -1, 1e300, float("nan"), {"S": "1"}])
def test_time_of_change_when_it_is_no_time_expects_none(time: Any):
    record = with_value(stream_record(1), time, "dynamodb", "ApproximateCreationDateTime")
    assert stream_records.is_change(record)
    assert stream_records.time_of_change(record) is None


def test_records_of_when_there_are_no_records_expects_none():
    assert stream_records.records_of({"Records": []}) == []


@pytest.mark.parametrize("event", [{}, None, [], "Records", {"Records": None}, {"Records": {}}, {"records": []}])
def test_records_of_when_it_is_no_event_of_a_stream_expects_it_refused(event: Any):
    with pytest.raises(MalformedEvent, match="no list of Records"):
        stream_records.records_of(event)
