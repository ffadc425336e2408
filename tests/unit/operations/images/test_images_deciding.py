"""What is done with an image, for each condition and whatever the table has."""

import pytest

from continuous_backup.item_images.image import Version
from continuous_backup.operations.images.deciding import Decision, decide
from continuous_backup.operations.images.reading import Image
from continuous_backup.operations.images.wanted import If
from tests.unit.operations.writing_items.tables import OLD_STREAM, STREAM, TARGET

KEYS = {"id": {"S": "1"}}
ITEM = KEYS | {"n": {"N": "1.0"}}
SAME = KEYS | {"n": {"N": "1"}}
OTHER = KEYS | {"n": {"N": "2"}}
ALL = list(If)


def decided(item, there, condition: If, stream: str = OLD_STREAM) -> Decision:
    return decide(Image("name", KEYS, item, Version(stream, 1)), there, condition, TARGET)


@pytest.mark.parametrize("condition", ALL)
@pytest.mark.parametrize("stream", [OLD_STREAM, STREAM])
def test_decide_when_no_item_is_there_writes_and_when_it_is_the_same_does_nothing(condition: If, stream: str):
    assert decided(ITEM, None, condition, stream) is Decision.WRITE
    assert decided(ITEM, SAME, condition, stream) is Decision.SAME


@pytest.mark.parametrize(
    ("condition", "stream", "expected"),
    [
        (If.ALWAYS, OLD_STREAM, Decision.OVERWRITE),
        (If.ALWAYS, STREAM, Decision.OVERWRITE),
        (If.NEVER, OLD_STREAM, Decision.KEEP),
        (If.NEVER, STREAM, Decision.KEEP),
        (If.NEWER, OLD_STREAM, Decision.OVERWRITE),
        (If.NEWER, STREAM, Decision.KEEP),
    ],
)
def test_decide_when_another_item_is_there_goes_by_the_condition(condition: If, stream: str, expected: Decision):
    assert decided(ITEM, OTHER, condition, stream) is expected


@pytest.mark.parametrize("condition", ALL)
def test_decide_of_a_tombstone_deletes_with_always_alone(condition: If):
    assert decided(None, None, condition) is Decision.NOTHING
    expected = Decision.DELETE if condition is If.ALWAYS else Decision.STAY
    assert decided(None, OTHER, condition) is expected
