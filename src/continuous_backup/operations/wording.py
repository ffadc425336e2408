"""Counts in words."""


def tables(count: int) -> str:
    """`1 table`, `2 tables`."""
    return "1 table" if count == 1 else f"{count} tables"
