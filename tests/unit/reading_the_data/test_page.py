"""What the page says of the data is what the product's code makes."""

import json
import re

import pytest

from continuous_backup.reading_streams import stream_records
from continuous_backup.streams_to_firehose import changes
from tests.unit.reading_the_data import page
from tests.unit.reading_the_data.orders_log import Logs
from tests.unit.streams_to_firehose.fakes import event_of_file


def test_page_when_it_explains_a_line_explains_its_fields_in_their_order():
    seen: set[str] = set()
    for event in ("dynamodb-ttl-delete.json", "dynamodb-insert-modify-remove.json"):
        for record in stream_records.records_of(event_of_file(event)):
            seen.update(json.loads(changes.line(record)))
    fields = re.findall(r"^\| `(\w+)` \|", page.section("A line"), re.MULTILINE)
    example = json.loads(page.block("json", "A line"))
    assert set(fields) == seen
    assert [field for field in fields if field in example] == list(example)


@pytest.mark.parametrize("title", ["Asking with DuckDB", "Other readers"])
def test_page_when_it_declares_fields_declares_all_that_a_line_can_have(title: str):
    declared = {
        "Asking with DuckDB": lambda: re.findall(r"(\w+): '", page.block("sql", title)),
        "Other readers": lambda: re.findall(r'"(\w+)"[,)]', page.block("python", title)),
    }[title]()
    assert declared == re.findall(r"^\| `(\w+)` \|", page.section("A line"), re.MULTILINE)


def test_page_when_it_shows_a_layout_shows_the_folders_that_a_log_has(logs: Logs):
    layout = page.section("What is on S3")
    for log in logs.values():
        paths = {path.relative_to(log.folder).as_posix() for path in log.folder.rglob("*") if path.is_file()}
        shapes = {re.sub(r"\d{4}/\d\d/\d\d/\d\d/.*", "YYYY/MM/DD/HH/", path) for path in paths}
        assert shapes == {
            "Orders/YYYY/MM/DD/HH/",
            "Orders/_failed/YYYY/MM/DD/HH/",
            "Orders/_errors/AccessDenied/YYYY/MM/DD/HH/",
        }
        assert all(path.endswith(".gz") for path in paths if "_errors" not in path)
    assert all(f"{folder}YYYY/MM/DD/HH/*.gz" in layout for folder in ("        ", "        _failed/"))


def test_logs_of_these_tests_have_what_a_reader_may_trip_over(logs: Logs):
    for (_, compression), log in logs.items():
        objects = [path.read_bytes() for path in log.folder.glob("Orders/2*/*/*/*/*.gz")]
        members = [body.count(b"\x1f\x8b\x08\x00") for body in objects]
        assert (max(members) > 1) == (compression == "forwarder")
        numbers = [int(line["SequenceNumber"]) for line in log.lines()]
        assert {len(str(number)) for number in numbers} == {20, 21, 39, 40}
        assert list(log.folder.glob("Orders/2*/*/*/*/oversize-*.gz"))
        assert any("userIdentity" in line for line in log.lines())
        keys = [json.dumps(line["Keys"], sort_keys=True) for line in log.lines() if "OldImage" not in line]
        assert len(keys) > len(set(keys)) + 12, "items deleted and made again, within lives"
