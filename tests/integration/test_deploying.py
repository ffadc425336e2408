"""build.sh and deploy.py as a user runs them, against an account."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from continuous_backup import naming
from continuous_backup.aws import ClientError
from continuous_backup.operations.building import wheels
from local.emulator import Credentials
from local.stage import Settings, Stage
from tests.integration.staging import deployed

pytestmark = pytest.mark.emulator

FUNCTIONS = (naming.FORWARDER_FUNCTION, naming.ENSURE_FUNCTION)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Built, and not deployed."""
    with Stage(tmp_path / "a stage") as running:
        running.build()
        yield running


@pytest.fixture(scope="module")
def empty_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """For tests in which nothing is deployed because deploy.py refuses to."""
    with Stage(tmp_path_factory.mktemp("stage")) as running:
        yield running


@pytest.fixture
def undeployed(empty_account: Stage) -> Stage:
    """Built with the default configuration, and not deployed."""
    assert not empty_account.emulator.client("lambda").list_functions()["Functions"]
    empty_account.settings = Settings()
    empty_account.build()
    return empty_account


@pytest.fixture(scope="module")
def unchanging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Deployed, for tests that leave it so."""
    yield from deployed(tmp_path_factory.mktemp("stage"))


def changing_calls(stage: Stage) -> list[str]:
    """What CloudTrail recorded of calls that do more than look, newest first; of the last 50 calls."""
    trails = stage.emulator.client("cloudtrail")
    attribute = {"AttributeKey": "ReadOnly", "AttributeValue": "false"}
    found = trails.lookup_events(LookupAttributes=[attribute], MaxResults=50)["Events"]
    # The emulator takes POST for writing, and calls of the query protocol have their name in a parameter.
    names = [
        (json.loads(each["CloudTrailEvent"])["requestParameters"] or {}).get("Action", each["EventName"])
        for each in found
    ]
    return [name for name in names if not name.startswith(("Get", "List", "Describe", "Detect", "Head", "Lookup"))]


def built_for() -> str:
    """What build.sh --this-machine builds for, as a plan says it."""
    target = wheels.this_machine()
    return f"python{target.python}, {target.architecture}"


def function(stage: Stage, name: str) -> dict[str, Any]:
    found: dict[str, Any] = stage.emulator.client("lambda").get_function(FunctionName=name)
    return found


def rules(stage: Stage) -> list[dict[str, Any]]:
    """The lifecycle rules of the bucket, as S3 tells them."""
    found: list[dict[str, Any]] = stage.emulator.client("s3").get_bucket_lifecycle_configuration(
        Bucket=stage.bucket
    )["Rules"]
    return found


def test_deploy_when_nothing_is_there_makes_all_of_it(stage: Stage) -> None:
    dry = stage.deploy("--dry-run").stderr
    assert "Nothing was changed: this was a dry run" in dry
    assert not stage.emulator.client("lambda").list_functions()["Functions"]

    done = stage.deploy().stderr
    assert [line for line in done.splitlines() if line.startswith("  - ")] == [
        line for line in dry.splitlines() if line.startswith("  - ")
    ]
    assert "WARNING" not in done
    s3, events = stage.emulator.client("s3"), stage.emulator.client("events")
    assert all(s3.get_public_access_block(Bucket=stage.bucket)["PublicAccessBlockConfiguration"].values())
    assert "aws:SecureTransport" in s3.get_bucket_policy(Bucket=stage.bucket)["Policy"]
    assert s3.get_bucket_encryption(Bucket=stage.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    for name, settings in {
        naming.ENSURE_FUNCTION: (256, 900, 1),
        naming.FORWARDER_FUNCTION: (512, 15, 100),
    }.items():
        its = function(stage, name)
        reserved = its.get("Concurrency", {}).get("ReservedConcurrentExecutions")
        assert (its["Configuration"]["MemorySize"], its["Configuration"]["Timeout"], reserved) == settings
        assert its["Tags"][naming.MANAGED_TAG] == naming.MANAGED_TAG_VALUE
    groups = {
        each["logGroupName"]: each.get("retentionInDays")
        for each in stage.emulator.client("logs").describe_log_groups()["logGroups"]
    }
    assert groups == {
        "/aws/lambda/EnsureDynamoBackup": 30,
        "/aws/lambda/LambdaStreamToFirehose": 30,
        naming.DELIVERY_LOG_GROUP: 30,
    }
    pattern = json.loads(events.describe_rule(Name="DynamoDBCreateDelete")["EventPattern"])
    assert {"CreateTable", "DeleteTable"} <= set(pattern["detail"]["eventName"])
    assert events.describe_rule(Name="DynamoDBBackupSweep")["ScheduleExpression"] == "rate(15 minutes)"


def test_deploy_keeps_what_is_overwritten_or_deleted_in_the_bucket(unchanging: Stage) -> None:
    s3, bucket = unchanging.emulator.client("s3"), unchanging.bucket
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert (rule["ID"], rule["Status"]) == ("dynamodb-continuous-backup-older-versions", "Enabled")
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 35}
    assert rule["Expiration"] == {"ExpiredObjectDeleteMarker": True}, "no current version is ever touched"

    where = {"Bucket": bucket, "Key": "dynamodb/Orders/2026/01/01/00/changes.gz"}
    first = s3.put_object(**where, Body=b"as it was")["VersionId"]
    s3.put_object(**where, Body=b"overwritten")
    s3.delete_object(**where)
    assert s3.get_object(**where, VersionId=first)["Body"].read() == b"as it was"


def test_deploy_to_an_older_bucket_of_ours_keeps_peoples_lifecycle_rules_and_later_what_they_make_of_ours(
    stage: Stage,
) -> None:
    s3, bucket = stage.emulator.client("s3"), stage.bucket
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    theirs = [
        {
            "ID": "to Glacier",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "dynamodb/", "Tags": [{"Key": "a", "Value": "b"}]}},
            "Transitions": [{"Days": 90, "StorageClass": "GLACIER_IR"}],
        },
        {"ID": "exports", "Status": "Disabled", "Filter": {"Prefix": "exports/"}, "Expiration": {"Days": 400}},
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": theirs})
    as_s3_tells_it = rules(stage)

    stage.deploy()
    *kept, ours = rules(stage)
    assert kept == as_s3_tells_it
    assert ours["ID"] == "dynamodb-continuous-backup-older-versions"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"

    assert "Nothing to do: everything is as it should be" in stage.deploy().stderr
    assert rules(stage) == [*as_s3_tells_it, ours]

    changed = [*as_s3_tells_it, {**ours, "NoncurrentVersionExpiration": {"NoncurrentDays": 400}}]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": changed})
    assert "Nothing to do: everything is as it should be" in stage.deploy().stderr
    assert rules(stage) == changed


def test_deploy_when_somebody_suspended_the_versioning_of_the_bucket_leaves_it_and_warns(stage: Stage) -> None:
    stage.deploy()
    s3 = stage.emulator.client("s3")
    s3.put_bucket_versioning(Bucket=stage.bucket, VersioningConfiguration={"Status": "Suspended"})

    told = stage.deploy().stderr

    assert f"WARNING: what is overwritten or deleted in bucket {stage.bucket} is lost" in told
    assert "Nothing to do" in told
    assert s3.get_bucket_versioning(Bucket=stage.bucket)["Status"] == "Suspended"


def test_deploy_with_a_bucket_of_peoples_own_switches_no_versioning_on_and_says_so(stage: Stage) -> None:
    s3 = stage.emulator.client("s3")
    s3.create_bucket(Bucket="their-own", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    stage.settings = Settings({"firehoseDeliveryBucket": "their-own"})
    stage.build()

    notes = json.loads(stage.deploy("--output", "json").stdout)["notes"]

    assert any(
        note.startswith("what is overwritten or deleted in bucket their-own is lost: it has no versioning")
        for note in notes
    )
    assert "Status" not in s3.get_bucket_versioning(Bucket="their-own")
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket="their-own")


def test_deploy_when_everything_is_there_makes_no_changing_call(unchanging: Stage) -> None:
    before = changing_calls(unchanging)
    assert "Nothing to do" in unchanging.deploy().stderr
    assert changing_calls(unchanging) == before
    assert json.loads(unchanging.deploy("--output", "json").stdout) == {
        "ok": True,
        "dryRun": False,
        "changes": [],
        "notes": [],
    }


def test_deploy_when_the_configuration_changed_asks_for_a_build_and_then_updates(stage: Stage) -> None:
    stage.deploy()
    before = function(stage, naming.ENSURE_FUNCTION)["Configuration"]["CodeSha256"]
    stage.settings = Settings({"ensureMemoryMB": 512, "sweepIntervalMinutes": 5})
    stage.settings.write(stage.config_file)
    stale = stage.deploy(expect=2).stderr
    assert "another configuration" in stale
    assert "./build.sh" in stale

    stage.build()
    changes = json.loads(stage.deploy("--output", "json").stdout)["changes"]
    assert changes == [
        f"update the code of function LambdaStreamToFirehose ({built_for()})",
        f"update the code of function EnsureDynamoBackup ({built_for()})",
        "update function EnsureDynamoBackup: memory",
        "update rule DynamoDBBackupSweep (rate(5 minutes))",
    ]
    its = function(stage, naming.ENSURE_FUNCTION)["Configuration"]
    assert its["MemorySize"] == 512
    assert its["CodeSha256"] != before
    assert "Nothing to do" in stage.deploy().stderr


def test_deploy_with_a_bucket_from_the_environment_says_so_and_what_stays_in_the_one_before(
    unchanging: Stage,
) -> None:
    environment = unchanging.emulator.environment() | {"firehoseDeliveryBucket": "another"}
    dry = unchanging.deploy("--dry-run", "--output", "json", environment=environment)
    of_environment, of_bucket = json.loads(dry.stdout)["notes"]
    assert of_environment.startswith("from the environment: firehoseDeliveryBucket=another; set for the functions")
    assert of_bucket.startswith(f"the change log so far stays at s3://{unchanging.bucket}/dynamodb, ")
    assert f"WARNING: {of_bucket}" in dry.stderr


def test_deploy_when_somebody_changed_whom_a_role_trusts_names_it(unchanging: Stage) -> None:
    """That it is put back is not seen here: the emulator compares trust, and reverts nothing."""
    iam, role = unchanging.emulator.client("iam"), naming.delivery_role(unchanging.emulator.region)
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    theirs = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(
        RoleName=role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [theirs]})
    )
    try:
        (change,) = json.loads(unchanging.deploy("--dry-run", "--output", "json").stdout)["changes"]
    finally:
        iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    assert change.endswith(f"role {role}: its trust policy is another")
    assert "Nothing to do" in unchanging.deploy().stderr


def test_deploy_with_redeploy_uploads_the_same_code_again(unchanging: Stage) -> None:
    assert json.loads(unchanging.deploy("--redeploy", "--output", "json").stdout)["changes"] == [
        f"update the code of function {name} ({built_for()})" for name in FUNCTIONS
    ]


def test_deploy_without_a_file_takes_region_and_roles_as_options(stage: Stage) -> None:
    iam = stage.emulator.client("iam")
    arns = {}
    for service in ("events", "lambda", "firehose"):
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arns[service] = iam.create_role(RoleName=f"my-{service}", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    options = ("--cw_role_arn", arns["events"], "--lambda_role_arn", arns["lambda"], "--region", "eu-west-1")
    stage.script("deploy.py", "--dist", str(stage.dist), *options)
    assert function(stage, naming.FORWARDER_FUNCTION)["Configuration"]["Role"] == arns["lambda"]
    rule = stage.emulator.client("events").describe_rule(Name=naming.API_EVENTS_RULE)
    assert rule["RoleArn"] == arns["events"]
    assert naming.events_role("eu-west-1") not in {each["RoleName"] for each in iam.list_roles()["Roles"]}
    assert naming.delivery_role("eu-west-1") in {each["RoleName"] for each in iam.list_roles()["Roles"]}


def test_deploy_when_no_trail_logs_api_calls_warns_loudly(stage: Stage) -> None:
    stage.emulator.client("cloudtrail").stop_logging(Name="management-events")
    assert "WARNING: no CloudTrail trail logs management events" in stage.deploy().stderr


def test_deploy_when_a_function_of_somebody_elses_has_the_name_changes_nothing(undeployed: Stage) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = undeployed.emulator.client("iam").create_role(
        RoleName="theirs", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", "def handler(event, context): return 'theirs'")
    undeployed.emulator.client("lambda").create_function(
        FunctionName=naming.ENSURE_FUNCTION,
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="index.handler",
        Code={"ZipFile": code.getvalue()},
    )
    try:
        before = changing_calls(undeployed)
        refused = undeployed.deploy(expect=1).stderr
        assert "there is a function EnsureDynamoBackup that is not ours" in refused
        assert changing_calls(undeployed) == before
    finally:  # others look at the same account
        undeployed.emulator.client("lambda").delete_function(FunctionName=naming.ENSURE_FUNCTION)


def test_deploy_when_the_bucket_is_in_another_region_says_so_and_does_nothing(undeployed: Stage) -> None:
    elsewhere = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=undeployed.emulator.endpoint_url,
        verify=str(undeployed.emulator.ca_bundle),
        aws_access_key_id="emulator-root",
        aws_secret_access_key="emulator-root-secret",
    )
    elsewhere.create_bucket(Bucket="far-away")
    elsewhere.close()
    undeployed.settings = Settings({"firehoseDeliveryBucket": "far-away"})
    undeployed.build()
    before = changing_calls(undeployed)
    refused = undeployed.deploy(expect=2).stderr
    assert "bucket far-away is in us-east-1, not in eu-west-1" in refused
    assert "firehoseDeliveryBucket" in refused
    assert changing_calls(undeployed) == before


def test_deploy_when_the_bucket_belongs_to_another_account_says_so_and_does_nothing(undeployed: Stage) -> None:
    stranger = Credentials("999999999999", "emulator-root-secret")
    where = {"LocationConstraint": "eu-west-1"}
    undeployed.emulator.client("s3", stranger).create_bucket(Bucket="theirs", CreateBucketConfiguration=where)
    undeployed.settings = Settings({"firehoseDeliveryBucket": "theirs"})
    undeployed.build()
    before = changing_calls(undeployed)
    refused = undeployed.deploy(expect=2).stderr
    assert "bucket theirs belongs to another account" in refused
    assert changing_calls(undeployed) == before


@pytest.mark.parametrize("key", ["cloudWatchRoleArn", "firehoseDeliveryRoleArn", "lambdaExecRoleArn"])
def test_deploy_with_a_role_that_does_not_exist_says_so_and_does_nothing(undeployed: Stage, key: str) -> None:
    role = "arn:aws:iam::123456789012:role/nobody"
    undeployed.settings = Settings({key: role})
    undeployed.build()
    before = changing_calls(undeployed)
    refused = undeployed.deploy(expect=1).stderr
    assert f"Error: there is no role {role}, which {key} names\nTry: create it, " in refused
    assert changing_calls(undeployed) == before


@pytest.mark.parametrize(
    ("credentials", "said"),
    [(Credentials("AKIANOBODY", "wrong"), "AWS does not accept these credentials")],
)
def test_deploy_with_credentials_that_aws_does_not_accept_says_so(
    undeployed: Stage, credentials: Credentials, said: str
) -> None:
    refused = undeployed.deploy(credentials=credentials, expect=2)
    assert refused.stderr.startswith(f"Error: {said}")
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


def test_deploy_with_a_profile_whose_role_cannot_be_assumed_says_so(undeployed: Stage, tmp_path: Path) -> None:
    config = tmp_path / "aws-config"
    config.write_text(
        "[profile deployer]\nrole_arn = arn:aws:iam::123456789012:role/nobody\ncredential_source = Environment\n"
    )
    environment = undeployed.emulator.environment() | {"AWS_CONFIG_FILE": str(config)}
    refused = undeployed.script(
        "deploy.py", "--dist", str(undeployed.dist), "--profile", "deployer", environment=environment, expect=1
    )
    assert "AssumeRole" in refused.stderr
    assert "Try: " in refused.stderr
    assert "Traceback" not in refused.stderr
