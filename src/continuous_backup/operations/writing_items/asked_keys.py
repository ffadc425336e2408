"""Which items are asked for: keys as a person writes them, fitted to the key schema of a table.

    id=alice                          the value is of the type that the table says: text, number, or base64
    {"id": "alice", "at": 42}         plain JSON; a binary value is a text in base64, here too
    {"id": {"S": "alice"}}            DynamoDB's typed JSON

A key is a whole one, or a partition key alone, which asks for all items of that partition key.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from continuous_backup.errors import UsageError
from continuous_backup.operations.writing_items import key_values, typed_json
from continuous_backup.operations.writing_items.typed_json import NoTypedJson

_KINDS = {"S": "a text (S)", "N": "a number (N)", "B": "binary (B), written in base64"}
#: What Decimal also reads, such as 1_000 and digits of other scripts, DynamoDB does not.
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
#: How many of the keys that cannot be are named.
_NAMED = 10


class NoKey(ValueError):
    """A text that is no key in any of the forms; it says why."""


class _Digits(str):
    """A number of JSON, as it was written."""


@dataclass(frozen=True)
class Written:
    """A key as it was written, and where; `values` are texts, numbers as written, or typed JSON."""

    text: str
    values: Mapping[str, Any]
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.text}" if self.where else f"--key {self.text}"


@dataclass(frozen=True)
class AskedKey:
    """`keys` in DynamoDB's typed JSON, binary in base64; a partition key alone where not `is_whole`."""

    text: str
    keys: Mapping[str, Mapping[str, str]]
    is_whole: bool


def written(text: str, where: str = "") -> Written:
    """Raises NoKey where it is in none of the forms. Whether it fits a table, `fitted` says."""
    if not text.lstrip().startswith("{"):
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise NoKey(f'"{text}" is no key such as id=alice or \'{{"id": "alice", "at": 42}}\'')
        return Written(text, {name: value}, where)
    try:
        values = json.loads(
            text,
            parse_int=_Digits,
            parse_float=_Digits,
            parse_constant=_Digits,
            object_pairs_hook=_without_repetitions,
        )
    except NoKey as err:
        raise NoKey(f"{text} {err}") from err
    except (ValueError, RecursionError) as err:
        raise NoKey(f"{text} is no JSON: {err}") from err
    if not values:
        raise NoKey(f"{text} has no attribute")
    return Written(text.strip(), values, where)


def written_in(file: Path) -> list[Written]:
    """The keys of a file, one a line; empty lines are none.

    Raises UsageError, with each line that is no key, or where there are no keys: that must not mean all.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, ValueError) as err:
        reason = err.strerror if isinstance(err, OSError) else "it is not UTF-8"
        raise UsageError(f"no keys can be read from {file}: {reason}", "one key a line, such as id=alice") from err
    found: list[Written] = []
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(written(line, f"{file}, line {number}"))
            except NoKey as err:
                problems.append(f"{file}, line {number}: {err}")
    if problems:
        raise _refusal(problems, "one key a line, such as id=alice")
    if not found:
        raise UsageError(f"{file} has no keys", "one key a line, such as id=alice")
    return found


def fitted(keys: Iterable[Written], schema: Mapping[str, str], table: str) -> list[AskedKey]:
    """The keys with the types of the table's: `schema` has them by name, the partition key first.

    Raises UsageError that names all keys that do not fit, and those that are asked for twice: also one that is
    among those of a partition key that is asked for.
    """
    found: list[AskedKey] = []
    problems: list[str] = []
    seen: dict[tuple[Any, ...], Written] = {}
    for each in keys:
        try:
            asked = _fitted(each, schema)
        except NoKey as err:
            problems.append(f"{each}: {err}")
            continue
        if (first := seen.setdefault(_identity(asked.keys), each)) is not each:
            problems.append(f"{each}: it is asked for already, by {first}")
        found.append(asked)
    partition_key = next(iter(schema))
    for asked in found:
        partition = {partition_key: asked.keys[partition_key]}
        of_all = seen.get(_identity(partition)) if asked.is_whole and len(schema) > 1 else None
        if of_all is not None:
            problems.append(f"{asked.text}: it is asked for already, by {of_all}")
    if problems:
        has = ", ".join(f"{name}: {_KINDS[kind]}" for name, kind in schema.items())
        raise _refusal(
            problems, f"table {table} has the key {has}; give each key once, and whole or {partition_key} alone"
        )
    return found


def _without_repetitions(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NoKey("has an attribute twice")
    return found


def _fitted(key: Written, schema: Mapping[str, str]) -> AskedKey:
    partition_key = next(iter(schema))
    if strange := [name for name in key.values if name not in schema]:
        raise NoKey(f"{', '.join(strange)} is no key attribute")
    if partition_key not in key.values:
        raise NoKey(f"{partition_key} is missing, the partition key")
    keys: dict[str, dict[str, str]] = {}
    for name, kind in schema.items():
        if name in key.values:
            longest = key_values.LONGEST_PARTITION_KEY if name == partition_key else key_values.LONGEST_SORT_KEY
            keys[name] = {kind: _value(name, kind, key.values[name], longest)}
    return AskedKey(key.text, keys, len(keys) == len(schema))


def _value(name: str, kind: str, value: Any, longest: int) -> str:
    wrong = NoKey(f"{name} is {_KINDS[kind]} in the table, and this is none that a key can be")
    if isinstance(value, Mapping):
        if list(value) != [kind] or not isinstance(value[kind], str) or isinstance(value[kind], _Digits):
            raise wrong
        value = value[kind]
    elif not isinstance(value, str) or (isinstance(value, _Digits) and kind != "N"):
        raise wrong
    if kind == "N" and not _NUMBER.fullmatch(value):
        raise wrong
    try:
        # A surrogate has no UTF-8.
        possible = key_values.can_be_a_key(typed_json.in_sdks_form({name: {kind: value}})[name], longest)
        value.encode()
    except (NoTypedJson, ArithmeticError, ValueError) as err:
        raise wrong from err
    if not possible:
        raise wrong
    return str(value)


def _identity(keys: Mapping[str, Mapping[str, str]]) -> tuple[Any, ...]:
    return typed_json.identity(typed_json.in_sdks_form(keys))


def _refusal(problems: Sequence[str], hint: str) -> UsageError:
    if len(problems) == 1:
        return UsageError(problems[0], hint)
    lines = [f"  - {each}" for each in problems[:_NAMED]]
    more = [f"  and {len(problems) - _NAMED:,} more"] if len(problems) > _NAMED else []
    return UsageError("\n".join([f"{len(problems):,} keys cannot be asked for:", *lines, *more]), hint)
