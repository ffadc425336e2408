"""What was asked for, and what came of it, table by table: counted apart, so that no number hides another."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from continuous_backup.errors import ExitCode
from continuous_backup.operations import wording


class Standing(Enum):
    """How a table stands after a script: each counts for one of these."""

    AS_WANTED = "as wanted"
    OPTED_OUT = "opted out by a tag"
    LEFT_OUT = "left out by the filter"
    PROBLEM = "with a problem"
    WAITING = "waiting"


#: What AS_WANTED is called where the counts are told.
BACKED_UP, RELEASED = "backed up", "not backed up any more"


@dataclass
class TableResult:
    """What came of one table, as the scripts show it and as `--output json` has it.

    `by_choice` says whether what stands in the way is the operator's own choice, made for all tables at once:
    a filter that leaves a table out of `provisionAll` is no failure; a tag that somebody put there is.
    """

    table: str
    result: str
    standing: Standing = Standing.AS_WANTED
    details: list[str] = field(default_factory=list)
    not_restorable: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    somebody_elses: str = ""
    by_choice: bool = False

    @property
    def ok(self) -> bool:
        return self.standing is Standing.AS_WANTED or self.by_choice

    @property
    def in_words(self) -> str:
        """The result with what the log lacks."""
        keys = ", ".join(self.not_restorable)
        return f"{self.result}; not restorable: {keys}" if keys else self.result

    def document(self) -> dict[str, Any]:
        """Its part of `--output json`: of the same shape after a dry run and after a real one."""
        return {
            "table": self.table,
            "ok": self.ok,
            "standing": _camel(self.standing),
            "result": self.result,
            "steps": list(self.steps),
            "details": self.details,
            "notRestorable": list(self.not_restorable),
            "somebodyElses": self.somebody_elses,
        }


def exit_code(results: Sequence[TableResult]) -> ExitCode:
    """DONE where every table is as asked for, FAILED where each has a problem, PARTLY_DONE otherwise.

    Tables that the operator's own filter leaves out do not count.
    """
    if all(each.ok for each in results):
        return ExitCode.DONE
    hopeless = {Standing.PROBLEM, Standing.WAITING}
    tried = [each for each in results if not each.by_choice]
    return ExitCode.FAILED if all(each.standing in hopeless for each in tried) else ExitCode.PARTLY_DONE


def counts(results: Iterable[TableResult]) -> dict[str, int]:
    """By standing, in JSON's spelling, zeros too."""
    found = Counter(each.standing for each in results)
    return {_camel(standing): found[standing] for standing in Standing}


def in_words(results: Sequence[TableResult], as_wanted: str) -> str:
    """`35 tables: 2 backed up, 33 opted out by a tag.`; `as_wanted` is what those are called that are so."""
    found = Counter(each.standing for each in results)
    told = [
        f"{found[standing]} {as_wanted if standing is Standing.AS_WANTED else standing.value}"
        for standing in Standing
        if found[standing]
    ]
    return f"{wording.tables(len(results))}: {', '.join(told)}." if told else "No tables."


def _camel(standing: Standing) -> str:
    first, *rest = standing.name.lower().split("_")
    return first + "".join(map(str.title, rest))
