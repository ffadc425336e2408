"""What all scripts share: options, questions, results, and errors for people."""

import argparse
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.table import Table

from continuous_backup.aws import UNREACHABLE, Aws, BotoCoreError, ClientError, explain
from continuous_backup.configuration import config as configuration
from continuous_backup.configuration import from_environment
from continuous_backup.configuration.config import Config
from continuous_backup.errors import BackupError, ExitCode, UsageError
from continuous_backup.naming import Account
from continuous_backup.operations import commands

REPOSITORY = Path(__file__).resolve().parents[3]
_DEFAULT_CONFIG = "config.hjson"
#: Wider than any row: lines are folded for a terminal's sake alone.
_WIDTH_OF_A_FILE = 10_000

#: Once in eleven days.
_LEAST_A_SECOND = 1e-6

#: Results go to standard output, everything else to standard error. Both honour NO_COLOR.
results = Console(soft_wrap=True, highlight=False, emoji=False)
progress = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)


#: With its options, once they are known, what it advises can be copied and run.
_running = commands.Running()


class Parser(argparse.ArgumentParser):
    """One whose errors are like all others, below the usage."""

    def parse_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        _running.options = super().parse_args(args, namespace)
        return _running.options

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        raise UsageError(message, f"{self.prog} --help explains each option")


def parser(description: str, *, config_default: bool = True) -> Parser:
    """A parser with the options that every script has."""
    made = Parser(description=description)
    made.add_argument(
        "--config-file",
        type=Path,
        metavar="FILE",
        help=f"the configuration (default: {_DEFAULT_CONFIG} here, or beside this script)"
        if config_default
        else "the configuration that ./build.sh was given (default: the one in the built zips)",
    )
    made.add_argument("--profile", help="AWS profile, as in `aws --profile`")
    made.add_argument("--region", help="AWS region (default: the configuration's, then that of your AWS settings)")
    made.add_argument("--endpoint-url", metavar="URL", help="another endpoint than AWS's, for all services")
    made.add_argument("--output", choices=("table", "json"), default="table", help="how results are shown")
    made.add_argument("--dry-run", action="store_true", help="show the plan and change nothing")
    made.add_argument("--yes", action="store_true", help="do not ask")
    made.add_argument("--debug", action="store_true", help="show the stack of an error, for a bug report")
    return made


def positive(text: str) -> float:
    """For an option: a number above zero, so far above that something can be so many times a second."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not _LEAST_A_SECOND <= number < float("inf"):
        raise argparse.ArgumentTypeError(f'"{text}" is not a number above zero')
    return number


def run(main: Callable[[Sequence[str]], ExitCode]) -> int:
    """Runs a script's main with the command line; what it raises becomes a message and an exit code."""
    _running.options = argparse.Namespace()
    arguments = sys.argv[1:]
    try:
        return int(main(arguments))
    except KeyboardInterrupt:
        progress.print("\nInterrupted. What was done stays done; run it again to go on.")
        return int(ExitCode.INTERRUPTED)
    except (BackupError, ClientError, BotoCoreError) as err:
        if "--debug" in arguments:
            traceback.print_exc()
        return say_error(_explained(err))
    except Exception as err:
        if "--debug" in arguments:
            raise
        unexpected = f"this is a mistake in the software: {type(err).__name__}: {err}"
        return say_error(BackupError(unexpected, "run it again with --debug, and report what it shows"))


def _explained(err: BaseException) -> BackupError:
    """As aws.py explains it, which does not know what was said on the command line."""
    explained = explain(err)
    endpoint = getattr(_running.options, "endpoint_url", None)
    if endpoint and isinstance(err.__cause__ if isinstance(err, BackupError) else err, UNREACHABLE):
        explained.hint = (
            f"--endpoint-url is {endpoint}: is something listening there, and does AWS_CA_BUNDLE belong to it?"
        )
    return explained


def say_error(err: BackupError) -> int:
    """Shows an error on standard error, and gives its exit code."""
    tell(f"Error: {err.problem}")
    if err.hint:
        tell(f"Try: {err.hint}")
    return int(err.exit_code)


def load_config(options: argparse.Namespace) -> Config:
    """The configuration of --config-file, or the one here, or the one beside the scripts.

    Says which keys came from the environment: whoever runs it without that does something else.
    """
    file = config_file(options)
    config = configuration.load(file)
    if found := from_environment.beside(file, os.environ):
        tell(f"From the environment: {from_environment.in_words(found)}")
    return config


def config_file(options: argparse.Namespace) -> Path:
    """--config-file, or config.hjson here, or the one beside the scripts."""
    here = Path(_DEFAULT_CONFIG)
    named: Path | None = options.config_file
    return named or (here if here.exists() else REPOSITORY / _DEFAULT_CONFIG)


def require_writable(file: Path, option: str, problem: str) -> None:
    """Raises UsageError, with the problem and the file, where nothing can be written beside it."""
    try:
        with tempfile.TemporaryFile(dir=file.parent):
            pass
    except OSError as err:
        raise UsageError(
            f"{problem} {file}: {err.strerror}: {file.parent}",
            f"name a {option} in a folder that is there and that you may write to",
        ) from err


def connect(options: argparse.Namespace, config: Config) -> tuple[Aws, Account, Config]:
    """Clients, whose account it is, and the configuration with that account's names filled in."""
    aws = Aws(
        profile=options.profile,
        region=options.region or config.region or None,
        endpoint_url=options.endpoint_url,
    )
    account = aws.account()
    return aws, account, config.in_account(account)


def confirm(options: argparse.Namespace, question: str) -> bool:
    """Whether to go on. Raises UsageError where there is nobody to ask and no --yes."""
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("this changes or removes things and there is no terminal to ask on", "add --yes")
    progress.print(f"{question} [y/N] ", end="", markup=False)
    try:
        return input().strip().lower() in {"y", "yes"}
    except EOFError:  # Ctrl-D
        return False


def choose(options: argparse.Namespace, question: str, option: str, choices: Sequence[str]) -> str:
    """One of the choices. Raises UsageError where there is nobody to ask: then the option has to be given."""
    meant = ", ".join(choices[:-1]) + f" or {choices[-1]}"
    if options.yes or not sys.stdin.isatty():
        raise UsageError(question, f"add {option} {meant}")
    while True:
        progress.print(f"{question}: {meant}? ", end="", markup=False)
        try:
            answer = input().strip().lower()
        except EOFError as err:  # Ctrl-D
            raise UsageError(question, f"add {option} {meant}") from err
        if answer in choices:
            return answer


def tell(text: object) -> None:
    """A line of progress, on standard error."""
    progress.print(commands.completed(str(text), _running.options), markup=False)


def _completed(value: Any) -> Any:
    if isinstance(value, str):
        return commands.completed(value, _running.options)
    if isinstance(value, dict):
        return {key: _completed(each) for key, each in value.items()}
    return [_completed(each) for each in value] if isinstance(value, list | tuple) else value


def show(options: argparse.Namespace, rows: list[dict[str, Any]], document: dict[str, Any]) -> None:
    """The result: `rows` as a table, or `document` as JSON, on standard output."""
    if options.output == "json":
        print(json.dumps(_completed(document), indent=2, default=str))
        return
    if not rows:
        return
    if not results.is_terminal:
        results.width = _WIDTH_OF_A_FILE
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    results.print(table, markup=False)
