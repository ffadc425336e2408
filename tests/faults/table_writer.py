"""Writes to a table at a steady pace, in a thread of its own."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

_TICK_SECONDS = 0.1
_ITEMS = 600
_DELETED_SHARE = 0.2
_SMALL_BYTES = 600
#: Of the items put, how many have images that no Firehose record holds.
_LARGE_SHARE = 1 / 1500
_LARGE_BYTES = 390_000
#: More than this is not made up for, where the machine was busy.
_MOST_BEHIND_SECONDS = 1.0


class TableWriter:
    """Puts and deletes items as long as the `with` block lasts; each write is a change, `changes` counts them.

    An error of the emulator's ends the writing, and is raised by `check` and where the block ends.
    """

    def __init__(self, dynamodb: Any, table: str, changes_a_second: int, seed: int) -> None:
        self.changes = 0
        self._dynamodb = dynamodb
        self._table = table
        self._changes_a_tick = int(changes_a_second * _TICK_SECONDS)
        self._random = random.Random(seed)
        self._there: set[str] = set()
        self._writing = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="table-writer", daemon=True)
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60)
        self.check()

    def check(self) -> None:
        if self._failure:
            raise self._failure

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is written meanwhile, and all that was begun is done."""
        with self._writing:
            yield

    def _run(self) -> None:
        try:
            due = time.monotonic()
            while not self._over.wait(max(0.0, due - time.monotonic())):
                with self._writing:
                    self._write()
                due = max(due + _TICK_SECONDS, time.monotonic() - _MOST_BEHIND_SECONDS)
        except BaseException as err:  # noqa: BLE001  # raised by check
            self._failure = err

    def _write(self) -> None:
        keys = self._random.sample(range(_ITEMS), self._changes_a_tick)
        requests = [self._request(f"item-{key}") for key in keys]
        answer = self._dynamodb.batch_write_item(RequestItems={self._table: requests})
        if answer.get("UnprocessedItems"):
            raise RuntimeError("the emulator left some of a batch unprocessed")
        self.changes += len(requests)

    def _request(self, key: str) -> dict[str, Any]:
        if key in self._there and self._random.random() < _DELETED_SHARE:
            self._there.remove(key)
            return {"DeleteRequest": {"Key": {"id": {"S": key}}}}
        self._there.add(key)
        large = self._random.random() < _LARGE_SHARE
        value = self._random.randbytes(_LARGE_BYTES if large else self._random.randrange(_SMALL_BYTES))
        # No two are the same: a write that changes nothing is no change.
        version = {"N": str(self._random.getrandbits(100))}
        return {"PutRequest": {"Item": {"id": {"S": key}, "version": version, "value": {"B": value}}}}
