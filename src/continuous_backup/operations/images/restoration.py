"""Which restoration of images it is: what tells one from another, so that only the same one is gone on with."""

from pathlib import Path

from continuous_backup.operations.images import lives
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import If, Wanted
from continuous_backup.operations.writing_items import checkpoint
from continuous_backup.operations.writing_items.checkpoint import Checkpoint
from continuous_backup.operations.writing_items.target import Target


def described(wanted: Wanted, target: Target, condition: If) -> dict[str, str]:
    """What makes a restoration another one: also a table that was made anew since."""
    key_prefix = wanted.key_prefix
    return {
        "bucket": wanted.bucket,
        "prefix": wanted.prefix,
        "images": wanted.table,
        "table": target.arn,
        "tableCreated": target.created.isoformat() if target.created else "",
        "keyPrefix": f"{key_prefix.attribute}={key_prefix.text}" if key_prefix else "",
        "keys": wanted.asked.digest() if wanted.asked else "",
        "life": " ".join(sorted(wanted.lives)) if wanted.lives is not None else lives.ALL,
        "asOf": wanted.as_of.isoformat() if wanted.as_of else "",
        "if": condition.value,
    }


def lives_noted(file: Path) -> frozenset[str] | str:
    """The streams that the restoration is of that was stopped, or lives.ALL; "" where none was."""
    noted = checkpoint.described_in(file, Tally).get("life", "")
    return noted if noted in ("", lives.ALL) else frozenset(noted.split())


def checkpoint_of(file: Path, wanted: Wanted, target: Target, condition: If) -> Checkpoint[Tally]:
    """Where this restoration goes on. Raises UsageError where the file is of another one."""
    return checkpoint.load(file, described(wanted, target, condition), Tally)
