"""What provision_tables.py and deprovision_tables.py show, ask and answer."""

import argparse
import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Aws, BotoCoreError, ClientError, explain
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.actions import CreateDeliveryStream, DeleteMapping, EnableStream
from continuous_backup.ensure_backup.optin import Filter, opt_in_filter
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.errors import BackupError, ExitCode, UsageError
from continuous_backup.item_images.writing import Place
from continuous_backup.naming import Account
from continuous_backup.operations import cli
from continuous_backup.operations.building import functions, zips
from continuous_backup.operations.tables import named_delivery_streams
from continuous_backup.operations.tables.existing_items import SEGMENTS, ExistingItems, Found
from continuous_backup.operations.tables.provisioning import (
    Provisioning,
    TablePlan,
    TableResult,
    exit_code,
)

#: After about so many items a scan says how far it is.
_ITEMS_A_LINE = 10_000


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


def finish(
    options: argparse.Namespace, provisioning: Provisioning, plans: list[TablePlan], wanted: Wanted
) -> ExitCode:
    """Shows the plan, asks where something is taken away, carries it out, and shows what came of it."""
    for plan in plans:
        _tell_plan(plan, wanted)
    if options.dry_run:
        cli.tell("Nothing was changed: this was a dry run.")
        cli.show(options, [], {"dryRun": True, "tables": [_planned(plan) for plan in plans]})
        return exit_code([TableResult(p.table, p.refusal, _fine(p)) for p in plans])
    takes_away = any(action.destructive for plan in plans for action in plan.actions)
    asks = takes_away or (wanted is Wanted.DEPROVISIONED and any(plan.steps for plan in plans))
    if asks and not cli.confirm(options, "Go on? Data on S3 is not touched."):
        cli.tell("Nothing was changed.")
        return ExitCode.FAILED
    results = provisioning.carry_out(plans, wanted, lambda each: cli.tell(f"{each.table}: {each.in_words}"))
    cli.show(options, [_row(each) for each in results], {"tables": [_document(each) for each in results]})
    good = sum(each.ok for each in results)
    cli.tell(f"{good} of {len(results)} tables are as asked for.")
    return exit_code(results)


def write_images(
    options: argparse.Namespace, aws: Aws, account: Account, config: Config, plans: list[TablePlan]
) -> ExitCode:
    """Writes images of the items that the tables hold already, and goes on past a table that fails."""
    images = config.item_images
    if images is None:
        raise UsageError("--images, and the configuration has no itemImages", "docs/item-images.md says how to")
    place = Place(images.bucket, images.prefix, images.storage_class, images.writers)
    tables = [plan.table for plan in plans if not plan.refusal and images.are_kept_of(plan.table)]
    if options.dry_run:
        cli.tell(f"Then the items of {len(tables)} tables would be scanned, and images of them written.")
        return ExitCode.DONE
    connected = Aws(
        profile=options.profile,
        region=aws.region,
        endpoint_url=options.endpoint_url,
        connections=max(images.writers, SEGMENTS),
    )
    existing = ExistingItems(connected, place, account, options.items_per_second)
    failed = []
    for table in tables:
        try:
            found = existing.write(table, options.checkpoint, partial(_tell_scanned, table))
        except (BackupError, ClientError, BotoCoreError) as err:
            told = explain(err, table)
            cli.tell(f"{table}: no images: {told.problem} ({told.hint})")
            failed.append(table)
            continue
        there = f"{found.there_already:,} were there" if found.there_already else "none was there"
        rest = f" (the rest: {options.checkpoint} says that it goes on)" if found.goes_on else ""
        cli.tell(f"{table}: images of {found.written:,} of {found.items:,} items written; {there}{rest}.")
    if not failed:
        options.checkpoint.unlink(missing_ok=True)  # all is done: another time, all is scanned again
        return ExitCode.DONE
    return ExitCode.PARTLY_DONE if len(failed) < len(tables) else ExitCode.FAILED


def _tell_scanned(table: str, found: Found) -> None:
    if found.items % _ITEMS_A_LINE < found.items_of_the_last_page:
        cli.tell(f"  {table}: {found.items:,} items scanned")


def _fine(plan: TablePlan) -> bool:
    return not plan.problems and (not plan.refusal or plan.refused_on_request)


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


def _planned(plan: TablePlan) -> dict[str, Any]:
    steps = [str(step) for step in plan.steps]
    about = {"table": plan.table, "refusal": plan.refusal, "steps": steps}
    return {**about, "notRestorable": list(plan.not_restorable), "somebodyElses": plan.somebody_elses}


def _document(result: TableResult) -> dict[str, Any]:
    about = {"table": result.table, "result": result.result, "ok": result.ok, "details": result.details}
    return {**about, "notRestorable": list(result.not_restorable)}


def _row(result: TableResult) -> dict[str, str]:
    return {"table": result.table, "result": result.in_words}
