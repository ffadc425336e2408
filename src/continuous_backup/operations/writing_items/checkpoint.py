"""How far a restoration is, kept in a file, so that it goes on where it was stopped."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

from continuous_backup.errors import BackupError, UsageError
from continuous_backup.operations import cli

_HINT = "name another --checkpoint, or remove that file to begin anew"


class Counted(Protocol):
    """What a restoration counts: made of nothing at its beginning, and written as JSON's values."""

    def __init__(self) -> None: ...
    def document(self) -> dict[str, Any]: ...
    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self: ...


Counts = TypeVar("Counts", bound=Counted)


@dataclass
class Checkpoint(Generic[Counts]):
    """The last name that is done, and what was counted up to it; of one restoration, which `of` describes."""

    file: Path
    of: dict[str, str]
    after: str
    tally: Counts

    def note(self, after: str) -> None:
        """All up to this name is done. The file is whole at any moment. Raises BackupError where it cannot be."""
        self.after = after
        beside = self.file.with_suffix(self.file.suffix + ".new")
        known = {"of": self.of, "after": after, "tally": self.tally.document()}
        with _being_changed(self.file):
            beside.write_text(json.dumps(known), encoding="utf-8")
            beside.replace(self.file)

    def remove(self) -> None:
        """All is done: the next restoration begins anew. Raises BackupError where the file stays."""
        with _being_changed(self.file):
            self.file.unlink(missing_ok=True)


def load(file: Path, of: dict[str, str], counts: type[Counts]) -> Checkpoint[Counts]:
    """What the file says, or the beginning where there is none.

    Raises UsageError where the file is none of ours, or of another restoration.
    """
    found = _read(file, counts)
    if found is None:
        return Checkpoint(file, of, "", counts())
    if found.of != of:
        names = sorted(name for name in found.of | of if found.of.get(name) != of.get(name))
        raise UsageError(f"{file} is of another restoration: it differs in {', '.join(names)}", _HINT)
    return found


def described_in(file: Path, counts: type[Counts]) -> dict[str, str]:
    """Which restoration it is of; nothing where there is no file. Raises UsageError where it is none of ours."""
    found = _read(file, counts)
    return found.of if found else {}


def require_usable(file: Path, counts: type[Counts], *, will_be_written: bool) -> None:
    """Raises UsageError, before anything is done, where the file is none of ours or nothing can be noted there."""
    _read(file, counts)
    if will_be_written:
        cli.require_writable(file, "--checkpoint", "how far it is cannot be noted in")


def _read(file: Path, counts: type[Counts]) -> Checkpoint[Counts] | None:
    try:
        if not file.exists():
            return None
        known = json.loads(file.read_text(encoding="utf-8"))
        return Checkpoint(file, dict(known["of"]), str(known["after"]), counts.of_document(known["tally"]))
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as err:
        raise UsageError(f"{file} does not say how far a restoration is: {err}", _HINT) from err


@contextmanager
def _being_changed(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise BackupError(
            f"how far it is cannot be noted in {file}: {err.strerror}",
            "what was written into the table stays, and is found there: run it again with another --checkpoint",
        ) from err
