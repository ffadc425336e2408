"""What restore_images.py says of a plan, and of what came of it; and its exit code."""

import argparse
from typing import Any

from continuous_backup.errors import ExitCode
from continuous_backup.item_images.image import Version
from continuous_backup.operations import cli, wording
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.undone import undone
from continuous_backup.operations.images.wanted import If, Wanted
from continuous_backup.operations.writing_items.checkpoint import Checkpoint
from continuous_backup.operations.writing_items.shown_items import printable
from continuous_backup.operations.writing_items.streams import label_of
from continuous_backup.operations.writing_items.target import Target, in_words

#: What is said of each count that is not zero, in this order.
PLANNED = {
    "images": "images",
    "image_bytes": "bytes of images",
    "tombstones": "tombstones of removed items",
    "written": "items would be written where none is",
    "overwritten": "items would be overwritten",
    "deleted": "items would be deleted, since their images are tombstones (--if always)",
    "same": "items are as their images say",
    "kept": "items are others than their images say, and would stay",
    "stayed": "items are there whose images are tombstones, and would stay",
    "gone": "images have been deleted, or expired",
    "missing": "keys have no image",
    "left_out": "images are left out: they are of other lives of the table",
    "later": "items came later: they have no image of that time or before",
    "lost": "items were there, and their images of that time are no longer kept",
    "failed_records": "objects below _failed/: changes of which no image could be made",
    "foreign": "objects that are no images",
    "unreadable": "images cannot be read or do not fit the table",
}
DONE = PLANNED | {
    "written": "items written where none was",
    "overwritten": "items overwritten",
    "deleted": "items deleted, since their images are tombstones",
    "same": "items were as their images say",
    "kept": "items were others than their images say, and stayed",
    "stayed": "items were there whose images are tombstones, and stayed",
    "refused": "items refused by DynamoDB",
    "verified": "items read back, and as they should be",
    "different": "items read back, and not as they should be",
}
#: Of what is not done, what a person can do about it, where the names do not say.
_ADVICE = {
    "kept": "--if always overwrites the items that stay",
    "stayed": "--if always deletes the items that stay although they were removed",
    "left_out": "--life LIFE asks for the images that are left out, --life newest for no others than these",
}


def tell_plan(
    options: argparse.Namespace, wanted: Wanted, target: Target, tally: Tally, done: Checkpoint[Tally]
) -> None:
    keys = in_words(target.keys)
    made = "" if target.is_there else ", which would be made, on demand"
    at = f" as of {wanted.as_of.isoformat()}" if wanted.as_of else ""
    cli.tell(f"From {wanted.where}{at}, to table {target.arn}{made}; keys: {keys}; --if {options.condition}:")
    if done.after:
        cli.tell(f"  {done.file} says that all up to {done.after} is done; of what is behind it:")
    _tell_counts(tally, PLANNED)
    _tell_times(tally)
    _tell_lives(tally, wanted)
    _tell_earlier_life(tally, wanted, target)


def _tell_lives(tally: Tally, wanted: Wanted) -> None:
    """Images of several streams, and which are left out: what no stream has told is in none of them."""
    if len(tally.streams) < 2 and not tally.left_out:
        return
    cli.tell(f"WARNING: the images are of {len(tally.streams)} streams of the table:")
    for arn, count in sorted(tally.streams.items(), key=lambda each: label_of(each[0]), reverse=True):
        left_out = f", left out: --life {label_of(arn) or arn}" if arn and not wanted.takes_life(arn) else ""
        cli.tell(printable(f"  {count:,} of {arn or 'others'}{left_out}"))
    cli.tell(
        "  Items that were deleted while the stream was off, or with an earlier table of this name, may be among "
        "them: see docs/item-images.md"
    )


def _tell_earlier_life(tally: Tally, wanted: Wanted, target: Target) -> None:
    """Of some keys alone, nothing newer may be known: then the newest images are of a table that is gone."""
    if not target.is_there or target.name != wanted.table:
        return
    taken = [arn for arn in tally.streams if arn and wanted.takes_life(arn)]
    if taken and not any(target.has_seen(Version(arn, 0)) for arn in taken):
        cli.tell(
            f"WARNING: all these images are of an earlier life of {target.name}, from before the table that is "
            f"there was made: {', '.join(printable(label_of(arn) or arn) for arn in sorted(taken))}"
        )


def _tell_times(tally: Tally) -> None:
    """From when on more can be had, where a time was asked for that is too early."""
    if tally.all_from:
        cli.tell(f"  An --as-of of {tally.all_from} or later finds all of them but those whose image was deleted.")


def _tell_counts(tally: Tally, words: dict[str, str]) -> None:
    for name, said in words.items():
        if count := getattr(tally, name):
            cli.tell(f"  {count:,} {said}")
            for each in tally.names.get(name, []):
                cli.tell(f"    {printable(each)}")
                for difference in tally.differences.get(each, []):
                    cli.tell(f"      {difference}")
            if len(tally.names.get(name, [])) not in (0, count):
                cli.tell("    and more")


def answer_dry_run(options: argparse.Namespace, wanted: Wanted, target: Target, tally: Tally) -> ExitCode:
    cli.tell("Nothing was changed: this was a dry run.")
    not_done = undone(tally, wanted, If(options.condition))
    cli.show(options, [], _document(wanted, target, tally, not_done, dry_run=True))
    if not_done:
        _tell_undone("Not all that is asked for would be done", not_done)
        return ExitCode.PARTLY_DONE
    return ExitCode.DONE


def answer(options: argparse.Namespace, wanted: Wanted, target: Target, tally: Tally) -> ExitCode:
    not_done = undone(tally, wanted, If(options.condition))
    _tell_counts(tally, {name: said for name, said in DONE.items() if tally.names.get(name) and name != "written"})
    _tell_times(tally)
    _tell_lives(tally, wanted)
    _tell_earlier_life(tally, wanted, target)
    rows = [{"what": said, "number": f"{getattr(tally, name):,}"} for name, said in DONE.items()]
    shown = [row for row in rows if row["number"] != "0"]
    cli.show(options, shown, _document(wanted, target, tally, not_done, dry_run=False))
    if tally.different:
        cli.tell(f"Table {target.name} differs from its images: did anybody else write to it meanwhile?")
        return ExitCode.DIFFERENCES_FOUND
    if not_done:
        _tell_undone("Not all that was asked for is done", not_done)
        return ExitCode.PARTLY_DONE
    checked = "" if options.no_verify else " and read back"
    cli.tell(f"Table {target.name}: {wording.items(tally.written + tally.overwritten)} written{checked}.")
    return ExitCode.DONE


def question(target: Target, tally: Tally) -> str:
    """Asked before the first item is written: how many, and where."""
    deleted = f", and delete {tally.deleted:,}" if tally.deleted else ""
    return f"Write {wording.items(tally.written + tally.overwritten)} to table {target.arn}{deleted}?"


def _document(
    wanted: Wanted, target: Target, tally: Tally, not_done: list[str], *, dry_run: bool
) -> dict[str, Any]:
    """Of one shape, whether anything was changed or not."""
    about = {
        "dryRun": dry_run,
        "ok": not not_done and not tally.different,
        "table": target.arn,
        "tableIsThere": target.is_there,
        "from": wanted.where,
    }
    return about | {"notDone": list(map(_camel, not_done))} | document(tally)


def _tell_undone(said: str, not_done: list[str]) -> None:
    cli.tell(f"{said}: the names above say what is not, and why.")
    for name, advice in _ADVICE.items():
        if name in not_done:
            cli.tell(f"  {advice}")


#: Of the tally, what is no result; `names` is one in a spelling of its own.
_INSIDE = ("names", "partitions")


def document(tally: Tally) -> dict[str, Any]:
    """In the result's spelling: the counts, and some names of what a person may want to see."""
    counts = {_camel(name): its for name, its in tally.document().items() if name not in _INSIDE}
    return counts | {"names": {_camel(kind): names for kind, names in tally.names.items()}}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.title, rest))
