"""The scripts as a person runs them, with something wrong: what they say, where, and their exit status."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import built_zips
import pytest

from continuous_backup.operations import cli
from continuous_backup.operations.building import functions

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE_SCRIPTS = ("provision_tables.py", "deprovision_tables.py")
CONFIGURED = (*TABLE_SCRIPTS, "deploy.py", "undeploy.py")
SCRIPTS = (*CONFIGURED, "restore_images.py")
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

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        (path / "tables.hjson").write_text("provisionAll: true\n")
        self.dist = built_zips.write_all(path / "dist")

    def run(self, script: str, *arguments: str, **environment: str) -> Said:
        """In this process: one of its own takes half a second of a processor."""
        main = importlib.import_module(script.removesuffix(".py")).main
        with self._monkeypatch.context() as patch:
            patch.chdir(self.path)
            patch.setattr(os, "environ", self.environment(environment))
            patch.setattr(sys, "argv", [script, *arguments])
            return Said(cli.run(main), *self._capsys.readouterr())

    def run_as_a_process(self, script: str, *arguments: str) -> Said:
        done = subprocess.run(
            [sys.executable, str(REPOSITORY / script), *arguments],
            cwd=self.path,
            env=self.environment({}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def environment(self, more: dict[str, str]) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "HOME": str(self.path),
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **more,
        }

    def usual(self, script: str) -> list[str]:
        """The arguments with which a script gets as far as the configuration and AWS."""
        if script in TABLE_SCRIPTS:
            return ["tables.hjson"]
        if script == "restore_images.py":
            return ["Orders", "--bucket", "images"]
        return ["--dist", str(self.dist)] if script == "deploy.py" else []


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys) -> Folder:
    return Folder(tmp_path, monkeypatch, capsys)


@pytest.fixture
def restore(folder) -> Callable[..., Said]:
    """restore_images.py in that folder."""
    return lambda *arguments: folder.run("restore_images.py", *arguments, AWS_REGION="eu-west-1")


def is_refused(said: Said, first_line: str, code: int = USAGE) -> None:
    assert (said.first_line, said.code, said.out) == (first_line, code, "")
    assert "\nTry: " in said.err
    assert "Traceback" not in said.err


def shows_its_usage(said: Said, script: str, problem: str) -> None:
    assert (said.code, said.out) == (USAGE, "")
    assert said.first_line.startswith(f"usage: {script} ")
    assert said.err.endswith(f"\nError: {problem}\nTry: {script} --help explains each option\n")


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_with_help_explains_itself_and_every_option(folder, script):
    said = folder.run_as_a_process(script, "--help")

    assert (said.code, said.err) == (0, "")
    for option in ("--profile", "--region", "--endpoint-url", "--output", "--dry-run", "--yes"):
        assert option in said.out
    assert ("--config-file" in said.out) == (script in CONFIGURED)


@pytest.mark.parametrize("script", ["undeploy.py", "restore_images.py"])
def test_script_with_an_option_that_there_is_not_shows_its_usage(folder, script):
    said = folder.run(script, *folder.usual(script), "--nonsense")

    shows_its_usage(said, script, "unrecognized arguments: --nonsense")


@pytest.mark.parametrize("script", TABLE_SCRIPTS)
def test_script_without_its_whitelist_shows_its_usage(folder, script):
    said = folder.run(script)

    shows_its_usage(said, script, "the following arguments are required: whitelist")


@pytest.mark.parametrize("script", CONFIGURED)
def test_script_with_a_configuration_file_that_is_not_there_names_it(folder, script):
    said = folder.run(script, *folder.usual(script), "--config-file", "nowhere.hjson")

    is_refused(said, "Error: there is no configuration file nowhere.hjson")


@pytest.mark.parametrize("script", CONFIGURED)
def test_script_with_a_configuration_file_that_does_not_parse_says_where(folder, script):
    (folder.path / "broken.hjson").write_text("{\n  region: eu-west-1\n  logFormat\n}\n")

    said = folder.run(script, *folder.usual(script), "--config-file", "broken.hjson")

    is_refused(
        said,
        "Error: broken.hjson, line 3, column 3: this is not HJSON: Found '}' where a key name was expected "
        "(check your syntax or use quotes if the key name includes {}[],: or whitespace)",
    )


@pytest.mark.parametrize("script", CONFIGURED)
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
    """Each in a process, so that its exit status is seen from outside too."""
    is_refused(folder.run_as_a_process(script, *folder.usual(script)), "Error: no AWS region is set")


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_without_credentials_says_how_to_get_some(folder, script):
    said = folder.run(script, *folder.usual(script), "--region", "eu-west-1")

    is_refused(said, "Error: there are no AWS credentials")


@pytest.mark.parametrize(
    ("script", "option"),
    [("undeploy.py", "--profile"), ("restore_images.py", "--profile"), ("restore_images.py", "--bucket-profile")],
)
def test_script_with_a_profile_that_is_not_there_names_it(folder, script, option):
    said = folder.run(script, *folder.usual(script), "--region", "eu-west-1", option, "nobody")

    is_refused(said, "Error: there is no AWS profile nobody")


@pytest.mark.parametrize("option", ["--region", "--bucket-region"])
def test_script_with_a_region_that_cannot_be_one_names_it(folder, option):
    usual = folder.usual("restore_images.py")
    said = folder.run("restore_images.py", *usual, option, "over there", AWS_REGION="eu-west-1")

    is_refused(said, "Error: over there is not an AWS region")


@pytest.mark.parametrize("script", ["undeploy.py", "restore_images.py"])
def test_script_with_an_endpoint_that_is_no_url_says_what_one_is(folder, script):
    said = folder.run(script, *folder.usual(script), "--endpoint-url", "localhost:4566", AWS_REGION="eu-west-1")

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
    assert said.err.endswith("Try: run ./build.sh --dist nowhere first\n")


def test_deploy_where_the_file_that_was_built_from_has_changed_since_refuses(folder):
    file = folder.path / "mine.hjson"
    file.write_text("{}")
    (folder.dist / functions.BUILT_FROM).write_bytes(functions.built_from(file))
    before = folder.run("deploy.py", "--dist", "dist")
    file.write_text("{\n  logFormat: Text\n}\n")

    said = folder.run("deploy.py", "--dist", "dist")

    is_refused(before, "Error: no AWS region is set")
    is_refused(said, f"Error: the zips in dist were built with another configuration than {file}")
    assert f"Try: run ./build.sh --dist dist {file}, so that" in said.err


def test_deploy_with_another_configuration_than_was_built_refuses(folder):
    (folder.path / "mine.hjson").write_text("region: eu-west-1\n")

    said = folder.run("deploy.py", "--dist", "dist", "--config-file", "mine.hjson")

    is_refused(said, "Error: the zips in dist were built with another configuration than mine.hjson")
    assert said.err.endswith("Try: run ./build.sh --dist dist mine.hjson, so that the functions have it too\n")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "the following arguments are required: TABLE, --bucket"),
        (["Orders"], "the following arguments are required: --bucket"),
        (["Orders", "--bucket"], "argument --bucket: expected one argument"),
        (
            ["a/b", "--bucket", "images"],
            'argument TABLE: "a/b" is not a table\'s name: 3 to 255 letters, digits, _ . -',
        ),
        (
            ["Orders", "--bucket", "s3://images"],
            'argument --bucket: "s3://images" is not a bucket name (3 to 63 of a-z, 0-9, dot and dash), without '
            "s3://",
        ),
        (
            ["Orders", "--bucket", "images", "--to-table", ""],
            'argument --to-table: "" is not a table\'s name: 3 to 255 letters, digits, _ . -',
        ),
        (
            ["Orders", "--bucket", "images", "--as-of", "yesterday"],
            'argument --as-of: "yesterday" is not a time such as 2026-11-25T10:00:00Z',
        ),
        (
            ["Orders", "--bucket", "images", "--if", "older"],
            "argument --if: invalid choice: 'older' (choose from 'newer', 'always', 'never')",
        ),
        *(
            (
                ["Orders", "--bucket", "images", "--writes-per-second", text],
                f'argument --writes-per-second: "{text}" is not a number above zero',
            )
            for text in ("0", "-5", "NaN", "lots")
        ),
        (
            ["Orders", "--bucket", "images", "--key-prefix", "customer-"],
            'argument --key-prefix: "customer-" is not ATTRIBUTE=TEXT, such as id=customer-',
        ),
        (
            ["Orders", "--bucket", "images", "--partition-key", "id"],
            "--partition-key belongs to --create",
        ),
        (
            ["Orders", "--bucket", "images", "--key", "customer-"],
            'argument --key: "customer-" is no key such as id=alice or \'{"id": "alice", "at": 42}\'',
        ),
        (
            ["Orders", "--bucket", "images", "--key", "id=1", "--key-prefix", "id=1"],
            "--key-prefix asks for other items than --key and --key-file do: give one of them",
        ),
    ],
)
def test_restore_with_an_argument_that_cannot_be_meant_says_what_can_be(restore, arguments, problem):
    shows_its_usage(restore(*arguments), "restore_images.py", problem)


@pytest.mark.parametrize("text", ["", "[]", "not JSON", '{"of": {}, "after": "", "tally": {"images": "lots"}}'])
def test_restore_with_a_checkpoint_that_is_none_leaves_it_and_says_so(folder, restore, text):
    (folder.path / "notes.json").write_text(text)

    said = restore("Orders", "--bucket", "images", "--checkpoint", "notes.json")

    assert said.first_line.startswith("Error: notes.json does not say how far a restoration is: ")
    is_refused(said, said.first_line)
    assert (folder.path / "notes.json").read_text() == text


@pytest.mark.parametrize(
    ("checkpoint", "first_line"),
    [
        (
            "nowhere/notes.json",
            "Error: how far it is cannot be noted in nowhere/notes.json: No such file or directory: nowhere",
        ),
        (
            "tables.hjson/notes.json",
            "Error: how far it is cannot be noted in tables.hjson/notes.json: Not a directory: tables.hjson",
        ),
        ("dist", "Error: dist does not say how far a restoration is: [Errno 21] Is a directory: 'dist'"),
    ],
)
def test_restore_with_a_checkpoint_where_no_file_can_be_says_so_before_anything_is_done(
    restore, checkpoint, first_line
):
    is_refused(restore("Orders", "--bucket", "images", "--checkpoint", checkpoint), first_line)


@pytest.mark.parametrize(
    ("lines", "first_line"),
    [
        (None, "Error: no keys can be read from keys.txt: No such file or directory"),
        ("", "Error: keys.txt has no keys"),
        ("id=1\nlots", 'Error: keys.txt, line 2: "lots" is no key such as'),
    ],
)
def test_restore_with_a_key_file_that_is_none_says_so_before_anything_is_done(folder, restore, lines, first_line):
    if lines is not None:
        (folder.path / "keys.txt").write_text(lines)

    said = restore("Orders", "--bucket", "images", "--key-file", "keys.txt")

    assert said.first_line.startswith(first_line)
    is_refused(said, said.first_line)


def test_script_with_debug_shows_the_stack_and_the_same_message(folder):
    said = folder.run("undeploy.py", "--debug")

    assert said.code == USAGE
    assert said.first_line == "Traceback (most recent call last):"
    assert "\nError: no AWS region is set\nTry: " in said.err
