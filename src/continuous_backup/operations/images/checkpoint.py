"""How far a restoration is, kept in a file, so that it goes on where it was stopped."""

import json
from dataclasses import dataclass
from pathlib import Path

from continuous_backup.errors import UsageError
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.target import Target
from continuous_backup.operations.images.wanted import If, Wanted


@dataclass
class Checkpoint:
    """The last name that is done, and what was counted up to it; of one restoration, which `of` describes."""

    file: Path
    of: dict[str, str]
    after: str
    tally: Tally

    @classmethod
    def load(cls, file: Path, of: dict[str, str]) -> "Checkpoint":
        """What the file says, or the beginning where there is none.

        Raises UsageError where the file is none of ours, or of another restoration.
        """
        hint = "name another --checkpoint, or remove that file to begin anew"
        try:
            known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
            if known is None:
                return cls(file, of, "", Tally())
            known_of, after, tally = dict(known["of"]), str(known["after"]), Tally.of_document(known["tally"])
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as err:
            raise UsageError(f"{file} does not say how far a restoration is: {err}", hint) from err
        if known_of != of:
            names = sorted(name for name in known_of | of if known_of.get(name) != of.get(name))
            raise UsageError(f"{file} is of another restoration: it differs in {', '.join(names)}", hint)
        return cls(file, of, after, tally)

    def note(self, after: str) -> None:
        """All up to this name is done. The file is whole at any moment."""
        self.after = after
        beside = self.file.with_suffix(self.file.suffix + ".new")
        known = {"of": self.of, "after": after, "tally": self.tally.document()}
        beside.write_text(json.dumps(known), encoding="utf-8")
        beside.replace(self.file)

    def remove(self) -> None:
        """All is done: the next restoration begins anew."""
        self.file.unlink(missing_ok=True)


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
        "asOf": wanted.as_of.isoformat() if wanted.as_of else "",
        "if": condition.value,
    }
