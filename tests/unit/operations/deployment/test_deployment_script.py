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
from continuous_backup.operations.deployment.state import Deployment, Rule, Stack
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


WIRED = Deployment(rules={"Sweep": Rule("Sweep", "role")}, roles_stack=Stack(naming.ROLES_STACK, "x"))


def _undeployed(monkeypatch, capsys, **given) -> tuple[ExitCode, dict[str, object], str]:
    """What comes of two wired tables, with a rule and a stack deployed; nothing of it is on AWS."""
    aws = Aws(region="eu-west-1", endpoint_url="http://127.0.0.1:1")
    config = Config(delivery_streams={"Theirs": "a-stream"}).in_account(ACCOUNT)
    there, rest = iter([WIRED, Deployment(roles_stack=WIRED.roles_stack)]), []
    monkeypatch.setattr(cli, "load_config", lambda _: Config())
    monkeypatch.setattr(cli, "connect", lambda *_: (aws, ACCOUNT, config))
    monkeypatch.setattr(script.observer, "observe_removable", lambda *_: next(there))
    monkeypatch.setattr(script, "for_release", lambda _, config: config)
    monkeypatch.setattr(Provisioning, "wired_tables", lambda _: {"Orders", "Theirs"})
    monkeypatch.setattr(Provisioning, "release_steps", lambda *_: ())
    monkeypatch.setattr(Provisioning, "carry_out", lambda *_, **__: [])
    monkeypatch.setattr(script.Executor, "apply", lambda _, action: rest.append(action))
    options = argparse.Namespace(**{**vars(OPTIONS), "output": "json", **given})
    code = script.undeploy(options)
    shown = capsys.readouterr()
    return code, json.loads(shown.out), shown.err


def test_undeploy_tells_its_plan_once_and_its_document_has_all_of_it_dry_or_not(monkeypatch, capsys):
    planned = [
        "release table Orders: its mapping, then its delivery stream",
        "release table Theirs: its mapping, delivery stream a-stream is somebody else's and stays",
        "delete rule Sweep",
        f"delete the IAM roles (CloudFormation stack {naming.ROLES_STACK})",
    ]
    for dry_run in (True, False):
        code, document, told = _undeployed(monkeypatch, capsys, dry_run=dry_run, deprovision=True, yes=True)

        assert code is ExitCode.DONE
        assert document == {"dryRun": dry_run, "ok": True, "changes": planned, "notes": []}
        assert [told.count(each) for each in planned] == [1] * len(planned)
        assert "Account 123456789012, region eu-west-1" in told


def test_undeploy_when_dry_and_refused_for_real_says_so_in_its_exit_code_and_document(monkeypatch, capsys):
    code, document, _ = _undeployed(monkeypatch, capsys, dry_run=True)

    assert code is ExitCode.PARTLY_DONE
    assert document["ok"] is False
    assert any("without --deprovision this is refused" in each for each in document["notes"])


def test_undeploy_when_it_asks_names_how_many_tables_and_where(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(cli, "confirm", lambda _, question: asked.append(question))

    with pytest.raises(json.JSONDecodeError):
        _undeployed(monkeypatch, capsys, deprovision=True)
    assert asked[0].startswith("End the backup of ALL 2 tables of account 123456789012, eu-west-1")


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
