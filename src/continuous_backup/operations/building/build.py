"""The command line of build.sh."""

import argparse
import hashlib
import re
import sys
from pathlib import Path
from typing import NoReturn

from continuous_backup.configuration import config
from continuous_backup.configuration.config import Config
from continuous_backup.errors import BackupError, ExitCode, UsageError
from continuous_backup.operations.building import wheels
from continuous_backup.operations.building.wheels import Target
from continuous_backup.operations.building.zips import write_zips

DEFAULT_PYTHON = "3.13"
_OLDEST_MINOR = 11


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
