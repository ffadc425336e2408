"""The page's statements for DuckDB, and how tests ask with them."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.unit.reading_the_data import page, reader_process
from tests.unit.reading_the_data.orders_log import Item, Log

VIEW = page.block("sql", "Asking with DuckDB")
LIVES = page.block("sql", "The lives of a table")
HISTORY = page.block("sql", "The history of one item")
ITEMS = page.block("sql", "Items at a moment")
#: What the page asks for, and how it does.
PAGE_STREAM = re.search(r"'(arn:.+)'", ITEMS)[1]  # type: ignore[index]
PAGE_MOMENT = datetime(2026, 11, 22, 10, tzinfo=UTC).timestamp()


def sql(*statements: str) -> str:
    return "\n".join(["import duckdb", *(f"answer = duckdb.sql({each!r})" for each in statements)])


def answers(asked: Sequence[tuple[Log, str]]) -> list[list[dict[str, Any]]]:
    return reader_process.answers([(log.folder, sql(VIEW, statements)) for log, statements in asked])


def items_at(stream: str, moment: float) -> str:
    """The page's statement about another stream and moment."""
    other = ITEMS.replace(PAGE_STREAM, stream)
    return other.replace("2026-11-22 10:00:00", f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}")


def items_of(rows: list[dict[str, str]]) -> list[Item]:
    return [json.loads(row["item"]) for row in rows]
