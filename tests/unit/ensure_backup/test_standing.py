"""What a sweep publishes of how tables stand: each counts once."""

from continuous_backup.ensure_backup import standing
from continuous_backup.ensure_backup.actions import Problem, Wait
from continuous_backup.ensure_backup.convergence import Outcome
from continuous_backup.ensure_backup.sweep import Due
from continuous_backup.errors import BackupError

TABLES = frozenset({"good", "failed", "problem", "waiting", "off"})
FAILED = Outcome("failed", error=BackupError("no"), waiting=[Wait("x")])
PROBLEM = Outcome("problem", problems=[Problem("p", "h")])
WAITING = Outcome("waiting", waiting=[Wait("x")])


def told(due: Due, *outcomes: Outcome) -> dict[str, float]:
    return {
        name: fact.value for name, fact in standing.facts(due, {each.table: each for each in outcomes}).items()
    }


def test_facts_of_a_sweep_count_each_table_once():
    due = Due(["failed", "problem", "waiting"], [], TABLES, frozenset({"off"}), left_out=7)
    assert told(due, FAILED, PROBLEM, WAITING, Outcome("good")) == {
        "TablesProtected": 1,
        "TablesFailed": 1,
        "TablesWithProblem": 1,
        "TablesWaiting": 1,
        "TablesOptedOut": 1,
        "TablesLeftOut": 7,
    }


def test_facts_of_a_table_that_is_left_out_and_kept_whole_count_it_once():
    due = Due([], ["failed"], frozenset({"good"}), left_out=2)
    assert told(due, FAILED) == {"TablesProtected": 1, "TablesFailed": 1, "TablesLeftOut": 1}


def test_facts_of_a_sweep_in_which_all_failed_say_so_and_that_none_is_protected():
    assert told(Due(["failed"], [], frozenset({"failed"})), FAILED) == {"TablesProtected": 0, "TablesFailed": 1}


def test_facts_of_tables_that_are_gone_count_what_is_left_of_them_and_protect_nothing():
    due = Due(["failed", "problem", "waiting", "drained"], ["kept"], frozenset({"good"}), left_out=2)
    assert told(due, FAILED, PROBLEM, WAITING, Outcome("drained"), Outcome("kept")) == {
        "TablesProtected": 1,
        "TablesFailed": 1,
        "TablesWithProblem": 1,
        "TablesWaiting": 1,
        "TablesLeftOut": 2,
    }


def test_facts_of_a_table_that_is_gone_and_fails_say_so_where_there_is_no_other():
    assert told(Due(["failed"], []), FAILED) == {"TablesProtected": 0, "TablesFailed": 1}
