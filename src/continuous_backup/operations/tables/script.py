"""What provision_tables.py and deprovision_tables.py show, ask and answer."""

import argparse
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Aws
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.actions import CreateDeliveryStream, DeleteMapping, EnableStream, OptIn, Wait
from continuous_backup.ensure_backup.optin import Filter, opt_in_filter
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.errors import ExitCode
from continuous_backup.naming import Account
from continuous_backup.operations import cli
from continuous_backup.operations.building import functions, zips
from continuous_backup.operations.tables import named_delivery_streams
from continuous_backup.operations.tables.images import ImagesResult
from continuous_backup.operations.tables.provisioning import Provisioning, TablePlan, planned
from continuous_backup.operations.tables.results import (
    BACKED_UP,
    RELEASED,
    Standing,
    TableResult,
    counts,
    exit_code,
    in_words,
)
from continuous_backup.operations.tables.whitelist import Whitelist

#: Of many tables that wait, so many are named.
_WAITS_TOLD = 3


class _TellProgress(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        cli.tell(f"  {record.getMessage()}")


def log() -> logging.Logger:
    """A logger that shows each change, as it is made, as a line of progress."""
    made = logging.getLogger("continuous_backup.operations")
    made.handlers = [_TellProgress()]
    made.propagate = False
    made.setLevel(logging.INFO)
    return made


def filter_of(config: Config, config_file: Path) -> Filter:
    """The configured filter. Raises UsageError where its function is not beside the configuration file.

    The Lambda function would back every table up then. A person is there to be told.
    """
    ensure = next(each for each in functions.FUNCTIONS if each.name == naming.ENSURE_FUNCTION)
    for module in zips.own_files(ensure, config, config_file, cli.REPOSITORY):
        sys.path.insert(0, str(module.resolve().parent))
    return opt_in_filter(config, log())


def warn_of_what_is_named(aws: Aws, config: Config) -> None:
    """Says which named delivery streams and tables are not there, or not as they should be."""
    for note in named_delivery_streams.notes_on(named_delivery_streams.look(aws, config)):
        cli.tell(f"WARNING: {note}" if note.loud else f"Note: {note}")
    if config.delivery_streams:
        there = set(aws.pages("dynamodb", "list_tables", "TableNames"))
        for table in sorted(set(config.delivery_streams) - there):
            cli.tell(f"Note: deliveryStreams names table {table}, and there is none of that name here")


def tell_where(account: Account, config: Config) -> None:
    cli.tell(f"Account {account.id}, region {account.region}, backup in s3://{config.bucket}/{config.prefix}")


def question_of_opting_in(plans: Sequence[TablePlan], asked_for: Whitelist, account: Account) -> str:
    """Asked where tables that somebody opted out, and that nobody named, would be taken in."""
    many = sum(any(isinstance(step, OptIn) for step in plan.steps) for plan in plans)
    if not asked_for.all_tables or not many:
        return ""
    return f"Take in {_tables(many)} of {_where(account)} that a tag opts out?"


def question_of_ending(plans: Sequence[TablePlan], asked_for: Whitelist, account: Account) -> str:
    """Asked before a backup ends: of how many tables, and where."""
    many = sum(bool(plan.steps) for plan in plans)
    if not many:
        return ""
    which = f"ALL {_tables(many)}" if asked_for.all_tables else _tables(many)
    return f"End the backup of {which} of {_where(account)}? Data on S3 is not touched."


def _question_of_going_on(plans: Sequence[TablePlan], account: Account) -> str:
    """Asked where something is taken away on the way to what was asked for."""
    many = sum(any(action.destructive for action in plan.actions) for plan in plans)
    return f"Change the wiring of {_tables(many)} of {_where(account)}, as shown? Data on S3 is not touched."


def _tables(count: int) -> str:
    return "1 table" if count == 1 else f"{count} tables"


def _where(account: Account) -> str:
    return f"account {account.id}, {account.region}"


def finish(
    options: argparse.Namespace,
    account: Account,
    provisioning: Provisioning,
    plans: list[TablePlan],
    wanted: Wanted,
    question: str = "",
    images: Callable[[list[TablePlan]], list[ImagesResult]] | None = None,
) -> ExitCode:
    """Shows the plan, asks where something is taken away, carries it out, and shows what came of it.

    `question` is asked in any case where there is one. `images` writes images of what the tables hold, or, in a
    dry run, says of which it would.
    """
    for plan in plans:
        if plan.steps or plan.somebody_elses or options.dry_run:  # the others are told in the result, once
            _tell_plan(plan, wanted)
    if options.dry_run:
        results = [planned(plan) for plan in plans]
        of_images = images(plans) if images else []
        cli.tell(f"As planned: {results_in_words(results, wanted, options.whitelist)}")
        cli.tell("Nothing was changed: this was a dry run.")
        return _show(options, account, results, of_images, rows=[])
    takes_away = any(action.destructive for plan in plans for action in plan.actions)
    asks = takes_away or (wanted is Wanted.DEPROVISIONED and any(plan.steps for plan in plans))
    asked = question or (_question_of_going_on(plans, account) if asks else "")
    if asked and any(plan.steps for plan in plans) and not cli.confirm(options, asked):
        cli.tell("Nothing was changed.")
        return ExitCode.FAILED
    results = provisioning.carry_out(plans, wanted, on_waiting=tell_waits)
    of_images = images(plans) if images else []
    rows = [{"table": each.table, "result": each.in_words} for each in results]
    code = _show(options, account, results, of_images, rows)
    cli.tell(results_in_words(results, wanted, options.whitelist))
    return code


def tell_waits(waits: Mapping[str, Wait]) -> None:
    """What is waited for, with the time that it takes where that is known; of many tables, of some."""
    for wait in list(waits.values())[:_WAITS_TOLD]:
        cli.tell(f"  {wait}")
    if (more := len(waits) - _WAITS_TOLD) > 0:
        cli.tell(f"  and for the like of {more} more tables")


def results_in_words(results: Sequence[TableResult], wanted: Wanted, whitelist: Path) -> str:
    """How many tables stand how, and the way back for those that a tag opts out."""
    protects = wanted is Wanted.PROVISIONED
    told = in_words(results, BACKED_UP if protects else RELEASED)
    if protects and any(each.standing is Standing.OPTED_OUT for each in results):
        told += f" To take in again those that a tag opts out: ./provision_tables.py {whitelist} --opt-in"
    return told


def _show(
    options: argparse.Namespace,
    account: Account,
    results: list[TableResult],
    images: list[ImagesResult],
    rows: list[dict[str, Any]],
) -> ExitCode:
    """The result, of one shape for a dry run and a real one, and what the exit code is."""
    code = exit_code(results)
    if code is ExitCode.DONE and not all(each.ok for each in images):
        code = ExitCode.PARTLY_DONE
    document = {
        "dryRun": options.dry_run,
        "ok": code is ExitCode.DONE,
        "account": account.id,
        "region": account.region,
        "counts": counts(results),
        "tables": [each.document() for each in results],
        "images": [each.document() for each in images],
    }
    cli.show(options, rows, document)
    return code


def _tell_plan(plan: TablePlan, wanted: Wanted) -> None:
    cli.tell(f"{plan.table}: {plan.refusal}" if plan.refusal else f"{plan.table}:")
    if plan.last_result:
        cli.tell(f"  its last batch: {plan.last_result}")
    if plan.not_restorable:
        cli.tell(f"  not restorable: {', '.join(plan.not_restorable)}")
    if plan.somebody_elses:
        cli.tell(f"  delivery stream {plan.somebody_elses} is somebody else's: it is used, and stays as it is")
    for step in plan.steps:
        cli.tell(f"  - {step}")
    takes_mapping = any(isinstance(step, DeleteMapping) for step in plan.steps)
    if wanted is Wanted.DEPROVISIONED and takes_mapping and not plan.somebody_elses:
        cli.tell("  - then, when its buffer is written, delete its delivery stream")
    if any(isinstance(step, EnableStream | CreateDeliveryStream) for step in plan.steps):
        cli.tell("  - then, when both are ready, map the stream")
    if not plan.refusal and not plan.steps:
        cli.tell("  - nothing to do")
