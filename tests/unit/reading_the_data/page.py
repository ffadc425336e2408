"""What docs/reading-the-data.md tells others to run, taken from it word for word."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "reading-the-data.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """What is under a heading, up to the next one of any level."""
    (found,) = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    return found


def blocks(language: str, title: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", section(title), re.DOTALL)


def block(language: str, title: str) -> str:
    (found,) = blocks(language, title)
    return found


def readers() -> dict[str, tuple[str, str]]:
    """By name, what it was tried with, and its line."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| `(.+)` \|$", section("Other readers"), re.MULTILINE)
    return {name: (tried, line.replace(r"\|", "|")) for name, tried, line in rows}
