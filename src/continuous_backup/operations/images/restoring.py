"""The images of a table carried over into a table: a pass over them, and each difference is written."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from continuous_backup.aws import Client
from continuous_backup.operations.images.deciding import Decision
from continuous_backup.operations.images.found_images import OBJECTS_A_CHUNK, WORKERS
from continuous_backup.operations.images.reading import Image
from continuous_backup.operations.images.surveying import CHANGES, Decided, Readable, Survey, count
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import If, Wanted
from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.checkpoint import Checkpoint
from continuous_backup.operations.writing_items.table_items import Refused
from continuous_backup.operations.writing_items.target import Target
from continuous_backup.operations.writing_items.typed_json import Item


class Items(Readable, Protocol):
    """The items of a table, to change."""

    def put(self, item: Item, *, only_where_none_is: bool) -> bool: ...
    def delete(self, keys: Item) -> None: ...


class Restoring(Survey):
    """A survey that is carried out: the items are written several at a time."""

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
        super().__init__(s3, wanted, target, items, condition, objects_a_chunk=objects_a_chunk, on_chunk=on_chunk)
        self._items = items
        self._verify = verify

    def restore(self, checkpoint: Checkpoint[Tally]) -> Tally:
        """Does it, from where the checkpoint is, and notes there what is done.

        What was written is read back at once, consistently, and compared: only then is it known what was to be
        there. Raises what AWS raises; what is written stays, and the same call goes on.
        """
        tally = checkpoint.tally
        with ThreadPoolExecutor(WORKERS) as pool:
            for chunk in self._found.chunks(checkpoint.after, tally, pool):
                self._carry_out(chunk.images, tally, pool)
                last = chunk.last
                del chunk
                checkpoint.note(last)
                self._on_chunk(tally)
        self._found.note_missing(tally)
        return tally

    def _carry_out(self, images: Sequence[Image], tally: Tally, pool: ThreadPoolExecutor) -> None:
        decided = list(self._decided(images, tally))
        done = list(pool.map(self._carried_out, decided))
        written: list[tuple[Image, Decision]] = []
        for each, (decision, refusal) in zip(decided, done, strict=True):
            if refusal:
                tally.name("refused", f"{each.image.name}: {refusal}")
                continue
            count(each.image, decision, tally)
            if self._verify:
                written.append((each.image, decision))
        self._compare(written, tally)

    def _carried_out(self, decided: Decided) -> tuple[Decision, str]:
        """What came of it, and the reason where DynamoDB refused the item."""
        image, decision = decided.image, decided.decision
        fresh = decision is Decision.WRITE and self._condition is not If.ALWAYS
        try:
            if decision is Decision.DELETE:
                self._items.delete(image.keys)
            if decision not in {Decision.WRITE, Decision.OVERWRITE} or image.item is None:
                return decision, ""
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
        due = [image for image, decision in done if decision in CHANGES]
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
