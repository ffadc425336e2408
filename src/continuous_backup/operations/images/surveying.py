"""What would be done with each image of a table: a pass over them that changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from continuous_backup.aws import Client
from continuous_backup.item_images import object_names
from continuous_backup.item_images.object_names import NoName
from continuous_backup.operations.images import listing
from continuous_backup.operations.images.deciding import Decision, decide
from continuous_backup.operations.images.listing import Listed, State
from continuous_backup.operations.images.reading import Image, Unreadable, read
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import If, Wanted
from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.table_items import MOST_KEYS_A_CALL
from continuous_backup.operations.writing_items.target import Target
from continuous_backup.operations.writing_items.typed_json import Item

#: How many objects are read, and items written, at the same time.
WORKERS = 32
#: What is in memory at a time: one call's worth of keys, or fewer images where they are large. Each is there
#: as it was read, as it is written, and as the table gives it back.
OBJECTS_A_CHUNK = MOST_KEYS_A_CALL
_BYTES_A_CHUNK = 8 * 1024 * 1024
_FAILED = "_failed/"


class Readable(Protocol):
    """The items of a table, to look at."""

    def get(self, keys: Sequence[Item]) -> dict[tuple[object, ...], Item]: ...


class NoItems:
    """Those of a table that is still to be made."""

    def get(self, keys: Sequence[Item]) -> dict[tuple[object, ...], Item]:  # noqa: ARG002
        return {}


def first_image(s3: Client, wanted: Wanted) -> Image | None:
    """The first image or tombstone there is, to see from it which keys the items have."""
    for listed in _objects(s3, wanted, [wanted.listing_prefix], ""):
        if listed.state is State.THERE and _is_an_images(listed.name, wanted):
            found = read(s3, wanted, listed)
            if isinstance(found, Image):
                return found
    return None


class Survey:
    """Of the images of `wanted` and what `items` of `target` there are. The objects are read several at a time.

    Nothing here grows with the number of images: they come in chunks, and each chunk is done before the next.
    """

    def __init__(
        self,
        s3: Client,
        wanted: Wanted,
        target: Target,
        items: Readable,
        condition: If,
        *,
        objects_a_chunk: int = OBJECTS_A_CHUNK,
        on_chunk: Callable[[Tally], None] = lambda _: None,
    ) -> None:
        self._s3 = s3
        self._wanted = wanted
        self._target = target
        self._there = items
        self._condition = condition
        self._objects_a_chunk = objects_a_chunk
        self._on_chunk = on_chunk

    def survey(self, after: str = "") -> Tally:
        """What would be done with all behind the name `after`. Changes nothing. Raises what AWS raises."""
        tally = Tally()
        with ThreadPoolExecutor(WORKERS) as pool:
            for chunk in self._chunks(after):
                for _, decision in self._decided(chunk, tally, pool):
                    count(decision, tally)
                self._on_chunk(tally)
        return tally

    def _chunks(self, after: str) -> Iterator[list[Listed]]:
        prefixes = self._wanted.listed_prefixes(tuple(self._target.keys))
        return chunks(_objects(self._s3, self._wanted, prefixes, after), self._objects_a_chunk)

    def _decided(
        self, chunk: Iterable[Listed], tally: Tally, pool: ThreadPoolExecutor
    ) -> Iterator[tuple[Image, Decision]]:
        """The images of a chunk, and what is to be done with each. Counts what is in the bucket."""
        due = [listed for listed in chunk if self._is_wanted(listed, tally)]
        images: list[Image] = []
        for listed, found in zip(due, pool.map(lambda each: read(self._s3, self._wanted, each), due), strict=True):
            if (image := self._counted(found, listed, tally)) is not None:
                images.append(image)
        there = self._there.get([image.keys for image in images]) if images else {}
        for image in images:
            item = there.get(typed_json.identity(image.keys))
            yield image, decide(image, item, self._condition, self._target)

    def _is_wanted(self, listed: Listed, tally: Tally) -> bool:
        """Whether it is to be read; counts what is not."""
        try:
            keys = object_names.keys_of(listed.name, self._wanted.prefix, self._wanted.table)
        except NoName:
            failed = listed.name.startswith(self._wanted.listing_prefix + _FAILED)
            if listed.state is State.THERE:
                tally.name("failed_records" if failed else "foreign", listed.name)
            return False
        if not self._wanted.takes(keys):
            return False
        if listed.state is not State.THERE:
            tally.name(listed.state.value, listed.name)
            return False
        return True

    def _counted(self, found: Image | Unreadable | None, listed: Listed, tally: Tally) -> Image | None:
        if found is None:
            tally.name("gone", listed.name)
            return None
        if isinstance(found, Unreadable):
            tally.name("unreadable", f"{found.name}: {found.reason}")
            return None
        if not self._wanted.takes(found.keys):
            return None
        if not self._target.has_keys_like(found.keys):
            tally.name("unreadable", f"{found.name}: table {self._target.name} can have no item of such keys")
            return None
        if found.item is None:
            tally.tombstones += 1
        else:
            tally.images += 1
            tally.count_stream(found.version.stream)
            tally.image_bytes += listed.size
        return found


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


def _objects(s3: Client, wanted: Wanted, prefixes: Sequence[str], after: str) -> Iterator[Listed]:
    if wanted.as_of is not None:
        return listing.objects_as_of(s3, wanted.bucket, prefixes, after, wanted.as_of)
    return listing.objects(s3, wanted.bucket, prefixes, after)


def _is_an_images(name: str, wanted: Wanted) -> bool:
    try:
        object_names.keys_of(name, wanted.prefix, wanted.table)
    except NoName:
        return False
    return True


_COUNTED_AS = {
    Decision.WRITE: "written",
    Decision.OVERWRITE: "overwritten",
    Decision.KEEP: "kept",
    Decision.SAME: "same",
    Decision.DELETE: "deleted",
}


def count(decision: Decision, tally: Tally) -> None:
    """Counts what is decided, or done."""
    if counted_as := _COUNTED_AS.get(decision):
        setattr(tally, counted_as, getattr(tally, counted_as) + 1)
