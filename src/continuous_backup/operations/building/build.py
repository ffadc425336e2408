"""Builds the zips of the Lambda functions: one a function, the same bytes from the same tree."""

import argparse
import hashlib
import json
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from continuous_backup import __version__, naming
from continuous_backup.configuration import config
from continuous_backup.configuration.config import Config
from continuous_backup.errors import BackupError, ExitCode, UsageError
from continuous_backup.operations.building import custom_functions, packages, wheels
from continuous_backup.operations.building.wheels import Target

#: What the zip says about itself; deploy.py reads it.
BUILD_FACTS = "build.json"
DEFAULT_PYTHON = "3.13"
_OLDEST_MINOR = 11

_EARLIEST_TIME_IN_A_ZIP = (1980, 1, 1, 0, 0, 0)
_READABLE_FILE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True)
class Function:
    """A Lambda function: its name, the package it runs, and the keys that name functions of people's in it."""

    name: str
    package: str
    runs: tuple[str, ...]

    @property
    def handler(self) -> str:
        return f"{self.package}.handler.handler"


FUNCTIONS = (
    Function(naming.ENSURE_FUNCTION, "continuous_backup.ensure_backup", ("optinFunction",)),
    Function(naming.FORWARDER_FUNCTION, "continuous_backup.streams_to_firehose", ("transformer", "router")),
    Function(naming.ITEM_IMAGES_FUNCTION, "continuous_backup.item_images", ()),
)


def zip_name(function: str) -> str:
    """What a function's zip is called in `dist`."""
    return f"{function}-{__version__}.zip"


def write_zips(root: Path, config_file: Path, settings: Config, target: Target, dist: Path) -> list[Path]:
    """Writes the zips into `dist` and returns their paths. `root` is the checkout.

    `settings` is what `config_file` says, by itself: it is what the functions will read. Raises UsageError
    for what is wrong with people's own functions, BackupError for the rest; then `dist` is as it was.
    """
    keys = [key for each in FUNCTIONS for key in each.runs]
    own_files_of(keys, settings, config_file, root)  # all that is wrong with any of them, at once
    own = {each: own_files(each, settings, config_file, root) for each in FUNCTIONS}
    contents = {}
    for function in FUNCTIONS:
        files = _code_and_libraries(function, root, target)
        files[config.BUNDLED_NAME] = config_file.read_bytes()
        files[BUILD_FACTS] = _facts(function, target)
        files |= {path.name: path.read_bytes() for path in own[function]}
        contents[zip_name(function.name)] = files
    return _write(contents, dist)


def own_files(function: Function, settings: Config, config_file: Path, root: Path) -> list[Path]:
    """The Python files of people's own that a function runs. Raises UsageError for what is wrong with them."""
    return own_files_of(function.runs, settings, config_file, root)


def own_files_of(keys: Iterable[str], settings: Config, config_file: Path, root: Path) -> list[Path]:
    """The Python files of people's own that these keys name. Raises UsageError for what is wrong with them."""
    of_all = [packages.imports_of(each.package, root / "src").libraries for each in FUNCTIONS]
    libraries = {library for each in of_all for library in each}
    return custom_functions.files(keys, settings, config_file, libraries)


def _code_and_libraries(function: Function, root: Path, target: Target) -> dict[str, bytes]:
    """By path in the zip: what the function's package imports, and nothing else."""
    needed = packages.imports_of(function.package, root / "src")
    files = {path.as_posix(): (root / "src" / path).read_bytes() for path in needed.modules}
    pins = packages.pinned_versions(root / "requirements.txt")
    for library in needed.libraries:
        if library not in pins:
            raise BackupError(
                f"{function.package} imports {library}, which requirements.txt does not pin",
                f"add {library}==<version> there, or do without it",
            )
        files |= wheels.files_in(wheels.wheel(library, pins[library], target, root / ".local" / "wheels"))
    return files


def _facts(function: Function, target: Target) -> bytes:
    facts = {
        "version": __version__,
        "architecture": target.architecture,
        "python": target.python,
        "handler": function.handler,
    }
    return json.dumps(facts, indent=2).encode() + b"\n"


def _write(contents: dict[str, dict[str, bytes]], dist: Path) -> list[Path]:
    """Everything is written beside its place before anything is put into it."""
    try:
        dist.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=dist, prefix=".build-") as unfinished:
            for name, files in contents.items():
                _write_zip(Path(unfinished) / name, files)
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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, "./build.sh --help")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="./build.sh", description="Writes the zips of the Lambda functions into dist/.")
    parser.add_argument("config_file", nargs="?", type=Path, help="default: config.hjson of the checkout")
    parser.add_argument(
        "--architecture", choices=("arm64", "x86_64"), help="default: the configuration's architecture"
    )
    parser.add_argument("--python", help=f"Python of the Lambda runtime, default {DEFAULT_PYTHON}")
    parser.add_argument(
        "--this-machine", action="store_true", help="for this Python and processor: for a local emulator"
    )
    parser.add_argument("--dist", type=Path, help="folder to write to, default: dist in the checkout")
    arguments = parser.parse_args(argv)
    if arguments.this_machine and (arguments.architecture or arguments.python):
        parser.error("--this-machine says both architecture and Python")
    minor = re.fullmatch(r"3\.(\d+)", arguments.python or DEFAULT_PYTHON)
    if not minor or int(minor[1]) < _OLDEST_MINOR:
        parser.error(f"--python {arguments.python} is not 3.{_OLDEST_MINOR} or newer, such as {DEFAULT_PYTHON}")
    return arguments


def _target(arguments: argparse.Namespace, settings: Config) -> Target:
    if arguments.this_machine:
        return wheels.this_machine()
    return Target(arguments.architecture or settings.architecture, arguments.python or DEFAULT_PYTHON)


def main(argv: list[str] | None = None) -> int:
    """The command line of build.sh; returns its exit status."""
    root = Path(__file__).resolve().parents[4]
    try:
        arguments = _arguments(argv)
        config_file = arguments.config_file or root / "config.hjson"
        settings = config.load(config_file, environment={})
        if settings.name_filter_problem:
            print(f"Warning: {settings.name_filter_problem}", file=sys.stderr)
        target = _target(arguments, settings)
        for path in write_zips(root, config_file, settings, target, arguments.dist or root / "dist"):
            written = path.read_bytes()
            print(f"{path}  {len(written):,} bytes  sha256 {hashlib.sha256(written).hexdigest()}")
    except BackupError as err:
        print(f"Error: {err.problem}", file=sys.stderr)
        if err.hint:
            print(f"Try: {err.hint}", file=sys.stderr)
        return err.exit_code
    except OSError as err:
        print(f"Error: {err}", file=sys.stderr)
        return ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main())
