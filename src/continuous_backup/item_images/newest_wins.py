"""How an image is written so that no older one ever replaces a newer one, whoever else writes: pure.

The writer asks what is there, and writes on the condition that it still is. It is a generator of what is to be
asked of S3, which is sent the answers; where an answer does not come, the same may be asked again, since its
condition tells whether it took effect, or it may all be thrown away and begun anew.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum

from continuous_backup.item_images.image import Version


@dataclass(frozen=True)
class Found:
    """The object that is there: its ETag, and how late its image is."""

    etag: str
    version: Version


@dataclass(frozen=True)
class Look:
    """Asks for what is there. The answer is Found, or None where there is nothing."""


@dataclass(frozen=True)
class Put:
    """Writes the image, where that which has `etag` is still there, or, with an empty one, nothing is.

    The answer is whether it was written; where it was not, what is there is something else.
    """

    etag: str = ""


Request = Look | Put
Answer = Found | None | bool


class Result(Enum):
    WRITTEN = "written"
    #: What is there is at least as new: another has written it, or we have, and did not hear of it.
    NOT_NEWER = "not newer"


def write(version: Version, *, likely_new: bool) -> Generator[Request, Answer, Result]:
    """The writing of an image of this version. `likely_new` saves the first look, where there is likely nothing.

    It ends: each time that a write is refused, another one has succeeded, with a version of its own.
    """
    found: Answer = None if likely_new else (yield Look())
    while True:
        if isinstance(found, Found) and found.version >= version:
            return Result.NOT_NEWER
        if (yield Put(found.etag if isinstance(found, Found) else "")):
            return Result.WRITTEN
        found = yield Look()
