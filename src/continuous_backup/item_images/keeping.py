"""One batch of a stream: the latest image of each item in it, written; and from where it has to come again."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import orjson

from continuous_backup.aws import Client
from continuous_backup.errors import AwsError, BackupError
from continuous_backup.item_images import object_names
from continuous_backup.item_images.image import REMOVE, ItemImage, Version
from continuous_backup.item_images.newest_wins import Result
from continuous_backup.item_images.object_names import NoName
from continuous_backup.item_images.tally import Tally
from continuous_backup.item_images.writing import Place, Writer
from continuous_backup.logs import logger
from continuous_backup.naming import Account
from continuous_backup.patience import Patience
from continuous_backup.reading_streams import own_streams, stream_records, whole_objects
from continuous_backup.reading_streams.stream_records import StreamRecord


@dataclass(frozen=True)
class Surroundings:
    """What is the same for all invocations of a warm function. `patience` makes one for each writer."""

    place: Place
    account: Account
    s3: Client
    patience: Callable[[], Patience]
    clock: Callable[[], float]


@dataclass
class _Item:
    """An item of the batch: the positions of its changes, and the latest image among them."""

    name: str
    latest: ItemImage
    body: bytes
    positions: list[int] = field(default_factory=list)


def keep_latest(event: object, surroundings: Surroundings, tally: Tally) -> str:
    """Writes the latest image of each item of an event; answers the sequence number of the first change not kept.

    "" says that all are kept: each item's object is of its last change, or of a later one. From the number on
    everything has to come again: at least once. Raises MalformedEvent for an event of another kind, or of another
    account's or region's stream, before anything is written; and AwsError where AWS refuses for good. Nothing of
    the batch is to be acknowledged then.
    """
    records = stream_records.records_of(event)
    own_streams.require_own(records, surroundings.account)
    return _Batch(records, surroundings, tally).keep()


def image_of(record: StreamRecord) -> ItemImage:
    """What a change leaves of its item. Raises NoName where it does not tell."""
    change = record["dynamodb"]
    image = None if record["eventName"] == REMOVE else change.get("NewImage")
    if record["eventName"] != REMOVE and not isinstance(image, dict):
        raise NoName("it has no NewImage")
    return ItemImage(
        table=stream_records.table(record),
        keys=change["Keys"],
        image=image,
        event=record["eventName"],
        version=Version(record["eventSourceARN"], int(change["SequenceNumber"])),
        time=stream_records.time_of_change(record) or 0,
    )


class _Batch:
    def __init__(self, records: Sequence[Any], surroundings: Surroundings, tally: Tally) -> None:
        self._records = records
        self._around = surroundings
        self._place = surroundings.place
        self._writer = Writer(surroundings.s3, surroundings.place, surroundings.account)
        self._tally = tally
        self._kept = bytearray(len(records))
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def keep(self) -> str:
        items, failed = self._by_item()
        self._say_what_there_is()
        self._write_all(items)
        if failed:
            self._keep_whole(failed)
        return self._first_sequence_number_not_kept()

    def _by_item(self) -> tuple[list[_Item], dict[int, str]]:
        """The items in the order of their first changes, and what no image can be made of, with the reason."""
        items: dict[str, _Item] = {}
        failed: dict[int, str] = {}
        for position, record in enumerate(self._records):
            if not stream_records.is_change(record):
                failed[position] = stream_records.problem(record)
                continue
            try:
                image = image_of(record)
                name = object_names.of_keys(image.keys, self._place.prefix, image.table)
                body = image.document()
            except (NoName, orjson.JSONEncodeError) as err:
                failed[position] = str(err)
                continue
            item = items.setdefault(name, _Item(name, image, body))
            item.positions.append(position)
            if image.version > item.latest.version:
                item.latest, item.body = image, body
        return list(items.values()), failed

    def _say_what_there_is(self) -> None:
        tables = sorted({stream_records.table(record) for record in self._records} - {""})
        self._tally.table, self._tally.changes = ", ".join(tables), len(self._records)
        times = (stream_records.time_of_change(record) for record in self._records)
        oldest = next((time for time in times if time is not None), None)
        if oldest is not None:
            self._tally.oldest_change_seconds = max(0.0, round(self._around.clock() - oldest, 1))

    def _write_all(self, items: Sequence[_Item]) -> None:
        """Several at a time. After one that could not be written, none that comes behind it is begun: it comes
        again anyway.
        """
        due: queue.SimpleQueue[_Item] = queue.SimpleQueue()
        for item in items:
            due.put(item)
        writers = min(self._place.writers, len(items))
        if not writers:
            return
        with ThreadPoolExecutor(writers) as pool:
            for each in [pool.submit(self._work_off, due) for _ in range(writers)]:
                each.result()

    def _work_off(self, due: "queue.SimpleQueue[_Item]") -> None:
        patience = self._around.patience()
        try:
            while not self._stop.is_set():
                try:
                    item = due.get_nowait()
                except queue.Empty:
                    return
                reason = self._write(item, patience)
                if reason:
                    self._stop.set()
                    self._not_kept(item, reason)
        except BackupError:
            self._stop.set()
            raise
        finally:
            with self._lock:
                self._tally.calls += patience.calls
                self._tally.retries += patience.retries

    def _write(self, item: _Item, patience: Patience) -> str:
        """Answers "" when it is there, or a newer one is; or else why not."""
        results: list[Result] = []
        write = self._writer.attempts(item.name, item.latest, item.body)

        def attempt() -> str:
            results.append(write())
            return ""

        try:
            reason = patience.try_until_done(attempt, f"an image in bucket {self._place.bucket}")
        except BackupError as err:
            raise self._without_its_name(err, item) from None
        if reason:
            return reason
        with self._lock:
            for position in item.positions:
                self._kept[position] = True
            self._tally.superseded += len(item.positions) - 1
            if results[-1] is Result.NOT_NEWER:
                self._tally.not_newer += 1
            elif item.latest.deleted:
                self._tally.tombstones += 1
            else:
                self._tally.images += 1
                self._tally.image_bytes += len(item.body)
        return ""

    def _without_its_name(self, err: BackupError, item: _Item) -> BackupError:
        """The refusal without S3's own words, which name the object, and so the key of an item."""
        if not isinstance(err, AwsError) or not err.code:
            return err
        number = stream_records.sequence_number(self._records[item.positions[0]])
        about = f"table {item.latest.table}, change {number}: bucket {self._place.bucket}"
        operation = getattr(err.__cause__, "operation_name", "S3")
        return AwsError(f"{about} refuses its image: {operation}: {err.code}", err.hint, err.code)

    def _keep_whole(self, failed: dict[int, str]) -> None:
        """What no image can be made of, whole, under the table's `_failed/`."""
        patience = self._around.patience()
        by_table: dict[str, list[int]] = {}
        for position in failed:
            by_table.setdefault(stream_records.table(self._records[position]), []).append(position)
        for table, positions in by_table.items():
            records = [self._records[position] for position in positions]
            whole = whole_objects.of_failed(table, records, self._place.prefix, self._around.clock())
            s3, account = self._around.s3, self._around.account
            reason = whole_objects.put_object(s3, whole, self._place.bucket, "", account, patience)
            about = {
                "table": table,
                "records": len(positions),
                "sequence_number": stream_records.sequence_number(records[0]),
                "reason": "; ".join(sorted({failed[position] for position in positions})),
            }
            if reason:
                logger().warning("records could not be kept yet", extra=about | {"refused": reason})
                continue
            for position in positions:
                self._kept[position] = True
            self._tally.failed += len(positions)
            logger().error(
                "no image can be made of records, which were kept whole on S3", extra=about | {"key": whole.key}
            )

    def _not_kept(self, item: _Item, reason: str) -> None:
        logger().warning(
            "an item's image is not written yet; Lambda goes on from its change",
            extra={
                "table": item.latest.table,
                "sequence_number": stream_records.sequence_number(self._records[item.positions[0]]),
                "reason": reason,
            },
        )

    def _first_sequence_number_not_kept(self) -> str:
        return stream_records.first_to_come_again(self._records, self._kept)
