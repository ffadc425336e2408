"""Images of the items that are in a table already: a scan, written where the stream has told nothing newer."""

import base64
import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Aws
from continuous_backup.errors import AwsError, UsageError
from continuous_backup.item_images import object_names
from continuous_backup.item_images.image import SCAN, ItemImage, Version
from continuous_backup.item_images.newest_wins import Result
from continuous_backup.item_images.writing import Place, Writer
from continuous_backup.naming import Account
from continuous_backup.operations.tables.scan_progress import Progress, ScanOf
from continuous_backup.patience import Patience

SEGMENTS = 4
#: A page holds up to 1 MB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html
#: Fewer items than that, so that a scan that is stopped repeats little.
_ITEMS_A_PAGE = 200
#: Nobody waits for us as Lambda waits for a function: what Patience allows by itself is the end.
_SECONDS_FOR_AN_ITEM = 3600.0


@dataclass
class Found:
    """What came of a table: items scanned, images written, and those that were there or newer."""

    items: int = 0
    written: int = 0
    there_already: int = 0
    items_of_the_last_page: int = 0
    goes_on: bool = False
    """Whether a part was scanned before, as the checkpoint says; that part is not in these counts."""
    done_before: bool = False
    """Whether all of it was, and nothing was scanned now."""


class ExistingItems:
    """Writes images of what tables hold, at most so many items a second altogether.

    `run` is scan_progress.run_of the tables that are asked for together.
    """

    def __init__(self, aws: Aws, place: Place, account: Account, items_per_second: float, run: str = "") -> None:
        self._aws = aws
        self._place = place
        self._account = account
        self._run = run
        self._writer = Writer(aws.client("s3"), place, account)
        self._dynamodb = aws.client("dynamodb")
        self._seconds_an_item = 1 / items_per_second
        self._free_at = 0.0
        self._lock = threading.Lock()

    def write(self, table: str, checkpoint: Path, on_page: Callable[[Found], None] = lambda _: None) -> Found:
        """Scans a table, consistently and in several segments, and writes an image of each item.

        An image of a scan is earlier than all that the stream of today tells, so that the stream's word wins, and
        later than what an earlier stream told. Raises UsageError for a table that has no stream or no mapping for
        images, AwsError where AWS refuses; then what is written stays, and the same call goes on.
        """
        described = self._dynamodb.describe_table(TableName=table)["Table"]
        stream = described.get("LatestStreamArn", "")
        if not stream or not (described.get("StreamSpecification") or {}).get("StreamEnabled"):
            raise UsageError(
                f"{table} has no stream, so its images would never change",
                "provision it first: an image is as of its scan, and the stream tells what comes after",
            )
        mapping = self._mapping(table, stream)
        keys = tuple(each["AttributeName"] for each in described["KeySchema"])
        images = f"s3://{self._place.bucket}/{naming.table_prefix(self._place.prefix, table)}"
        scan_of = ScanOf(table, stream, images, mapping, self._run)
        progress = Progress.load(checkpoint, scan_of, SEGMENTS, self._aws.clock)
        if progress.segments and not self._has_images(table):
            progress.segments = {}  # somebody deleted them since
        found = Found(goes_on=bool(progress.segments), done_before=progress.is_done)
        stop = threading.Event()
        with ThreadPoolExecutor(SEGMENTS) as scans, ThreadPoolExecutor(self._place.writers) as writes:
            due = [
                scans.submit(self._segment, table, keys, segment, progress, stop, writes, found, on_page)
                for segment in range(SEGMENTS)
            ]
            try:
                for each in due:
                    each.result()
            except BaseException:
                stop.set()  # the other segments end with the page that they are at
                raise
        return found

    def _has_images(self, table: str) -> bool:
        prefix = naming.table_prefix(self._place.prefix, table)
        s3 = self._aws.client("s3")
        found = s3.list_objects_v2(
            Bucket=self._place.bucket, Prefix=prefix, MaxKeys=1, ExpectedBucketOwner=self._account.id
        )
        return bool(found.get("Contents"))

    def _mapping(self, table: str, stream: str) -> str:
        """The UUID of the one that keeps the images current. Raises UsageError where there is none."""
        found = self._aws.pages(
            "lambda",
            "list_event_source_mappings",
            "EventSourceMappings",
            FunctionName=naming.ITEM_IMAGES_FUNCTION,
            EventSourceArn=stream,
        )
        if not found:
            raise UsageError(
                f"the stream of {table} is not mapped to {naming.ITEM_IMAGES_FUNCTION}, so its images would never "
                "change",
                "provision_tables.py says why it is not; global tables have no images",
            )
        return str(found[0]["UUID"])

    def _segment(
        self,
        table: str,
        keys: tuple[str, ...],
        segment: int,
        progress: Progress,
        stop: threading.Event,
        writes: ThreadPoolExecutor,
        found: Found,
        on_page: Callable[[Found], None],
    ) -> None:
        place = progress.next_of(segment)
        while place != "" and not stop.is_set():
            start = {"ExclusiveStartKey": _in_boto3s_form(place)} if place else {}
            time = self._aws.clock()
            page = self._dynamodb.scan(
                TableName=table,
                ConsistentRead=True,
                Segment=segment,
                TotalSegments=SEGMENTS,
                Limit=_ITEMS_A_PAGE,
                **start,
            )
            items = [_typed(item) for item in page["Items"]]
            self._wait_for(len(items))
            version = Version(progress.of.stream, 0)
            images = [
                ItemImage(table, {key: item[key] for key in keys}, item, SCAN, version, time) for item in items
            ]
            results = list(writes.map(self._write, images))
            place = _typed(page["LastEvaluatedKey"]) if page.get("LastEvaluatedKey") else ""
            progress.set(segment, place)
            with self._lock:
                found.items += len(items)
                found.items_of_the_last_page = len(items)
                found.written += results.count(Result.WRITTEN)
                found.there_already += results.count(Result.NOT_NEWER)
                on_page(found)

    def _write(self, image: ItemImage) -> Result:
        name = object_names.of_keys(image.keys, self._place.prefix, image.table)
        write = self._writer.attempts(name, image, image.document())
        results: list[Result] = []

        def attempt() -> str:
            results.append(write())
            return ""

        where = f"s3://{self._place.bucket}/{name}"
        until = self._aws.clock() + _SECONDS_FOR_AN_ITEM
        patience = Patience(lambda: until - self._aws.clock(), self._aws.sleep, random.random)
        if reason := patience.try_until_done(attempt, where):
            raise AwsError(f"{where} could not be written: {reason}", "run it again: it goes on where it was")
        return results[-1]

    def _wait_for(self, items: int) -> None:
        """Returns when so many items may be written, for all segments together."""
        with self._lock:
            now = self._aws.clock()
            begins = max(now, self._free_at)
            self._free_at = begins + items * self._seconds_an_item
        if begins > now:
            self._aws.sleep(begins - now)


def _typed(value: Any) -> Any:
    """An item as the SDK gives it, in DynamoDB's JSON: binary as base64."""
    if isinstance(value, Mapping):
        return {name: _typed(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_typed(each) for each in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _in_boto3s_form(key: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """A key as the SDK takes it: binary as bytes."""
    return {
        name: {kind: base64.b64decode(text) if kind == "B" else text for kind, text in its.items()}
        for name, its in key.items()
    }
