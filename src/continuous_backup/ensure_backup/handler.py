"""The Lambda function EnsureDynamoBackup: parse, call the library, say the result."""

from functools import partial
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Aws
from continuous_backup.configuration import config as configuration
from continuous_backup.ensure_backup import events, standing
from continuous_backup.ensure_backup.convergence import Convergence, Outcome
from continuous_backup.ensure_backup.executor import Executor
from continuous_backup.ensure_backup.observer import DELIVERY_STREAM_CALLS_PER_SECOND, Observer
from continuous_backup.ensure_backup.optin import opt_in_filter
from continuous_backup.ensure_backup.sweep import Due, brought_about, tables_to_look_at
from continuous_backup.errors import BackupError
from continuous_backup.logs import logger
from continuous_backup.summary import summary_line

#: What the function keeps for itself at the end of its time, to say what it did.
_MARGIN_SECONDS = 15.0
#: How long a table on which nothing can be done is waited for. There is one execution at a time, and the
#: next event or sweep wants it: a table that is restored can be CREATING for hours.
_EVENT_PATIENCE_SECONDS = 240.0
_SWEEP_PATIENCE_SECONDS = 90.0
#: Whole describes of a sweep: at most one a second, so that there is room for everybody else.
_SWEEP_CALLS_PER_SECOND = 1.0

_aws: Aws | None = None


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Wires the table that an event is about, or sweeps the account. Raises where a table failed."""
    log = logger()
    config = configuration.bundled()
    log.info("Loaded configuration from %s", configuration.BUNDLED_NAME)
    seen = events.read(event)
    if isinstance(seen, events.Unknown):
        log.info("Ignored an event that is not ours: %s", seen.what)
        return _summary({})
    if isinstance(seen, events.TableEvent) and seen.error_code:
        log.info("Ignored %s of %s, which AWS refused: %s", seen.name, seen.table, seen.error_code)
        return _summary({})
    is_backed_up = opt_in_filter(config, log)

    account = naming.account_of_arn(context.invoked_function_arn)
    config = config.in_account(account)
    aws = _connected(account.region)
    sweeps = isinstance(seen, events.Sweep)
    pace = _SWEEP_CALLS_PER_SECOND if sweeps else DELIVERY_STREAM_CALLS_PER_SECOND
    observer = Observer(aws, config, account, pace, log)
    convergence = Convergence(aws, config, account, observer, Executor(aws, config, account, log))
    if isinstance(seen, events.TableEvent):
        takes = is_backed_up(seen.table)
        if not takes:
            log.info("The filter leaves %s out", seen.table, extra={"table": seen.table})
        due = Due([seen.table], []) if takes else Due([], [seen.table])
    else:
        turn = int(aws.clock() // (config.sweep_minutes * 60))
        due = tables_to_look_at(observer, convergence, config, is_backed_up, turn, log)
    converge = partial(
        convergence.run,
        patience=_SWEEP_PATIENCE_SECONDS if sweeps else _EVENT_PATIENCE_SECONDS,
        on_settled=_said,
    )
    seconds = context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
    outcomes = brought_about(due, converge, aws.clock(), seconds)
    log.info("Processed %d Events", 1, extra=_summary(outcomes))
    if sweeps:
        facts = standing.facts(due, outcomes)
        line = summary_line("", facts, "swept", "INFO", config.metrics, aws.clock(), _request(context))
        print(line, flush=True)
    failed = [each for each in outcomes.values() if each.error]
    if failed and not sweeps:
        raise BackupError("; ".join(str(each.error) for each in failed), "the next sweep tries again")
    return _summary(outcomes)


def _request(context: Any) -> dict[str, str]:
    return {"requestId": context.aws_request_id}


def _connected(region: str) -> Aws:
    """The clients, kept while the function is warm: making them takes longer than using them."""
    global _aws  # noqa: PLW0603
    if _aws is None or _aws.region != region:
        _aws = Aws(region=region)
    return _aws


def _said(outcome: Outcome) -> None:
    log, about = logger(), {"table": outcome.table}
    if outcome.not_restorable:
        log.warning("%s is not restorable: %s", outcome.table, ", ".join(outcome.not_restorable), extra=about)
    for problem in outcome.problems:
        log.warning("Problem: %s", problem, extra=about)
    for wait in outcome.waiting:
        log.info("Left to the next sweep: %s", wait, extra=about)
    if outcome.error:
        log.error("Failed: %s", outcome.error, extra={**about, "hint": outcome.error.hint})


def _summary(outcomes: dict[str, Outcome]) -> dict[str, Any]:
    return {
        "tables": len(outcomes),
        "changes": sum(len(each.done) for each in outcomes.values()),
        "problems": sum(bool(each.problems) for each in outcomes.values()),
        "unfinished": sum(bool(each.waiting) for each in outcomes.values()),
        "failed": sum(bool(each.error) for each in outcomes.values()),
    }
