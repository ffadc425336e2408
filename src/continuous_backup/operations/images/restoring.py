"""A pass over the images of a table: what would be done with each, or doing it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from continuous_backup.aws import Client
from continuous_backup.item_images import object_names
from continuous_backup.item_images.object_names import NoName
from continuous_backup.operations.images import listing, typed_json
from continuous_backup.operations.images.checkpoint import Checkpoint
from continuous_backup.operations.images.deciding import Decision, decide
from continuous_backup.operations.images.listing import Listed, State
from continuous_backup.operations.images.reading import Image, Unreadable, read
from continuous_backup.operations.images.table_items import MOST_KEYS_A_CALL, Refused
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.target import Target
from continuous_backup.operations.images.typed_json import Item
from continuous_backup.operations.images.wanted import If, Wanted

#: How many objects are read, and items written, at the same time.
WORKERS = 32
#: What is in memory at a time: one call's worth of keys, or fewer images where they are large. Each is there
#: as it was read, as it is written, and as the table gives it back.
OBJECTS_A_CHUNK = MOST_KEYS_A_CALL
_BYTES_A_CHUNK = 8 * 1024 * 1024
_FAILED = "_failed/"


class Items(Protocol):
    """The table, as TableItems has it."""

    def get(self, keys: Sequence[Item]) -> dict[tuple[object, ...], Item]: ...
    def put(self, item: Item, *, only_where_none_is: bool) -> bool: ...
    def delete(self, keys: Item) -> None: ...


class NoItems:
    """A table that is still to be made: it has no items, and takes none."""

    def get(self, keys: Sequence[Item]) -> dict[tuple[object, ...], Item]:  # noqa: ARG002
        return {}

    def put(self, item: Item, *, only_where_none_is: bool) -> bool:
        raise NotImplementedError

    def delete(self, keys: Item) -> None:
        raise NotImplementedError


def first_image(s3: Client, wanted: Wanted) -> Image | None:
    """The first image or tombstone there is, to see from it which keys the items have."""
    for listed in _objects(s3, wanted, [wanted.listing_prefix], ""):
        if listed.state is State.THERE and _is_an_images(listed.name, wanted):
            found = read(s3, wanted, listed)
            if isinstance(found, Image):
                return found
    return None


class Restoring:
    """Images of `wanted`, into `target`. The objects are read and the items written several at a time.

    Nothing here grows with the number of images: they come in chunks, and each chunk is done before the next.
    """

    def __init__(
        self,
        s3: Client,
        wanted: Wanted,
        target: Target,
        items: Items,
        condition: If,
        *,
        verify: bool = True,
        objects_a_chunk: int = OBJECTS_A_CHUNK,
        on_chunk: Callable[[Tally], None] = lambda _: None,
    ) -> None:
        self._s3 = s3
        self._wanted = wanted
        self._target = target
        self._items = items
        self._condition = condition
        self._verify = verify
        self._objects_a_chunk = objects_a_chunk
        self._on_chunk = on_chunk

    def survey(self, after: str = "") -> Tally:
        """What would be done with all behind the name `after`. Changes nothing. Raises what AWS raises."""
        tally = Tally()
        with ThreadPoolExecutor(WORKERS) as pool:
            for chunk in self._chunks(after):
                for _, decision in self._decided(chunk, tally, pool):
                    _count(decision, tally)
                self._on_chunk(tally)
        return tally

    def restore(self, checkpoint: Checkpoint) -> Tally:
        """Does it, from where the checkpoint is, and notes there what is done.

        What was written is read back at once, consistently, and compared: only then is it known what was to be
        there. Raises what AWS raises; what is written stays, and the same call goes on.
        """
        tally = checkpoint.tally
        with ThreadPoolExecutor(WORKERS) as pool:
            for chunk in self._chunks(checkpoint.after):
                decided = list(self._decided(chunk, tally, pool))
                done = list(pool.map(self._carried_out, decided))
                written: list[tuple[Image, Decision]] = []
                for (image, _), (decision, refusal) in zip(decided, done, strict=True):
                    if refusal:
                        tally.name("refused", f"{image.name}: {refusal}")
                        continue
                    _count(decision, tally)
                    if self._verify:
                        written.append((image, decision))
                self._compare(written, tally)
                checkpoint.note(chunk[-1].name)
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
        there = self._items.get([image.keys for image in images]) if images else {}
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
            tally.name("unreadable", f"{found.name}: table {self._target.name} has other keys")
            return None
        if found.item is None:
            tally.tombstones += 1
        else:
            tally.images += 1
            tally.image_bytes += listed.size
        return found

    def _carried_out(self, decided: tuple[Image, Decision]) -> tuple[Decision, str]:
        """What came of it, and the reason where DynamoDB refused the item."""
        image, decision = decided
        if decision is Decision.DELETE:
            self._items.delete(image.keys)
        if decision not in {Decision.WRITE, Decision.OVERWRITE} or image.item is None:
            return decision, ""
        fresh = decision is Decision.WRITE and self._condition is not If.ALWAYS
        try:
            if self._items.put(image.item, only_where_none_is=fresh):
                return decision, ""
        except Refused as refused:
            return decision, str(refused)
        # Somebody has written it meanwhile, or we have, and did not hear of it.
        there = self._items.get([image.keys]).get(typed_json.identity(image.keys))
        return Decision.WRITE if there and typed_json.same(there, image.item) else Decision.KEEP, ""

    def _compare(self, done: Sequence[tuple[Image, Decision]], tally: Tally) -> None:
        """Reads back what should be as its image says, and counts what is not."""
        tally.verified += sum(decision is Decision.SAME for _, decision in done)
        due = [image for image, decision in done if decision in _CHANGES]
        if not due:
            return
        there = self._items.get([image.keys for image in due])
        for image in due:
            item = there.get(typed_json.identity(image.keys))
            if item is None or image.item is None:
                equal = item is None and image.item is None
            else:
                equal = typed_json.same(item, image.item)
            if equal:
                tally.verified += 1
            else:
                tally.name("different", image.name)


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


_CHANGES = {Decision.WRITE, Decision.OVERWRITE, Decision.DELETE}
_COUNTED_AS = {
    Decision.WRITE: "written",
    Decision.OVERWRITE: "overwritten",
    Decision.KEEP: "kept",
    Decision.SAME: "same",
    Decision.DELETE: "deleted",
}


def _count(decision: Decision, tally: Tally) -> None:
    if counted_as := _COUNTED_AS.get(decision):
        setattr(tally, counted_as, getattr(tally, counted_as) + 1)
