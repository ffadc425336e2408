"""Which tables a person asks for: the whitelist file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from continuous_backup import naming
from continuous_backup.configuration import config as configuration
from continuous_backup.configuration import hjson_text
from continuous_backup.errors import ConfigurationError, UsageError

_KEYS = {"provisionAll", "tableNames"}
_HINT = "see whitelist.hjson: provisionAll: true, or tableNames: [ ... ]"


@dataclass(frozen=True)
class Whitelist:
    """All tables, or those named; `names` is empty when all are meant."""

    all_tables: bool
    names: tuple[str, ...] = ()


def load(path: Path) -> Whitelist:
    """The whitelist in a file, with `provisionAll` and `tableNames` as they have always been.

    Raises UsageError where the file is missing, does not parse, or asks for nothing.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as err:
        raise UsageError(
            f"there is no whitelist {path}", "copy whitelist.hjson and name your tables in it"
        ) from err
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(f"the whitelist {path} cannot be read: {err}") from err
    return parse(hjson_text.parse(text, str(path)), str(path))


def parse(values: object, source: str = "whitelist") -> Whitelist:
    """The whitelist that the file's values are. Raises ConfigurationError with all that is wrong."""
    if not isinstance(values, Mapping):
        raise ConfigurationError(source, ["it must hold provisionAll or tableNames in braces"], _HINT)
    if values and not _KEYS & set(values) and set(values) <= set(configuration.keys()):
        raise ConfigurationError(source, ["this is a configuration, and no list of tables"], _HINT)
    problems = [
        f"{name}: there is no such key; there are provisionAll and tableNames"
        for name in values
        if name not in _KEYS
    ]
    all_tables = values.get("provisionAll", False)
    if not isinstance(all_tables, bool):
        problems.append(f"provisionAll: {all_tables!r} is not true or false")
    names = values.get("tableNames", [])
    if not isinstance(names, list):
        problems.append("tableNames: it is not a list of names in brackets")
        names = []
    problems += [
        f"tableNames: {name!r} is not a table's name (3 to 255 of a-z, A-Z, 0-9, _ . -)"
        for name in names
        if not isinstance(name, str) or not naming.is_table_name(name)
    ]
    if all_tables is True and names:
        problems.append(
            "provisionAll: it is true, which means all tables, and tableNames names some: leave one of them out"
        )
    if not problems and not all_tables and not names:
        problems.append("it asks for no table: provisionAll is not true and tableNames is empty")
    if problems:
        raise ConfigurationError(source, problems, _HINT)
    return Whitelist(all_tables, () if all_tables else tuple(dict.fromkeys(names)))
