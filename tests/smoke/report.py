"""A line a check, as each is done, and what they come to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from continuous_backup.aws import BotoCoreError, ClientError, explain
from continuous_backup.errors import BackupError, ExitCode
from continuous_backup.operations import cli
from local.change_log_check import Wrong
from local.waiting import NotInTime

_STYLES = {"ok": "green", "failed": "bold red", "skipped": "yellow"}


class Skipped(Exception):
    """A check that cannot be made here; the message says why."""


@dataclass(frozen=True)
class Line:
    """One check: what was claimed, "ok", "failed" or "skipped", and what was seen."""

    check: str
    result: str
    detail: str = ""


class Report:
    """What was checked. Each line goes to standard output as it comes, unless `quiet`."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.lines: list[Line] = []
        self._quiet = quiet

    def check(self, claim: str, look: Callable[[], str]) -> bool:
        """Whether the claim holds. `look` gives a detail that is worth showing, or raises.

        Wrong, NotInTime and errors of AWS's mean that it does not hold; Skipped, that it was not seen.
        """
        try:
            self._add(Line(claim, "ok", look()))
        except Skipped as err:
            self.skip(claim, str(err))
        except (Wrong, NotInTime) as err:
            self._add(Line(claim, "failed", str(err)))
        except (BackupError, ClientError, BotoCoreError) as err:
            explained = explain(err)
            self._add(Line(claim, "failed", "; ".join(filter(None, (explained.problem, explained.hint)))))
        return self.lines[-1].result == "ok"

    def skip(self, claim: str, reason: str) -> None:
        self._add(Line(claim, "skipped", reason))

    def exit_code(self) -> ExitCode:
        """DONE where nothing failed."""
        return ExitCode.FAILED if self._count("failed") else ExitCode.DONE

    def summary(self) -> str:
        return ", ".join(f"{self._count(result)} {result}" for result in _STYLES)

    def _count(self, result: str) -> int:
        return sum(line.result == result for line in self.lines)

    def _add(self, line: Line) -> None:
        self.lines.append(line)
        if not self._quiet:
            cli.results.print(f"{line.result:8}", style=_STYLES[line.result], end="", markup=False)
            cli.results.print(line.check + (f": {line.detail}" if line.detail else ""), markup=False)


def require_equal(found: Mapping[str, object], wanted: Mapping[str, object], hint: str = "") -> None:
    """Raises Wrong with every setting that is not as wanted; what is found beyond them does not matter."""
    wrong = [
        f"{name} is {found.get(name)!r}, not {value!r}"
        for name, value in wanted.items()
        if found.get(name) != value
    ]
    if wrong:
        raise Wrong("; ".join(wrong) + (f" ({hint})" if hint else ""))
