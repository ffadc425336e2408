"""Real data that changes: two releases of airportsdata (PyPI, MIT licence), ten months apart.

The older has 28,186 airports, the newer 28,274: 172 are new, 84 are gone, and 890 were corrected.
"""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

OLDER = "20240415"
NEWER = "20250204"
KEY = "icao"

#: An item, or its key, as DynamoDB's API has it: {"icao": {"S": "EDDF"}, "elevation": {"N": "364"}}.
Item = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Update:
    """The attributes of one item that change."""

    key: Item
    attributes: Item


@dataclass(frozen=True)
class Difference:
    """What has to be written to make one set of items another."""

    puts: list[Item] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    deletes: list[Item] = field(default_factory=list)


def airports(version: str, work: Path) -> dict[str, dict[str, Any]]:
    """The airports of a release by ICAO code; it is downloaded once, into `work`."""
    spec = importlib.util.spec_from_file_location(
        f"airportsdata_{version}", _installed(version, work) / "airportsdata" / "__init__.py"
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"airportsdata {version} in {work} is not a Python package")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded: dict[str, dict[str, Any]] = module.load("ICAO")
    return loaded


def items(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Item]:
    """Rows as items, by the same keys."""
    return {key: {name: _typed(value) for name, value in row.items()} for key, row in rows.items()}


def difference(older: Mapping[str, Item], newer: Mapping[str, Item]) -> Difference:
    """Puts of what is new, updates of the attributes that differ, deletes of what is gone."""
    both = [key for key in older if key in newer]
    changed = {
        key: {name: value for name, value in newer[key].items() if value != older[key].get(name)} for key in both
    }
    return Difference(
        puts=[item for key, item in newer.items() if key not in older],
        updates=[Update(_key_of(older[key]), attributes) for key, attributes in changed.items() if attributes],
        deletes=[_key_of(item) for key, item in older.items() if key not in newer],
    )


def _key_of(item: Item) -> Item:
    return {KEY: item[KEY]}


def _typed(value: str | float) -> dict[str, Any]:
    """Numbers as DynamoDB gives them back: no digit lost, no zeros at the end, no exponent."""
    if isinstance(value, str):
        return {"S": value}
    number = Decimal(repr(value))
    return {"N": format(number.normalize(), "f") if number else "0"}


def _installed(version: str, work: Path) -> Path:
    folder = work / f"airportsdata-{version}"
    if not folder.is_dir():
        work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=work) as unfinished:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            command += ["--no-deps", "--target", f"{unfinished}/installed", f"airportsdata=={version}"]
            pip = subprocess.run(command, capture_output=True, text=True, check=False)
            if pip.returncode:
                raise RuntimeError(f"airportsdata {version} cannot be installed:\n{pip.stderr}")
            Path(unfinished, "installed").replace(folder)
    return folder
