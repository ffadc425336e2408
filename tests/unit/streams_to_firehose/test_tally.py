import json

import pytest

from continuous_backup.streams_to_firehose.tally import Tally
from continuous_backup.summary import NAMESPACE, summary_line

NOW = 1_730_974_800.25
FULL = Tally("Orders", 10, 4, 1, 2, 3, 1, 2, 4000, 400, 5, 1, 12.5)


def told(tally: Tally, metrics: str) -> dict[str, object]:
    line = summary_line(tally.table, tally.facts(), "the whole batch is accepted", "INFO", metrics, NOW)
    assert "\n" not in line
    return dict(json.loads(line))


def test_summary_line_when_all_is_counted_expects_every_count_under_its_name():
    said = told(FULL, "function")
    assert {name: value for name, value in said.items() if name != "_aws"} == {
        "timestamp": "2024-11-07T10:20:00.250+00:00",
        "level": "INFO",
        "message": "the whole batch is accepted",
        "Table": "Orders",
        "ChangesReceived": 10,
        "ChangesForwarded": 4,
        "ChangesDropped": 1,
        "ChangesOversize": 2,
        "ChangesFailed": 3,
        "ChangesUnrouted": 1,
        "FirehoseRecords": 2,
        "BytesBeforeCompression": 4000,
        "BytesToFirehose": 400,
        "Calls": 5,
        "Retries": 1,
        "OldestChangeAge": 12.5,
    }


def test_summary_line_when_metrics_are_those_of_the_function_expects_the_embedded_metric_format():
    directive = told(Tally("Orders", changes=2, line_bytes=90), "function")["_aws"]
    assert directive == {
        "Timestamp": 1_730_974_800_250,
        "CloudWatchMetrics": [
            {
                "Namespace": NAMESPACE,
                "Dimensions": [[]],
                "Metrics": [{"Name": "ChangesReceived"}, {"Name": "BytesBeforeCompression", "Unit": "Bytes"}],
            }
        ],
    }


@pytest.mark.parametrize(("metrics", "dimensions"), [("function", [[]]), ("table", [[], ["Table"]])])
def test_summary_line_when_each_table_is_to_be_told_apart_expects_its_dimension(metrics: str, dimensions: object):
    directive = told(FULL, metrics)["_aws"]
    assert isinstance(directive, dict)
    assert directive["CloudWatchMetrics"][0]["Dimensions"] == dimensions


def test_summary_line_when_nothing_was_counted_expects_no_zeros():
    assert told(Tally("Orders"), "none").keys() == {"timestamp", "level", "message", "Table"}


def test_summary_line_when_nothing_was_counted_expects_no_empty_metrics():
    assert "_aws" not in told(Tally("Orders"), "table")


def test_summary_line_when_no_table_is_known_expects_no_empty_dimension():
    directive = told(Tally("", changes=2), "table")["_aws"]
    assert isinstance(directive, dict)
    assert directive["CloudWatchMetrics"][0]["Dimensions"] == [[]]
