"""What deploy.py and undeploy.py say around what they change."""

import argparse
import json

import pytest

from continuous_backup import naming
from continuous_backup.aws import Aws
from continuous_backup.configuration.config import Config
from continuous_backup.errors import ExitCode
from continuous_backup.naming import Account
from continuous_backup.operations import cli
from continuous_backup.operations.deployment import script
from continuous_backup.operations.deployment.actions import DeleteRule
from continuous_backup.operations.deployment.state import Deployment, Stack
from continuous_backup.operations.notes import Note
from continuous_backup.operations.tables.provisioning import Provisioning

OPTIONS = argparse.Namespace(dry_run=False, deprovision=False, output="text", yes=False)
ACCOUNT = Account("123456789012", "eu-west-1")


@pytest.mark.parametrize(
    ("there", "code", "said"),
    [
        (Deployment(), ExitCode.DONE, "nothing is deployed in account 123456789012, region eu-west-1"),
        (
            Deployment(images_stack=Stack(naming.IMAGES_STACK, "Resources: {}")),
            ExitCode.PARTLY_DONE,
            f"CloudFormation stack {naming.IMAGES_STACK} stays",
        ),
    ],
    ids=["nothing", "images"],
)
def test_undeploy_again_says_the_same_of_what_stays(monkeypatch, capsys, there, code, said):
    aws = Aws(region="eu-west-1", endpoint_url="http://127.0.0.1:1")
    monkeypatch.setattr(cli, "load_config", lambda _: Config())
    monkeypatch.setattr(cli, "connect", lambda *_: (aws, ACCOUNT, Config().in_account(ACCOUNT)))
    monkeypatch.setattr(script.observer, "observe_removable", lambda *_: there)
    monkeypatch.setattr(script, "for_release", lambda _, config: config)
    monkeypatch.setattr(Provisioning, "wired_tables", lambda _: set())

    assert script.undeploy(OPTIONS) is code
    told = " ".join(capsys.readouterr().err.split())
    assert "Nothing to do" in told
    assert said in told


@pytest.mark.parametrize("dry_run", [True, False])
def test_deploy_tells_what_to_know_before_it_changes_anything_and_what_is_undone_at_the_end(capsys, dry_run):
    applied = []
    executor = argparse.Namespace(apply=lambda change: applied.append(capsys.readouterr().err))
    options = argparse.Namespace(dry_run=dry_run, output="json")
    steps = [DeleteRule("r"), Note("the log stays at s3://old", loud=True), Note("not so", undone=True)]

    assert script._carry_out(options, steps, executor, "{count} changes made.") is ExitCode.PARTLY_DONE

    said = capsys.readouterr()
    told = "".join([*applied, said.err]).splitlines()
    assert told[:3] == ["WARNING: the log stays at s3://old", "  - delete rule r", "Note: not so"]
    assert [bool(applied), json.loads(said.out)["notes"]] == [not dry_run, ["the log stays at s3://old", "not so"]]
