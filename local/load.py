"""Writes items into a table as an application would: batches of puts, single updates, batches of deletes."""

import random
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from local.airports import Difference, Item, Update

#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_BATCH = 25
#: More do not help: the emulator has one Python process, and its Global Interpreter Lock.
_THREADS = 8
_FIRST_DELAY = 0.05
_LONGEST_DELAY = 5.0
_ATTEMPTS = 10

T = TypeVar("T")


@dataclass(frozen=True)
class Written:
    """How many items were put, updated and deleted."""

    puts: int = 0
    updates: int = 0
    deletes: int = 0


class NotWritten(Exception):
    """DynamoDB left some of a batch unprocessed however often it was asked."""


def put(client: Any, table: str, items: Iterable[Item], sleep: Callable[[float], None] = time.sleep) -> Written:
    """Puts all items; raises NotWritten where DynamoDB keeps refusing some."""
    requests = ({"PutRequest": {"Item": item}} for item in items)
    return Written(puts=_write_batches(client, table, requests, sleep))


def apply(client: Any, table: str, difference: Difference, sleep: Callable[[float], None] = time.sleep) -> Written:
    """Writes a difference: puts, then updates, then deletes."""
    put(client, table, difference.puts, sleep)
    _in_threads(lambda update: _update(client, table, update), difference.updates)
    _write_batches(client, table, ({"DeleteRequest": {"Key": key}} for key in difference.deletes), sleep)
    return Written(len(difference.puts), len(difference.updates), len(difference.deletes))


def _write_batches(
    client: Any, table: str, requests: Iterable[dict[str, Any]], sleep: Callable[[float], None]
) -> int:
    """Returns how many requests were carried out."""
    due = iter(requests)
    batches = list(iter(lambda: list(islice(due, _BATCH)), []))
    _in_threads(lambda batch: _write_batch(client, table, batch, sleep), batches)
    return sum(map(len, batches))


def _write_batch(client: Any, table: str, batch: list[dict[str, Any]], sleep: Callable[[float], None]) -> None:
    for attempt in range(_ATTEMPTS):
        answer = client.batch_write_item(RequestItems={table: batch})
        batch = answer.get("UnprocessedItems", {}).get(table, [])
        if not batch:
            return
        sleep(random.uniform(0, min(_LONGEST_DELAY, _FIRST_DELAY * 2**attempt)))
    raise NotWritten(f"{table}: {len(batch)} requests of a batch were not processed in {_ATTEMPTS} attempts")


def _update(client: Any, table: str, update: Update) -> None:
    names = {f"#{number}": name for number, name in enumerate(update.attributes)}
    values = {f":{number}": value for number, value in enumerate(update.attributes.values())}
    client.update_item(
        TableName=table,
        Key=update.key,
        UpdateExpression="SET " + ", ".join(f"#{number} = :{number}" for number in range(len(names))),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )


def _in_threads(work: Callable[[T], None], all_of: Iterable[T]) -> None:
    """Raises the first error; what has not begun by then is not begun."""
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for done in [pool.submit(work, each) for each in all_of]:
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
