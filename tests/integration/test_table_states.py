"""Tables that are not ready yet: what makes, writes or wires them waits, on both engines of DynamoDB."""

import io
import json
import logging
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from continuous_backup import naming
from continuous_backup.aws import Aws
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.actions import EnableStream
from continuous_backup.ensure_backup.convergence import Convergence, Outcome
from continuous_backup.ensure_backup.executor import Executor
from continuous_backup.ensure_backup.observer import Observer
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.errors import UsageError
from continuous_backup.naming import Account
from continuous_backup.operations.writing_items import target as targets
from continuous_backup.operations.writing_items.table_items import TableItems
from local.emulator import root_of
from tests.integration.engines import Engine, create_table, unique
from tests.integration.table_states import TableStates
from tests.unit.conftest import Clock

pytestmark = pytest.mark.emulator

#: An account of these tests' own, since the functions of an account have fixed names.
ACCOUNT = Account("777788889999", "eu-west-1")
CONFIG = Config().in_account(ACCOUNT)
SECONDS = 20.0
KEYS = {"id": {"S": "a"}}


@dataclass
class Wiring:
    """The account with a table that is not ready, and the code that wires it."""

    engine: Engine
    aws: Aws
    clock: Clock
    states: TableStates
    executor: Executor
    convergence: Convergence

    def run(self, table: str) -> Outcome:
        deadline = self.clock.now + 10 * SECONDS
        return self.convergence.run([table], Wanted.PROTECTED, deadline=deadline)[table]

    def stream(self, table: str) -> dict[str, object]:
        described = self.aws.client("dynamodb").describe_table(TableName=table)["Table"]
        return described.get("StreamSpecification", {})

    def is_done(self, outcome: Outcome) -> bool:
        """All is as wanted; but MiniStack's Lambda maps no stream of dynoxide's, which is then the last step."""
        if self.engine.is_dynoxide:
            assert outcome.error is not None
            assert "CreateEventSourceMapping" in outcome.error.problem
            return outcome.error.code == "InvalidParameterValueException"
        return outcome.as_wanted


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aws(engine: Engine, clock: Clock) -> Iterator[Aws]:
    """Time passes only where the code sleeps."""
    with engine.as_environment(root_of(ACCOUNT.id)):
        made = Aws(region=ACCOUNT.region, sleep=clock.sleep, clock=clock.time)
        yield made
        for service in ("dynamodb", "firehose", "lambda", "logs", "pipes"):
            made.client(service).close()  # what the emulator would wait for at its end


@pytest.fixture
def states(aws: Aws) -> TableStates:
    return TableStates(aws, SECONDS)


@pytest.fixture
def wiring(engine: Engine, aws: Aws, clock: Clock, states: TableStates, forwarder: str) -> Wiring:
    observer = Observer(aws, CONFIG, ACCOUNT)
    executor = Executor(aws, CONFIG, ACCOUNT, logging.getLogger("test"))
    return Wiring(engine, aws, clock, states, executor, Convergence(aws, CONFIG, ACCOUNT, observer, executor))


@pytest.fixture(scope="module")
def forwarder(engine: Engine) -> Iterator[str]:
    """A function of the forwarder's name, to map streams to."""
    credentials, name = root_of(ACCOUNT.id), naming.FORWARDER_FUNCTION
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam = engine.client("iam", credentials)
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("it.py", "def handler(event, context):\n    return None\n")
    engine.client("lambda", credentials).create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="it.handler",
        Code={"ZipFile": code.getvalue()},
    )
    yield name
    engine.client("lambda", credentials).delete_function(FunctionName=name)
    iam.delete_role(RoleName=name)


def planned(table: str) -> targets.Target:
    return targets.planned(table, ACCOUNT.table_arn(table), {"id": "S"}, "")


def test_engines_when_a_table_is_made_show_it_active_at_once_so_that_its_states_are_ours(engine: Engine):
    """AWS answers CREATING here, and in DescribeTable until it is ACTIVE: see TableStates."""
    dynamodb, table = engine.client("dynamodb"), unique("States")
    assert create_table(dynamodb, table)["TableStatus"] == ("CREATING" if engine.is_dynoxide else "ACTIVE")
    assert dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"


def test_created_expects_to_wait_until_the_table_can_be_written_to(aws: Aws, states: TableStates, clock: Clock):
    table = unique("Created")
    began = clock.now
    made = targets.created(aws.client("dynamodb"), planned(table), aws.sleep, aws.clock)
    assert SECONDS <= clock.now - began <= SECONDS + 2
    assert made.is_there
    assert TableItems(aws, made, 1e9).put(KEYS, only_where_none_is=True)


def test_created_of_a_table_that_somebody_has_just_made_says_so_and_leaves_it(aws: Aws, states: TableStates):
    dynamodb, table = aws.client("dynamodb"), unique("Taken")
    create_table(dynamodb, table, ("other:S",))
    with pytest.raises(dynamodb.exceptions.ResourceInUseException, match=table):
        targets.created(dynamodb, planned(table), aws.sleep, aws.clock)
    assert states.calls == ["CreateTable", "CreateTable"]
    assert dynamodb.describe_table(TableName=table)["Table"]["KeySchema"][0]["AttributeName"] == "other"


def test_described_of_a_table_that_is_being_made_refuses_and_of_one_that_is_being_changed_is_written_to(
    aws: Aws, states: TableStates, clock: Clock
):
    dynamodb, table = aws.client("dynamodb"), unique("Described")
    create_table(dynamodb, table)
    with pytest.raises(UsageError, match=f"table {table} is CREATING") as raised:
        targets.described(dynamodb, table)
    assert raised.value.hint == "run it again when the table is ACTIVE"
    clock.sleep(SECONDS)
    states.begin(table, "UPDATING")
    found = targets.described(dynamodb, table)
    assert found is not None
    assert TableItems(aws, found, 1e9).put(KEYS, only_where_none_is=True)


@pytest.mark.parametrize("state", ["CREATING", "UPDATING"])
def test_convergence_of_a_table_that_is_not_ready_expects_its_stream_to_be_enabled_and_mapped_when_it_is(
    wiring: Wiring, state: str
):
    table = unique("Wired")
    create_table(wiring.aws.client("dynamodb"), table)
    wiring.states.begin(table, state)
    began = wiring.clock.now

    outcome = wiring.run(table)

    assert wiring.is_done(outcome), outcome
    assert wiring.stream(table) == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert wiring.states.calls == ["CreateTable", "UpdateTable"], "no attempt before its time"
    assert wiring.clock.now - began >= SECONDS
    assert EnableStream(table) in outcome.done
    assert wiring.run(table).done == []


def test_executor_when_the_table_is_changed_meanwhile_is_overtaken_and_the_next_look_sees_to_it(
    wiring: Wiring, caplog: pytest.LogCaptureFixture
):
    table = unique("Overtaken")
    create_table(wiring.aws.client("dynamodb"), table)
    wiring.states.begin(table, "UPDATING")
    with caplog.at_level(logging.INFO, "test"):
        wiring.executor.apply(EnableStream(table))
    assert f"Overtaken: enable the stream of {table}" in caplog.text
    assert wiring.states.calls == ["CreateTable"]
    assert wiring.is_done(wiring.run(table))
    assert wiring.stream(table)["StreamEnabled"]


def test_convergence_when_the_table_is_not_ready_in_time_leaves_it_waiting_and_unchanged(wiring: Wiring):
    table = unique("Late")
    create_table(wiring.aws.client("dynamodb"), table)
    found = wiring.convergence.run([table], Wanted.PROTECTED, deadline=wiring.clock.now + SECONDS / 2)[table]
    assert [str(each) for each in found.waiting] == [f"wait for table {table}, which is CREATING, to be ACTIVE"]
    assert wiring.states.calls == ["CreateTable"]
