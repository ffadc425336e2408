"""Builds the zips of the Lambda functions: one a function, the same bytes from the same tree."""

import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from continuous_backup.configuration import config
from continuous_backup.configuration.config import Config
from continuous_backup.errors import BackupError
from continuous_backup.operations.building import custom_functions, functions, packages, wheels
from continuous_backup.operations.building.functions import FUNCTIONS, Function
from continuous_backup.operations.building.packages import Imports
from continuous_backup.operations.building.wheels import Target

_EARLIEST_TIME_IN_A_ZIP = (1980, 1, 1, 0, 0, 0)
_READABLE_FILE = 0o100644 << 16
_UNIX = 3


def write_zips(root: Path, config_file: Path, settings: Config, target: Target, dist: Path) -> list[Path]:
    """Writes the zips into `dist` and returns their paths. `root` is the checkout.

    `settings` is what `config_file` says, by itself: it is what the functions will read. Raises UsageError
    for what is wrong with people's own functions, BackupError for the rest; then `dist` is as it was.
    """
    needed = _imports_of_all(root)
    libraries = _libraries(needed)
    keys = [key for each in FUNCTIONS for key in each.runs]
    custom_functions.files(keys, settings, config_file, libraries)  # all that is wrong with any of them, at once
    own = {each: custom_functions.files(each.runs, settings, config_file, libraries) for each in FUNCTIONS}
    contents = {}
    for function in FUNCTIONS:
        files = _code_and_libraries(function, needed[function], root, target)
        files[config.BUNDLED_NAME] = config_file.read_bytes()
        files[functions.BUILD_FACTS] = functions.facts(function, target)
        files |= {path.name: path.read_bytes() for path in own[function]}
        contents[functions.zip_name(function.name)] = files
    return _write(contents, functions.built_from(config_file), dist)


def own_files(function: Function, settings: Config, config_file: Path, root: Path) -> list[Path]:
    """The Python files of people's own that a function runs. Raises UsageError for what is wrong with them."""
    return custom_functions.files(function.runs, settings, config_file, _libraries(_imports_of_all(root)))


def _imports_of_all(root: Path) -> dict[Function, Imports]:
    """Read once a build: following the imports of a function parses every module that it reaches."""
    return {each: packages.imports_of(each.package, root / "src") for each in FUNCTIONS}


def _libraries(needed: Mapping[Function, Imports]) -> set[str]:
    return {library for each in needed.values() for library in each.libraries}


def _code_and_libraries(function: Function, needed: Imports, root: Path, target: Target) -> dict[str, bytes]:
    """By path in the zip: what the function's package imports, and nothing else."""
    files = {path.as_posix(): (root / "src" / path).read_bytes() for path in needed.modules}
    pins = packages.pins(root / "requirements.txt")
    for library in needed.libraries:
        pin = pins.get(library)
        if not pin or not pin.sha256:
            raise BackupError(
                f"{function.package} imports {library}, which requirements.txt does not pin"
                + (" with a hash" if pin else ""),
                "add it to the dependencies in pyproject.toml and run: make lock",
            )
        files |= wheels.files_in(wheels.wheel(pin, target, root / ".local" / "wheels"))
    return files


def _write(contents: dict[str, dict[str, bytes]], built_from: bytes, dist: Path) -> list[Path]:
    """Everything is written beside its place before anything is put into it."""
    try:
        dist.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=dist, prefix=".build-") as unfinished:
            for name, files in contents.items():
                _write_zip(Path(unfinished) / name, files)
            (Path(unfinished) / functions.BUILT_FROM).write_bytes(built_from)
            (Path(unfinished) / functions.BUILT_FROM).replace(dist / functions.BUILT_FROM)
            return [(Path(unfinished) / name).replace(dist / name) for name in contents]
    except OSError as err:
        raise BackupError(f"{dist} cannot be written: {err}", "make it a folder that you may write to") from err


def _write_zip(path: Path, files: dict[str, bytes]) -> None:
    """The same files make the same bytes: no times, owners or order of a file system's."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EARLIEST_TIME_IN_A_ZIP)
            entry.external_attr = _READABLE_FILE
            entry.create_system = _UNIX
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, compresslevel=9)
