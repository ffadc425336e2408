"""How far scans are: what they are of, how long that is good for, and when the file goes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from continuous_backup.errors import UsageError
from continuous_backup.operations.tables.scan_progress import (
    GOOD_FOR_SECONDS,
    Progress,
    ScanOf,
    forget_what_is_done,
    run_of,
)
from tests.streams import NOW, stream_arn

ORDERS = ScanOf("Orders", stream_arn(), "s3://images/backups/Orders/", "mapping-1")
CARTS = replace(ORDERS, table="Carts", stream=stream_arn("Carts"))
KEY = {"Id": {"N": "1"}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "images-checkpoint.json"


def progress(file: Path, of: ScanOf = ORDERS, count: int = 2, now: float = NOW) -> Progress:
    return Progress.load(file, of, count, lambda: now)


def test_progress_of_several_tables_is_kept_in_one_file(file: Path):
    progress(file).set(0, KEY)
    progress(file, CARTS).set(1, "")
    assert (progress(file).next_of(0), progress(file).next_of(1)) == (KEY, None)
    assert (progress(file, CARTS).next_of(0), progress(file, CARTS).next_of(1)) == (None, "")


@pytest.mark.parametrize("name", ["stream", "images", "mapping", "run"])
def test_progress_of_another_scan_begins_anew(file: Path, name: str):
    progress(file).set(0, KEY)
    assert progress(file, replace(ORDERS, **{name: "another"})).next_of(0) is None


def test_progress_in_another_number_of_segments_begins_anew(file: Path):
    progress(file).set(0, KEY)
    assert progress(file, count=3).next_of(0) is None


def test_progress_that_is_old_begins_anew(file: Path):
    progress(file).set(0, KEY)
    assert progress(file, now=NOW + GOOD_FOR_SECONDS - 1).next_of(0) == KEY
    assert progress(file, now=NOW + GOOD_FOR_SECONDS).next_of(0) is None


def test_progress_of_an_earlier_version_that_says_no_time_begins_anew(file: Path):
    file.write_text(json.dumps({"Orders": {"stream": ORDERS.stream, "segments": {"0": KEY, "1": ""}}}))
    assert progress(file).next_of(0) is None
    progress(file).set(1, KEY)
    assert progress(file).next_of(1) == KEY


def test_progress_is_done_when_every_segment_is(file: Path):
    its = progress(file)
    its.set(0, "")
    assert not its.is_done
    its.set(1, "")
    assert progress(file).is_done


def test_file_from_which_no_scan_goes_on_is_removed_and_another_keeps_what_one_goes_on_from(file: Path):
    assert not forget_what_is_done(file, lambda: NOW)
    for segment in (0, 1):
        progress(file).set(segment, "")
    progress(file, CARTS).set(0, KEY)
    assert forget_what_is_done(file, lambda: NOW)
    assert not progress(file).segments
    assert progress(file, CARTS).next_of(0) == KEY
    for segment in (0, 1):
        progress(file, CARTS).set(segment, "")
    assert not forget_what_is_done(file, lambda: NOW)
    assert not file.exists()


def test_run_is_told_by_the_tables_that_are_asked_for_in_any_order():
    assert run_of(["Orders", "Carts"]) == run_of(["Carts", "Orders"])
    assert len({run_of(each) for each in (["Orders"], ["Carts"], ["Orders", "Carts"], [])}) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"Orders": []}',
        json.dumps({"Orders": ORDERS.document() | {"count": 2, "noted": NOW}}),
        json.dumps({"Orders": ORDERS.document() | {"segments": {}, "count": 2, "noted": "today"}}),
        "[" * 100_000,
    ],
    ids=lambda text: text[:20],
)
def test_file_that_says_nothing_of_a_scan_is_refused(file: Path, text: str):
    file.write_text(text)
    with pytest.raises(UsageError, match="does not say how far a scan is"):
        progress(file)
