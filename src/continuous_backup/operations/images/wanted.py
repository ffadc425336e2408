"""Which images are to be restored, and under which condition."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from continuous_backup import naming
from continuous_backup.item_images import object_names
from continuous_backup.item_images.object_names import Keys
from continuous_backup.operations.images.asked_images import AskedImages

#: How names begin that are too long to have their keys in them.
_HASHED = "sha256."


class If(Enum):
    """When an image is written where the table has another item with these keys already.

    DynamoDB keeps no time with an item, so "newer" cannot be read off the item. What can be known is whether
    the change that the image shows was made in this very table, in its present life: then the table has seen
    it, and is at least as new, and NEWER keeps the item. An image of another table, or of an earlier life of
    one of this name, NEWER takes for newer: that is right for a table that was made from an older copy, and
    wrong for an item that an application has written since. NEVER keeps whatever is there.
    """

    NEWER = "newer"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class KeyPrefix:
    """Only items whose key attribute is a text that begins so."""

    attribute: str
    text: str

    def takes(self, keys: Keys) -> bool:
        typed = keys.get(self.attribute, {})
        return "S" in typed and typed["S"].startswith(self.text)


@dataclass(frozen=True)
class Wanted:
    """Images of one table in a bucket: all of them, or a part, now or as of a time."""

    bucket: str
    prefix: str
    table: str
    key_prefix: KeyPrefix | None = None
    as_of: datetime | None = None
    #: None where not asked by keys.
    asked: AskedImages | None = None
    #: The streams of the lives whose images are wanted; None for all.
    lives: frozenset[str] | None = None
    #: Whether somebody has said which lives.
    lives_are_asked: bool = False

    @property
    def listing_prefix(self) -> str:
        """Below which all of the table's images are."""
        return naming.table_prefix(self.prefix, self.table)

    @property
    def where(self) -> str:
        return f"s3://{self.bucket}/{self.listing_prefix}"

    def takes(self, keys: Keys | None) -> bool:
        """Whether an item is wanted, as far as its keys are known."""
        if keys is None:
            return True
        if self.asked is not None:
            return self.asked.takes(keys)
        return self.key_prefix is None or self.key_prefix.takes(keys)

    def takes_life(self, stream: str) -> bool:
        """Whether images from this stream are wanted."""
        return self.lives is None or stream in self.lives

    @property
    def names(self) -> list[str]:
        """Objects that are wanted by their own names, in the order of these."""
        return list(self.asked.names) if self.asked else []

    def listed_prefixes(self, key_names: tuple[str, ...]) -> list[str]:
        """Under which names to look, in the order of names, none of them below another.

        Names begin with the first of the key attributes in the order of their names. Where that is the one
        asked for, the others need not be listed, but for the names that do not tell their keys.
        """
        beginnings = self._beginnings(key_names)
        if "" in beginnings or not beginnings:
            return [self.listing_prefix] * len(beginnings)
        beginnings = [each for each in beginnings if not each.startswith(_HASHED)]
        return [self.listing_prefix + each for each in sorted({*beginnings, _HASHED})]

    def _beginnings(self, key_names: tuple[str, ...]) -> list[str]:
        if self.asked is not None:
            return self.asked.listed_beginnings()
        if self.key_prefix is None or self.key_prefix.attribute != min(key_names, default=""):
            return [""]
        return [object_names.beginning_of(self.key_prefix.attribute, self.key_prefix.text)]
