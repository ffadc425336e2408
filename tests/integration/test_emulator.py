"""The emulator as a process, and API calls that become invocations."""

import io
import json
import os
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import local.emulator
from local import change_log_check, load
from local.airports import Difference, Update
from local.api_events import ApiEvents
from local.emulator import Credentials, Emulator, EmulatorError
from tests.integration.engines import create_table, unique

pytestmark = pytest.mark.emulator

#: Writes what it is invoked with as an object, so that a test can see it.
FUNCTION = """
import json, os, boto3
def handler(event, context):
    name = event["detail"]["requestParameters"]["tableName"]
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=name, Body=json.dumps(event))
"""


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """What the condition returns, once that is true of anything."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


def processes_of(group: int) -> list[int]:
    """The processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_the_name = stat.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(after_the_name[2]) == group and after_the_name[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def listening(pids: list[int]) -> list[tuple[str, int]]:
    """Address and port of every TCP socket that one of the processes listens on."""
    sockets = {
        os.readlink(descriptor).removeprefix("socket:[").removesuffix("]")
        for pid in pids
        for descriptor in Path(f"/proc/{pid}/fd").iterdir()
        if os.path.islink(descriptor) and os.readlink(descriptor).startswith("socket:[")
    }
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                address, port = fields[1].split(":")
                packed = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
                family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
                found.append((socket.inet_ntop(family, packed), int(port, 16)))
    return found


@pytest.fixture
def recorder(emulator: Emulator) -> Iterator[tuple[str, str]]:
    """The ARN of a function that writes every event into a bucket, and the bucket's name."""
    bucket, function = unique("recorder"), unique("Recorder")
    emulator.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": emulator.region}
    )
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    iam = emulator.client("iam")
    role = iam.create_role(RoleName=function, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    iam.put_role_policy(RoleName=function, PolicyName="it", PolicyDocument=json.dumps({"Statement": [allowed]}))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("recorder.py", FUNCTION)
    made = emulator.client("lambda").create_function(
        FunctionName=function,
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="recorder.handler",
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"BUCKET": bucket}},
    )
    yield made["FunctionArn"], bucket
    emulator.client("lambda").delete_function(FunctionName=function)


@pytest.fixture
def rule(emulator: Emulator, recorder: tuple[str, str]) -> Iterator[str]:
    """The name of a rule on CreateTable whose target is the recorder, which lets it."""
    name = unique("rule")
    arn = put_rule(emulator, name, recorder[0])
    emulator.client("lambda").add_permission(
        FunctionName=recorder[0],
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=arn,
    )
    yield name
    remove_rule(emulator, name)


def put_rule(emulator: Emulator, name: str, function: str) -> str:
    pattern = {"source": ["aws.dynamodb"], "detail": {"eventName": ["CreateTable"]}}
    events = emulator.client("events")
    arn = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "it", "Arn": function}])
    return str(arn)


def remove_rule(emulator: Emulator, name: str) -> None:
    emulator.client("events").remove_targets(Rule=name, Ids=["it"])
    emulator.client("events").delete_rule(Name=name)


def recorded(emulator: Emulator, bucket: str) -> list[str]:
    listed = emulator.client("s3").list_objects_v2(Bucket=bucket)
    return [each["Key"] for each in listed.get("Contents", [])]


def was_invoked(emulator: Emulator, function: str) -> bool:
    """Whether somebody tried to."""
    name = {"AttributeKey": "EventName", "AttributeValue": "Invoke"}
    calls = emulator.client("cloudtrail").lookup_events(LookupAttributes=[name])["Events"]
    return any(function in resource["ResourceName"] for call in calls for resource in call["Resources"])


def test_emulator_when_started_listens_on_its_port_of_loopback_alone(emulator):
    port = int(emulator.endpoint_url.rsplit(":", 1)[1])

    assert listening(processes_of(emulator.pid)) == [("127.0.0.1", port)]


def test_emulator_when_started_is_the_account_and_region_asked_for(tmp_path):
    with Emulator(tmp_path / "a folder", region="us-west-2", account_id="111122223333") as emulator:
        identity = emulator.client("sts").get_caller_identity()
        create_table(emulator.client("dynamodb"), "Orders")
        arn = emulator.client("dynamodb").describe_table(TableName="Orders")["Table"]["TableArn"]

    assert identity["Account"] == "111122223333"
    assert arn == "arn:aws:dynamodb:us-west-2:111122223333:table/Orders"


def test_emulator_when_stopped_leaves_no_process_and_no_file_elsewhere(tmp_path):
    before = set(Path("/tmp").glob("ministack*"))
    with Emulator(tmp_path / "it") as emulator:
        group = emulator.pid
        emulator.client("s3").create_bucket(
            Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": emulator.region}
        )
        assert processes_of(group)

    assert processes_of(group) == []
    assert set(Path("/tmp").glob("ministack*")) <= before
    assert [each.name for each in tmp_path.iterdir()] == ["it"]
    with pytest.raises(EmulatorError, match="not running"):
        _ = emulator.pid


def test_emulator_when_stopped_ends_the_functions_that_it_runs(tmp_path, request):
    with Emulator(tmp_path / "it") as emulator:
        group = emulator.pid
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("f.py", "import os\ndef handler(event, context):\n    return os.getpid()\n")
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        role = emulator.client("iam").create_role(
            RoleName="r", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]})
        )
        emulator.client("lambda").create_function(
            FunctionName="f",
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="f.handler",
            Code={"ZipFile": code.getvalue()},
        )
        answer = emulator.client("lambda").invoke(FunctionName="f")
        worker = int(answer["Payload"].read())
        assert worker in processes_of(group)

    assert processes_of(group) == []


def test_emulator_when_it_cannot_start_says_what_its_log_says(tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(local.emulator, "free_port", lambda: taken.getsockname()[1])

        with pytest.raises(EmulatorError, match="already in use"):
            Emulator(tmp_path).start()


def test_emulator_environment_given_to_a_program_lets_it_work_as_root(emulator, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "of-the-user")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"

    result = subprocess.run(
        [sys.executable, "-c", program], env=emulator.environment(), capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout == f"arn:aws:iam::{emulator.account_id}:root\n"


def test_emulator_client_of_a_user_without_a_policy_is_denied(emulator):
    iam = emulator.client("iam")
    user = unique("user")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    dynamodb = emulator.client("dynamodb", credentials)

    with pytest.raises(dynamodb.exceptions.ClientError, match="AccessDenied"):
        dynamodb.list_tables()


def test_api_events_when_a_table_is_created_invoke_the_rules_target_as_eventbridge_would(emulator, recorder, rule):
    _, bucket = recorder
    table = unique("table")

    with ApiEvents(emulator, interval=0.1):
        create_table(emulator.client("dynamodb"), table)
        wait_for(lambda: table in recorded(emulator, bucket))

    event = json.loads(emulator.client("s3").get_object(Bucket=bucket, Key=table)["Body"].read())
    assert (event["source"], event["detail-type"]) == ("aws.dynamodb", "AWS API Call via CloudTrail")
    assert (event["account"], event["region"]) == (emulator.account_id, emulator.region)
    assert event["detail"]["eventSource"] == "dynamodb.amazonaws.com"
    assert event["detail"]["requestParameters"]["keySchema"] == [{"attributeName": "id", "keyType": "HASH"}]


def test_api_events_when_many_tables_are_created_at_once_deliver_each_once(emulator, recorder, rule):
    _, bucket = recorder
    before, tables = unique("before"), [unique("many") for _ in range(70)]  # of which CloudTrail has 50 on a page
    create_table(emulator.client("dynamodb"), before)

    with ApiEvents(emulator, interval=0.1) as api_events:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda table: create_table(emulator.client("dynamodb"), table), tables))
        wait_for(lambda: len(api_events.deliveries) >= len(tables))
        wait_for(lambda: set(recorded(emulator, bucket)) >= set(tables))

    delivered = [each.event["detail"]["requestParameters"]["tableName"] for each in api_events.deliveries]
    assert sorted(delivered) == sorted(tables)


def test_api_events_when_the_function_is_throttled_wait_until_it_is_not(emulator, recorder, rule):
    function, bucket = recorder
    table = unique("table")
    emulator.client("lambda").put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)

    with ApiEvents(emulator, interval=0.1) as api_events:
        create_table(emulator.client("dynamodb"), table)
        wait_for(lambda: was_invoked(emulator, function))
        assert api_events.deliveries == []
        emulator.client("lambda").delete_function_concurrency(FunctionName=function)
        wait_for(lambda: api_events.deliveries)

    assert recorded(emulator, bucket) == [table]


def test_api_events_when_the_function_does_not_let_the_rule_drop_the_event(emulator, recorder):
    function, bucket = recorder
    name = unique("rule")
    arn = put_rule(emulator, name, function)

    with ApiEvents(emulator, interval=0.1) as api_events:
        create_table(emulator.client("dynamodb"), unique("table"))
        wait_for(lambda: api_events.deliveries)
    remove_rule(emulator, name)

    assert api_events.deliveries[0].dropped == f"no policy of the function lets {arn} invoke it"
    assert recorded(emulator, bucket) == []


def test_api_events_of_another_call_or_a_disabled_rule_invoke_nothing(emulator, recorder, rule):
    table = unique("table")
    create_table(emulator.client("dynamodb"), table)

    with ApiEvents(emulator, interval=0.1) as api_events:
        emulator.client("dynamodb").delete_table(TableName=table)
        emulator.client("events").disable_rule(Name=rule)
        create_table(emulator.client("dynamodb"), unique("unheard"))
        # The rule is enabled again for the last one only, so that there is something to wait for.
        wait_for(lambda: len(api_events.calls_seen) == 2)
        emulator.client("events").enable_rule(Name=rule)
        create_table(emulator.client("dynamodb"), table)
        wait_for(lambda: api_events.deliveries)

    names = [each.event["detail"]["requestParameters"]["tableName"] for each in api_events.deliveries]
    assert names == [table]


def test_load_of_a_difference_makes_the_table_what_the_newer_items_are(emulator):
    table = unique("load")
    create_table(emulator.client("dynamodb"), table)
    items = [{"id": {"S": str(number)}, "n": {"N": "1"}} for number in range(60)]
    difference = Difference(
        puts=[{"id": {"S": "new"}}],
        updates=[Update({"id": {"S": "7"}}, {"n": {"N": "2"}, "name": {"S": "seven"}})],
        deletes=[{"id": {"S": str(number)}} for number in range(30, 60)],
    )
    dynamodb = emulator.client("dynamodb")

    assert load.put(dynamodb, table, items).puts == 60
    assert load.apply(dynamodb, table, difference) == load.Written(puts=1, updates=1, deletes=30)

    held = change_log_check.scan(dynamodb, table)
    expected = [*items[:7], {**items[7], "n": {"N": "2"}, "name": {"S": "seven"}}, *items[8:30]]
    assert held == {
        change_log_check.key_text({"id": item["id"]}): item for item in [*expected, {"id": {"S": "new"}}]
    }
