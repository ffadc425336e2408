#!/usr/bin/env python3
"""Writes the table of the configuration's keys, made from the code, into docs/configuration.md."""

import html
import re
import sys
from dataclasses import Field
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_ROOT / "src"))

from continuous_backup.configuration.checks import default_of, group_keys  # noqa: E402

PAGE = _ROOT / "docs" / "configuration.md"
BEGIN = "<!-- configuration table: written by docs/configuration_table.py -->\n"
END = "<!-- end of configuration table -->\n"


def table(keys: "dict[str, Field[Any]]") -> str:
    """The keys as a table in Markdown: name, default, what is allowed, meaning."""
    rows = ["| key | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    for name, its in keys.items():
        rows.append(_row(name, its))
        if its.metadata["group"]:
            inner = group_keys(its.metadata["group"]).items()
            rows += [_row(f"{name}.{each}", field) for each, field in inner]
    return "\n".join(rows) + "\n"


def _row(name: str, its: "Field[Any]") -> str:
    default = f"`{_written(default_of(its))}`" if default_of(its) not in ("", {}, None) else "none"
    return f"| `{name}` | {default} | {_allowed(its)} | {_escaped(its.metadata['meaning'])} |"


def put_into(page: str, text: str) -> str:
    """The page with the text between the two marks. Raises ValueError where they are not there."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN.strip()} ... {END.strip()}")
    return before + begin + text + end + after


def _allowed(its: "Field[Any]") -> str:
    about = its.metadata
    if isinstance(its.default, tuple):
        return f"a list of {', '.join(f'`{each}`' for each in about['choices'])}"
    if about["choices"]:
        return ", ".join(f"`{_written(each)}`" for each in about["choices"])
    if about["least"] is not None:
        return f"{about['least']} to {about['most']}"
    if isinstance(its.default, bool):
        return "`true`, `false`"
    if about["group"]:
        return "a group, with the keys below"
    if about["entries"]:
        return f"a group: `{about['shape']}`"
    return _escaped(about["shape"]) or "any text"


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _escaped(text: str) -> str:
    """Text in which Markdown sees nothing but text; angle brackets would be taken for HTML."""
    return re.sub(r"([|_*`])", r"\\\1", html.escape(text, quote=False))


if __name__ == "__main__":
    from continuous_backup.configuration import config

    PAGE.write_text(put_into(PAGE.read_text(encoding="utf-8"), table(config.keys())), encoding="utf-8")
