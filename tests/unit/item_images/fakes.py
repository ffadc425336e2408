"""S3 as the writer of images sees it, in memory: conditional writes, and failing where a test wants it to."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ReadTimeoutError

from continuous_backup.aws import ClientError
from continuous_backup.item_images import image
from continuous_backup.item_images.image import ItemImage
from continuous_backup.item_images.keeping import Surroundings, keep_latest
from continuous_backup.item_images.tally import Tally
from continuous_backup.item_images.writing import Place
from continuous_backup.naming import Account
from tests.unit.streams_to_firehose.fakes import ACCOUNT, NOW, Time, client_error, stream_record

PLACE = Place("images", "backups", "STANDARD_IA", writers=4)
UNHEARD = ReadTimeoutError(endpoint_url="https://images.s3.eu-west-1.amazonaws.com/")


def s3_error(code: str, status: int, operation: str = "PutObject") -> ClientError:
    return client_error(code, status, operation)


@dataclass
class Stored:
    body: bytes
    arguments: dict[str, Any]
    etag: str


@dataclass
class Fault:
    """Of one call: `error` is raised; `after` says whether it had been carried out all the same."""

    error: Exception
    after: bool = False


class FakeBucket:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html says what is refused.

    `fault` is asked before each call, with its number and operation.
    """

    def __init__(self, fault: Callable[[int, str], Fault | None] = lambda number, operation: None) -> None:
        self.objects: dict[str, Stored] = {}
        self.history: list[tuple[str, Stored]] = []
        self.calls: list[tuple[str, str]] = []
        self.fault = fault
        self._lock = threading.Lock()

    def head_object(self, *, Bucket: str, Key: str, ExpectedBucketOwner: str) -> dict[str, Any]:  # noqa: N803
        with self._lock:
            self._fail("HeadObject", Key)
            if Key not in self.objects:
                raise s3_error("404", 404, "HeadObject")
            found = self.objects[Key]
            return {"ETag": found.etag, "Metadata": found.arguments.get("Metadata", {})}

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        with self._lock:
            key, there = arguments["Key"], self.objects.get(arguments["Key"])
            late = self._fail("PutObject", key)
            if arguments.get("IfNoneMatch") == "*" and there:
                raise s3_error("PreconditionFailed", 412)
            if (etag := arguments.get("IfMatch")) and not there:
                raise s3_error("NoSuchKey", 404)
            if etag and there and there.etag != etag:
                raise s3_error("PreconditionFailed", 412)
            body = arguments["Body"]
            stored = Stored(body, arguments, f'"{hashlib.md5(body).hexdigest()}"')
            self.objects[key] = stored
            self.history.append((key, stored))
            if late:
                raise late
            return {}

    def list_objects_v2(self, **arguments: Any) -> dict[str, Any]:
        found = [name for name in sorted(self.objects) if name.startswith(arguments["Prefix"])]
        found = found[: arguments["MaxKeys"]]
        return {"Contents": [{"Key": name} for name in found]} if found else {}

    def _fail(self, operation: str, key: str) -> Exception | None:
        self.calls.append((operation, key))
        fault = self.fault(len(self.calls) - 1, operation)
        if fault and not (fault.after and operation == "PutObject"):
            raise fault.error
        return fault.error if fault else None

    def images(self, table: str = "Orders") -> dict[str, ItemImage]:
        return {
            key: image.parse(stored.body, table)
            for key, stored in self.objects.items()
            if key.endswith("image.json")
        }


@dataclass
class Keeper:
    """A warm function and its bucket."""

    bucket: FakeBucket = field(default_factory=FakeBucket)
    place: Place = PLACE
    tally: Tally = field(default_factory=Tally)
    account: Account = ACCOUNT

    def invoke(self, records: list[Any], left: float = 120.0) -> str:
        self.tally = Tally()
        time = Time(left)
        around = Surroundings(self.place, self.account, self.bucket, time.patience, lambda: NOW)
        return keep_latest({"Records": records}, around, self.tally)


def change(number: int, item: int = 0, event: str = "MODIFY", table: str = "Orders") -> dict[str, Any]:
    record = stream_record(number, table, text=f"text {number}", item=item)
    record["eventName"] = event
    if event == "INSERT":
        del record["dynamodb"]["OldImage"]
    if event == "REMOVE":
        del record["dynamodb"]["NewImage"]
    return record
