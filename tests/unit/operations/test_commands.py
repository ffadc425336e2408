"""Commands in what the scripts say: as they have to be run to go on at the same place."""

import argparse
import re
from pathlib import Path

import pytest

from continuous_backup.operations import cli
from continuous_backup.operations.commands import completed

REPOSITORY = Path(__file__).resolve().parents[3]
LOCAL = "http://localhost:4566"


def of(text: str, *arguments: str) -> str:
    return completed(text, cli.parser("A script.").parse_args(arguments))


@pytest.mark.parametrize(
    "script", [each.name for each in REPOSITORY.glob("*.py") if each.name != "script_environment.py"]
)
def test_command_of_a_script_has_the_options_that_say_where(script):
    given = ["--endpoint-url", LOCAL, "--region", "eu-west-1", "--profile", "mine"]

    where = f"--endpoint-url {LOCAL} --region eu-west-1 --profile mine"
    assert of(f"run ./{script} first", *given) == f"run ./{script} {where} first"
    assert (
        of(f"run ./{script} x.hjson --yes", *given[:2]) == f"run ./{script} --endpoint-url {LOCAL} x.hjson --yes"
    )
    assert of(f"run ./{script}") == f"run ./{script}"


def test_command_of_the_aws_cli_has_them_too():
    copied = of("`aws s3 sync s3://a s3://b`", "--profile", "mine", "--config-file", "mine.hjson")

    assert copied == "`aws s3 sync --profile mine s3://a s3://b`"
    switched = of("aws s3api put-bucket-versioning --bucket b", "--region", "eu-west-1")
    assert switched == "aws s3api put-bucket-versioning --region eu-west-1 --bucket b"


def test_command_that_deploys_has_the_templates_that_were_given():
    options = argparse.Namespace(templates=Path("our templates"))

    assert completed("./build.sh and ./deploy.py", options) == (
        "./build.sh and ./deploy.py --templates 'our templates'"
    )


def test_command_with_a_value_that_a_shell_takes_apart_quotes_it():
    assert of("./deploy.py", "--profile", "my own; rm") == "./deploy.py --profile 'my own; rm'"


def test_commands_of_which_there_are_several_are_all_completed():
    assert (
        of("./build.sh, then ./deploy.py", "--region", "eu-west-1")
        == "./build.sh, then ./deploy.py --region eu-west-1"
    )


def test_command_that_reads_the_configuration_has_its_file():
    def mine(text: str) -> str:
        return of(text, "--config-file", "mine.hjson")

    assert mine("run ./build.sh and ./deploy.py first") == (
        "run ./build.sh mine.hjson and ./deploy.py --config-file mine.hjson first"
    )
    assert mine("run ./build.sh mine.hjson, so that") == "run ./build.sh mine.hjson, so that"
    assert mine("./restore_images.py") == "./restore_images.py"


def test_command_about_zips_has_their_folder():
    parser = cli.parser("A script.")
    parser.add_argument("--dist")
    options = parser.parse_args(["--dist", "there", "--config-file", "mine.hjson"])

    assert completed("./build.sh mine.hjson, ./deploy.py, ./undeploy.py", options) == (
        "./build.sh --dist there mine.hjson, ./deploy.py --dist there --config-file mine.hjson, "
        "./undeploy.py --config-file mine.hjson"
    )


@pytest.mark.parametrize(
    "text",
    [
        "its account's administrator makes it: ./deploy.py{} --replica",
        "Now run ./deploy.py{} with the credentials of account 111122223333",
    ],
)
def test_command_for_another_account_has_the_endpoint_alone(text):
    where = ["--endpoint-url", LOCAL, "--region", "eu-west-1", "--profile", "mine", "--config-file", "mine.hjson"]

    assert of(text.format(""), *where) == text.format(f" --endpoint-url {LOCAL} --config-file mine.hjson")


@pytest.mark.parametrize(
    "text",
    ["deploy.py makes one", "there is no ./my_filter.py", "see ../deploy.py", "x/./deploy.py", "./deploy.pyc"],
)
def test_text_that_speaks_of_a_file_stays_as_it_is(text):
    assert of(text, "--region", "eu-west-1") == text


def test_advice_of_the_code_is_written_so_that_it_is_completed():
    """Whoever writes `run deploy.py` in a message of the scripts means ./deploy.py."""
    said = re.compile(r"\brun (?:build\.sh|[a-z_]+\.py)|(?:build\.sh,? (?:and|then)|,? then) (?:un)?deploy\.py")
    sources = (REPOSITORY / "src/continuous_backup/operations").rglob("*.py")

    assert [str(path) for path in sources if said.search(path.read_text())] == []
