"""The images of a table that are wanted, read several at a time and counted: never all of them at once."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from operator import attrgetter

from continuous_backup.aws import Client
from continuous_backup.item_images import object_names
from continuous_backup.item_images.image import INSERT, SCAN
from continuous_backup.item_images.object_names import Keys, NoName
from continuous_backup.operations.images import listing
from continuous_backup.operations.images.listing import Listed, State
from continuous_backup.operations.images.reading import Image, Unreadable, read
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import Wanted
from continuous_backup.operations.writing_items import shown_items, streams, typed_json
from continuous_backup.operations.writing_items.key_values import in_typed_json
from continuous_backup.operations.writing_items.table_items import MOST_KEYS_A_CALL

#: How many objects are read, and items written, at the same time.
WORKERS = 32
#: What is in memory at a time: one call's worth of keys, or fewer images where they are large. Each is there
#: as it was read, as it is written, and as the table gives it back.
OBJECTS_A_CHUNK = MOST_KEYS_A_CALL
_BYTES_A_CHUNK = 8 * 1024 * 1024
_FAILED = "_failed/"


@dataclass(frozen=True)
class Chunk:
    """Some images, in the order of their objects' names, of which `last` is the last that was looked at."""

    images: list[Image]
    last: str


class FoundImages:
    """The images of `wanted`, for a table with these key attributes; none where they are not known yet."""

    def __init__(
        self, s3: Client, wanted: Wanted, key_names: Sequence[str] = (), objects_a_chunk: int = OBJECTS_A_CHUNK
    ) -> None:
        self._s3 = s3
        self.wanted = wanted
        self._key_names = tuple(key_names)
        self._objects_a_chunk = objects_a_chunk

    def chunks(self, after: str, tally: Tally, pool: ThreadPoolExecutor) -> Iterator[Chunk]:
        """All behind the name `after`. Counts, and names, what cannot be given. Raises what AWS raises.

        What a chunk has is counted when it comes: nothing of the next is read before it is asked for, and whoever
        has let go of a chunk by then has one in memory at a time.
        """
        for chunk in chunks(self._objects(after), self._objects_a_chunk):
            # Nothing here keeps what was given while more is read: an image can take a hundred megabytes.
            yield Chunk(self._images(chunk, tally, pool), chunk[-1].name)

    def _images(self, chunk: Sequence[Listed], tally: Tally, pool: ThreadPoolExecutor) -> list[Image]:
        due = [listed for listed in chunk if self._is_wanted(listed, tally)]
        found = pool.map(lambda each: read(self._s3, self.wanted, each), due)
        counted = [self._counted(one, listed, tally) for one, listed in zip(found, due, strict=True)]
        return [image for image in counted if image is not None]

    def _objects(self, after: str) -> Iterator[Listed]:
        s3, bucket, time = self._s3, self.wanted.bucket, self.wanted.as_of
        prefixes = self.wanted.listed_prefixes(self._key_names)
        below = (
            listing.objects(s3, bucket, prefixes, after)
            if time is None
            else listing.objects_as_of(s3, bucket, prefixes, after, time)
        )
        names = self.wanted.names
        if not names:
            return below
        named, by_name = listing.objects_named(s3, bucket, names, after, time), frozenset(names)
        return heapq.merge(named, (each for each in below if each.name not in by_name), key=attrgetter("name"))

    def _is_wanted(self, listed: Listed, tally: Tally) -> bool:
        """Whether it is to be read; counts what is not."""
        try:
            keys = object_names.keys_of(listed.name, self.wanted.prefix, self.wanted.table)
        except NoName:
            failed = listed.name.startswith(self.wanted.listing_prefix + _FAILED)
            if listed.state is State.THERE:
                tally.name("failed_records" if failed else "foreign", listed.name)
            return False
        if not self.wanted.takes(keys):
            return False
        if keys is not None:
            self._note_partition(keys, tally)
        if listed.state is State.THERE or listed.version:
            return True
        tally.name(listed.state.value, self._shown(listed.name, keys))
        return False

    def _shown(self, name: str, keys: Keys | None) -> str:
        """The key of an item whose object has this name; the name where that does not tell."""
        if keys is not None:
            return shown_items.key(typed_json.in_sdks_form(keys))
        return self.wanted.asked.names.get(name, name) if self.wanted.asked else name

    def _note_partition(self, keys: Keys, tally: Tally) -> None:
        """An item of a partition that was asked for: it is not missing."""
        if self.wanted.asked and (partition := self.wanted.asked.partition_of(keys)):
            tally.partitions[partition] = tally.partitions.get(partition, 0) + 1

    def note_missing(self, tally: Tally) -> None:
        """Counts, and names, the partitions that were asked for of which all images have passed, and none came."""
        for partition, text in self.wanted.asked.partitions.items() if self.wanted.asked else ():
            if partition not in tally.partitions:
                tally.name("missing", text)

    def _counted(self, found: Image | Unreadable | None, listed: Listed, tally: Tally) -> Image | None:
        if found is None:
            tally.name("gone", listed.name)
            return None
        if isinstance(found, Unreadable):
            tally.name("unreadable", f"{found.name}: {found.reason}")
            return None
        if object_names.keys_of(listed.name, self.wanted.prefix, self.wanted.table) is None:
            keys = in_typed_json(found.keys)
            if not self.wanted.takes(keys):
                return None
            self._note_partition(keys, tally)
        if listed.state is not State.THERE:
            self._count_absent(found, listed, tally)
            return None
        if found.item is not None:
            tally.count_stream(found.version.stream)
        if self.wanted.takes_life(found.version.stream):
            return found
        if found.item is not None:
            tally.name("left_out", lambda: shown_items.key(found.keys))
        return None

    def _count_absent(self, telling: Image, listed: Listed, tally: Tally) -> None:
        """Counts an image that was not there at the time, by the version that tells most of the item."""
        shown, time = shown_items.key(telling.keys), listed.time.isoformat() if listed.time else ""
        if listed.state is State.GONE:
            # What a lifecycle takes away are tombstones.
            lost = telling.item is not None and self.wanted.takes_life(telling.version.stream)
            tally.name("lost" if lost else "gone", f"{shown}: its image of {time} was deleted" if lost else shown)
            return
        lost = self._shows_an_older_item(telling)
        tally.name("lost" if lost else "later", f"{shown}: the first image that is kept is of {time}")
        tally.earliest = min(tally.earliest or time, time)
        if lost:
            tally.all_from = max(tally.all_from, time)

    def _shows_an_older_item(self, first: Image) -> bool:
        """Whether there was an item before its first image that is kept, and its table was there at the time."""
        switched_on = streams.switched_on(first.version.stream)
        is_later = switched_on is not None and self.wanted.as_of is not None and switched_on > self.wanted.as_of
        return not is_later and first.event not in {INSERT, SCAN}


def chunks(objects: Iterable[Listed], most: int = OBJECTS_A_CHUNK) -> Iterator[list[Listed]]:
    """In their order, so many at a time that their number and their bytes are bounded; none is empty."""
    chunk: list[Listed] = []
    size = 0
    for each in objects:
        if chunk and (len(chunk) == most or size + each.size > _BYTES_A_CHUNK):
            yield chunk
            chunk, size = [], 0
        chunk.append(each)
        size += each.size
    if chunk:
        yield chunk
