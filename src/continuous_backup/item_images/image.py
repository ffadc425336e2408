"""What is kept of an item: its latest image, or a tombstone that says that it was removed."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from continuous_backup.item_images.object_names import Keys

#: What stands in place of a change's kind where an item was found by a scan, and not told of by its stream.
SCAN = "SCAN"
REMOVE = "REMOVE"
INSERT = "INSERT"

_SEQUENCE_NUMBER = "sequence-number"
_STREAM = "stream-arn"


@functools.total_ordering
@dataclass(frozen=True)
class Version:
    """How late an image of an item is: `stream` is the ARN that the change came from, `sequence_number` its place.

    Sequence numbers grow within a stream. A table has one stream at a time, and the label at the end of its ARN
    is when it was switched on: so whatever a later stream tells is later. A scan, whose number is 0, is earlier
    than every change of the stream that was on when it began, and later than all of a stream before.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
    """

    stream: str
    sequence_number: int

    @property
    def _order(self) -> tuple[str, int]:
        return self.stream.rpartition("/stream/")[2], self.sequence_number

    def __lt__(self, other: "Version") -> bool:
        return self._order < other._order


@dataclass(frozen=True)
class ItemImage:
    """An item of `table` as one change or a scan shows it. `image` is None where it was removed.

    Values are DynamoDB's typed JSON. `time` is DynamoDB's of the change, or ours of the scan, in seconds since
    1970 UTC.
    """

    table: str
    keys: Keys
    image: Mapping[str, Any] | None
    event: str
    version: Version
    time: float

    @property
    def deleted(self) -> bool:
        return self.image is None

    def document(self) -> bytes:
        """The object's body. Raises orjson.JSONEncodeError for what no UTF-8 says."""
        fields: dict[str, Any] = {"Keys": self.keys}
        if self.image is None:
            fields["deleted"] = True
        else:
            fields["Image"] = self.image
        fields["SequenceNumber"] = str(self.version.sequence_number) if self.version.sequence_number else None
        fields["ApproximateCreationDateTime"] = self.time
        fields["eventName"] = self.event
        fields["eventSourceARN"] = self.version.stream
        return orjson.dumps(fields)

    def metadata(self) -> dict[str, str]:
        """The object's user metadata, by which a writer sees what is there without reading it.

        Without the keys, which can be more than the 2 KB that S3 allows:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
        """
        return {
            _SEQUENCE_NUMBER: str(self.version.sequence_number),
            _STREAM: self.version.stream,
            "time": str(self.time),
            "event": self.event,
            **({"deleted": "true"} if self.deleted else {}),
        }


def version_of_metadata(metadata: Mapping[str, str]) -> Version:
    """How late the object is that has this metadata; earlier than all of ours where it is not one of ours."""
    number = metadata.get(_SEQUENCE_NUMBER, "")
    return Version(metadata.get(_STREAM, ""), int(number)) if number.isdecimal() else Version("", -1)


def parse(body: bytes, table: str) -> ItemImage:
    """The image in an object's body. Raises ValueError where there is none."""
    try:
        fields = orjson.loads(body)
        image = None if fields.get("deleted") else fields["Image"]
        if not isinstance(fields["eventSourceARN"], str) or not isinstance(fields["eventName"], str):
            raise TypeError
        return ItemImage(
            table=table,
            keys=fields["Keys"],
            image=image,
            event=fields["eventName"],
            version=Version(fields["eventSourceARN"], int(fields["SequenceNumber"] or 0)),
            time=fields["ApproximateCreationDateTime"],
        )
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise ValueError("it is not an item's image as we write it") from err
