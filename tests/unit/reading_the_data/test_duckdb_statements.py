"""The page's statements, run by DuckDB, answer what a model of the same changes says."""

import base64
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from continuous_backup.streams_to_firehose.compression import gzip_member
from tests.unit.reading_the_data import page, reader_process
from tests.unit.reading_the_data.orders_log import BEGIN, Logs, in_order
from tests.unit.reading_the_data.statements import (
    HISTORY,
    ITEMS,
    LIVES,
    PAGE_MOMENT,
    PAGE_STREAM,
    VIEW,
    answers,
    items_at,
    items_of,
    sql,
)


def by_number(line: dict[str, Any]) -> int:
    return int(line["SequenceNumber"])


def test_items_at_the_pages_moment_when_keys_are_of_any_kind_are_those_of_the_model(logs: Logs):
    for log, rows in zip(logs.values(), answers([(log, ITEMS) for log in logs.values()]), strict=True):
        expected = log.items_at(PAGE_STREAM, PAGE_MOMENT)
        assert 3 < len(expected) < 12
        assert in_order(items_of(rows)) == in_order(expected)


def test_items_at_other_moments_when_they_are_of_either_life_are_those_of_the_model(logs: Logs):
    moments = [*range(BEGIN - 60, BEGIN + 2700, 450), BEGIN + 81_999, BEGIN + 82_090, BEGIN + 90_000]
    asked = [
        (logs["composite", "forwarder"], stream, moment)
        for stream in logs["composite", "forwarder"].streams
        for moment in moments
    ]
    told = answers([(log, items_at(stream, moment)) for log, stream, moment in asked])
    assert len({len(rows) for rows in told}) > 4
    for (log, stream, moment), rows in zip(asked, told, strict=True):
        assert in_order(items_of(rows)) == in_order(log.items_at(stream, moment)), (stream, moment)


#: How the page says that a key is named, by the kind of key.
NAMED = {
    "text": "(Keys->>'/id/S') = '1'",
    "number": "(Keys->>'/id/N') = '1'",
    "binary": "(Keys->>'/id/B') = 'AAE='",
    "composite": "(Keys->>'/id/S') = '1' AND (Keys->>'/at/N') = '0'",
}


@pytest.mark.parametrize(("key", "named"), NAMED.items(), ids=NAMED)
def test_history_of_an_item_when_its_key_is_named_as_the_page_says_is_that_of_the_model(
    logs: Logs, key: str, named: str
):
    assert f"`{named}`" in page.section("The history of one item") or named in HISTORY
    number = 2 if key == "composite" else 1
    assert base64.b64decode("AAE=") == (1).to_bytes(2, "big")

    ours = [logs[key, compression] for compression in ("firehose", "forwarder")]
    for log, rows in zip(
        ours, answers([(log, HISTORY.replace(NAMED["text"], named)) for log in ours]), strict=True
    ):
        expected = [
            {
                "changed": f"{datetime.fromtimestamp(line['ApproximateCreationDateTime'], UTC):%Y-%m-%d %H:%M:%S}",
                "eventName": line["eventName"],
                "before": line.get("OldImage", {}).get("status", {}).get("S"),
                "after": line.get("NewImage", {}).get("status", {}).get("S"),
            }
            for line in log.history(number)
        ]
        assert {row["eventName"] for row in expected} == {"INSERT", "MODIFY", "REMOVE"}
        assert rows == expected


def test_lives_of_a_table_when_it_was_made_anew_are_told_apart_oldest_first(logs: Logs):
    log = logs["text", "forwarder"]
    (rows,) = answers([(log, LIVES)])
    assert [(row["eventSourceARN"], row["changes"]) for row in rows] == [(stream, 80) for stream in log.streams]
    assert [row["first_change"] for row in rows] == ["2026-11-22 09:40:00", "2026-11-23 08:26:40"]
    assert rows[0]["last_change"] < rows[1]["first_change"]


def test_changes_when_some_are_in_two_objects_are_there_once_each_with_all_fields(logs: Logs):
    log = logs["composite", "firehose"]
    (rows,) = answers([(log, "FROM changes")])
    assert len(rows) == 160
    for row in rows:
        del row["whole_key"], row["place"]
    told = [
        {name: json.loads(value) if str(value).startswith("{") else value for name, value in row.items() if value}
        for row in rows
    ]
    # The time is a number with a fraction to DuckDB, and equal all the same.
    assert sorted(told, key=by_number) == sorted(log.lines(), key=by_number)


def test_changes_when_a_line_is_very_long_is_refused_until_told_otherwise(tmp_path: Path):
    hour = tmp_path / "Orders/2026/11/22/09"
    hour.mkdir(parents=True)
    line = {"Keys": {"id": {"S": "1"}}, "NewImage": {"long": {"S": "x" * 35_000_000}}, "SequenceNumber": "1"}
    (hour / "long.gz").write_bytes(gzip_member(json.dumps(line).encode() + b"\n"))
    option = re.search(r"`(maximum_object_size = \d+)`", page.TEXT)[1]  # type: ignore[index]
    lenient = VIEW.replace("columns = {", f"{option}, columns = {{")

    told = reader_process.answer(tmp_path, sql(lenient, "SELECT count(*) AS changes FROM changes"))
    assert told == [{"changes": 1}]
    with pytest.raises(AssertionError, match=r"maximum_object_size.* exceeded"):
        reader_process.answer(tmp_path, sql(VIEW, "FROM changes"))
