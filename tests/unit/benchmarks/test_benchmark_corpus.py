"""The changes that are measured are what they are said to be, and the straightforward design forwards them."""

import json

import pytest

from benchmarks import corpus, straightforward
from continuous_backup.streams_to_firehose import changes


def test_changes_of_1_kb_have_lines_of_1_000_to_1_100_bytes_and_are_all_different():
    records = corpus.changes_of_1_kb(200)
    lines = [straightforward.line(record) for record in records]
    assert {len(line) for line in lines} <= set(range(1_000, 1_101))
    assert len({json.dumps(record["dynamodb"]["NewImage"]) for record in records}) == 200


@pytest.mark.parametrize("item_bytes", corpus.ITEM_BYTES)
def test_items_have_the_size_that_dynamodb_counts(item_bytes):
    found = [record["dynamodb"] for record in corpus.changes(20, item_bytes, "INSERT")]
    assert {corpus.size_bytes(record["NewImage"]) for record in found} == {item_bytes}


def test_size_bytes_counts_names_and_values():
    item = {"id": {"S": "é1"}, "n": {"N": "-12.50"}, "b": {"BOOL": True}, "m": {"M": {"x": {"L": [{"S": "ab"}]}}}}
    # id 2 + 3; n 1 + 3; b 1 + 1; m 1 + (3 + 1 + x 1 + (3 + 1 + 2))
    assert corpus.size_bytes(item) == 5 + 4 + 2 + 12


def test_modifications_have_both_images_which_differ():
    for record in corpus.changes(20, 1_000, "MODIFY"):
        stream_record = record["dynamodb"]
        assert stream_record["NewImage"] != stream_record["OldImage"]
        assert stream_record["NewImage"]["bookingId"] == stream_record["OldImage"]["bookingId"]


def test_changes_are_the_same_in_each_run_and_a_prefix_of_more_of_them():
    assert corpus.changes(5, 200, "MODIFY") == corpus.changes(9, 200, "MODIFY")[:5]
    assert corpus.changes_of_1_kb(5) == corpus.changes_of_1_kb(9)[:5]


@pytest.mark.parametrize("event_name", corpus.EVENT_NAMES)
def test_straightforward_lines_are_those_of_the_forwarder(event_name):
    for record in corpus.changes(20, 1_000, event_name):
        assert straightforward.line(record) == changes.line(record)
