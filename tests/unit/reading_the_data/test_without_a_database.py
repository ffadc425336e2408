"""What the page does with Python alone, and with tools of the shell."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.reading_the_data import page
from tests.unit.reading_the_data.orders_log import Item, Log, Logs, in_order
from tests.unit.reading_the_data.statements import PAGE_MOMENT, PAGE_STREAM

_, CHECK, MISSING, FAILED = page.blocks("sh", "Before you read")
HISTORY, ITEMS = page.blocks("sh", "Without a database")

needs_jq = pytest.mark.skipif(not shutil.which("jq"), reason="jq is not on this machine: it is no Python package")
needs_gzip = pytest.mark.skipif(not shutil.which("gzip"), reason="gzip is not on this machine")


def run(command: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)


def documents(command: str, folder: Path) -> list[Any]:
    done = run(command, folder)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def items_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[Log, str, float], list[Item]]:
    """The page's function, run beside a log."""
    names: dict[str, Any] = {}
    exec(page.block("python", "Without a database"), names)

    def in_folder(log: Log, stream: str, moment: float) -> list[Item]:
        monkeypatch.chdir(log.folder)
        return names["items_at"](stream, moment)  # type: ignore[no-any-return]

    return in_folder


def test_items_when_python_alone_folds_the_log_are_those_of_the_model(
    logs: Logs, items_at: Callable[[Log, str, float], list[Item]]
):
    for log in logs.values():
        for stream in log.streams:
            for moment in (PAGE_MOMENT, PAGE_MOMENT + 86_400):
                assert in_order(items_at(log, stream, moment)) == in_order(log.items_at(stream, moment))


def test_items_when_python_alone_meets_a_damaged_object_are_refused(
    logs: Logs, items_at: Callable[[Log, str, float], list[Item]], tmp_path: Path
):
    damaged = _damaged(logs["text", "firehose"], tmp_path)
    with pytest.raises(OSError, match="CRC check failed"):
        items_at(damaged, PAGE_STREAM, PAGE_MOMENT)


@needs_jq
@needs_gzip
def test_items_when_jq_folds_the_log_are_those_of_the_model(logs: Logs):
    for log in logs.values():
        assert in_order(documents(ITEMS, log.folder)) == in_order(log.items_at(PAGE_STREAM, PAGE_MOMENT))


@needs_jq
@needs_gzip
@pytest.mark.parametrize("compression", ["firehose", "forwarder"])
def test_history_when_jq_tells_it_is_that_of_the_model_stream_by_stream(logs: Logs, compression: str):
    log = logs["text", compression]
    for number in range(12):
        told = documents(HISTORY.replace('== "1"', f'== "{number}"'), log.folder)
        assert told == [
            [
                f"{datetime.fromtimestamp(line['ApproximateCreationDateTime'], UTC):%Y-%m-%dT%H:%M:%SZ}",
                line["eventName"],
                *(line.get(image, {}).get("status", {}).get("S") for image in ("OldImage", "NewImage")),
            ]
            for line in log.history(number)
        ]


@needs_jq
@needs_gzip
@pytest.mark.parametrize("compression", ["firehose", "forwarder"])
def test_lines_when_jq_reads_them_are_all_those_of_the_log(logs: Logs, compression: str):
    log = logs["binary", compression]
    told = documents(page.readers()["jq"][1], log.folder)
    assert in_order(told) == in_order(log.lines(duplicates=True))


@needs_gzip
@pytest.mark.parametrize("compression", ["firehose", "forwarder"])
def test_check_when_every_object_is_whole_says_nothing_and_when_one_is_damaged_fails(
    logs: Logs, compression: str, tmp_path: Path
):
    log = logs["text", compression]
    whole = run(CHECK, log.folder)
    assert (whole.returncode, whole.stdout, whole.stderr) == (0, "", "")

    damaged = run(CHECK, _damaged(log, tmp_path).folder)
    assert damaged.returncode != 0
    assert "crc error" in damaged.stderr


def test_search_for_what_is_missing_names_each_file_beside_the_log_and_no_other(logs: Logs, tmp_path: Path):
    log = logs["text", "firehose"]
    found = run(MISSING, log.folder)
    assert found.returncode == 0
    assert sorted(re.sub("_failed/.*", "_failed", path) for path in found.stdout.splitlines()) == [
        "Orders/_errors/AccessDenied/2026/11/22/09/Orders-1-2026",
        "Orders/_failed",
    ]
    (tmp_path / "Orders").mkdir()
    nothing = run(MISSING, tmp_path)
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "")


@needs_jq
@needs_gzip
def test_records_of_failed_when_jq_shows_them_say_what_they_are(logs: Logs):
    log = logs["text", "forwarder"]
    first = log.changes[0]["dynamodb"]
    assert documents(FAILED, log.folder) == [["UPSERT", first["SequenceNumber"], first["Keys"]]]


def _damaged(log: Log, folder: Path) -> Log:
    """A copy, in which the checksum of an object is not that of what is in it."""
    shutil.copytree(log.folder, folder, dirs_exist_ok=True)
    (path,) = folder.glob("Orders/2026/11/22/09/Orders*-09-40-00-*.gz")
    body = bytearray(path.read_bytes())
    body[-8] ^= 1  # The last eight bytes of a member are its checksum and its length.
    path.write_bytes(body)
    return Log(folder, log.key, log.changes)
