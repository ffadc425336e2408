"""What is to be done with one image, given what the table has under its keys: pure."""

from enum import Enum

from continuous_backup.operations.images.reading import Image
from continuous_backup.operations.images.wanted import If
from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.target import Target
from continuous_backup.operations.writing_items.typed_json import Item


class Decision(Enum):
    #: No item is there.
    WRITE = "write"
    #: Another item is there.
    OVERWRITE = "overwrite"
    #: Another item is there, and stays.
    KEEP = "keep"
    #: What is there is what would be written.
    SAME = "same"
    #: The item was removed, and is there.
    DELETE = "delete"
    #: The item was removed, is there, and stays.
    STAY = "stay"
    #: The item was removed, and is not there.
    NOTHING = "nothing"


def decide(image: Image, there: Item | None, condition: If, target: Target) -> Decision:
    """`there` is the table's item, None where it has none."""
    if image.item is None:
        if there is None:
            return Decision.NOTHING
        return Decision.DELETE if condition is If.ALWAYS else Decision.STAY
    if there is None:
        return Decision.WRITE
    if typed_json.same(image.item, there):
        return Decision.SAME
    if condition is If.NEVER or (condition is If.NEWER and target.has_seen(image.version)):
        return Decision.KEEP
    return Decision.OVERWRITE
