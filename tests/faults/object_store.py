"""What S3 keeps of the objects that are put into a bucket, and which conditional writes it refuses.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html: tests/integration compares it with
the emulator.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_METADATA = "x-amz-meta-"
#: What is given back to whoever asks for the object.
_KEPT_HEADERS = ("content-type", "x-amz-storage-class")


@dataclass(frozen=True)
class StoredObject:
    """An object as it was put; `kept` are the headers that S3 keeps, their names in lower case."""

    key: str
    body: bytes
    kept: Mapping[str, str]
    tags: str = ""

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.body).hexdigest()}"'

    @property
    def metadata(self) -> dict[str, str]:
        """The user's own."""
        return {name[len(_METADATA) :]: each for name, each in self.kept.items() if name.startswith(_METADATA)}

    def headers(self) -> dict[str, str]:
        return {**self.kept, "ETag": self.etag}


@dataclass(frozen=True)
class Refusal:
    """S3's code of an error, and the status of its answer."""

    code: str
    status: int


NOT_THERE = Refusal("NoSuchKey", 404)
NOT_AS_WAS_SAID = Refusal("PreconditionFailed", 412)


class ObjectStore:
    """A bucket's newest versions, by key. `witness` is told of each object, in the order in which they came."""

    def __init__(self) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.witness: Callable[[StoredObject], object] = lambda stored: None
        self._lock = threading.Lock()

    def put(self, key: str, body: bytes, headers: Mapping[str, str]) -> StoredObject | Refusal:
        """Keeps an object, unless the condition in the headers of the request does not hold."""
        headers = {name.lower(): value for name, value in headers.items()}
        kept = {
            name: value for name, value in headers.items() if name.startswith(_METADATA) or name in _KEPT_HEADERS
        }
        stored = StoredObject(key, body, kept, headers.get("x-amz-tagging", ""))
        with self._lock:
            if refused := _refusal(headers, self.objects.get(key)):
                return refused
            self.objects[key] = stored
            self.witness(stored)
        return stored

    def keep(self, stored: StoredObject) -> None:
        """As one whose condition held puts it."""
        with self._lock:
            self.objects[stored.key] = stored
            self.witness(stored)

    def head(self, key: str, headers: Mapping[str, str]) -> StoredObject | Refusal:
        return self.objects.get(key, NOT_THERE)

    def remove(self, key: str) -> None:
        """As a lifecycle does."""
        with self._lock:
            self.objects.pop(key, None)


def _refusal(headers: Mapping[str, str], there: StoredObject | None) -> Refusal | None:
    if headers.get("if-none-match") == "*" and there:
        return NOT_AS_WAS_SAID
    expected = headers.get("if-match")
    if expected and not there:
        return NOT_THERE
    return NOT_AS_WAS_SAID if expected and there and there.etag != expected else None
