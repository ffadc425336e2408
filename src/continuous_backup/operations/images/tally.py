"""What was found and done, counted: bounded, whatever the number of images."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

#: How many objects of a kind are named.
_NAMED = 5
_STREAMS_NAMED = 20


@dataclass
class Tally:
    """Of a survey, `written`, `overwritten` and `deleted` are what would be.

    Each image that is no tombstone is written, overwrites another item, is the same as the item that is there,
    or the item there is kept; or it was refused by DynamoDB. `names` has some of what a person may want to see.
    """

    images: int = 0
    tombstones: int = 0
    image_bytes: int = 0
    foreign: int = 0
    failed_records: int = 0
    gone: int = 0
    later: int = 0
    lost: int = 0
    missing: int = 0
    left_out: int = 0
    unreadable: int = 0
    written: int = 0
    overwritten: int = 0
    same: int = 0
    kept: int = 0
    stayed: int = 0
    deleted: int = 0
    refused: int = 0
    verified: int = 0
    different: int = 0
    names: dict[str, list[str]] = field(default_factory=dict)
    #: By the ARN of the stream that they came from, how many images, those too that are left out; those of more
    #: streams than are named, by "".
    streams: dict[str, int] = field(default_factory=dict)

    #: Of the partition keys that were asked for alone, how many items each has.
    partitions: dict[str, int] = field(default_factory=dict)

    #: Of images that are later than the time asked for: from when on there is one of them, and all that are lost.
    earliest: str = ""
    all_from: str = ""
    #: By their keys, what would change of some items.
    differences: dict[str, list[str]] = field(default_factory=dict)

    def count_stream(self, arn: str) -> None:
        kept = arn if arn in self.streams or len(self.streams) < _STREAMS_NAMED else ""
        self.streams[kept] = self.streams.get(kept, 0) + 1

    def count_looked_at(self, is_tombstone: bool, size: int) -> None:
        """Of an image that is wanted, and can be restored."""
        self.tombstones += is_tombstone
        self.images += not is_tombstone
        self.image_bytes += 0 if is_tombstone else size

    def name(self, kind: str, text: str | Callable[[], str]) -> None:
        """Counts one of a kind, and names it where it is among the first: only then is its text made."""
        setattr(self, kind, getattr(self, kind) + 1)
        known = self.names.setdefault(kind, [])
        if len(known) < _NAMED:
            known.append(text if isinstance(text, str) else text())

    @property
    def looked_at(self) -> int:
        return self.images + self.tombstones

    @property
    def changes(self) -> int:
        return self.written + self.overwritten + self.deleted

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Tally":
        """Raises TypeError where it is none."""
        made = cls(**document)
        for name, its in asdict(cls()).items():
            if not isinstance(getattr(made, name), type(its)):
                raise TypeError(f"{name} is no such thing")
        return made
