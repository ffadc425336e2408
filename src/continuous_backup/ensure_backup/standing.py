"""How the tables of an account stand after a sweep: what CloudWatch makes metrics of."""

from collections.abc import Mapping

from continuous_backup.ensure_backup.convergence import Outcome
from continuous_backup.ensure_backup.sweep import Due
from continuous_backup.summary import Fact


def facts(due: Due, outcomes: Mapping[str, Outcome]) -> dict[str, Fact]:
    """Each table counts once; zeros are left out, but for protected and failed tables.

    Tables that are gone, and that something of ours is left of, count as failed, with a problem or waiting: what
    their streams still hold may be lost too. They are in no other count.

    A sweep that could do nothing is a successful invocation all the same, and one whose tables all failed: what
    watches these two, and that they come, sees both.
    """
    failed = {table for table, outcome in outcomes.items() if outcome.error}
    problems = {table for table, outcome in outcomes.items() if outcome.problems} - failed
    waiting = {table for table, outcome in outcomes.items() if outcome.waiting} - failed - problems
    told = failed | problems | waiting
    counts = {
        "TablesProtected": len(due.taken - due.opted_out - told),
        "TablesFailed": len(failed),
        "TablesWithProblem": len(problems),
        "TablesWaiting": len(waiting),
        "TablesOptedOut": len(due.opted_out - told),
        "TablesLeftOut": due.left_out - len(told & {*due.kept}),
    }
    always = {"TablesProtected", "TablesFailed"}
    return {name: Fact(count) for name, count in counts.items() if count or name in always}
