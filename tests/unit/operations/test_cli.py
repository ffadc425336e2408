"""What all scripts share: exit codes, errors in words, questions and results."""

import io
import json
import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from continuous_backup.aws import ClientError, explain
from continuous_backup.configuration.config import Config
from continuous_backup.errors import BackupError, ConfigurationError, ExitCode, UsageError
from continuous_backup.operations import cli

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def command_line(monkeypatch):
    def of(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["script.py", *arguments])

    of()
    return of


class Terminal:
    """Standard input with a person at it, who types this; None is Ctrl-D."""

    def __init__(self, typed: str | None) -> None:
        self._typed = typed

    def isatty(self) -> bool:
        return True

    def readline(self, *_: int) -> str:
        return "" if self._typed is None else self._typed + "\n"

    def fileno(self) -> int:
        raise OSError("not a real one")


def raising(error: BaseException):
    def main(arguments):
        raise error

    return main


def options(*arguments: str) -> Namespace:
    return cli.parser("A script.").parse_args(arguments)


# --- exit codes and errors


@pytest.mark.parametrize("code", list(ExitCode))
def test_run_of_a_script_that_ends_gives_its_exit_code(command_line, code):
    assert cli.run(lambda arguments: code) == int(code)


def test_exit_codes_are_what_other_programs_rely_on():
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "FAILED": 1,
        "USAGE": 2,
        "PARTLY_DONE": 3,
        "NOT_PROTECTED": 10,
        "DIFFERENCES_FOUND": 20,
        "INTERRUPTED": 130,
    }


def test_run_of_a_script_hands_it_the_command_line(command_line):
    command_line("--yes", "whitelist.hjson")
    seen = []

    cli.run(lambda arguments: seen.extend(arguments) or ExitCode.DONE)

    assert seen == ["--yes", "whitelist.hjson"]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (BackupError("table Orders is gone", "look"), 1, "Error: table Orders is gone\nTry: look\n"),
        (BackupError("table Orders is gone"), 1, "Error: table Orders is gone\n"),
        (UsageError("no such file", "name one"), 2, "Error: no such file\nTry: name one\n"),
        (
            ConfigurationError("c.hjson", ["a: x", "b: y"], "read"),
            2,
            "Error: 2 problems in c.hjson:\n  - a: x\n  - b: y\nTry: read\n",
        ),
        (
            ClientError({"Error": {"Code": "Odd", "Message": "it is odd"}}, "GetThing"),
            1,
            "Error: GetThing: it is odd (Odd)\n",
        ),
        (
            ValueError("of mine"),
            1,
            "Error: this is a mistake in the software: ValueError: of mine\n"
            "Try: run it again with --debug, and report what it shows\n",
        ),
    ],
)
def test_run_of_a_script_that_fails_says_it_on_stderr_without_a_stack(command_line, capsys, error, code, message):
    assert cli.run(raising(error)) == code
    assert capsys.readouterr() == ("", message)


def test_run_of_a_script_without_credentials_is_a_usage_error(command_line, capsys):
    assert cli.run(raising(NoCredentialsError())) == 2
    assert capsys.readouterr().err.startswith("Error: there are no AWS credentials\nTry: ")


def test_run_with_debug_shows_the_stack_and_the_message(command_line, capsys):
    command_line("--debug")

    assert cli.run(raising(UsageError("no such file", "name one"))) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Traceback (most recent call last):")
    assert err.endswith("Error: no such file\nTry: name one\n")


def test_run_with_debug_of_a_mistake_of_ours_lets_it_through(command_line):
    command_line("--debug")

    with pytest.raises(ValueError, match="of mine"):
        cli.run(raising(ValueError("of mine")))


def test_run_interrupted_by_ctrl_c_says_that_it_can_go_on(command_line, capsys):
    assert cli.run(raising(KeyboardInterrupt())) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "\nInterrupted. What was done stays done; run it again to go on.\n"


@pytest.mark.parametrize("problem", ["see [bold]here[/bold] [/]", "s3:zap: and :key: as they are", "x" * 500])
def test_error_with_what_could_be_markup_is_shown_as_it_is(capsys, problem):
    cli.say_error(BackupError(problem))

    assert capsys.readouterr().err == f"Error: {problem}\n"


# --- questions


def test_confirm_with_yes_does_not_ask(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", Terminal("n"))

    assert cli.confirm(options("--yes"), "Go on?")
    assert capsys.readouterr() == ("", "")


def test_confirm_without_a_terminal_refuses(monkeypatch):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)

    with pytest.raises(UsageError, match="there is no terminal to ask on") as caught:
        cli.confirm(options(), "Go on?")

    assert caught.value.hint == "add --yes"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("y", True),
        ("Yes", True),
        (" YES ", True),
        ("", False),
        ("n", False),
        ("yellow", False),
        ("all", False),
        (None, False),
    ],
)
def test_confirm_on_a_terminal_goes_on_with_a_yes_alone(monkeypatch, capsys, typed, answer):
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    assert cli.confirm(options(), "Delete [x]?") is answer
    assert capsys.readouterr() == ("", "Delete [x]? [y/N] ")


def test_choose_on_a_terminal_asks_until_it_is_answered(monkeypatch, capsys):
    answers = iter(["", "y", " Never "])
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    monkeypatch.setattr("builtins.input", lambda: next(answers))

    assert cli.choose(options(), "which wins", "--if", ["always", "never", "newer"]) == "never"
    assert capsys.readouterr().err == "which wins: always, never or newer? " * 3


@pytest.mark.parametrize("given", [(), ("--yes",)])
def test_choose_where_nobody_is_to_be_asked_names_the_option(monkeypatch, given):
    monkeypatch.setattr(sys, "stdin", Terminal("always") if given else io.StringIO("always\n"))

    with pytest.raises(UsageError, match="which wins") as raised:
        cli.choose(options(*given), "which wins", "--if", ["always", "never"])
    assert raised.value.hint == "add --if always or never"


# --- results


ROWS = [{"table": "Orders", "result": "[red] done :key:"}, {"table": "t" * 255, "result": "was as wanted already"}]


def test_show_as_json_is_one_valid_document_on_stdout(capsys):
    document = {"tables": [{"table": "Orders", "details": ["Ä", "[red]"]}], "folder": Path("dist")}

    cli.show(options("--output", "json"), ROWS, document)

    out, err = capsys.readouterr()
    assert json.loads(out) == {**document, "folder": "dist"}
    assert err == ""


def test_show_as_a_table_in_a_file_has_one_line_a_row_and_all_of_it(capsys):
    cli.show(options(), ROWS, {})

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["table", "result"],
        ["Orders", "[red]", "done", ":key:"],
        ["t" * 255, "was", "as", "wanted", "already"],
    ]


def test_show_of_nothing_as_a_table_shows_nothing_and_as_json_a_document(capsys):
    cli.show(options(), [], {"tables": []})
    assert capsys.readouterr().out == ""

    cli.show(options("--output", "json"), [], {"tables": []})
    assert json.loads(capsys.readouterr().out) == {"tables": []}


def test_tell_goes_to_stderr_as_it_is(capsys):
    cli.tell("  - release [Orders] " + "x" * 200)

    assert capsys.readouterr() == ("", "  - release [Orders] " + "x" * 200 + "\n")


@pytest.mark.parametrize("no_color", ["", "1"])
def test_show_with_no_color_has_no_colour_even_where_it_is_a_terminal(no_color):
    """FORCE_COLOR makes Rich believe in a terminal, so that the other case can be seen too."""
    script = (
        "from continuous_backup.operations import cli\n"
        "cli.progress.print('[red]coloured[/red]')\n"
        "cli.results.print('[red]coloured[/red]')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "FORCE_COLOR": "1", "TERM": "xterm"}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, **({"NO_COLOR": no_color} if no_color else {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    coloured = "\x1b[31m" in done.stdout, "\x1b[31m" in done.stderr
    assert coloured == ((False, False) if no_color else (True, True))


# --- options


def test_parser_without_arguments_is_careful():
    made = options()

    assert (made.dry_run, made.yes, made.debug, made.output) == (False, False, False, "table")
    assert (made.config_file, made.profile, made.region, made.endpoint_url) == (None, None, None, None)


def test_load_config_here_is_taken_before_the_one_beside_the_scripts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.load_config(options()).prefix == "dynamodb"

    (tmp_path / "config.hjson").write_text("firehoseDeliveryPrefix: here")
    assert cli.load_config(options()).prefix == "here"

    (tmp_path / "other.hjson").write_text("firehoseDeliveryPrefix: other")
    assert cli.load_config(options("--config-file", "other.hjson")).prefix == "other"


@pytest.mark.parametrize(
    ("arguments", "region"), [(["--region", "over there"], "over there"), ([], "in the configuration")]
)
def test_connect_prefers_the_region_of_the_command_line(no_aws_settings, arguments, region):
    with pytest.raises(UsageError, match=f"^{region} is not an AWS region$"):
        cli.connect(options(*arguments), Config(region="in the configuration"))


def test_connect_without_credentials_says_so(no_aws_settings):
    with pytest.raises(UsageError, match=r"^there are no AWS credentials$"):
        cli.connect(options(), Config(region="eu-west-1"))


def test_load_config_says_which_keys_came_from_the_environment(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.hjson").write_text("{\n  logFormat: Text\n}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("logFormat", "JSON")
    asked = options("--config-file", "mine.hjson")
    cli.load_config(asked)
    assert capsys.readouterr().err == ""

    monkeypatch.setenv("firehoseDeliveryPrefix", "logs")
    assert cli.load_config(asked).prefix == "logs"
    assert capsys.readouterr().err == "From the environment: firehoseDeliveryPrefix=logs\n"


# --- where it is


def at_an_endpoint(*, then):
    def main(arguments):
        asked = cli.parser("A script.").parse_args(arguments)
        then(asked)
        return ExitCode.DONE

    return main


def test_advice_of_a_script_that_was_told_where_says_so_to_the_next(command_line, capsys):
    def advise(asked):
        cli.tell("run ./deploy.py")
        cli.show(asked, [], {"notes": ["run ./deploy.py"], "count": 1, "ok": True})
        raise BackupError("it is not ./deploy.py alone", "run ./deploy.py first")

    command_line("--region", "eu-west-1", "--output", "json")
    cli.run(at_an_endpoint(then=advise))

    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "run ./deploy.py --region eu-west-1",
        "Error: it is not ./deploy.py --region eu-west-1 alone",
        "Try: run ./deploy.py --region eu-west-1 first",
    ]
    assert json.loads(said.out) == {"notes": ["run ./deploy.py --region eu-west-1"], "count": 1, "ok": True}


def test_advice_of_a_script_is_not_that_of_one_before(command_line, capsys):
    command_line("--region", "eu-west-1")
    cli.run(at_an_endpoint(then=lambda _: None))
    command_line()
    cli.run(raising(UsageError("no", "run ./deploy.py")))

    assert capsys.readouterr().err.endswith("Try: run ./deploy.py\n")


@pytest.mark.parametrize("explained", [False, True])
def test_endpoint_that_cannot_be_reached_is_named_as_it_was_given(command_line, capsys, monkeypatch, explained):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://not.this.one")
    nobody = EndpointConnectionError(endpoint_url="http://localhost:1/")

    def fail(_):
        if not explained:
            raise nobody
        raise explain(nobody, "could not create bucket mine") from nobody

    command_line("--endpoint-url", "http://localhost:1")
    assert cli.run(at_an_endpoint(then=fail)) == ExitCode.FAILED
    assert capsys.readouterr().err.endswith(
        "\nTry: --endpoint-url is http://localhost:1: is something listening there, and does AWS_CA_BUNDLE belong "
        "to it?\n"
    )

    command_line()
    cli.run(at_an_endpoint(then=fail))
    assert "Try: AWS_ENDPOINT_URL is http://not.this.one" in capsys.readouterr().err
