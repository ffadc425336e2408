"""One object of the bucket, read as the image of an item."""

from dataclasses import dataclass

from continuous_backup.aws import BotoCoreError, Client, ClientError, error_code
from continuous_backup.item_images import image, object_names
from continuous_backup.item_images.image import Version
from continuous_backup.item_images.object_names import NoName
from continuous_backup.operations.images.listing import Listed
from continuous_backup.operations.images.wanted import Wanted
from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.key_values import can_be_a_key
from continuous_backup.operations.writing_items.typed_json import Item

_NOT_THERE = {"404", "NoSuchKey", "NoSuchVersion", "NotFound"}
_ARCHIVED = "InvalidObjectState"
#: The SDK repeats calls, but not what breaks while the body comes.
_TRIES = 3
#: An item has up to 400 KB, and a number costs by its digits and is written out: `1E-130` is 2 bytes of an item,
#: and one more in a list, and 141 of JSON. So an image can have some 20 MB.
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
_LARGEST_BYTES = 24 * 1024 * 1024
#: Numbers of a larger image are written with an exponent: how much JSON one call may have is not documented.
_LARGE_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Image:
    """The image of an item, in the SDK's form; `item` is None for a tombstone."""

    name: str
    keys: Item
    item: Item | None
    version: Version
    #: Of the object, in bytes.
    size: int = 0
    #: The kind of change that it shows.
    event: str = ""


@dataclass(frozen=True)
class Unreadable:
    """An object in the place of an image, and why it cannot be read as one."""

    name: str
    reason: str


def read(s3: Client, wanted: Wanted, listed: Listed) -> Image | Unreadable | None:
    """None where the object has gone since it was listed. Raises what AWS raises."""
    if listed.size > _LARGEST_BYTES:
        return Unreadable(listed.name, f"it has {listed.size:,} bytes, more than any item's image")
    try:
        body = _body(s3, wanted.bucket, listed)
    except ClientError as err:
        if error_code(err) in _NOT_THERE:
            return None
        if error_code(err) == _ARCHIVED:
            return Unreadable(listed.name, "it is archived (Glacier): restore the object, then run it again")
        raise
    return parsed(body, wanted, listed.name)


def _body(s3: Client, bucket: str, listed: Listed) -> bytes:
    version = {"VersionId": listed.version} if listed.version else {}
    tries = 0
    while True:
        tries += 1
        try:
            body: bytes = s3.get_object(Bucket=bucket, Key=listed.name, **version)["Body"].read()
        except BotoCoreError:
            if tries == _TRIES:
                raise
        else:
            return body


def parsed(body: bytes, wanted: Wanted, name: str) -> Image | Unreadable:
    """The image in a body, where it is that of the item whose object has this name."""
    try:
        found = image.parse(body, wanted.table)
        if object_names.of_keys(found.keys, wanted.prefix, wanted.table) != name:
            return Unreadable(name, "it is the image of another item than its name says")
        keys = typed_json.in_sdks_form(found.keys)
        item = None if found.image is None else typed_json.in_sdks_form(found.image)
        if item is not None and len(body) > _LARGE_BYTES:
            item = typed_json.with_short_numbers(item)
    except (NoName, ValueError, AttributeError, TypeError, ArithmeticError, RecursionError) as err:
        return Unreadable(name, str(err) or type(err).__name__)
    if not all(map(can_be_a_key, keys.values())):
        return Unreadable(name, "its keys are none that an item can have")
    if item is not None and not _has(item, keys):
        return Unreadable(name, "its image has other keys than it says")
    return Image(name, keys, item, found.version, len(body), found.event)


def _has(item: Item, keys: Item) -> bool:
    return keys.keys() <= item.keys() and typed_json.same({name: item[name] for name in keys}, keys)
