"""Each reader's line on the page reads every line of the log, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.reading_the_data import page, reader_process
from tests.unit.reading_the_data.orders_log import Logs, in_order
from tests.unit.reading_the_data.reader_lines import IMPORTS, LARGE, READERS, SHARED, code

_SOME = [("text", "forwarder"), ("composite", "firehose")]


def as_line(row: dict[str, Any]) -> dict[str, Any]:
    """A row as the line that it was: images that came as text parsed, nulls left out, numbers as numbers."""
    if set(row) == {"line"}:
        return json.loads(row["line"])  # type: ignore[no-any-return]
    whole = without_nulls(row)
    for name in ("Keys", "NewImage", "OldImage", "userIdentity"):
        if isinstance(whole.get(name), str):
            whole[name] = json.loads(whole[name])
    for name in ("SizeBytes", "ApproximateCreationDateTime"):
        whole[name] = int(whole[name])
    return whole


def without_nulls(value: Any) -> Any:
    """DynamoDB's JSON has no null, and pandas' NaN stands for none."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None and each == each}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("reader", IMPORTS)
def test_line_of_a_reader_when_it_is_run_gives_each_line_of_the_log_as_it_is(logs: Logs, reader: str):
    if reader in LARGE:
        reader_process.require(LARGE[reader])
    if reader == "Spark":  # It stays in the folder that it was started in, and takes seconds to start.
        told = {key: reader_process.answer(logs[key].folder, code(reader)) for key in _SOME}
    else:
        told = dict(
            zip(logs, reader_process.answers([(log.folder, code(reader)) for log in logs.values()]), strict=True)
        )
    for key, rows in told.items():
        log = logs[key]
        assert in_order([as_line(row) for row in rows]) == in_order(log.lines(duplicates=True))


def test_table_of_readers_has_those_that_are_run_here_and_jq():
    assert list(READERS) == [*IMPORTS, "jq"]


def test_table_of_readers_names_the_versions_that_are_locked():
    lock = (page.ROOT / "requirements-readers.txt").read_text(encoding="utf-8")
    pinned = dict(re.findall(r"^([a-z]+)==(\S+)", lock, re.MULTILINE))
    tried = {name.lower(): tried for name, (tried, _) in READERS.items() if name not in {*LARGE, "jq"}}
    assert tried == {name: pinned[name] for name in tried}, "after make lock, update the page's table"


def test_text_below_the_table_says_how_each_reader_is_imported():
    for reader in ("polars", "pandas", "pyarrow", "DataFusion"):
        for statement in re.split(
            r"\n|, (?=pyarrow)", IMPORTS[reader].replace("import pyarrow as pa\nfrom", "from")
        ):
            assert statement.removeprefix("import ") in page.section("Other readers"), statement


@pytest.mark.parametrize("compression", ["firehose", "forwarder"])
def test_damaged_object_when_a_bit_of_it_is_flipped_is_refused_by_all_readers_but_duckdb(
    logs: Logs, compression: str, tmp_path: Path
):
    """Where the flip changes nothing but a time in a header, there is nothing to refuse: those are left out."""
    (good,) = logs["text", compression].folder.glob("Orders/2026/11/22/09/Orders*-09-40-00-*.gz")
    hour = tmp_path / "Orders/2026/11/22/09"
    hour.mkdir(parents=True)
    body = good.read_bytes()
    looks = "\n".join(
        [
            *(IMPORTS[each] for each in IMPORTS if each not in LARGE),
            SHARED,
            f"BODY = bytes.fromhex({body.hex()!r})",
            f"LINES = { ({reader: READERS[reader][1] for reader in IMPORTS if reader not in LARGE})!r}",
            FLIPS,
        ]
    )
    said = reader_process.answer(tmp_path, looks)

    assert said.pop("DuckDB")["other rows"] > 0
    assert said == {reader: {"refused": 40} for reader in IMPORTS if reader not in {*LARGE, "DuckDB"}}


FLIPS = """
import collections, random
# Behind the header, and before the length at the end.
places = random.Random(1).sample(range(10 * 8, (len(BODY) - 4) * 8), 40)
answer = {reader: collections.Counter() for reader in LINES}
for reader, line in LINES.items():
    open("Orders/2026/11/22/09/a.gz", "wb").write(BODY)
    right = rows(eval(line))
    for place in places:
        damaged = bytearray(BODY)
        damaged[place // 8] ^= 1 << place % 8
        open("Orders/2026/11/22/09/a.gz", "wb").write(damaged)
        try:
            answer[reader]["same rows" if rows(eval(line)) == right else "other rows"] += 1
        except BaseException:
            answer[reader]["refused"] += 1
"""
