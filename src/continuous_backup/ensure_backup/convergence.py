"""Observe, plan, apply, until nothing is left to do or the time is up; many tables side by side."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from continuous_backup.aws import Aws, BotoCoreError, ClientError, explain
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.actions import Action, Problem, Step, Wait
from continuous_backup.ensure_backup.executor import Applies
from continuous_backup.ensure_backup.observer import Listing, Observer
from continuous_backup.ensure_backup.planner import not_restorable, plan
from continuous_backup.ensure_backup.role_refusals import ROLE_PATIENCE_SECONDS, NotYet
from continuous_backup.ensure_backup.state import BackupState
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.errors import BackupError
from continuous_backup.naming import Account

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 10.0
#: An action that had to be done this often and still is not so will not become so.
_MOST_REPETITIONS = 5
#: In a row, of the lists that all tables are compared with; the SDK has tried each several times.
_MOST_REFUSALS = 3


@dataclass
class Outcome:
    """What came of one table. Nothing of it set: all was as wanted already."""

    table: str
    done: list[Action] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    waiting: list[Wait] = field(default_factory=list)
    error: BackupError | None = None
    not_restorable: tuple[str, ...] = ()
    """The keys that make its log less than a whole record of its changes; of a table that is backed up."""

    @property
    def as_wanted(self) -> bool:
        return not (self.problems or self.waiting or self.error)


@dataclass
class _Memory:
    """What is remembered of a table from one pass to the next, by what its actions say."""

    taken: Counter[str] = field(default_factory=Counter)
    """How often AWS took the action."""
    refused: dict[str, tuple[float, NotYet]] = field(default_factory=dict)
    """What AWS refused in the last pass, for a role that may be too new; and since when without a break."""


Progress = Callable[[Outcome], None]
#: Told what is waited for, by table, whenever that is something else than before.
Waiting = Callable[[dict[str, Wait]], None]


class Convergence:
    """Brings tables to what is wanted of them, in one account; `config` is one `in_account`.

    A table that fails is left with its error, and the others go on. Nothing is remembered from one
    pass to the next but how often an action was repeated, and since when a role is refused, so it can be
    stopped anywhere and begun anew.
    """

    def __init__(self, aws: Aws, config: Config, account: Account, observer: Observer, executor: Applies) -> None:
        self._aws = aws
        self._config = config
        self._account = account
        self._observer = observer
        self._executor = executor

    def steps(self, table: str, wanted: Wanted, listing: Listing | None = None) -> list[Step]:
        """The plan for a table, from a fresh look at it."""
        return self.planned(self._observer.observe(table, listing), wanted)

    def planned(self, state: BackupState, wanted: Wanted) -> list[Step]:
        return plan(state, wanted, self._config, self._account, self._aws.clock())

    def run(
        self,
        tables: Iterable[str],
        wanted: Wanted,
        *,
        deadline: float,
        patience: float = float("inf"),
        on_settled: Progress = lambda _: None,
        on_waiting: Waiting = lambda _: None,
    ) -> dict[str, Outcome]:
        """Works on all tables until each is as wanted, has failed, or waits for a person or too long.

        `deadline` is in seconds since 1970; what is not done by then keeps its Wait in the outcome. So
        does a table on which nothing could be done for `patience` seconds, or that has to wait at least
        so long. What AWS refuses for a role that may be too new is asked again for ROLE_PATIENCE_SECONDS: the
        table has failed where it is refused still, or where the time is up before. `on_settled` is told of
        each table that is finished with, `on_waiting` of what is waited for.
        """
        told: dict[str, str] = {}
        outcomes = {table: Outcome(table) for table in tables}
        memory = {table: _Memory() for table in outcomes}
        impatient_at = dict.fromkeys(outcomes, self._aws.clock() + patience)
        pending = list(outcomes)
        pause = _FIRST_PAUSE_SECONDS
        refusals = 0
        while pending:
            try:
                listing = self._observer.listing()
            except (ClientError, BotoCoreError) as err:
                refusals += 1
                if refusals == _MOST_REFUSALS or self._aws.clock() + pause >= deadline:
                    for table in pending:
                        outcomes[table].error = explain(err, table)
                    break
                self._aws.sleep(pause)
                pause = _next_pause(pause, [])
                continue
            refusals = 0
            changed = False
            for table in tuple(pending):
                outcome = outcomes[table]
                if self._aws.clock() >= deadline:
                    outcome.waiting = outcome.waiting or [Wait(f"{table} to have its turn")]
                    continue
                if self._pass(outcome, wanted, listing, memory[table]):
                    changed = True
                    impatient_at[table] = self._aws.clock() + patience
                again = memory[table].refused or self._worth_another(outcome, impatient_at[table])
                if outcome.error or not again:
                    pending.remove(table)
                    on_settled(outcome)
            if not pending:
                break
            waits = [each.at_least for table in pending for each in outcomes[table].waiting]
            pause = _FIRST_PAUSE_SECONDS if changed else _next_pause(pause, waits)
            if self._aws.clock() + pause >= deadline:
                break
            news = {table: outcomes[table].waiting[0] for table in pending if outcomes[table].waiting}
            news = {table: wait for table, wait in news.items() if told.get(table) != _reason(wait)}
            told |= {table: _reason(wait) for table, wait in news.items()}
            if news:
                on_waiting(news)
            self._aws.sleep(pause)
        for table in pending:
            _fail_if_refused(outcomes[table], memory[table])
            on_settled(outcomes[table])
        return outcomes

    def _pass(self, outcome: Outcome, wanted: Wanted, listing: Listing, memory: _Memory) -> bool:
        """One observe, plan and apply of one table. Returns whether anything was changed."""
        changed = False
        refused_before, memory.refused = memory.refused, {}
        try:
            state = self._observer.observe(outcome.table, listing)
            steps = self.planned(state, wanted)
            outcome.not_restorable = not_restorable(state, self._config) if _backs_up(state, wanted) else ()
            outcome.problems = [each for each in steps if isinstance(each, Problem)]
            outcome.waiting = [each for each in steps if isinstance(each, Wait)]
            for action in (each for each in steps if isinstance(each, Action)):
                if action.destructive and action not in self.steps(outcome.table, wanted):
                    outcome.waiting = outcome.waiting or [Wait(f"another look before: {action}")]
                    continue
                try:
                    self._apply(action, memory.taken)
                except NotYet as refusal:
                    # What else is planned can be done at once, so it does not depend on this.
                    since, _ = refused_before.get(str(action), (self._aws.clock(), refusal))
                    memory.refused[str(action)] = since, refusal
                    continue
                outcome.done.append(action)
                outcome.waiting = outcome.waiting or [Wait(f"AWS to finish: {action}")]
                changed = True
            if any(self._aws.clock() - since >= ROLE_PATIENCE_SECONDS for since, _ in memory.refused.values()):
                _fail_if_refused(outcome, memory)
            else:
                # First, for they are what a person may have to see to.
                outcome.waiting[:0] = [Wait(refusal.reason) for _, refusal in memory.refused.values()]
        except (ClientError, BotoCoreError, BackupError) as err:
            outcome.error = explain(err, outcome.table)
        return changed

    def _apply(self, action: Action, taken: Counter[str]) -> None:
        if taken[str(action)] == _MOST_REPETITIONS:
            raise BackupError(
                f"{action.table}: AWS took it {_MOST_REPETITIONS} times and still it is not so: {action}",
                "somebody else may be changing it back; look at CloudTrail",
            )
        self._executor.apply(action)
        taken[str(action)] += 1

    def _worth_another(self, outcome: Outcome, impatient_at: float) -> bool:
        return any(self._aws.clock() + each.at_least < impatient_at for each in outcome.waiting)


def _fail_if_refused(outcome: Outcome, memory: _Memory) -> None:
    """Ends a table whose role was refused in its last pass with the refusal that lasts longest."""
    if not memory.refused:
        return
    reasons = {refusal.reason for _, refusal in memory.refused.values()}
    outcome.waiting = [each for each in outcome.waiting if each.for_what not in reasons]
    _, outcome.error = min(memory.refused.values(), key=lambda refused: refused[0])


def _backs_up(state: BackupState, wanted: Wanted) -> bool:
    opted_out = state.table is None or (state.table.opted_out and wanted is Wanted.PROTECTED)
    return wanted in {Wanted.PROTECTED, Wanted.PROVISIONED} and not opted_out


def _reason(wait: Wait) -> str:
    """What it is for, without how long it still takes."""
    return str(wait).partition(" (")[0]


def _next_pause(last: float, waits: list[float]) -> float:
    """Longer and longer, but not past the end of a wait of known length; that exactly where all are known."""
    known = [each for each in waits if each]
    shortest = min(known, default=_LONGEST_PAUSE_SECONDS)
    if known and len(known) == len(waits):
        return shortest
    return min(last * 1.5, shortest, _LONGEST_PAUSE_SECONDS)
