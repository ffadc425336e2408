"""docs/iam.md shows the policies as they are, and explains every statement of the roles."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from continuous_backup import naming
from local import templates
from tests.unit.iam.evaluator import listed
from tests.unit.iam.policies import (
    IMAGES_BUCKET,
    OF_SCRIPTS,
    OPERATOR_POLICIES,
    ROOT,
    SCRIPTS,
    operator_policy,
    operator_policy_text,
    roles_stack,
)
from tests.unit.iam.restoring_policies import SIDES
from tests.unit.iam.sample import ACCOUNT, BUCKET, KEY

PAGE = (ROOT / "docs" / "iam.md").read_text()
ROLES = roles_stack(ACCOUNT, BucketName=BUCKET, KmsKeyArn=KEY, ImagesBucketName=IMAGES_BUCKET).roles
OF_REPLICA = ("deploy-replica", "deploy-replication")
SECTIONS = {
    "EventsRole": "events",
    "DeliveryRole": "delivery",
    "LambdaRole": "forwarder's",
    "EnsureRole": "ensuring",
    "ImagesRole": "images",
}


def _section(title: str) -> str:
    """What is under a heading of the second level."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_policies_when_listed_are_those_of_the_scripts():
    assert {path.stem for path in OPERATOR_POLICIES.glob("*")} == {*OF_SCRIPTS, *SIDES, *OF_REPLICA}


@pytest.mark.parametrize("script", [*OF_SCRIPTS, *SIDES, *OF_REPLICA])
def test_page_when_it_shows_a_policy_shows_the_file(script: str):
    assert f"```json\n{operator_policy_text(script)}```\n" in PAGE, (
        f"put docs/policies/{script}.json into the page"
    )


@pytest.mark.parametrize("block", re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL), ids=lambda block: block[:40])
def test_page_when_it_shows_json_shows_valid_json(block: str):
    json.loads(block)


@pytest.mark.parametrize("role", SECTIONS)
def test_page_when_it_explains_a_role_explains_each_statement(role: str):
    explained = re.findall(r"^\| `(\w+)` \|", _section(f"The {SECTIONS[role]} role"), re.MULTILINE)
    assert explained == [statement["Sid"] for statement in ROLES[role].statements]


@pytest.mark.parametrize("role", SECTIONS)
def test_page_when_it_explains_a_statement_names_each_action(role: str):
    rows = re.findall(r"^\| `(\w+)` \|(.*)$", _section(f"The {SECTIONS[role]} role"), re.MULTILINE)
    allowed = {statement["Sid"]: statement["Action"] for statement in ROLES[role].statements}
    for sid, row in rows:
        missing = [each for each in listed(allowed[sid]) if each.partition(":")[2] not in row]
        assert missing == [], sid


def test_page_when_it_names_a_role_names_the_service_that_it_trusts():
    for role, title in SECTIONS.items():
        (trust,) = ROLES[role].trust
        assert f"**Trust.** `{trust['Principal']['Service']}`" in _section(f"The {title} role")


def test_commands_that_revert_drift_when_copied_keep_every_parameter_of_the_stack():
    """CloudFormation takes the default for one that is left out: here, a bucket without its replica."""
    declared = templates.read("item-images-source.yaml")["Parameters"]
    command = PAGE.split("aws cloudformation create-change-set", 1)[1].split("\naws ", 1)[0]
    assert re.findall(r"ParameterKey=(\w+),UsePreviousValue=true", command) == list(declared)


def test_command_when_run_fills_in_every_placeholder(tmp_path: Path):
    command = re.search(r"```sh\n(for policy in .*?done)\n```", PAGE, re.DOTALL)
    assert command is not None
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "aws").write_text("#!/bin/sh\n")
    (tmp_path / "aws").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(command[1], shell=True, cwd=tmp_path, env={**os.environ, "PATH": path}, check=True)
    bucket, images = naming.default_bucket(ACCOUNT), naming.default_images_bucket(ACCOUNT)
    for policy in SCRIPTS["deploy"]:
        filled_in = json.loads((tmp_path / f"{policy}-policy.json").read_text())
        assert filled_in == operator_policy(policy, ACCOUNT, bucket, "dynamodb", images)
