"""What would be done with each image of a table: a pass over them that changes nothing."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from continuous_backup.aws import Client
from continuous_backup.operations.images.deciding import Decision, decide
from continuous_backup.operations.images.found_images import OBJECTS_A_CHUNK, WORKERS, FoundImages
from continuous_backup.operations.images.reading import Image
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import If, Wanted
from continuous_backup.operations.writing_items import shown_items, typed_json
from continuous_backup.operations.writing_items.target import Target
from continuous_backup.operations.writing_items.typed_json import Item


class Readable(Protocol):
    """The items of a table, to look at."""

    def get(self, keys: Sequence[Item]) -> dict[tuple[object, ...], Item]: ...


class NoItems:
    """Those of a table that is still to be made."""

    def get(self, keys: Sequence[Item]) -> dict[tuple[object, ...], Item]:  # noqa: ARG002
        return {}


@dataclass(frozen=True)
class Decided:
    """An image, the item that is there, None where none is, and what is to be done."""

    image: Image
    there: Item | None
    decision: Decision


class Survey:
    """Of the images of `wanted` and what `items` of `target` there are.

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
        self._found = FoundImages(s3, wanted, tuple(target.keys), objects_a_chunk)
        self._target = target
        self._there = items
        self._condition = condition
        self._on_chunk = on_chunk

    def survey(self, after: str = "") -> Tally:
        """What would be done with all behind the name `after`. Changes nothing. Raises what AWS raises."""
        tally = Tally()
        with ThreadPoolExecutor(WORKERS) as pool:
            for chunk in self._found.chunks(after, tally, pool):
                self._show(chunk.images, tally)
                del chunk
                self._on_chunk(tally)
        if not after:
            self._found.note_missing(tally)
        return tally

    def _show(self, images: Sequence[Image], tally: Tally) -> None:
        for each in self._decided(images, tally):
            count(each.image, each.decision, tally)
            _show_differences(each, tally)

    def _decided(self, images: Sequence[Image], tally: Tally) -> Iterator[Decided]:
        """The images that fit the table, and what is to be done with each. Counts them."""
        due = [image for image in images if self._fits(image, tally)]
        there = self._there.get([image.keys for image in due]) if due else {}
        for image in due:
            item = there.get(typed_json.identity(image.keys))
            yield Decided(image, item, decide(image, item, self._condition, self._target))

    def _fits(self, image: Image, tally: Tally) -> bool:
        if not self._target.has_keys_like(image.keys):
            tally.name("unreadable", f"{image.name}: table {self._target.name} can have no item of such keys")
            return False
        tally.count_looked_at(image.item is None, image.size)
        return True


CHANGES = {Decision.WRITE, Decision.OVERWRITE, Decision.DELETE}
_COUNTED_AS = {
    Decision.WRITE: "written",
    Decision.OVERWRITE: "overwritten",
    Decision.KEEP: "kept",
    Decision.DELETE: "deleted",
    Decision.STAY: "stayed",
}


def count(image: Image, decision: Decision, tally: Tally) -> None:
    """Counts what is decided, or done, and names some items."""
    if decision is Decision.SAME:
        tally.same += 1
    elif counted_as := _COUNTED_AS.get(decision):
        tally.name(counted_as, lambda: shown_items.key(image.keys))


def _show_differences(decided: Decided, tally: Tally) -> None:
    """Of an item that is named, what it is before and after."""
    if decided.decision not in CHANGES:
        return
    shown = shown_items.key(decided.image.keys)
    if shown in tally.names[_COUNTED_AS[decided.decision]]:
        tally.differences[shown] = shown_items.differences(decided.there, decided.image.item)
