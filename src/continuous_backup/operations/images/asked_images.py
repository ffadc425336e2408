"""Which objects have the images of the items that are asked for by their keys."""

import hashlib
from collections.abc import Mapping, Sequence

from continuous_backup.item_images import object_names
from continuous_backup.item_images.object_names import Keys
from continuous_backup.operations.writing_items.asked_keys import AskedKey


class AskedImages:
    """`names` are the objects of whole keys, in their order; `partitions` the keys that are asked for alone.

    Both with the text of what was asked for; a partition by what names of objects have for its key attribute.
    """

    def __init__(self, asked: Sequence[AskedKey], schema: Mapping[str, str], prefix: str, table: str) -> None:
        self._prefix = prefix
        self._table = table
        self._partition_key = next(iter(schema))
        whole = {object_names.of_keys(each.keys, prefix, table): each.text for each in asked if each.is_whole}
        self.names = dict(sorted(whole.items()))
        self.partitions = {self._partition(each.keys): each.text for each in asked if not each.is_whole}
        #: Names begin with the first of the key attributes in the order of their names.
        self._begin_with_the_partition_key = self._partition_key == min(schema)

    def takes(self, keys: Keys) -> bool:
        """Whether the item with these keys is asked for."""
        return bool(self.partition_of(keys)) or object_names.of_keys(keys, self._prefix, self._table) in self.names

    def partition_of(self, keys: Keys) -> str:
        """The partition of `partitions` that these keys are in; "" where it is none of them."""
        if self._partition_key not in keys:
            return ""
        found = self._partition(keys)
        return found if found in self.partitions else ""

    def listed_beginnings(self) -> list[str]:
        """How the names begin, below the table's own prefix, among which are those of `partitions`."""
        if not self.partitions:
            return []
        # Of a table with one key attribute, no key is of a partition alone: there is a part behind each.
        return [f"{each}/" for each in self.partitions] if self._begin_with_the_partition_key else [""]

    def digest(self) -> str:
        """What tells one such question from another, however many keys are asked for."""
        return hashlib.sha256("\n".join([*self.names, *sorted(self.partitions)]).encode()).hexdigest()

    def _partition(self, keys: Keys) -> str:
        return object_names.part(self._partition_key, keys[self._partition_key])
