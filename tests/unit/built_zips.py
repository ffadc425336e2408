"""What build.sh leaves in dist, without building it: no code, but all that deploy.py reads."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from continuous_backup.operations.building import functions

FACTS = {
    "version": "1.0.0",
    "architecture": "arm64",
    "python": "3.13",
    "handler": "continuous_backup.a_package.handler.handler",
}
FUNCTIONS = tuple(function.name for function in functions.FUNCTIONS)


def zip_in(dist: Path, function: str) -> Path:
    return dist / functions.zip_name(function)


def write(
    dist: Path,
    function: str,
    config_text: str | bytes = "{}",
    facts: object = FACTS,
    files: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """One function's zip; `facts` of None leaves them out. `files` are what else is in it."""
    dist.mkdir(exist_ok=True)
    with zipfile.ZipFile(zip_in(dist, function), "w") as archive:
        archive.writestr("config.hjson", config_text)
        if facts is not None:
            archive.writestr("build.json", json.dumps(facts))
        for name, text in files.items():
            archive.writestr(name, text)
    return zip_in(dist, function)


def add(dist: Path, function: str, name: str, text: str) -> None:
    with zipfile.ZipFile(zip_in(dist, function), "a") as archive:
        archive.writestr(name, text)


def write_all(dist: Path, config_text: str | bytes = "{}") -> Path:
    for function in FUNCTIONS:
        write(dist, function, config_text)
    return dist
