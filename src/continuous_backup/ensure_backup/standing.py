"""How the tables of an account stand after a sweep: what CloudWatch makes metrics of."""

from collections.abc import Mapping

from continuous_backup.ensure_backup.convergence import Outcome
from continuous_backup.ensure_backup.sweep import Due
from continuous_backup.summary import Fact


def facts(due: Due, outcomes: Mapping[str, Outcome]) -> dict[str, Fact]:
    """Each table there is counts once; zeros are left out, but for protected and failed tables.

    A sweep that could do nothing is a successful invocation all the same, and one whose tables all failed: what
    watches these two, and that they come, sees both.
    """
    there = {table: outcome for table, outcome in outcomes.items() if table in due.taken or table in due.kept}
    failed = {table for table, outcome in there.items() if outcome.error}
    problems = {table for table, outcome in there.items() if outcome.problems} - failed
    waiting = {table for table, outcome in there.items() if outcome.waiting} - failed - problems
    protected = due.taken - due.opted_out - failed - problems - waiting
    counts = {
        "TablesProtected": len(protected),
        "TablesFailed": len(failed),
        "TablesWithProblem": len(problems),
        "TablesWaiting": len(waiting),
        "TablesOptedOut": len(due.opted_out - failed - problems - waiting),
        "TablesLeftOut": due.left_out - len((failed | problems | waiting) - due.taken),
    }
    always = {"TablesProtected", "TablesFailed"}
    return {name: Fact(count) for name, count in counts.items() if count or name in always}
