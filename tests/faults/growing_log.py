"""A change log that is read as it grows, and is forgotten as far as it has been compared."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import orjson

from local.change_log_check import Change, Item, Wrong, fold, parsed
from tests.faults.endpoint import Endpoint, lines_of
from tests.faults.event_source_mapping import StreamRecord
from tests.faults.stream_changes import expected_line

_DIGEST_BYTES = 8


class GrowingLog:
    """Takes what the endpoint has accepted; `lines` counts them, copies and all, `oversize` the objects on S3.

    What is remembered for good of each change is a few bytes, so that it may run for hours. Raises Wrong for a
    line that is not what the stream told of the change.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.lines = 0
        self.oversize = 0
        self._endpoint = endpoint
        self._made: dict[int, bytes] = {}
        self._there: set[int] = set()
        self._not_folded: dict[int, Change] = {}
        self._items: dict[str, Item] = {}

    def expect(self, records: Iterable[StreamRecord]) -> None:
        """These changes were made: a line of any other is invented."""
        for each in records:
            self._made[each.number] = _digest(expected_line(each.record))

    def read_new(self) -> None:
        accepted = self._endpoint.accepted
        for _ in range(len(accepted)):
            delivery_stream, data = accepted.pop(0)
            self._take(data, delivery_stream)
        for key in list(self._endpoint.objects):
            if "/oversize-" not in key:
                raise Wrong(f"{key} is there, though every record of the stream was a change")
            self.oversize += 1
            self._take(self._endpoint.objects.pop(key).body, key)

    def missing(self, records: Iterable[StreamRecord]) -> list[StreamRecord]:
        """Those that are nowhere yet."""
        self.read_new()
        return [each for each in records if each.number not in self._there]

    def items_after(self, number: int) -> dict[str, Item]:
        """What the table held after a change, as the log has it; it goes forward only."""
        due = [change for each, change in self._not_folded.items() if each <= number]
        self._items = fold(due, self._items)
        for change in due:
            del self._not_folded[change.sequence_number]
        return self._items

    @property
    def not_folded(self) -> int:
        """How many changes are there beyond what is folded."""
        return len(self._not_folded)

    @property
    def copies(self) -> int:
        """How many lines are there beside the first of each change."""
        return self.lines - len(self._there)

    def _take(self, stored: bytes, where: str) -> None:
        for line in lines_of(stored):
            change = parsed(line, where)
            number = change.sequence_number
            if self._made.get(number) != _digest(json.loads(line)):
                raise Wrong(f"{where}: nobody made the change {number} as it stands there")
            self.lines += 1
            if number not in self._there:
                self._there.add(number)
                self._not_folded[number] = change


def _digest(document: Any) -> bytes:
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=_DIGEST_BYTES).digest()
