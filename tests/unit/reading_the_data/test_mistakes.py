"""What the page warns of goes wrong indeed, and mostly without an error."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from isal import isal_zlib

from tests.unit.reading_the_data import orders_log, page, reader_process
from tests.unit.reading_the_data.orders_log import BEGIN, Item, Log, Logs, in_order
from tests.unit.reading_the_data.reader_lines import code
from tests.unit.reading_the_data.statements import (
    HISTORY,
    ITEMS,
    PAGE_MOMENT,
    PAGE_STREAM,
    VIEW,
    answers,
    items_at,
    items_of,
    sql,
)

#: Behind the first change of the second life, of which most items are not there yet.
_EARLY_IN_THE_SECOND_LIFE = BEGIN + 82_300


def changed(statement: str, old: str, new: str) -> str:
    assert statement.count(old) == 1, f"{old} is not in the page's statement"
    return statement.replace(old, new)


def items(log: Log, statement: str) -> list[Item]:
    (rows,) = answers([(log, statement)])
    return items_of(rows)


def named_on_the_page(mistake: str) -> str:
    assert f"`{mistake}`" in page.section("What looks right and is not")
    return mistake


@pytest.mark.parametrize(("key", "left"), [("number", 1), ("binary", 1), ("composite", 6)])
def test_items_when_partitioned_by_a_text_key_called_id_are_merged(logs: Logs, key: str, left: int):
    partition = named_on_the_page("PARTITION BY Keys->>'/id/S'")
    statement = changed(ITEMS, "PARTITION BY whole_key", partition)
    assert len(logs[key, "firehose"].items_at(PAGE_STREAM, PAGE_MOMENT)) > left
    assert len(items(logs[key, "firehose"], statement)) <= left


def test_items_when_partitioned_by_keys_as_they_are_written_are_there_twice_where_the_order_of_parts_differs(
    logs: Logs,
):
    log = logs["composite", "firehose"]
    told = items(log, changed(ITEMS, "PARTITION BY whole_key", "PARTITION BY Keys"))
    assert len(told) > len(log.items_at(PAGE_STREAM, PAGE_MOMENT))


def test_items_when_taken_by_arg_max_have_deleted_ones_back(logs: Logs):
    assert named_on_the_page("arg_max(NewImage, place)")
    log = logs["text", "firehose"]
    for function in ("arg_max", named_on_the_page("max_by")):
        told = items(
            log,
            f"""SELECT {function}(NewImage, place) AS item FROM changes
            WHERE eventSourceARN = '{PAGE_STREAM}' AND ApproximateCreationDateTime <= {PAGE_MOMENT}
            GROUP BY whole_key HAVING item IS NOT NULL""",
        )
        assert len(told) > len(log.items_at(PAGE_STREAM, PAGE_MOMENT))


@pytest.mark.parametrize(
    "order",
    ["ORDER BY SequenceNumber", "ORDER BY ApproximateCreationDateTime", "ORDER BY CAST(SequenceNumber AS DOUBLE)"],
)
def test_history_when_ordered_otherwise_is_out_of_order(logs: Logs, order: str):
    named_on_the_page(order.removeprefix("ORDER BY ") if "CAST" in order else order)
    log = logs["text", "forwarder"]
    # All changes, so that none of them is in its place by chance.
    of_all = changed(HISTORY, "WHERE (Keys->>'/id/S') = '1'", f"WHERE eventSourceARN = '{PAGE_STREAM}'")
    right, wrong = answers([(log, of_all), (log, changed(of_all, "ORDER BY eventSourceARN, place", order))])
    assert len(right) == len(wrong) == 80
    assert right != wrong


@pytest.mark.parametrize("integer", ["HUGEINT", "DECIMAL(38)"])
def test_sequence_number_when_made_an_integer_of_duckdb_does_not_fit(logs: Logs, integer: str):
    named_on_the_page(integer)
    with pytest.raises(AssertionError, match="Conversion Error"):
        answers([(logs["text", "firehose"], f"SELECT CAST(SequenceNumber AS {integer}) FROM changes")])


def test_items_when_lives_are_added_up_have_those_of_the_earlier_table_back(logs: Logs):
    log = logs["text", "firehose"]
    stream = log.streams[1]
    right = items_at(stream, _EARLY_IN_THE_SECOND_LIFE)
    of_all = changed(right, "eventSourceARN = getvariable('stream')\n    AND", "")
    newest_first = changed(of_all, "ORDER BY place DESC", "ORDER BY eventSourceARN DESC, place DESC")

    expected = in_order(log.items_at(stream, _EARLY_IN_THE_SECOND_LIFE))
    assert in_order(items(log, right)) == expected
    assert set(expected) < set(in_order(items(log, newest_first)))


def test_changes_when_all_folders_are_read_have_records_of_failed_among_them(logs: Logs):
    everything = changed(VIEW, "Orders/2*/*/*/*/*.gz", named_on_the_page("Orders/**/*.gz"))
    (told,) = reader_process.answers(
        [(logs["text", "firehose"].folder, sql(everything, "FROM changes WHERE SequenceNumber IS NULL"))]
    )
    assert len(told) == 1


@pytest.fixture(scope="module")
def late_attribute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log in which an attribute is there from change 30,000 on."""
    folder = tmp_path_factory.mktemp("late")
    hour = folder / "Orders/2026/11/22/09"
    hour.mkdir(parents=True)
    lines = (
        {"NewImage": {"id": {"S": "1"}, **({"late": {"S": "x"}} if number >= 30_000 else {})}}
        for number in range(30_010)
    )
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (hour / "a.gz").write_bytes(gzip.compress(text.encode(), 1))
    return folder


GUESSES = {
    "DuckDB": 'duckdb.read_json(FILES, format="newline_delimited")',
    "polars": "pl.scan_ndjson(FILES)",
    "DataFusion": 'SessionContext().read_json("Orders/2026/11/22/09/", '
    'file_extension=".gz", file_compression_type="gzip")',
    # Not as a DataFrame: chdb 4.4.0 makes none of structs that may be absent.
    "chdb": "str(chdb.query(f\"SELECT NewImage FROM file('{FILES}', JSONEachRow)\", 'JSONEachRow')).splitlines()",
}


@pytest.mark.parametrize("reader", GUESSES)
def test_attribute_when_columns_are_guessed_and_it_comes_late_is_lost(late_attribute: Path, reader: str):
    told = reader_process.answer(late_attribute, code(reader, GUESSES[reader]) + "\nanswer = rows(answer)[-1:]")
    assert told
    assert "late" not in json.dumps(told)


def test_attribute_when_pyarrow_guesses_and_it_comes_late_is_there(late_attribute: Path):
    told = reader_process.answer(late_attribute, code("pyarrow") + "\nanswer = rows(answer)[-1:]")
    assert told == [{"NewImage": {"id": {"S": "1"}, "late": {"S": "x"}}}]


def told_by(log: Log, reader: str, line: str) -> list[dict[str, Any]]:
    return reader_process.answer(log.folder, code(reader, line))  # type: ignore[no-any-return]


def test_sequence_numbers_when_pandas_is_not_told_are_floats(logs: Logs):
    line = changed(page.readers()["pandas"][1], ", dtype=False", "")
    told = told_by(logs["text", "firehose"], "pandas", line)
    assert {type(row["SequenceNumber"]) for row in told} == {float}
    assert len({row["SequenceNumber"] for row in told}) < 5


def test_images_when_polars_is_told_that_they_are_text_are_no_json(logs: Logs):
    declared = "pl.scan_ndjson(FILES, schema=dict.fromkeys(FIELDS, pl.String))"
    told = told_by(logs["text", "firehose"], "polars", declared)
    with_backslash = [row["NewImage"] for row in told if "not the key" in (row["NewImage"] or "")]
    assert with_backslash
    for text in with_backslash:
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)


def test_rows_when_datafusion_is_not_told_of_folders_in_folders_are_none(logs: Logs):
    line = changed(
        page.readers()["DataFusion"][1],
        'SessionConfig().set("datafusion.execution.listing_table_ignore_subdirectory", "false")',
        "",
    )
    assert told_by(logs["text", "firehose"], "DataFusion", line) == []


def test_rows_when_spark_is_given_a_folder_of_folders_are_none(logs: Logs):
    reader_process.require("pyspark")
    line = changed(page.readers()["Spark"][1], "FILES", '"Orders"')
    assert told_by(logs["text", "firehose"], "Spark", line) == []


def test_columns_when_spark_is_told_their_names_in_lower_case_are_null(logs: Logs):
    reader_process.require("pyspark")
    declared = '" STRING, ".join(FIELDS) + " STRING"'
    line = changed(page.readers()["Spark"][1], declared, f"({declared}).lower()")
    told = told_by(logs["text", "firehose"], "Spark", line)
    assert len(told) == 180
    assert {value for row in told for value in row.values()} == {None}


def test_columns_when_spark_guesses_and_names_differ_by_case_alone_are_refused(logs: Logs):
    reader_process.require("pyspark")
    with pytest.raises(AssertionError, match="already exists"):
        told_by(logs["text", "firehose"], "Spark", "spark.read.json(FILES)")


def test_object_of_many_members_when_decompressed_at_once_ends_after_the_first_one(logs: Logs):
    (stored,) = logs["text", "forwarder"].folder.glob("Orders/2026/11/22/09/Orders*-09-40-00-*.gz")
    whole = gzip.decompress(stored.read_bytes())
    first = isal_zlib.decompress(stored.read_bytes(), 31)
    assert whole.startswith(first)
    assert first.count(b"\n") < whole.count(b"\n") == 25


def test_attribute_when_its_name_has_a_dot_is_found_by_a_pointer_and_not_by_a_path(logs: Logs):
    log = logs["text", "firehose"]
    (name,) = (name for name in orders_log.AWKWARD if "." in name)
    assert named_on_the_page("NewImage->>'$.a.b.S'")
    pointer = "/" + name.replace("~", "~0").replace("/", "~1") + "/S"
    told = answers(
        [
            (log, f"SELECT count(*) AS found FROM changes WHERE (NewImage->>'{each}') IS NOT NULL")
            for each in (pointer.replace("'", "''"), f"$.{name}.S".replace("'", "''"))
        ]
    )
    there = sum(name in line.get("NewImage", {}) for line in log.lines())
    assert there > 20
    assert told == [[{"found": there}], [{"found": 0}]]
