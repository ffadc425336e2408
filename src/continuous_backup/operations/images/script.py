"""What restore_images.py shows, asks and answers."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from continuous_backup.aws import Aws, Client, ClientError, error_code, explain
from continuous_backup.errors import AwsError, BackupError, ExitCode, UsageError
from continuous_backup.operations import cli
from continuous_backup.operations.images import telling
from continuous_backup.operations.images.asked_images import AskedImages
from continuous_backup.operations.images.found_images import WORKERS
from continuous_backup.operations.images.restoration import checkpoint_of
from continuous_backup.operations.images.restoring import Restoring
from continuous_backup.operations.images.surveying import NoItems, Survey, first_image
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import If, Wanted
from continuous_backup.operations.writing_items import asked_keys
from continuous_backup.operations.writing_items import checkpoint as checkpoints
from continuous_backup.operations.writing_items import target as targets
from continuous_backup.operations.writing_items.asked_keys import Written
from continuous_backup.operations.writing_items.checkpoint import Checkpoint
from continuous_backup.operations.writing_items.table_items import TableItems
from continuous_backup.operations.writing_items.target import Target

_IMAGES_A_LINE = 5_000
_TABLES_NAMED = 10
_KEYS_NAMED = 5
_KEYS_NAMED = 5
_FOREIGN_ACCOUNT = {"AccessDenied", "403", "AllAccessDisabled"}
_NO_BUCKET = {"NoSuchBucket", "404"}


def restore(options: argparse.Namespace) -> ExitCode:
    """Shows the plan and asks, unless --yes; restores, and shows what came of it."""
    checkpoints.require_usable(options.checkpoint, Tally, will_be_written=not options.dry_run)
    written = [*options.keys, *(asked_keys.written_in(options.key_file) if options.key_file else [])]
    wanted = Wanted(options.bucket, options.prefix, options.table, options.key_prefix, options.as_of)
    of_table = _connected(options, options.profile, options.region)
    profile, region = options.bucket_profile or options.profile, options.bucket_region or options.region
    of_bucket = _connected(options, profile, region)
    s3, dynamodb = of_bucket.client("s3"), of_table.client("dynamodb")
    with _reading(of_bucket, wanted):
        target = _target(options, of_table, dynamodb, s3, wanted)
        options.condition = _condition(options, wanted, target).value
        _require_key(wanted, target)
        wanted = _asked_by_key(wanted, written, target)
        checkpoint = _checkpoint(options, wanted, target)
        if options.dry_run or not options.yes:
            tally = _survey(options, s3, of_table, wanted, target).survey(checkpoint.after)
            if not checkpoint.after:
                _require_images(tally, s3, wanted)
            telling.tell_plan(options, wanted, target, tally, checkpoint)
            if options.dry_run:
                return telling.answer_dry_run(options, wanted, target, tally)
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
    return telling.answer(options, wanted, target, tally)


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
    image = first_image(s3, wanted, tally := Tally())
    if image is None:
        _require_images(tally, s3, wanted)
        raise _no_images(s3, wanted)
    return targets.planned(name, account.table_arn(name), image.keys, options.partition_key)


def _require_key(wanted: Wanted, target: Target) -> None:
    asked = wanted.key_prefix
    if asked is not None and target.keys.get(asked.attribute) != "S":
        keys = ", ".join(f"{name} ({kind})" for name, kind in target.keys.items())
        raise UsageError(
            f"--key-prefix {asked.attribute}: it is no key attribute of {target.name} that is a text",
            f"the keys are {keys}; --key takes keys of all types",
        )


def _asked_by_key(wanted: Wanted, written: Sequence[Written], target: Target) -> Wanted:
    """Raises UsageError where keys do not fit the table."""
    if not written:
        return wanted
    asked = asked_keys.fitted(written, target.keys, target.name)
    return replace(wanted, asked=AskedImages(asked, target.keys, wanted.prefix, wanted.table))


def _condition(options: argparse.Namespace, wanted: Wanted, target: Target) -> If:
    """--if, or what it is where nothing is said. Raises UsageError where it has to be, and nobody can be asked."""
    if options.condition:
        return If(options.condition)
    if wanted.as_of is None or not target.is_there or target.name != wanted.table:
        return If.NEWER
    question = (
        f"table {target.name} may have changed since {wanted.as_of.isoformat()}: where it has another item, which "
        "wins, the image (always), the item (never), or the item if it is of this very table, which has seen the "
        "change that the image shows (newer)"
    )
    return If(cli.choose(options, question, "--if", [each.value for each in (If.ALWAYS, If.NEVER, If.NEWER)]))


def _require_images(tally: Tally, s3: Client, wanted: Wanted) -> None:
    if tally.looked_at or tally.unreadable or tally.gone or tally.lost:
        return
    if wanted.as_of and tally.later:
        first = f"the first is of {tally.earliest}: " if tally.earliest else ""
        raise UsageError(
            f"below {wanted.where} no such image is of {wanted.as_of.isoformat()} or before",
            f"{first}give a later --as-of",
        )
    raise _no_images(s3, wanted)


def _no_images(s3: Client, wanted: Wanted) -> BackupError:
    if s3.list_objects_v2(Bucket=wanted.bucket, Prefix=wanted.listing_prefix, MaxKeys=1).get("KeyCount"):
        asked = [*wanted.asked.names.values(), *wanted.asked.partitions.values()] if wanted.asked else []
        some = ", ".join(asked[:_KEYS_NAMED]) + (", ..." if len(asked) > _KEYS_NAMED else "")
        return UsageError(
            f"there are no such images below {wanted.where}",
            f"is it the right key, {some}?" if asked else "is it how a key begins?",
        )
    above = wanted.listing_prefix[: -len(wanted.table) - 1]
    page = s3.list_objects_v2(Bucket=wanted.bucket, Prefix=above, Delimiter="/", MaxKeys=_TABLES_NAMED)
    there = [each["Prefix"][len(above) : -1] for each in page.get("CommonPrefixes", [])]
    return UsageError(
        f"there are no images below {wanted.where}",
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
