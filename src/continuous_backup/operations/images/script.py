"""What restore_images.py shows, asks and answers."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from continuous_backup.aws import Aws, Client, ClientError, error_code, explain
from continuous_backup.errors import AwsError, BackupError, ExitCode, UsageError
from continuous_backup.operations import cli
from continuous_backup.operations.images.restoration import checkpoint_of
from continuous_backup.operations.images.restoring import Restoring
from continuous_backup.operations.images.surveying import WORKERS, NoItems, Survey, first_image
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import If, Wanted
from continuous_backup.operations.writing_items import checkpoint as checkpoints
from continuous_backup.operations.writing_items import target as targets
from continuous_backup.operations.writing_items.checkpoint import Checkpoint
from continuous_backup.operations.writing_items.table_items import TableItems
from continuous_backup.operations.writing_items.target import Target

_IMAGES_A_LINE = 5_000
_TABLES_NAMED = 10
_FOREIGN_ACCOUNT = {"AccessDenied", "403", "AllAccessDisabled"}
_NO_BUCKET = {"NoSuchBucket", "404"}
#: What is said of each count that is not zero, in this order.
_PLANNED = {
    "images": "images",
    "image_bytes": "bytes of images",
    "tombstones": "tombstones of removed items",
    "written": "items would be written where none is",
    "overwritten": "items would be overwritten",
    "deleted": "items would be deleted, since their images are tombstones (--if always)",
    "same": "items are as their images say",
    "kept": "items are others than their images say, and would stay",
    "gone": "images have been deleted, or expired",
    "later": "images have no version that is kept of that time or before",
    "failed_records": "objects below _failed/: changes of which no image could be made",
    "foreign": "objects that are no images",
    "unreadable": "images cannot be read or do not fit the table",
}
_DONE = _PLANNED | {
    "written": "items written where none was",
    "overwritten": "items overwritten",
    "deleted": "items deleted, since their images are tombstones",
    "same": "items were as their images say",
    "kept": "items were others than their images say, and stayed",
    "refused": "items refused by DynamoDB",
    "verified": "items read back, and as they should be",
    "different": "items read back, and not as they should be",
}


def restore(options: argparse.Namespace) -> ExitCode:
    """Shows the plan and asks, unless --yes; restores, and shows what came of it."""
    checkpoints.require_usable(options.checkpoint, Tally, will_be_written=not options.dry_run)
    wanted = Wanted(options.bucket, options.prefix, options.table, options.key_prefix, options.as_of)
    of_table = _connected(options, options.profile, options.region)
    profile, region = options.bucket_profile or options.profile, options.bucket_region or options.region
    of_bucket = _connected(options, profile, region)
    s3, dynamodb = of_bucket.client("s3"), of_table.client("dynamodb")
    with _reading(of_bucket, wanted):
        target = _target(options, of_table, dynamodb, s3, wanted)
        _require_key(wanted, target)
        checkpoint = _checkpoint(options, wanted, target)
        if options.dry_run or not options.yes:
            tally = _survey(options, s3, of_table, wanted, target).survey(checkpoint.after)
            if not checkpoint.after:
                _require_images(tally, s3, wanted)
            _tell_plan(options, wanted, target, tally, checkpoint)
            if options.dry_run:
                return _answer_dry_run(options, target, tally)
            if not cli.confirm(options, "Go on?"):
                cli.tell("Nothing was changed.")
                return ExitCode.FAILED
        if not target.is_there:
            target = targets.created(dynamodb, target, of_table.sleep, of_table.clock)
            cli.tell(f"Made table {target.name}.")
            checkpoint = _checkpoint(options, wanted, target)
        if checkpoint.after:
            cli.tell(f"Going on behind {checkpoint.after}, as {checkpoint.file} says.")
        tally = _restoring(options, s3, of_table, wanted, target).restore(checkpoint)
        checkpoint.remove()
        _require_images(tally, s3, wanted)
    return _answer(options, wanted, target, tally)


def _connected(options: argparse.Namespace, profile: str | None, region: str | None) -> Aws:
    return Aws(profile=profile, region=region, endpoint_url=options.endpoint_url, connections=WORKERS)


@contextmanager
def _reading(of_bucket: Aws, wanted: Wanted) -> Iterator[None]:
    """Says of S3's refusals whose credentials they were, and what to do."""
    try:
        yield
    except ClientError as err:
        code = error_code(err)
        if code in _NO_BUCKET:
            raise UsageError(
                f"there is no bucket {wanted.bucket}", "is its name right, and --bucket-region its region?"
            ) from err
        if code in _FOREIGN_ACCOUNT:
            who = of_bucket.account().id
            raise AwsError(
                f"{wanted.where}: {explain(err).problem} (with credentials of account {who})",
                "if the bucket is another account's, name a profile of that account with --bucket-profile; "
                "docs/iam.md has the policy that its user needs",
                code,
            ) from err
        raise


def _target(options: argparse.Namespace, of_table: Aws, dynamodb: Client, s3: Client, wanted: Wanted) -> Target:
    """The table, or that which --create would make. Raises UsageError where there is none."""
    name = options.to_table or options.table
    found = targets.described(dynamodb, name)
    if found is not None:
        return found
    account = of_table.account()
    if not options.create:
        raise UsageError(
            f"there is no table {name} in account {account.id}, region {account.region}",
            "make it with the keys that the images have, or add --create; or name another with --to-table",
        )
    image = first_image(s3, wanted)
    if image is None:
        raise _no_images(s3, wanted)
    return targets.planned(name, account.table_arn(name), image.keys, options.partition_key)


def _require_key(wanted: Wanted, target: Target) -> None:
    asked = wanted.key_prefix
    if asked is not None and target.keys.get(asked.attribute) != "S":
        keys = ", ".join(f"{name} ({kind})" for name, kind in target.keys.items())
        raise UsageError(
            f"--key-prefix {asked.attribute}: it is no key attribute of {target.name} that is a text",
            f"the keys are {keys}",
        )


def _require_images(tally: Tally, s3: Client, wanted: Wanted) -> None:
    if not (tally.looked_at or tally.unreadable or tally.gone or tally.later):
        raise _no_images(s3, wanted)


def _no_images(s3: Client, wanted: Wanted) -> BackupError:
    above = wanted.listing_prefix[: -len(wanted.table) - 1]
    page = s3.list_objects_v2(Bucket=wanted.bucket, Prefix=above, Delimiter="/", MaxKeys=_TABLES_NAMED)
    there = [each["Prefix"][len(above) : -1] for each in page.get("CommonPrefixes", [])]
    what = "no such images" if wanted.key_prefix else "no images"
    return UsageError(
        f"there are {what} below {wanted.where}",
        f"what is beside it: {', '.join(there) or 'nothing'}; is --prefix right?",
    )


def _checkpoint(options: argparse.Namespace, wanted: Wanted, target: Target) -> Checkpoint[Tally]:
    return checkpoint_of(options.checkpoint, wanted, target, If(options.condition))


def _survey(options: argparse.Namespace, s3: Client, of_table: Aws, wanted: Wanted, target: Target) -> Survey:
    items = TableItems(of_table, target, options.writes_per_second) if target.is_there else NoItems()
    return Survey(s3, wanted, target, items, If(options.condition), on_chunk=_teller())


def _restoring(
    options: argparse.Namespace, s3: Client, of_table: Aws, wanted: Wanted, target: Target
) -> Restoring:
    items = TableItems(of_table, target, options.writes_per_second)
    verify = not options.no_verify
    return Restoring(s3, wanted, target, items, If(options.condition), verify=verify, on_chunk=_teller())


def _teller() -> Callable[[Tally], None]:
    """What says now and then how far it is."""
    told = 0

    def tell(tally: Tally) -> None:
        nonlocal told
        if tally.looked_at // _IMAGES_A_LINE > told:
            told = tally.looked_at // _IMAGES_A_LINE
            cli.tell(f"  {tally.looked_at:,} images, {tally.changes:,} changes of items")

    return tell


def _tell_plan(
    options: argparse.Namespace, wanted: Wanted, target: Target, tally: Tally, done: Checkpoint[Tally]
) -> None:
    keys = ", ".join(f"{name} ({kind})" for name, kind in target.keys.items())
    made = "" if target.is_there else ", which would be made, on demand"
    at = f" as of {wanted.as_of.isoformat()}" if wanted.as_of else ""
    cli.tell(f"From {wanted.where}{at}, to table {target.arn}{made}; keys: {keys}; --if {options.condition}:")
    if done.after:
        cli.tell(f"  {done.file} says that all up to {done.after} is done; of what is behind it:")
    _tell_counts(tally, _PLANNED)
    _tell_streams(tally)


def _tell_streams(tally: Tally) -> None:
    """Images of several streams: what no stream has told is in none of them."""
    if len(tally.streams) < 2:
        return
    cli.tell(f"WARNING: the images are of {len(tally.streams)} streams:")
    for arn, count in sorted(tally.streams.items()):
        cli.tell(f"  {count:,} of {arn or 'others'}")
    cli.tell(
        "  Items that were deleted while the stream was off, or with an earlier table of this name, are among "
        "them: see docs/item-images.md"
    )


def _tell_counts(tally: Tally, words: dict[str, str]) -> None:
    for name, said in words.items():
        if count := getattr(tally, name):
            cli.tell(f"  {count:,} {said}")
            for each in tally.names.get(name, []):
                cli.tell(f"    {each}")
            if len(tally.names.get(name, [])) not in (0, count):
                cli.tell("    and more")


def _answer_dry_run(options: argparse.Namespace, target: Target, tally: Tally) -> ExitCode:
    cli.tell("Nothing was changed: this was a dry run.")
    about = {"dryRun": True, "table": target.arn, "tableIsThere": target.is_there}
    cli.show(options, [], about | _document(tally))
    return ExitCode.PARTLY_DONE if tally.unreadable else ExitCode.DONE


def _answer(options: argparse.Namespace, wanted: Wanted, target: Target, tally: Tally) -> ExitCode:
    _tell_counts(tally, {name: said for name, said in _DONE.items() if tally.names.get(name)})
    _tell_streams(tally)
    rows = [{"what": said, "number": f"{getattr(tally, name):,}"} for name, said in _DONE.items()]
    cli.show(
        options,
        [row for row in rows if row["number"] != "0"],
        {"dryRun": False, "table": target.arn, "from": wanted.where} | _document(tally),
    )
    if tally.different:
        cli.tell(f"Table {target.name} differs from its images: did anybody else write to it meanwhile?")
        return ExitCode.DIFFERENCES_FOUND
    if tally.unreadable or tally.refused:
        cli.tell("Not all images could be restored: the names above say which, and why.")
        return ExitCode.PARTLY_DONE
    checked = "" if options.no_verify else " and read back"
    cli.tell(f"Table {target.name}: {tally.written + tally.overwritten:,} items written{checked}.")
    return ExitCode.DONE


def _document(tally: Tally) -> dict[str, Any]:
    """In the result's spelling: the counts, and some names of what a person may want to see."""
    counts = {_camel(name): its for name, its in tally.document().items() if name != "names"}
    return counts | {"names": {_camel(kind): names for kind, names in tally.names.items()}}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))
