"""Counts in words."""


def tables(count: int) -> str:
    """`1 table`, `2 tables`."""
    return "1 table" if count == 1 else f"{count} tables"


def items(count: int) -> str:
    """`1 item`, `2,000 items`."""
    return "1 item" if count == 1 else f"{count:,} items"
