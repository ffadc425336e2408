"""Whether the zips are what build.sh would write now, so that what is deployed is what a person looks at."""

import json
import shlex
import zlib
from collections.abc import Mapping
from pathlib import Path

from continuous_backup.configuration import hjson_text
from continuous_backup.errors import UsageError
from continuous_backup.operations.building import custom_functions, functions
from continuous_backup.operations.building.packages import OURS
from continuous_backup.operations.deployment.package import Package
from continuous_backup.operations.notes import Note

#: Of the files that differ, so many are named.
_NAMED = 3


def built_from(dist: Path) -> Path | None:
    """The configuration file that the zips were built from; None where it is not there, as on another machine."""
    try:
        path = Path(json.loads((dist / functions.BUILT_FROM).read_bytes())["configFile"])
    except (OSError, KeyError, TypeError, ValueError):
        return None
    return path if path.is_file() else None


def require_config(packages: Mapping[str, Package], config_file: Path) -> None:
    """Raises UsageError where the zips were built with another configuration than this file's.

    Or with another Python file than the one beside it, which the configuration names.
    """
    try:
        text = config_file.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return  # loading it says what is wrong with the file itself
    if any(each.config_text != text for each in packages.values()):
        raise UsageError(
            f"the zips in {next(iter(packages.values())).path.parent} were built with another configuration "
            f"than {config_file}",
            f"run ./build.sh {shlex.quote(str(config_file))}, so that the functions have it too",
        )
    values = hjson_text.parse(text, str(config_file))
    for function in functions.FUNCTIONS:
        for key in function.runs:
            path = custom_functions.path_in(key, values)
            beside = config_file.parent / custom_functions.file_name(path)
            package = packages[function.name]
            if path and beside.is_file() and zlib.crc32(beside.read_bytes()) != package.files.get(beside.name):
                raise UsageError(
                    f"{package.path} was built with another {beside.name} than {beside}, and {key} is {path}",
                    f"run ./build.sh {shlex.quote(str(config_file))}, so that the function has it too",
                )


def notes_on_code(packages: Mapping[str, Package], src: Path, config_file: Path | None) -> list[Note]:
    """Where the zips hold other code of ours than `src`, as after an update of the checkout without a build."""
    differing = sorted(
        {
            name
            for each in packages.values()
            for name, crc in each.files.items()
            if name.startswith(f"{OURS}/") and not _is(src / name, crc)
        }
    )
    if not differing:
        return []
    named = ", ".join(differing[:_NAMED]) + (", ..." if len(differing) > _NAMED else "")
    file = f" {shlex.quote(str(config_file))}" if config_file else ""
    return [
        Note(
            f"the zips hold other code than this checkout, and are deployed as they are: {named}. Run ./build.sh"
            f"{file} and ./deploy.py, so that the functions have it too",
            loud=True,
        )
    ]


def _is(path: Path, crc: int) -> bool:
    return path.is_file() and zlib.crc32(path.read_bytes()) == crc
