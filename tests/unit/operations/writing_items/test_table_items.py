"""Items read and written: what is throttled or unprocessed comes again, and how fast at most."""

import pytest

from continuous_backup.aws import ClientError
from continuous_backup.errors import AwsError
from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.table_items import PATIENCE_SECONDS, Refused, TableItems
from tests.unit.operations.writing_items.tables import TARGET, UNHEARD, FakeAws, FakeTable, refusal, table_items


def item(number: int, **more: dict[str, str]) -> dict[str, dict[str, str]]:
    return {"id": {"S": str(number)}, **more}


THROTTLED = "ProvisionedThroughputExceededException"


def test_get_asks_again_for_what_was_not_processed():
    table = FakeTable(map(item, range(7)), answered=3)
    found = table_items(table).get([item(number) for number in range(8)])
    assert found == {typed_json.identity(item(number)): item(number) for number in range(7)}
    assert len(table.calls) == 3


def test_get_when_nothing_is_ever_processed_gives_up_and_says_what_to_do():
    table = FakeTable(map(item, range(2)), answered=0)
    with pytest.raises(AwsError, match="table Orders: it answers no key") as raised:
        table_items(table).get([item(1)])
    assert "--writes-per-second" in raised.value.hint


CONFLICT = "TransactionConflictException"


@pytest.mark.parametrize("error", [refusal(CONFLICT, "DeleteItem"), refusal(THROTTLED, "DeleteItem"), UNHEARD])
def test_delete_when_it_is_in_a_transaction_or_throttled_tries_again(error: Exception):
    table = FakeTable([item(1)])
    table.fault = lambda operation, number: error if number < 20 else None
    table_items(table).delete(item(1))
    assert (table.items, len(table.calls)) == ({}, 21)


@pytest.mark.parametrize(
    "code", ["ValidationException", "ItemCollectionSizeLimitExceededException", "Whatever", CONFLICT]
)
def test_put_and_delete_when_the_refusal_is_one_items_alone_say_so_whatever_its_code(code: str):
    table = FakeTable()
    table.fault = lambda operation, number: refusal(code)
    for write in (
        lambda items: items.put(item(1), only_where_none_is=False),
        lambda items: items.put(item(1), only_where_none_is=True),
        lambda items: items.delete(item(1)),
    ):
        with pytest.raises(Refused, match=code):
            write(table_items(table))


@pytest.mark.parametrize(
    "code",
    ["AccessDeniedException", "ResourceNotFoundException", "ExpiredTokenException", "UnrecognizedClientException"],
)
def test_put_and_delete_when_any_write_would_be_refused_raise(code: str):
    table = FakeTable()
    table.fault = lambda operation, number: refusal(code)
    with pytest.raises(ClientError, match=code):
        table_items(table).put(item(1), only_where_none_is=True)
    with pytest.raises(ClientError, match=code):
        table_items(table).delete(item(1))


@pytest.mark.parametrize("error", [refusal(THROTTLED), refusal("ThrottlingException"), refusal(CONFLICT), UNHEARD])
def test_put_when_it_is_throttled_or_unheard_tries_again_with_pauses(error: Exception):
    table = FakeTable()
    table.fault = lambda operation, number: error if number < 20 else None
    aws = FakeAws(table)
    assert TableItems(aws, TARGET, 1000).put(item(1), only_where_none_is=True)  # type: ignore[arg-type]
    assert len(table.calls) == 21
    assert 5 < aws.now < 100


def test_put_when_it_is_throttled_for_ever_gives_up():
    table = FakeTable()
    table.fault = lambda operation, number: refusal(THROTTLED)
    aws = FakeAws(table)
    with pytest.raises(AwsError, match=THROTTLED):
        TableItems(aws, TARGET, 1000).put(item(1), only_where_none_is=False)  # type: ignore[arg-type]
    assert PATIENCE_SECONDS <= aws.now < PATIENCE_SECONDS + 10


def test_put_when_an_item_is_there_leaves_it_only_if_asked_to():
    table = FakeTable([item(1)])
    assert not table_items(table).put(item(1, a={"S": "b"}), only_where_none_is=True)
    assert list(table.items.values()) == [item(1)]
    assert table_items(table).put(item(1, a={"S": "b"}), only_where_none_is=False)
    assert list(table.items.values()) == [item(1, a={"S": "b"})]


def test_put_when_the_item_is_wrong_says_so_of_that_item_and_when_access_is_denied_raises():
    table = FakeTable()
    table.fault = lambda operation, number: refusal("ValidationException" if number == 0 else "AccessDenied")
    with pytest.raises(Refused):
        table_items(table).put(item(1), only_where_none_is=True)
    with pytest.raises(ClientError, match="AccessDenied"):
        table_items(table).put(item(1), only_where_none_is=True)


def test_writes_keep_to_so_many_a_second():
    aws = FakeAws(FakeTable())
    items = TableItems(aws, TARGET, 10)  # type: ignore[arg-type]
    for number in range(20):
        items.put(item(number), only_where_none_is=True)
        items.delete(item(number))
    assert aws.now == pytest.approx(3.9)
