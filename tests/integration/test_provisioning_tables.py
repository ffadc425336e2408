"""provision_tables.py and deprovision_tables.py under the operator's own policies, with IAM enforced."""

import json
import logging
from collections.abc import Iterator

import pytest

from continuous_backup import naming
from continuous_backup.aws import Aws
from continuous_backup.configuration import config as configuration
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.operations.tables.provisioning import Provisioning
from continuous_backup.operations.tables.results import exit_code
from continuous_backup.operations.tables.whitelist import Whitelist
from local.emulator import Credentials
from local.stage import Stage
from tests.integration.staging import (
    delivery_streams,
    deployed,
    folded,
    put,
    scanned,
    wait_for_changes,
    whitelist,
)

pytestmark = pytest.mark.emulator

#: More than one page of tables and of mappings has, which is 100, and of delivery streams, 10.
MANY = 102


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Deployed, without the events of API calls: as if the tables had been there before."""
    for stage in deployed(tmp_path_factory.mktemp("stage"), tableNameMatchRegex="(?!test-)"):
        stage.api_events.stop()
        yield stage


@pytest.fixture(scope="module")
def provisioner(stage: Stage) -> Credentials:
    return stage.operator("provision")


@pytest.fixture(scope="module")
def deprovisioner(stage: Stage) -> Credentials:
    return stage.operator("deprovision")


def own(stage: Stage) -> tuple[str, str]:
    return "--config-file", str(stage.config_file)


def tags_of(stage: Stage, table: str) -> dict[str, str]:
    arn = f"arn:aws:dynamodb:eu-west-1:123456789012:table/{table}"
    tags = stage.emulator.client("dynamodb").list_tags_of_resource(ResourceArn=arn)["Tags"]
    return {tag["Key"]: tag["Value"] for tag in tags}


def test_provision_when_a_table_is_there_already_wires_it(stage: Stage, provisioner: Credentials) -> None:
    stage.create_table("Existing")
    dry = stage.script(
        "provision_tables.py", whitelist(stage, "Existing"), *own(stage), "--dry-run", credentials=provisioner
    )
    assert "enable the stream of Existing" in dry.stderr
    assert not stage.mappings("Existing")
    done = stage.script("provision_tables.py", whitelist(stage, "Existing"), *own(stage), credentials=provisioner)
    assert "Existing  provisioned" in done.stdout
    put(stage, "Existing", 1, 2)
    wait_for_changes(stage, "Existing", 2)
    assert folded(stage, "Existing") == scanned(stage, "Existing")
    again = stage.script("provision_tables.py", whitelist(stage, "Existing"), *own(stage), credentials=provisioner)
    assert "was as wanted already" in again.stdout


def test_provision_when_some_cannot_be_does_the_others_and_its_exit_code_tells(
    stage: Stage, provisioner: Credentials
) -> None:
    for name in ("Fine", "test-Filtered"):
        stage.create_table(name)
    stage.create_table("Keys", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    path = whitelist(stage, "NoSuchTable", "test-Filtered", "Keys", "Fine")
    done = stage.script(
        "provision_tables.py", path, *own(stage), "--output", "json", credentials=provisioner, expect=3
    )
    results = {each["table"]: each for each in json.loads(done.stdout)["tables"]}
    assert {name: each["ok"] for name, each in results.items()} == {
        "NoSuchTable": False,
        "test-Filtered": False,
        "Keys": False,
        "Fine": True,
    }
    assert "no such table" in results["NoSuchTable"]["result"]
    assert "filter" in results["test-Filtered"]["result"]
    assert "KEYS_ONLY" in results["Keys"]["result"]
    assert len(stage.mappings("Fine")) == 1


def test_provision_when_it_may_not_says_what_is_missing(stage: Stage) -> None:
    stage.create_table("Forbidden")
    iam = stage.emulator.client("iam")
    user = stage.operator("provision", name="hindered")
    policy = json.loads(
        json.dumps(iam.get_user_policy(UserName="hindered", PolicyName="provision")["PolicyDocument"])
    )
    policy["Statement"] = [each for each in policy["Statement"] if "dynamodb:UpdateTable" not in each["Action"]]
    iam.put_user_policy(UserName="hindered", PolicyName="provision", PolicyDocument=json.dumps(policy))
    done = stage.script(
        "provision_tables.py", whitelist(stage, "Forbidden"), *own(stage), credentials=user, expect=1
    )
    assert "not authorized to perform: dynamodb:UpdateTable" in done.stdout
    assert "Traceback" not in done.stderr


def test_deprovision_when_told_takes_the_wiring_and_keeps_the_data_and_stays_away(
    stage: Stage, provisioner: Credentials, deprovisioner: Credentials
) -> None:
    stage.create_table("Leaving")
    path = whitelist(stage, "Leaving")
    stage.script("provision_tables.py", path, *own(stage), credentials=provisioner)
    put(stage, "Leaving", 1)
    log = wait_for_changes(stage, "Leaving", 1)

    unasked = stage.script("deprovision_tables.py", path, *own(stage), credentials=deprovisioner, expect=2)
    assert "--yes" in unasked.stderr
    assert stage.mappings("Leaving")
    done = stage.script("deprovision_tables.py", path, *own(stage), "--yes", credentials=deprovisioner)
    assert "Leaving  deprovisioned" in done.stdout
    assert not stage.mappings("Leaving")
    assert "Leaving" not in delivery_streams(stage)
    assert tags_of(stage, "Leaving") == {naming.MANAGED_TAG: naming.OPTED_OUT_TAG_VALUE}
    stage.sweep()
    assert not stage.mappings("Leaving"), "the sweep leaves it alone"
    assert wait_for_changes(stage, "Leaving", 1).objects == log.objects

    stage.script("provision_tables.py", path, *own(stage), credentials=provisioner)
    assert tags_of(stage, "Leaving") == {}
    stage.wait_until_wired("Leaving")


def test_deprovision_when_the_name_is_nobodys_says_so(stage: Stage, deprovisioner: Credentials) -> None:
    done = stage.script(
        "deprovision_tables.py",
        whitelist(stage, "Nobody"),
        *own(stage),
        "--yes",
        credentials=deprovisioner,
        expect=1,
    )
    assert "no such table, and nothing is left of its wiring" in done.stdout


def test_provision_when_nothing_is_deployed_says_what_to_do(stage: Stage) -> None:
    done = stage.script(
        "provision_tables.py", whitelist(stage, "Existing"), *own(stage), "--region", "eu-central-1", expect=2
    )
    assert "there is no function LambdaStreamToFirehose in eu-central-1" in done.stderr
    assert "deploy.py" in done.stderr


def test_provision_all_when_there_are_many_pages_of_tables_wires_every_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, so that Firehose's five calls a second, which the emulator does not have, are not kept."""
    names = [f"many-{number:03}" for number in range(MANY)]
    for name in names:
        stage.create_table(name)
    for name, value in stage.emulator.environment().items():
        monkeypatch.setenv(name, value)
    aws = Aws(region="eu-west-1")
    account = aws.account()
    config = configuration.load(stage.config_file, {}).in_account(account)
    provisioning = Provisioning(aws, config, account, logging.getLogger("test-many"), calls_per_second=10_000)
    plans = provisioning.plan_provisioning(Whitelist(all_tables=True))
    assert set(names) <= {plan.table for plan in plans}
    results = provisioning.carry_out(plans, Wanted.PROVISIONED)
    assert [each for each in results if each.table.startswith("many-") and not each.ok] == []
    assert exit_code([each for each in results if each.table in names]) == 0
    mapped = {
        naming.table_of_arn(each["EventSourceArn"])
        for page in stage.emulator.client("lambda").get_paginator("list_event_source_mappings").paginate()
        for each in page["EventSourceMappings"]
    }
    assert set(names) <= mapped
    assert set(names) <= set(delivery_streams(stage))

    seen = {plan.table for plan in provisioning.plan_provisioning(Whitelist(all_tables=True)) if plan.steps}
    assert not seen & set(names), "a second run finds nothing to do"
    deprovisioning = provisioning.plan_deprovisioning(Whitelist(all_tables=True))
    assert set(names) <= {plan.table for plan in deprovisioning if plan.actions}
