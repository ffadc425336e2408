"""Lives of a table, as its images tell them apart: by the stream that each came from.

A table that is deleted and made anew under its name has another stream, and so has one whose stream was switched
off and on again. An image does not tell which of both it was. Where the table is there, it does: the streams since
it was made are of one life. Otherwise each stream is a life of its own, called by the label in its ARN.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from continuous_backup.aws import Client
from continuous_backup.errors import UsageError
from continuous_backup.item_images.image import Version
from continuous_backup.operations.images.found_images import WORKERS, FoundImages
from continuous_backup.operations.images.reading import Image
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import Wanted
from continuous_backup.operations.writing_items import shown_items, streams
from continuous_backup.operations.writing_items.target import Target

ALL = "all"
NEWEST = "newest"
#: Nobody switches a stream so often; so many are told apart, the newest of them, whatever somebody has put there.
_MOST_STREAMS = 200
_MOST_SCHEMAS = 20
_LIVES_NAMED = 5

#: The key attributes of an item with their types, in the order of their names.
Schema = tuple[tuple[str, str], ...]


@dataclass
class Seen:
    """Of each stream, by its ARN, how many images and tombstones have which keys."""

    streams: dict[str, Counter[Schema]] = field(default_factory=dict)

    def note(self, image: Image) -> None:
        stream = image.version.stream
        schemas = self.streams.setdefault(stream, Counter())
        schema = tuple(sorted((name, next(iter(typed))) for name, typed in image.keys.items()))
        if schema in schemas or len(schemas) < _MOST_SCHEMAS:
            schemas[schema] += 1
        if len(self.streams) > _MOST_STREAMS:
            del self.streams[min(self.streams, key=_order)]

    def images(self, stream: str) -> int:
        return self.streams[stream].total()

    def total(self, lives: frozenset[str] | None) -> int | None:
        """How many images and tombstones are of these streams; None where nothing was seen."""
        if not self.streams:
            return None
        return sum(self.images(each) for each in self.streams if lives is None or each in lives)

    def keys(self, lives: frozenset[str] | None) -> Mapping[str, str]:
        """Those that most images of these streams have, with their types; of the newest stream where all are."""
        of = lives if lives is not None else newest(self.streams, None)
        found = sum((self.streams[each] for each in of if each in self.streams), Counter[Schema]())
        return dict(found.most_common(1)[0][0])

    def some_fit(self, lives: frozenset[str] | None, target: Target) -> bool:
        """Whether any image of these streams has keys like the table's."""
        own = tuple(sorted(target.keys.items()))
        return any(own in self.streams[each] for each in self.streams if lives is None or each in lives)


def seen(
    s3: Client, wanted: Wanted, key_names: Sequence[str], on_chunk: Callable[[Tally], None] = lambda _: None
) -> tuple[Seen, Tally]:
    """A pass over all images that are wanted, which changes nothing. Raises what AWS raises."""
    found, tally = Seen(), Tally()
    with ThreadPoolExecutor(WORKERS) as pool:
        for chunk in FoundImages(s3, wanted, key_names).chunks("", tally, pool):
            _note(chunk.images, found, tally)
            del chunk
            on_chunk(tally)
    return found, tally


def _note(images: Iterable[Image], found: Seen, tally: Tally) -> None:
    for image in images:
        found.note(image)
        tally.count_looked_at(image.item is None, image.size)


def newest(of: Iterable[str], target: Target | None) -> frozenset[str]:
    """The streams of the newest life: with those of the table that is there, if the newest stream is its own."""
    every = list(of)
    last = max(every, key=_order)
    if target is not None and target.has_seen(Version(last, 0)):
        return frozenset(each for each in every if target.has_seen(Version(each, 0)))
    return frozenset({last})


def chosen(asked: Sequence[str], found: Seen, target: Target | None, where: str) -> frozenset[str] | None:
    """The streams of the lives that are asked for, of the newest where none is; None for all.

    Raises UsageError that names a life of which there is no image, and those that there are.
    """
    if ALL in asked:
        return None
    lives: set[str] = set()
    for each in asked or [NEWEST]:
        if each == NEWEST and found.streams:
            lives |= newest(found.streams, target)
            continue
        its = {stream for stream in found.streams if each in (stream, streams.label_of(stream))}
        if not its:
            there = sorted(found.streams, key=_order, reverse=True)
            known = ", ".join(
                f"{streams.label_of(one) or one} ({found.images(one):,})" for one in there[:_LIVES_NAMED]
            )
            more = ", and more" if len(there) > _LIVES_NAMED else ""
            raise UsageError(
                f"below {where} there is no such image of life {each}",
                f"there are images of {shown_items.printable(known) or 'none'}{more}",
            )
        lives |= its
    return frozenset(lives)


def _order(stream: str) -> tuple[str, str]:
    return streams.label_of(stream), stream
