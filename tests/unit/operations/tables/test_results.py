"""What came of tables, counted apart and told by the exit code."""

import pytest

from continuous_backup.errors import ExitCode
from continuous_backup.operations.tables.results import (
    BACKED_UP,
    Standing,
    TableResult,
    counts,
    exit_code,
    in_words,
)

OK = TableResult("a", "provisioned")
OPTED_OUT = TableResult("b", "its tag opts it out", Standing.OPTED_OUT)
LEFT_OUT = TableResult("c", "the filter leaves it out", Standing.LEFT_OUT, by_choice=True)
NAMED_AND_LEFT_OUT = TableResult("c", "the filter leaves it out", Standing.LEFT_OUT)
PROBLEM = TableResult("d", "failed", Standing.PROBLEM)
WAITING = TableResult("e", "not finished", Standing.WAITING)


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([], ExitCode.DONE),
        ([OK, OK], ExitCode.DONE),
        ([OK, LEFT_OUT], ExitCode.DONE),
        ([LEFT_OUT], ExitCode.DONE),
        ([LEFT_OUT, PROBLEM, WAITING], ExitCode.FAILED),
        ([OPTED_OUT, OPTED_OUT], ExitCode.PARTLY_DONE),
        ([OK, OPTED_OUT], ExitCode.PARTLY_DONE),
        ([NAMED_AND_LEFT_OUT], ExitCode.PARTLY_DONE),
        ([OK, PROBLEM], ExitCode.PARTLY_DONE),
        ([OK, WAITING], ExitCode.PARTLY_DONE),
        ([PROBLEM, WAITING], ExitCode.FAILED),
    ],
)
def test_exit_code_is_done_only_where_every_table_is_as_asked_for(results: list[TableResult], code: ExitCode):
    assert exit_code(results) is code


def test_counts_have_each_standing_apart_zeros_too():
    assert counts([OK, OK, OPTED_OUT, PROBLEM]) == {
        "asWanted": 2,
        "optedOut": 1,
        "leftOut": 0,
        "problem": 1,
        "waiting": 0,
    }


def test_in_words_are_the_counts_that_are_not_zero():
    everything = [OK, OPTED_OUT, OPTED_OUT, LEFT_OUT, PROBLEM, WAITING]
    assert in_words(everything, BACKED_UP) == (
        "6 tables: 1 backed up, 2 opted out by a tag, 1 left out by the filter, 1 with a problem, 1 waiting."
    )
    assert in_words([OPTED_OUT], BACKED_UP) == "1 table: 1 opted out by a tag."
    assert in_words([], BACKED_UP) == "No tables."
