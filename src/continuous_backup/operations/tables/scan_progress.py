"""How far scans of tables into images are, kept in a file, so that they go on where they were stopped."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from continuous_backup.errors import UsageError

#: What was found done so long ago says nothing of today's images: they may have been deleted since.
GOOD_FOR_SECONDS = 24 * 3600.0
_DONE = ""


@dataclass(frozen=True)
class ScanOf:
    """What a scan is of: a stream of a table, images at one place on S3, and the mapping that keeps them current.

    `run` is which tables were asked for with it. With any of these another one, the scan begins anew.
    """

    table: str
    stream: str
    images: str
    mapping: str
    run: str = ""

    def document(self) -> dict[str, str]:
        return {"stream": self.stream, "images": self.images, "mapping": self.mapping, "run": self.run}


def run_of(tables: Iterable[str]) -> str:
    """What tells a run that goes on from one that asks for other tables: a hash of their names."""
    return hashlib.sha256(" ".join(sorted(tables)).encode()).hexdigest()[:16]


@dataclass
class Progress:
    """How far the scan of a table is.

    `segments` has where each of `count` goes on: a key in typed JSON, None for the beginning; "" where it is done.
    """

    file: Path
    of: ScanOf
    count: int
    clock: Callable[[], float]
    segments: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def load(cls, file: Path, of: ScanOf, count: int, clock: Callable[[], float]) -> "Progress":
        """What the file says of the table, or the beginning. Raises UsageError where it is no such file."""
        made = cls(file, of, count, clock)
        known = _read(file, clock).get(of.table, {})
        if {name: known.get(name) for name in of.document()} == of.document() and known["count"] == count:
            made.segments = dict(known["segments"])
        return made

    @property
    def is_done(self) -> bool:
        return all(self.next_of(segment) == _DONE for segment in range(self.count))

    def next_of(self, segment: int) -> Any:
        return self.segments.get(str(segment))

    def set(self, segment: int, place: Any) -> None:
        """Notes where a segment goes on, all before being written; the file is whole at any moment."""
        with self._lock:
            self.segments[str(segment)] = place
            known = _read(self.file, self.clock)
            its = self.of.document() | {"count": self.count, "segments": self.segments, "noted": self.clock()}
            known[self.of.table] = its
            _write(self.file, known)


def forget_what_is_done(file: Path, clock: Callable[[], float]) -> bool:
    """Leaves in the file what a scan goes on from, or takes it away. Answers whether there is any.

    For a run that came to its end: the next one is another, and passes over nothing that this one has done.
    """
    unfinished = {
        table: its
        for table, its in _read(file, clock).items()
        if any(its["segments"].get(str(segment)) != _DONE for segment in range(its["count"]))
    }
    if unfinished:
        _write(file, unfinished)
    else:
        file.unlink(missing_ok=True)
    return bool(unfinished)


def require_readable(file: Path, clock: Callable[[], float]) -> None:
    """Raises UsageError where there is such a file, and it is none of ours."""
    _read(file, clock)


def _write(file: Path, known: dict[str, Any]) -> None:
    beside = file.with_suffix(file.suffix + ".new")
    beside.write_text(json.dumps(known), encoding="utf-8")
    beside.replace(file)


def _read(file: Path, clock: Callable[[], float]) -> dict[str, Any]:
    """By table, what was noted within the time that it is good for."""
    try:
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        # An earlier version noted neither when, nor of how many: that counts as old.
        good = {name: its for name, its in known.items() if clock() - its.get("noted", 0) < GOOD_FOR_SECONDS}
        for its in good.values():
            dict(its["segments"]), int(its["count"])
        return good
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as err:
        raise UsageError(
            f"{file} does not say how far a scan is: {err}", "name another --checkpoint, or remove that file"
        ) from err
