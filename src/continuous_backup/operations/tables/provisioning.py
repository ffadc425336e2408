"""Wires existing tables, and takes wiring away: what provision_tables.py and deprovision_tables.py do."""

import difflib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Aws, BotoCoreError, ClientError, error_code, explain
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.actions import Action, Problem, Step
from continuous_backup.ensure_backup.convergence import Convergence, Outcome, Waiting
from continuous_backup.ensure_backup.executor import Executor
from continuous_backup.ensure_backup.observer import (
    DELIVERY_STREAM_CALLS_PER_SECOND,
    Observer,
    Overview,
)
from continuous_backup.ensure_backup.optin import Filter
from continuous_backup.ensure_backup.planner import not_restorable
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.errors import UsageError
from continuous_backup.naming import Account
from continuous_backup.operations.tables.results import Standing, TableResult
from continuous_backup.operations.tables.whitelist import Whitelist

#: How long to go on looking at tables that AWS is not finished with; a delivery stream takes minutes.
PATIENCE_SECONDS = 1800.0


@dataclass(frozen=True)
class TablePlan:
    """What is to be done with one table. `refusal` says why what was asked for is not.

    With a refusal, steps are for what it is wired with all the same, which follows the configuration.
    """

    table: str
    steps: tuple[Step, ...] = ()
    refusal: str = ""
    standing: Standing = Standing.PROBLEM
    """How the table stands where there is a refusal."""
    by_choice: bool = False
    """Whether the operator's own filter is the reason, and no mistake."""
    last_result: str = ""
    """What Lambda says of the last batch of its mapping."""
    not_restorable: tuple[str, ...] = ()
    """The keys that make its log less than a whole record of its changes."""
    somebody_elses: str = ""
    """The delivery stream that deliveryStreams names for it: used as it is, and left as it is."""

    @property
    def actions(self) -> tuple[Action, ...]:
        return tuple(step for step in self.steps if isinstance(step, Action))

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(step for step in self.steps if isinstance(step, Problem))


class Provisioning:
    """Plans and applies for many tables of one account; `config` is one `in_account`.

    `calls_per_second` is the pace of Firehose's control operations, which AWS does not raise.
    """

    def __init__(
        self,
        aws: Aws,
        config: Config,
        account: Account,
        log: logging.Logger,
        is_backed_up: Filter | None = None,
        calls_per_second: float = DELIVERY_STREAM_CALLS_PER_SECOND,
    ) -> None:
        self._aws = aws
        self._config = config
        self._account = account
        self._observer = Observer(aws, config, account, calls_per_second, log)
        executor = Executor(aws, config, account, log, calls_per_second)
        self._convergence = Convergence(aws, config, account, self._observer, executor)
        self._is_backed_up = is_backed_up or (lambda _: True)

    def require_deployment(self) -> None:
        """Raises UsageError where the functions are not deployed, or with another configuration than ours.

        Tables wired with another configuration would be wired back by the next sweep.
        """
        functions = self._aws.client("lambda")
        images = [naming.ITEM_IMAGES_FUNCTION] if self._config.item_images else []
        for name in (naming.FORWARDER_FUNCTION, naming.ENSURE_FUNCTION, *images):
            try:
                found = functions.get_function_configuration(FunctionName=name)
            except ClientError as err:
                if error_code(err) != "ResourceNotFoundException":
                    raise
                raise UsageError(
                    f"there is no function {name} in {self._aws.region}",
                    "run ./build.sh and ./deploy.py first, or name another --region",
                ) from err
            if self._config.fingerprint not in found.get("Description", ""):
                raise UsageError(
                    f"this is another configuration than that of the deployed function {name} in account "
                    f"{self._account.id}, region {self._account.region}{_from_environment(found)}",
                    "name the deployed one with --config-file, or deploy this one: ./build.sh, then ./deploy.py",
                )

    def plan_provisioning(self, whitelist: Whitelist, *, opt_in: bool = False) -> list[TablePlan]:
        """What each table that is asked for needs. Tables that look right in the lists are not described.

        Where all are asked for, those that a tag opts out stay so, unless `opt_in`; where they are named, the
        tag goes.
        """
        overview = self._observer.overview()
        names = sorted(overview.tables) if whitelist.all_tables else whitelist.names
        plan = partial(self._plan_provisioning, overview=overview, everything=whitelist.all_tables, opt_in=opt_in)
        return [_unless_it_fails(name, partial(plan, name)) for name in names]

    def _plan_provisioning(self, table: str, overview: Overview, *, everything: bool, opt_in: bool) -> TablePlan:
        if table not in overview.tables:
            guess = _guess(table, overview.tables)
            return TablePlan(table, refusal=f"there is no such table in this account and region{guess}")
        if not self._is_backed_up(table):
            left_out = TablePlan(table, refusal="the filter leaves it out", standing=Standing.LEFT_OUT)
            return self._kept(replace(left_out, by_choice=everything), overview)
        glance = self._observer.glance(table, overview)
        if everything and not opt_in and glance.table and glance.table.opted_out:
            opted_out = TablePlan(
                table,
                refusal="its tag opts it out; --opt-in takes such tables in again",
                standing=Standing.OPTED_OUT,
            )
            return self._kept(opted_out, overview)
        steps = self._convergence.planned(glance, Wanted.PROVISIONED)
        if steps:
            steps = self._convergence.steps(table, Wanted.PROVISIONED, overview)
        return TablePlan(
            table,
            tuple(steps),
            not_restorable=not_restorable(glance, self._config),
            somebody_elses=self._config.delivery_streams.get(table, ""),
        )

    def _kept(self, plan: TablePlan, overview: Overview) -> TablePlan:
        """What is wired of a table that is left out stays whole until it is deprovisioned, as the sweep has it."""
        if plan.table not in _read(overview):
            return plan
        steps = self._convergence.planned(self._observer.glance(plan.table, overview), Wanted.KEPT)
        if steps:
            steps = self._convergence.steps(plan.table, Wanted.KEPT, overview)
        so = f"{plan.refusal}; wired before, it goes on being backed up"
        return replace(plan, refusal=so, steps=tuple(steps))

    def plan_deprovisioning(self, whitelist: Whitelist) -> list[TablePlan]:
        """What taking the wiring of each table away needs; of deleted tables too, where some is left."""
        overview = self._observer.overview()
        wired = self.wired_tables(overview)
        names = sorted(wired | overview.tables) if whitelist.all_tables else whitelist.names
        return [
            _unless_it_fails(name, partial(self._plan_deprovisioning, name, overview, wired)) for name in names
        ]

    def _plan_deprovisioning(self, table: str, overview: Overview, wired: set[str]) -> TablePlan:
        if table not in overview.tables and table not in wired and not self._has_delivery_stream(table, overview):
            guess = _guess(table, overview.tables | wired)
            return TablePlan(table, refusal=f"there is no such table, and nothing is left of its wiring{guess}")
        state = self._observer.observe(table, overview)
        steps = self._convergence.planned(state, Wanted.DEPROVISIONED)
        last_result = ", ".join(each.last_result for each in state.mappings if each.last_result)
        somebody_elses = self._config.delivery_streams.get(table, "")
        return TablePlan(table, tuple(steps), last_result=last_result, somebody_elses=somebody_elses)

    def _has_delivery_stream(self, table: str, overview: Overview) -> bool:
        """Whether there is one, of anybody's, that has a name of ours for the table."""
        found = self._observer.glance(table, overview)
        ours = self._config.is_ours(table) and found.delivery_stream
        return bool(ours or found.former_delivery_streams)

    def release_steps(self, table: str) -> tuple[Step, ...]:
        """What taking a table's wiring away needs, without opting the table out."""
        return tuple(self._convergence.steps(table, Wanted.RELEASED))

    def wired_tables(self, overview: Overview | None = None) -> set[str]:
        """Tables, deleted ones included, that have a mapping to the forwarder or a delivery stream of ours."""
        overview = overview or self._observer.overview()
        by_mapping = _read(overview)
        by_tag = {tags[naming.TABLE_TAG] for tags in overview.tags.values() if tags.get(naming.TABLE_TAG)}
        # The tagging API lags, and what is missed here loses its backup unasked: so each is asked, slow as it is.
        untold = (
            self._observer.delivery_stream(name) for name in sorted(overview.delivery_streams - overview.told)
        )
        return by_mapping | by_tag | {each.table for each in untold if each and each.ours and each.table}

    def carry_out(
        self,
        plans: list[TablePlan],
        wanted: Wanted,
        on_settled: Callable[[TableResult], None] = lambda _: None,
        patience: float = PATIENCE_SECONDS,
        on_waiting: Waiting = lambda _: None,
    ) -> list[TableResult]:
        """Brings all planned tables to what is wanted; a table that fails does not stop the others."""
        results = [_unchanged(plan) for plan in plans if not plan.steps]
        for each in results:
            on_settled(each)
        deadline = self._aws.clock() + patience
        for aim, left_out in ((wanted, False), (Wanted.KEPT, True)):
            due = {plan.table: plan for plan in plans if plan.steps and bool(plan.refusal) is left_out}
            as_result = partial(_result_of, due, aim)
            outcomes = self._convergence.run(
                due,
                aim,
                deadline=deadline,
                on_settled=lambda outcome, as_result=as_result: on_settled(as_result(outcome)),  # type: ignore[misc]
                on_waiting=on_waiting,
            )
            results += map(as_result, outcomes.values())
        return results


def _guess(table: str, known: Iterable[str]) -> str:
    """Which of those there are was probably meant."""
    named = {each.lower(): each for each in sorted(known)}
    near = difflib.get_close_matches(table.lower(), named, n=1)
    return f"; did you mean {named[near[0]]}?" if near else ""


def _read(overview: Overview) -> set[str]:
    """The tables whose streams one of our functions reads."""
    mappings = (*overview.mappings, *overview.image_mappings)
    return {naming.table_of_arn(each.stream_arn) for each in mappings}


def _unless_it_fails(table: str, plan: Callable[[], TablePlan]) -> TablePlan:
    """A table that cannot be looked at is refused with the reason, and the others go on."""
    try:
        return plan()
    except (ClientError, BotoCoreError) as err:
        return TablePlan(table, refusal=f"failed: {explain(err).problem}")


def for_release(aws: Aws, config: Config) -> Config:
    """The configuration with which to release, whatever is deployed: invocations are given their own time-out."""
    try:
        found = aws.client("lambda").get_function_configuration(FunctionName=naming.FORWARDER_FUNCTION)
    except ClientError as err:
        if error_code(err) != "ResourceNotFoundException":
            raise
        return config
    longest = max(config.forwarder_timeout_seconds, found.get("Timeout", 0))
    return replace(config, forwarder_timeout_seconds=longest)


def lag(aws: Aws) -> str:
    """What is known of how far behind the forwarder is, before its mapping is removed.

    Lambda shows no checkpoint. Its IteratorAge is one number for all tables of the function, and there
    is none while nothing runs.
    """
    end = aws.clock()
    try:
        points = aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="IteratorAge",
            Dimensions=[{"Name": "FunctionName", "Value": naming.FORWARDER_FUNCTION}],
            StartTime=end - 900,
            EndTime=end,
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
    except (ClientError, BotoCoreError) as err:
        return f"unknown ({error_code(err) or explain(err).problem})"
    if not points:
        return "not known: nothing was measured in the last 15 minutes"
    worst = max(point["Maximum"] for point in points) / 1000
    return f"at most {worst:.0f} s over all tables in the last 15 minutes"


def planned(plan: TablePlan) -> TableResult:
    """What a dry run says of a table."""
    result, standing = plan.refusal, plan.standing
    if not plan.refusal:
        result = ", ".join(map(str, plan.steps)) or "was as wanted already"
        standing = Standing.PROBLEM if plan.problems else Standing.AS_WANTED
    return _of_plan(plan, result, standing)


def _unchanged(plan: TablePlan) -> TableResult:
    if plan.refusal:
        return _of_plan(plan, plan.refusal, plan.standing)
    return _of_plan(plan, "was as wanted already", Standing.AS_WANTED)


def _of_plan(plan: TablePlan, result: str, standing: Standing) -> TableResult:
    return TableResult(
        plan.table,
        result,
        standing,
        not_restorable=plan.not_restorable,
        steps=tuple(map(str, plan.steps)),
        somebody_elses=plan.somebody_elses,
        by_choice=plan.by_choice,
    )


def _from_environment(function: Mapping[str, Any]) -> str:
    """What a function was given as environment variables when it was deployed: they have to be set here too."""
    variables = sorted(function.get("Environment", {}).get("Variables", {}))
    return f"; it was deployed with {', '.join(variables)} from the environment" if variables else ""


def _result_of(due: Mapping[str, TablePlan], wanted: Wanted, outcome: Outcome) -> TableResult:
    plan = due[outcome.table]
    made = _result(outcome, wanted, plan)
    if wanted is not Wanted.KEPT:
        return made
    if made.standing is not Standing.AS_WANTED:
        return replace(made, by_choice=False)
    return replace(made, result=f"{plan.refusal}, now as configured", standing=plan.standing)


def _result(outcome: Outcome, wanted: Wanted, plan: TablePlan) -> TableResult:
    done = [str(action) for action in outcome.done]
    details, standing = done, Standing.PROBLEM
    if outcome.error:
        result, details = f"failed: {outcome.error.problem}", [*done, outcome.error.hint]
    elif outcome.problems:
        problems = [str(each) for each in outcome.problems]
        result, details = f"needs a decision: {problems[0]}", done + problems[1:]
    elif outcome.waiting:
        result, standing = f"not finished: {outcome.waiting[0]}", Standing.WAITING
    else:
        result, standing = wanted.value if done else "was as wanted already", Standing.AS_WANTED
    made = _of_plan(plan, result, standing)
    return replace(made, details=details, not_restorable=outcome.not_restorable)
