"""What provision_tables.py --images does and says: images of what tables hold already, table by table."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from continuous_backup.aws import Aws, BotoCoreError, ClientError, explain
from continuous_backup.configuration.config import Config
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.errors import BackupError, UsageError
from continuous_backup.item_images.writing import Place
from continuous_backup.naming import Account
from continuous_backup.operations import cli
from continuous_backup.operations.tables.existing_items import SEGMENTS, ExistingItems, Found
from continuous_backup.operations.tables.provisioning import TablePlan
from continuous_backup.operations.tables.scan_progress import forget_what_is_done, require_readable, run_of

#: After about so many items a scan says how far it is.
_ITEMS_A_LINE = 10_000


@dataclass(frozen=True)
class ImagesResult:
    """What came of one table's images; `left_out` where the operator's own filter has none of it."""

    table: str
    result: str
    ok: bool = True
    left_out: bool = False
    items: int = 0
    written: int = 0
    there_already: int = 0

    def document(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "ok": self.ok,
            "result": self.result,
            "leftOut": self.left_out,
            "items": self.items,
            "written": self.written,
            "thereAlready": self.there_already,
        }


def require(options: argparse.Namespace, aws: Aws, config: Config) -> ItemImages:
    """What the configuration says of images. Raises UsageError, before anything is done, where it has none, or
    where the scans' progress could be neither read nor noted.
    """
    if config.item_images is None:
        raise UsageError("--images, and the configuration has no itemImages", "docs/item-images.md says how to")
    if not options.dry_run:
        cli.require_writable(options.checkpoint, "--checkpoint", "how far the scans are cannot be noted in")
        require_readable(options.checkpoint, aws.clock)
    return config.item_images


def write(
    options: argparse.Namespace, aws: Aws, account: Account, images: ItemImages, plans: Sequence[TablePlan]
) -> list[ImagesResult]:
    """Writes images of the items that the tables hold already, and goes on past a table that fails.

    In a dry run nothing is scanned. Tables that the filter of images leaves out are said.
    """
    there = [plan.table for plan in plans if not plan.refusal]
    left_out = [table for table in there if not images.are_kept_of(table)]
    for table in left_out:
        cli.tell(f"{table}: no images, since itemImages.tableNameMatchRegex leaves it out.")
    results = [ImagesResult(table, "the filter leaves it out", left_out=True) for table in left_out]
    tables = [table for table in there if table not in left_out]
    if options.dry_run:
        cli.tell(f"Then the items of {len(tables)} tables would be scanned, and images of them written.")
        return [*results, *(ImagesResult(table, "its items would be scanned") for table in tables)]
    connected = Aws(
        profile=options.profile,
        region=aws.region,
        endpoint_url=options.endpoint_url,
        connections=max(images.writers, SEGMENTS),
    )
    place = Place(images.bucket, images.prefix, images.storage_class, images.writers)
    existing = ExistingItems(connected, place, account, options.items_per_second, run_of(tables))
    of_tables = [_written(options, existing, table) for table in tables]
    if forget_what_is_done(options.checkpoint, aws.clock):
        cli.tell(f"{options.checkpoint} says how far the scans are: run it again within a day, and they go on.")
    return [*results, *of_tables]


def _written(options: argparse.Namespace, existing: ExistingItems, table: str) -> ImagesResult:
    try:
        found = existing.write(table, options.checkpoint, partial(_tell_scanned, table))
    except (BackupError, ClientError, BotoCoreError) as err:
        told = explain(err, table)
        cli.tell(f"{table}: no images: {told.problem} ({told.hint})")
        return ImagesResult(table, f"failed: {told.problem}", ok=False)
    if found.done_before:
        result = f"images were written before, as {options.checkpoint} says; remove it to scan the table again"
        cli.tell(f"{table}: {result}.")
        return ImagesResult(table, result)
    there = f"{found.there_already:,} were there" if found.there_already else "none was there"
    rest = f" (the rest: {options.checkpoint} says that it goes on)" if found.goes_on else ""
    result = f"images of {found.written:,} of {found.items:,} items written; {there}{rest}"
    cli.tell(f"{table}: {result}.")
    return ImagesResult(table, result, items=found.items, written=found.written, there_already=found.there_already)


def _tell_scanned(table: str, found: Found) -> None:
    if found.items % _ITEMS_A_LINE < found.items_of_the_last_page:
        cli.tell(f"  {table}: {found.items:,} items scanned")
