"""Loading a table that takes only some of a batch."""

from collections import Counter

import pytest

from local import load


class PartialTable:
    """Takes at most `takes` requests of a call and counts what it took; the rest is unprocessed."""

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.taken: Counter[str] = Counter()
        self.largest = 0

    def batch_write_item(self, RequestItems):  # noqa: N803
        ((table, requests),) = RequestItems.items()
        self.largest = max(self.largest, len(requests))
        self.taken.update(each["PutRequest"]["Item"]["id"]["S"] for each in requests[: self.takes])
        left = requests[self.takes :]
        return {"UnprocessedItems": {table: left} if left else {}}


def items(count: int) -> list[load.Item]:
    return [{"id": {"S": str(number)}} for number in range(count)]


def test_put_when_some_items_are_unprocessed_writes_those_again_and_each_once():
    table, delays = PartialTable(takes=7), []

    assert load.put(table, "T", items(60), sleep=delays.append) == load.Written(puts=60)

    assert table.taken == Counter(str(number) for number in range(60))
    assert table.largest == 25
    assert len(delays) == 3 + 3 + 1
    assert max(delays) <= 5


def test_put_when_nothing_is_ever_processed_raises():
    with pytest.raises(load.NotWritten, match="T: 25 requests"):
        load.put(PartialTable(takes=0), "T", items(25), sleep=lambda _: None)
