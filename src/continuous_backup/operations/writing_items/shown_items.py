"""Items as a person sees them: a key as `--key` takes it, and what differs between an item before and after."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from continuous_backup.operations.writing_items import typed_json
from continuous_backup.operations.writing_items.typed_json import Item

_ATTRIBUTES_SHOWN = 5
_LONGEST_VALUE = 60
_NOTHING = "nothing"


def key(keys: Item) -> str:
    """The keys of an item in the SDK's form, as `asked_keys.written` reads them; nothing that moves a cursor."""
    plain = {name: _plain(typed) for name, typed in keys.items()}
    if len(plain) == 1:
        ((name, value),) = plain.items()
        simple = "=" not in name and not name.lstrip().startswith("{") and name == name.strip()
        if simple and name.isprintable() and value.isprintable() and value == value.strip():
            return f"{name}={value}"
    return printable(json.dumps(plain, ensure_ascii=False))


def differences(before: Item | None, after: Item | None) -> list[str]:
    """A line for each of some attributes that are others after than before, and how many more there are."""
    before, after = before or {}, after or {}
    names = [name for name in {**before, **after} if not _same(before.get(name), after.get(name))]
    lines = [
        f"{printable(name)}: {_value(before.get(name))} -> {_value(after.get(name))}"
        for name in names[:_ATTRIBUTES_SHOWN]
    ]
    if len(names) > _ATTRIBUTES_SHOWN:
        lines.append(f"and {len(names) - _ATTRIBUTES_SHOWN:,} more attributes")
    return lines


def _same(one: Any, another: Any) -> bool:
    if one is None or another is None:
        return one is another
    return typed_json.same({"": one}, {"": another})


def _plain(typed: dict[str, Any]) -> str:
    ((kind, value),) = typed.items()
    return _base64(value) if kind == "B" else value


def _value(typed: dict[str, Any] | None) -> str:
    if typed is None:
        return _NOTHING
    text = ""
    # Piece by piece: a value can be of 400 KB, and its beginning is all that is shown.
    for piece in _pieces(typed):
        text += piece[: _LONGEST_VALUE + 1]
        if len(text) > _LONGEST_VALUE:
            return printable(text[:_LONGEST_VALUE]) + "…"
    return printable(text)


def _pieces(typed: dict[str, Any]) -> Iterator[str]:
    encoder = json.JSONEncoder(ensure_ascii=False, default=_base64)
    # A generator in pure Python: the faster one makes everything before it gives anything.
    return iter(encoder.iterencode(typed))


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def printable(text: str) -> str:
    """Without what a terminal obeys, or turns around. In JSON's way of writing it."""
    return "".join(each if each.isprintable() else _as_json(each) for each in text)


def _as_json(character: str) -> str:
    return json.dumps(character)[1:-1]
