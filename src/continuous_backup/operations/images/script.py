"""What restore_images.py asks for, plans, asks and does."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from continuous_backup.aws import Aws, Client, ClientError, error_code, explain
from continuous_backup.errors import AwsError, ExitCode, UsageError
from continuous_backup.operations import cli
from continuous_backup.operations.images import lives, refusals, telling
from continuous_backup.operations.images.asked_images import AskedImages
from continuous_backup.operations.images.found_images import WORKERS
from continuous_backup.operations.images.lives import Seen
from continuous_backup.operations.images.restoration import checkpoint_of, lives_noted
from continuous_backup.operations.images.restoring import Restoring
from continuous_backup.operations.images.surveying import NoItems, Survey
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import If, Wanted
from continuous_backup.operations.writing_items import asked_keys, progress
from continuous_backup.operations.writing_items import checkpoint as checkpoints
from continuous_backup.operations.writing_items import target as targets
from continuous_backup.operations.writing_items.asked_keys import Written
from continuous_backup.operations.writing_items.checkpoint import Checkpoint
from continuous_backup.operations.writing_items.table_items import TableItems
from continuous_backup.operations.writing_items.target import Target

_FOREIGN_ACCOUNT = {"AccessDenied", "403", "AllAccessDisabled"}
_NO_BUCKET = {"NoSuchBucket", "404"}


@dataclass(frozen=True)
class _Sides:
    """The bucket that is read, and the account and region of the table that is written to."""

    s3: Client
    dynamodb: Client
    of_table: Aws


def restore(options: argparse.Namespace) -> ExitCode:
    """Shows the plan and asks, unless --yes; restores, and shows what came of it."""
    checkpoints.require_usable(options.checkpoint, Tally, will_be_written=not options.dry_run)
    written = [*options.keys, *(asked_keys.written_in(options.key_file) if options.key_file else [])]
    wanted = Wanted(options.bucket, options.prefix, options.table, options.key_prefix, options.as_of)
    of_table = _connected(options, options.profile, options.region)
    if options.as_of and options.as_of.timestamp() > of_table.clock():
        raise UsageError(
            f"--as-of {options.as_of.isoformat()} is a time to come", "is the year right, and the time in UTC?"
        )
    profile, region = options.bucket_profile or options.profile, options.bucket_region or options.region
    of_bucket = _connected(options, profile, region)
    s3, dynamodb = of_bucket.client("s3"), of_table.client("dynamodb")
    sides = _Sides(s3, dynamodb, of_table)
    with _reading(of_bucket, wanted):
        wanted, target, total = _wanted_and_target(options, sides, wanted, written)
        checkpoint = _checkpoint(options, wanted, target)
        if options.dry_run or not options.yes:
            tally = _surveyed(options, sides, wanted, target, checkpoint.after, total)
            total = checkpoint.tally.looked_at + tally.looked_at
            if not checkpoint.after:
                _require_images(tally, sides.s3, wanted)
            telling.tell_plan(options, wanted, target, tally, checkpoint)
            if options.dry_run:
                return telling.answer_dry_run(options, wanted, target, tally)
            if not (tally.written or tally.overwritten or tally.deleted):
                cli.tell("Nothing to do.")
                return telling.answer(options, wanted, target, tally)
            if not cli.confirm(options, telling.question(target, tally)):
                cli.tell("Nothing was changed.")
                return ExitCode.FAILED
        targets.require_unchanged(sides.dynamodb, target)
        if not target.is_there:
            target = targets.created(sides.dynamodb, target, of_table.sleep, of_table.clock)
            cli.tell(f"Made table {target.name}.")
            checkpoint = _checkpoint(options, wanted, target)
        if checkpoint.after:
            cli.tell(f"Going on behind {checkpoint.after}, as {checkpoint.file} says.")
        tally = _restored(options, sides, wanted, target, checkpoint, total)
        checkpoint.remove()
        _require_images(tally, sides.s3, wanted)
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


def _wanted_and_target(
    options: argparse.Namespace, sides: _Sides, wanted: Wanted, written: Sequence[Written]
) -> tuple[Wanted, Target, int | None]:
    """Which keys are asked for, of which lives; the table that is there, or that --create would make; and how many
    images there are, None where that is not known.

    Raises UsageError where something of it cannot be.
    """
    name = options.to_table or options.table
    there = targets.described(sides.dynamodb, name)
    options.condition = _condition(options, wanted, there).value
    if there is not None:
        wanted, seen = _of_lives(options, sides.s3, _by_key(wanted, written, there), there)
        if seen.streams and not seen.some_fit(wanted.lives, there):
            raise refusals.other_keys(wanted, there, seen.keys(wanted.lives))
        return wanted, there, seen.total(wanted.lives)
    account = sides.of_table.account()
    if not options.create:
        raise refusals.no_table(name, account)
    wanted, seen = _of_lives(options, sides.s3, wanted, None)
    if not seen.streams:
        raise refusals.no_keys_known(wanted, name)
    types = seen.keys(wanted.lives)
    planned = targets.planned(name, account.table_arn(name), types, options.partition_key)
    return _by_key(wanted, written, planned), planned, None if written else seen.total(wanted.lives)


def _by_key(wanted: Wanted, written: Sequence[Written], target: Target) -> Wanted:
    """Raises UsageError where keys, or the attribute of --key-prefix, do not fit the table."""
    if wanted.key_prefix is not None and target.keys.get(wanted.key_prefix.attribute) != "S":
        raise refusals.no_text_key(wanted.key_prefix.attribute, target)
    if not written:
        return wanted
    asked = asked_keys.fitted(written, target.keys, target.name)
    return replace(wanted, asked=AskedImages(asked, target.keys, wanted.prefix, wanted.table))


def _of_lives(
    options: argparse.Namespace, s3: Client, wanted: Wanted, there: Target | None
) -> tuple[Wanted, Seen]:
    """What is wanted of which lives, and what was seen to know that: nothing where it is known without.

    A restoration that goes on, goes on with the lives that it began with.
    """
    asked = replace(wanted, lives_are_asked=bool(options.lives))
    if there and not options.lives and (noted := lives_noted(options.checkpoint)):
        return replace(asked, lives=None if isinstance(noted, str) else noted), Seen()
    if there and lives.ALL in options.lives:
        return asked, Seen()
    with progress.told("Looking at images", None) as tell:
        seen, tally = lives.seen(s3, wanted, tuple(there.keys) if there else (), on_chunk=_telling_size(tell))
    if not seen.streams:
        _require_images(tally, s3, wanted)
    if not seen.streams and not options.lives:
        return asked, seen
    return replace(asked, lives=lives.chosen(options.lives, seen, there, wanted.where)), seen


def _condition(options: argparse.Namespace, wanted: Wanted, there: Target | None) -> If:
    """--if, or what it is where nothing is said. Raises UsageError where it has to be, and nobody can be asked."""
    if options.condition:
        return If(options.condition)
    if wanted.as_of is None or there is None or there.name != wanted.table:
        return If.NEWER
    question = (
        f"table {there.name} may have changed since {wanted.as_of.isoformat()}: where it has another item, which "
        "wins, the image (always), the item (never), or the item if it is of this very table, which has seen the "
        "change that the image shows (newer)"
    )
    return If(cli.choose(options, question, "--if", [each.value for each in (If.ALWAYS, If.NEVER, If.NEWER)]))


def _require_images(tally: Tally, s3: Client, wanted: Wanted) -> None:
    """Raises UsageError where nothing that is wanted was found, which is somebody's mistake."""
    if tally.looked_at or tally.unreadable or tally.gone or tally.lost or tally.left_out:
        return
    if wanted.as_of is not None and tally.later:
        raise refusals.too_early(wanted, wanted.as_of, tally.earliest)
    raise refusals.no_images(s3, wanted)


def _checkpoint(options: argparse.Namespace, wanted: Wanted, target: Target) -> Checkpoint[Tally]:
    return checkpoint_of(options.checkpoint, wanted, target, If(options.condition))


def _surveyed(
    options: argparse.Namespace, sides: _Sides, wanted: Wanted, target: Target, after: str, total: int | None
) -> Tally:
    there = TableItems(sides.of_table, target, options.writes_per_second) if target.is_there else NoItems()
    with progress.told("Comparing images", total) as tell:
        survey = Survey(sides.s3, wanted, target, there, If(options.condition), on_chunk=_telling(tell))
        return survey.survey(after)


def _restored(
    options: argparse.Namespace,
    sides: _Sides,
    wanted: Wanted,
    target: Target,
    checkpoint: Checkpoint[Tally],
    total: int | None,
) -> Tally:
    there, verify = TableItems(sides.of_table, target, options.writes_per_second), not options.no_verify
    with progress.told("Restoring images", total, checkpoint.tally.looked_at) as tell:
        restoring = Restoring(
            sides.s3, wanted, target, there, If(options.condition), verify=verify, on_chunk=_telling(tell)
        )
        return restoring.restore(checkpoint)


def _telling_size(tell: progress.Tell) -> Callable[[Tally], None]:
    return lambda tally: tell(tally.looked_at, f"{tally.image_bytes / 1e6:,.0f} MB")


def _telling(tell: progress.Tell) -> Callable[[Tally], None]:
    return lambda tally: tell(tally.looked_at, f"{tally.changes:,} changes of items")
