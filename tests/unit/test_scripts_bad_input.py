"""The scripts as a person runs them, with something wrong: what they say, where, and their exit status."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import built_zips
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE_SCRIPTS = ("provision_tables.py", "deprovision_tables.py")
SCRIPTS = (*TABLE_SCRIPTS, "deploy.py", "undeploy.py")
USAGE = 2


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def first_line(self) -> str:
        return self.err.partition("\n")[0]


class Folder:
    """Where somebody works who has never used AWS: a whitelist, zips, and no settings at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "tables.hjson").write_text("provisionAll: true\n")
        self.dist = built_zips.write_all(path / "dist")

    def run(self, script: str, *arguments: str, **environment: str) -> Said:
        done = subprocess.run(
            [sys.executable, str(REPOSITORY / script), *arguments],
            cwd=self.path,
            env={
                "PATH": os.defpath,
                "HOME": str(self.path),
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def usual(self, script: str) -> list[str]:
        """The arguments with which a script gets as far as the configuration and AWS."""
        if script in TABLE_SCRIPTS:
            return ["tables.hjson"]
        return ["--dist", str(self.dist)] if script == "deploy.py" else []


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def is_refused(said: Said, first_line: str, code: int = USAGE) -> None:
    assert (said.first_line, said.code, said.out) == (first_line, code, "")
    assert "\nTry: " in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_with_help_explains_itself_and_every_option(folder, script):
    said = folder.run(script, "--help")

    assert (said.code, said.err) == (0, "")
    for option in ("--config-file", "--profile", "--region", "--endpoint-url", "--output", "--dry-run", "--yes"):
        assert option in said.out


def test_script_with_an_option_that_there_is_not_shows_its_usage(folder):
    said = folder.run("undeploy.py", "--nonsense")

    assert (said.code, said.out) == (USAGE, "")
    assert said.first_line.startswith("usage: undeploy.py ")
    assert said.err.endswith("unrecognized arguments: --nonsense\n")


@pytest.mark.parametrize("script", TABLE_SCRIPTS)
def test_script_without_its_whitelist_shows_its_usage(folder, script):
    said = folder.run(script)

    assert (said.code, said.out) == (USAGE, "")
    assert said.err.endswith("the following arguments are required: whitelist\n")


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_with_a_configuration_file_that_is_not_there_names_it(folder, script):
    said = folder.run(script, *folder.usual(script), "--config-file", "nowhere.hjson")

    is_refused(said, "Error: there is no configuration file nowhere.hjson")


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_with_a_configuration_file_that_does_not_parse_says_where(folder, script):
    (folder.path / "broken.hjson").write_text("{\n  region: eu-west-1\n  logFormat\n}\n")

    said = folder.run(script, *folder.usual(script), "--config-file", "broken.hjson")

    is_refused(
        said,
        "Error: broken.hjson, line 3, column 3: this is not HJSON: Found '}' where a key name was expected "
        "(check your syntax or use quotes if the key name includes {}[],: or whitespace)",
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_with_a_configuration_of_mistakes_shows_all_of_them(folder, script):
    (folder.path / "wrong.hjson").write_text(
        "firehoseDeliveryBuckets: b\nregion: <my region>\nstreamsMaxRecordsBatch: lots\n"
    )

    said = folder.run(script, *folder.usual(script), "--config-file", "wrong.hjson")

    is_refused(said, "Error: 3 problems in wrong.hjson:")
    assert said.err.splitlines()[1:4] == [
        "  - firehoseDeliveryBuckets: there is no such key; did you mean firehoseDeliveryBucket?",
        "  - region: the placeholder <my region> is still there; put your own value in its place",
        '  - streamsMaxRecordsBatch: "lots" is not a whole number',
    ]


def test_script_with_a_wrong_value_in_the_environment_names_the_variable(folder):
    (folder.path / "config.hjson").write_text("{}")

    said = folder.run("undeploy.py", streamsMaxRecordsBatch="lots")

    is_refused(said, "Error: a problem in config.hjson:")
    assert "(from the environment variable streamsMaxRecordsBatch)" in said.err


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_without_a_region_says_where_to_set_one(folder, script):
    is_refused(folder.run(script, *folder.usual(script)), "Error: no AWS region is set")


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_without_credentials_says_how_to_get_some(folder, script):
    said = folder.run(script, *folder.usual(script), "--region", "eu-west-1")

    is_refused(said, "Error: there are no AWS credentials")


def test_script_with_a_profile_that_is_not_there_names_it(folder):
    said = folder.run("undeploy.py", "--region", "eu-west-1", "--profile", "nobody")

    is_refused(said, "Error: there is no AWS profile nobody")


def test_script_with_an_endpoint_that_is_no_url_says_what_one_is(folder):
    said = folder.run("undeploy.py", "--endpoint-url", "localhost:4566", AWS_REGION="eu-west-1")

    is_refused(said, "Error: Invalid endpoint: localhost:4566")
    assert said.err.endswith("Try: an endpoint is a URL, such as http://localhost:4566\n")


@pytest.mark.parametrize("script", TABLE_SCRIPTS)
def test_script_with_a_whitelist_that_is_not_there_names_it(folder, script):
    is_refused(folder.run(script, "nowhere.hjson"), "Error: there is no whitelist nowhere.hjson")


@pytest.mark.parametrize(
    ("text", "first_line"),
    [
        ("", "Error: a problem in mine.hjson:"),
        ("{ provisionAll: false, tableNames: [] }", "Error: a problem in mine.hjson:"),
        ("{ tableNames: [", "Error: mine.hjson, line 1, column 16: this is not HJSON: End of input while parsing"),
    ],
)
def test_script_with_a_whitelist_that_asks_for_nothing_says_what_is_wrong(folder, text, first_line):
    (folder.path / "mine.hjson").write_text(text)

    said = folder.run("provision_tables.py", "mine.hjson")

    assert said.first_line.startswith(first_line)
    is_refused(said, said.first_line)


def test_deploy_where_nothing_was_built_says_what_to_run(folder):
    said = folder.run("deploy.py", "--dist", "nowhere", "--region", "eu-west-1")

    is_refused(said, "Error: there is no nowhere/EnsureDynamoBackup-1.0.0.zip")
    assert said.err.endswith("Try: run ./build.sh first\n")


def test_deploy_with_another_configuration_than_was_built_refuses(folder):
    (folder.path / "mine.hjson").write_text("region: eu-west-1\n")

    said = folder.run("deploy.py", "--dist", "dist", "--config-file", "mine.hjson")

    is_refused(said, "Error: the zips in dist were built with another configuration than mine.hjson")
    assert said.err.endswith("Try: run ./build.sh mine.hjson, so that the functions have it too\n")


def test_script_with_debug_shows_the_stack_and_the_same_message(folder):
    said = folder.run("undeploy.py", "--debug")

    assert said.code == USAGE
    assert said.first_line == "Traceback (most recent call last):"
    assert "\nError: no AWS region is set\nTry: " in said.err
