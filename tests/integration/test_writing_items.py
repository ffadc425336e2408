"""Items written and read back by the code that restores, on both engines of DynamoDB.

Where an engine answers otherwise than AWS documents, what it answers is asserted, and what AWS says stands beside.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from continuous_backup.aws import Aws
from continuous_backup.operations.writing_items import target as targets
from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.table_items import MOST_KEYS_A_CALL, Refused, TableItems
from continuous_backup.operations.writing_items.typed_json import Item
from tests.integration.engines import Engine, create_table, unique
from tests.unit.operations.writing_items.typed_values import DIGITS, ITEMS, LARGEST, OTHER, SAME, SMALLEST

pytestmark = pytest.mark.emulator

#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_ITEM_BYTES = 400 * 1024
#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
MOST_BYTES_A_CALL = 16 * 1024 * 1024
BATCH = "before-call.dynamodb.BatchGetItem"


@dataclass
class Written:
    """A table of an engine, `items` as the code has them, and how often it asked for some."""

    dynamodb: Any
    name: str
    items: TableItems
    batches: int = 0

    def put(self, item: Item, *, only_where_none_is: bool = False) -> bool:
        return self.items.put(item, only_where_none_is=only_where_none_is)

    def got(self, keys: Item) -> Item | None:
        """Found by what tells it from others: a number by its value."""
        return self.items.get([keys]).get(typed_json.identity(keys))

    def count(self, **_: Any) -> None:
        self.batches += 1


Tables = Callable[..., Written]


@pytest.fixture(scope="module")
def aws(engine: Engine) -> Iterator[Aws]:
    with engine.as_environment():
        made = Aws(region=engine.emulator.region)
        dynamodb = made.client("dynamodb")
    yield made
    dynamodb.close()  # what the emulator would wait for at its end


@pytest.fixture
def table(aws: Aws) -> Iterator[Tables]:
    """Makes a table with such keys."""
    dynamodb = aws.client("dynamodb")
    with ExitStack() as stack:

        def made(*keys: str) -> Written:
            name = unique("Items")
            create_table(dynamodb, name, keys or ("id:S",))
            stack.callback(dynamodb.delete_table, TableName=name)
            target = targets.described(dynamodb, name)
            assert target is not None
            written = Written(dynamodb, name, TableItems(aws, target, 1e9))
            dynamodb.meta.events.register(BATCH, written.count)
            stack.callback(dynamodb.meta.events.unregister, BATCH, written.count)
            return written

        yield made


def test_get_of_more_than_a_call_answers_expects_all_that_are_there(engine: Engine, table: Tables):
    it = table("b/in:B", "n:N")
    text = "x" * 300_000
    keys = [{"b/in": {"B": bytes([number])}, "n": {"N": str(number)}} for number in range(MOST_KEYS_A_CALL)]
    there = keys[: MOST_BYTES_A_CALL // len(text) + 5]
    for each in there:
        it.put(each | {"text": {"S": text}})

    found = it.items.get(keys)

    assert found.keys() == {typed_json.identity(each) for each in there}
    assert all(item["text"]["S"] == text for item in found.values())
    # AWS answers 16 MB a call and leaves the other keys unprocessed; MiniStack answers whatever is asked for.
    assert it.batches == (2 if engine.is_dynoxide else 1)


#: Names that have to be named by a placeholder, as the condition on the partition key does.
KEYS = ("a.b \"c\" 'é' #:é", "size")


def test_put_where_none_may_be_expects_what_is_there_to_stay_until_it_is_deleted(table: Tables):
    it = table(*(f"{name}:S" for name in KEYS))
    keys = {name: {"S": "a"} for name in KEYS}
    first, second = keys | {"n": {"N": "1"}}, keys | {"n": {"N": "2"}}
    it.items.delete(keys)
    assert it.put(first, only_where_none_is=True)
    assert not it.put(second, only_where_none_is=True)
    assert it.got(keys) == first
    assert it.put(second)
    assert it.got(keys) == second
    it.items.delete(keys)
    assert it.got(keys) is None
    assert it.put(first, only_where_none_is=True)


@pytest.mark.parametrize(
    ("written", "as_number"), [("1.50", "1.5"), ("1E125", LARGEST), ("1E-130", SMALLEST), ("-0", "0")]
)
def test_key_that_is_a_number_of_another_text_is_the_same_key(
    engine: Engine, table: Tables, written: str, as_number: str
):
    """On AWS. MiniStack, when it reads, takes a key for its text: that which DynamoDB writes finds the item."""
    it = table("id:S", "n:N")
    as_it_came, as_it_is = ({"id": {"S": "a"}, "n": {"N": text}} for text in (written, as_number))
    assert it.put(as_it_is, only_where_none_is=True)
    assert it.got(as_it_is) == as_it_is
    assert it.got(as_it_came) == (as_it_is if engine.is_dynoxide else None)
    assert not it.put(as_it_came, only_where_none_is=True)


def of_bytes(size: int, **more: dict[str, Any]) -> Item:
    """An item of so many bytes by DynamoDB's count, if what is `more` has two bytes beside its name.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    counted = len("id") + len("a") + len("t") + sum(len(name) + 2 for name in more)
    return {"id": {"S": "a"}, "t": {"S": "x" * (size - counted)}, **more}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"n": {"N": LARGEST}},  # a number costs its digits, not its zeros
        {"n": {"N": SMALLEST}},
        {"s": {"S": "é"}},
        {"b": {"B": b"\x00\xff"}},
    ],
    ids=["text", "largest-number", "smallest-number", "two-bytes-a-letter", "binary"],
)
def test_put_of_an_item_of_400_kb_expects_it_whole_and_of_a_byte_more_expects_its_refusal(
    table: Tables, more: dict[str, Any]
):
    it = table()
    whole = of_bytes(MOST_ITEM_BYTES, **more)
    assert it.put(whole)
    with pytest.raises(Refused, match="Item size has exceeded the maximum allowed size"):
        it.put(of_bytes(MOST_ITEM_BYTES + 1, **more))
    assert typed_json.same(it.got({"id": {"S": "a"}}) or {}, whole)
    assert it.put({"id": {"S": "b"}}, only_where_none_is=True), "others go on"


def nested(levels: int, value: dict[str, Any]) -> dict[str, Any]:
    """In so many lists and maps by turns."""
    for level in range(levels):
        value = {"L": [value]} if level % 2 else {"M": {"in": value}}
    return value


REFUSED = {
    "39-digits": ({"N": "9" * 39}, "38 significant digits"),
    "too-large": ({"N": "1E126"}, "overflow"),
    "too-small": ({"N": "1E-131"}, "underflow"),
    "no-number": ({"N": "NaN"}, "cannot be converted to a numeric value"),
    "too-deep": (nested(32, {"S": "a"}), "Nesting Levels"),
    "empty-set": ({"SS": []}, "may not be empty"),
    "twice-in-a-set": ({"NS": ["1", "1.0"]}, "contains duplicates"),
}


@pytest.mark.parametrize(("value", "reason"), REFUSED.values(), ids=REFUSED)
def test_put_of_what_dynamodb_cannot_have_expects_its_refusal_with_the_reason(
    table: Tables, value: dict[str, Any], reason: str
):
    it = table()
    with pytest.raises(Refused, match=reason):
        it.put({"id": {"S": "a"}, "value": value})
    assert it.got({"id": {"S": "a"}}) is None


NAMED = {
    "numbers": {f"n{number}": {"N": text} for number, text in enumerate((LARGEST, SMALLEST, "-1E125", "-1E-130"))},
    "digits": {"whole": {"N": "9" * DIGITS}, "part": {"N": "0." + "1" * DIGITS}, "less": {"N": "-1.50E+3"}},
    "sets": {"s": {"SS": ["b", "", "a"]}, "n": {"NS": ["2", "-1.50", "1E125"]}, "b": {"BS": [b"\xff", b"", b"a"]}},
    "empty": {"s": {"S": ""}, "b": {"B": b""}, "l": {"L": []}, "m": {"M": {}}},
    "names": {
        name: {"S": name} for name in ("a.b", '"', "'", " ", "é😀", "#a", ":a", "a[0]", "select", "S", "x" * 255)
    },
    "31-levels": {"deep": nested(31, {"BS": [b"2", b"1"]})},
    "no-and-nothing": {"no": {"BOOL": False}, "nothing": {"NULL": True}},
}


@pytest.mark.parametrize("attributes", NAMED.values(), ids=NAMED)
def test_put_of_awkward_attributes_and_get_expect_the_same_item(table: Tables, attributes: dict[str, Any]):
    it = table()
    item = {"id": {"S": "a"}} | attributes
    assert it.put(item, only_where_none_is=True)
    found = it.got({"id": {"S": "a"}})
    assert found is not None
    assert found.keys() == item.keys()
    assert typed_json.same(found, item), found


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(attributes=ITEMS.map(typed_json.in_sdks_form), key=st.binary(min_size=1, max_size=8))
def test_put_of_any_item_and_get_expect_the_same_item(any_items: Written, attributes: dict[str, Any], key: bytes):
    keys = {"the key": {"B": key}}
    item = attributes | keys
    any_items.put(item)
    found = any_items.got(keys)
    assert found is not None
    assert typed_json.same(found, item), found


@pytest.fixture
def any_items(table: Tables) -> Written:
    return table("the key:B")


def is_equal_for_dynamodb(it: Written, one: dict[str, Any], another: dict[str, Any]) -> bool:
    """By a condition on an item that has the one."""
    item = {"id": {"S": "a"}, "value": one}
    it.put(item)
    try:
        it.dynamodb.put_item(
            TableName=it.name,
            Item=item,
            ConditionExpression="#value = :another",
            ExpressionAttributeNames={"#value": "value"},
            ExpressionAttributeValues={":another": another},
        )
    except it.dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


def test_same_of_two_values_expects_what_dynamodb_says_of_their_equality(table: Tables):
    it = table()
    for pairs, expected in ((SAME, True), (OTHER, False)):
        for one, another in pairs:
            assert typed_json.same({"a": one}, {"a": another}) is expected
            assert is_equal_for_dynamodb(it, one, another) is expected, (one, another)
