"""undeploy.py as a user runs it, on an account in which a table is wired."""

from collections.abc import Iterator

import pytest

from local.stage import Stage
from tests.integration.staging import delivery_streams, deployed, put, wait_for_changes

pytestmark = pytest.mark.emulator


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    yield from deployed(tmp_path_factory.mktemp("stage"))


def test_undeploy_while_tables_are_wired_refuses_and_when_told_takes_all_away_but_data(stage: Stage) -> None:
    stage.create_table("Orders")
    stage.wait_until_wired("Orders")
    put(stage, "Orders", 1, 2, 3)
    log = wait_for_changes(stage, "Orders", 3)
    own = ("--config-file", str(stage.config_file))

    refused = stage.script("undeploy.py", *own, "--yes", expect=1).stderr
    assert "1 table is still wired" in refused
    assert stage.mappings("Orders")
    assert "Nothing was changed" in stage.script("undeploy.py", *own, "--deprovision", "--dry-run").stderr
    unasked = stage.script("undeploy.py", *own, "--deprovision", expect=2).stderr
    assert "--yes" in unasked
    assert stage.mappings("Orders")

    stage.script("undeploy.py", *own, "--deprovision", "--yes")
    assert not stage.mappings("Orders")
    assert delivery_streams(stage) == []
    assert not stage.emulator.client("lambda").list_functions()["Functions"]
    assert not stage.emulator.client("events").list_rules()["Rules"]
    assert not stage.emulator.client("logs").describe_log_groups()["logGroups"]
    assert not stage.emulator.client("iam").list_roles()["Roles"]
    s3 = stage.emulator.client("s3")
    kept = {each["Key"]: each["Size"] for each in s3.list_objects_v2(Bucket=stage.bucket)["Contents"]}
    assert kept == log.objects
    tags = stage.emulator.client("dynamodb").list_tags_of_resource(
        ResourceArn="arn:aws:dynamodb:eu-west-1:123456789012:table/Orders"
    )["Tags"]
    assert tags == [], "undeploying opts no table out: the next deployment protects them all again"

    assert "Nothing to do" in stage.script("undeploy.py", *own, "--yes").stderr
    stage.deploy()
    stage.sweep()
    stage.wait_until_wired("Orders")
