"""The command line of restore_images.py."""

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path

from continuous_backup import naming
from continuous_backup.configuration.keys import (
    BUCKET,
    BUCKET_SHAPE,
    PATH,
    PATH_SHAPE,
)
from continuous_backup.operations import cli
from continuous_backup.operations.images.wanted import If, KeyPrefix
from continuous_backup.operations.writing_items import asked_keys
from continuous_backup.operations.writing_items.asked_keys import NoKey, Written


class _Once(argparse.Action):
    """An option of which the last one would silently take the place of those before."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest, None) is not None:
            parser.error(f"{option} is given twice; one is taken at a time")
        setattr(namespace, self.dest, values)


def add_to(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("table", type=table_name, metavar="TABLE", help="the table whose images are read")
    add("--bucket", type=bucket_name, required=True, help="the bucket of the images, or its replica")
    add("--prefix", type=path, default="", metavar="PATH", help="the prefix of the images (itemImages.prefix)")
    add(
        "--to-table",
        type=table_name,
        metavar="NAME",
        help="the table that is written to (default: of the same name)",
    )
    add(
        "--create",
        action="store_true",
        help="make that table where it is not there: on demand, and with keys alone",
    )
    add("--partition-key", default="", metavar="NAME", help="for --create: which of two keys it is")
    add(
        "--key",
        dest="keys",
        type=key,
        action="append",
        default=[],
        metavar="KEY",
        help="only the item with this key, or the items of this partition key; repeatable. id=alice, or JSON: "
        '\'{"id": "alice", "at": 42}\', or with types: \'{"id": {"S": "alice"}}\'; binary is base64',
    )
    add("--key-file", type=Path, metavar="FILE", help="a file of such keys, one a line")
    add(
        "--key-prefix",
        type=key_prefix,
        action=_Once,
        metavar="ATTRIBUTE=TEXT",
        help="only items whose key attribute, a text, begins so: id=1 is also id=10, see --key",
    )
    add(
        "--as-of",
        type=moment,
        metavar="TIME",
        help="the images that S3 had at that time, such as 2026-11-25T10:00:00Z; needs a bucket with versions, "
        "and goes back as far as these are kept",
    )
    add(
        "--life",
        dest="lives",
        action="append",
        default=[],
        metavar="LIFE",
        help="the images of which life of the table, if it was deleted and made anew, or its stream switched off "
        "and on: newest (the default), all, or the time in the ARN of its stream, as a plan shows it; repeatable",
    )
    add(
        "--if",
        dest="condition",
        choices=[each.value for each in If],
        help="where the table has another item already; to be answered with --as-of into the same table. An item "
        "of DynamoDB's has no time, so newer (the default otherwise) "
        "goes by where an image comes from: an item stays if its image was made from changes of this very table, "
        "which has seen them; it is overwritten by an image of another table or of one of this name that was "
        "deleted since, even if an application has written the item later. never leaves all that is there. always "
        "overwrites, and deletes items whose images are tombstones",
    )
    add("--writes-per-second", type=cli.positive, default=500.0, help="how fast, at most (default: %(default)g)")
    add(
        "--checkpoint",
        type=Path,
        default=Path("restore-checkpoint.json"),
        metavar="FILE",
        help="file that says how far it is, to go on where it was stopped (default: %(default)s)",
    )
    add("--no-verify", action="store_true", help="do not read back what was written")
    add("--profile", help="AWS profile for the table, as in `aws --profile`")
    add("--region", help="AWS region of the table (default: that of your AWS settings)")
    add("--bucket-profile", metavar="PROFILE", help="AWS profile for the bucket (default: --profile)")
    add("--bucket-region", metavar="REGION", help="AWS region of the bucket (default: --region)")
    add("--endpoint-url", metavar="URL", help="another endpoint than AWS's, for all services")
    add("--output", choices=("table", "json"), default="table", help="how results are shown")
    add("--dry-run", action="store_true", help="show the plan and change nothing")
    add(
        "--yes",
        action="store_true",
        help="do not ask, nor compare all images with the table once before, for the plan",
    )
    add("--debug", action="store_true", help="show the stack of an error, for a bug report")


def problem(options: argparse.Namespace) -> str:
    """Of options that are wrong together, what is wrong; "" where nothing is."""
    if options.partition_key and not options.create:
        return "--partition-key belongs to --create"
    if options.key_prefix and (options.keys or options.key_file):
        return "--key-prefix asks for other items than --key and --key-file do: give one of them"
    return ""


def table_name(text: str) -> str:
    """For an option: also against an empty one, of a variable that was not set."""
    if not naming.is_table_name(text):
        raise argparse.ArgumentTypeError(f'"{text}" is not a table\'s name: 3 to 255 letters, digits, _ . -')
    return text


def bucket_name(text: str) -> str:
    """For an option."""
    if not re.fullmatch(BUCKET, text):
        raise argparse.ArgumentTypeError(f'"{text}" is not {BUCKET_SHAPE}')
    return text


def path(text: str) -> str:
    """For an option: without slashes at its ends."""
    stripped = text.strip("/")
    if stripped and not re.fullmatch(PATH, stripped):
        raise argparse.ArgumentTypeError(f'"{text}" is not {PATH_SHAPE}')
    return stripped


def key(text: str) -> Written:
    """For an option."""
    try:
        return asked_keys.written(text)
    except NoKey as err:
        raise argparse.ArgumentTypeError(str(err)) from err


def key_prefix(text: str) -> KeyPrefix:
    """For an option."""
    attribute, equals, beginning = text.partition("=")
    if not attribute or not equals:
        raise argparse.ArgumentTypeError(f'"{text}" is not ATTRIBUTE=TEXT, such as id=customer-')
    return KeyPrefix(attribute, beginning)


def moment(text: str) -> datetime:
    """For an option: a time that says its time zone."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError) as err:
        raise argparse.ArgumentTypeError(f'"{text}" is not a time such as 2026-11-25T10:00:00Z') from err
    raise argparse.ArgumentTypeError(f'"{text}" does not say its time zone: end it in Z for UTC')
