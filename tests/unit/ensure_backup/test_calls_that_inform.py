"""Calls that only inform stop nothing: refused, throttled or out of reach, each tried for each."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from continuous_backup import naming
from continuous_backup.aws import Aws, ClientError
from continuous_backup.ensure_backup.actions import EnableStream
from continuous_backup.ensure_backup.convergence import Convergence
from continuous_backup.ensure_backup.executor import Executor
from continuous_backup.ensure_backup.observer import Listing, Observer, Overview
from continuous_backup.ensure_backup.state import BackupState, Table
from continuous_backup.ensure_backup.wanted import Wanted
from tests.unit.ensure_backup.wiring import ACCOUNT, CONFIG, NAME, NOW, STREAM_ARN

Stubs = Callable[[str], Stubber]
LOG = logging.getLogger("test-calls-that-inform")


def refusal(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, operation)


HOW: dict[str, Callable[[str], Exception]] = {
    "refused": lambda operation: refusal("AccessDeniedException", operation),
    "throttled": lambda operation: refusal("ThrottlingException", operation),
    "out of reach": lambda operation: EndpointConnectionError(endpoint_url="https://nowhere.amazonaws.com/"),
}
every_way = pytest.mark.parametrize("how", HOW)


def fails(aws: Aws, service: str, operation: str, how: str, *, informs: bool = False) -> list[str]:
    """From now on, before a stub is asked; answers the list of such calls that were made."""
    made: list[str] = []

    def fail(**_: Any) -> None:
        made.append(operation)
        raise HOW[how](operation)

    aws.client(service, informs=informs).meta.events.register(f"provide-client-params.{service}.{operation}", fail)
    return made


@pytest.fixture
def observer(aws: Aws) -> Observer:
    return Observer(aws, CONFIG, ACCOUNT, 1_000, LOG)


def streaming_table(stub: Stubs) -> None:
    specification = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    described = {"TableStatus": "ACTIVE", "StreamSpecification": specification, "LatestStreamArn": STREAM_ARN}
    stub("dynamodb").add_response("describe_table", {"Table": described}, {"TableName": NAME})


@every_way
def test_observe_where_pipes_are_not_told_counts_none_and_asks_once(
    aws: Aws, observer: Observer, stub: Stubs, how: str, caplog: pytest.LogCaptureFixture
):
    asked = fails(aws, "pipes", "ListPipes", how)
    for _ in range(2):
        streaming_table(stub)
        stub("dynamodb").add_response("list_tags_of_resource", {"Tags": []})
        stub("firehose").add_client_error("describe_delivery_stream", "ResourceNotFoundException")
        stub("lambda").add_response("list_event_source_mappings", {"EventSourceMappings": []})
        assert observer.observe(NAME, Listing((), frozenset())).other_readers == 0
    assert len(asked) == 1
    assert "Pipes are not known, and taken for none" in caplog.text


def test_observe_where_a_tables_tags_may_not_be_read_backs_it_up(
    aws: Aws, observer: Observer, stub: Stubs, caplog: pytest.LogCaptureFixture
):
    asked = fails(aws, "dynamodb", "ListTagsOfResource", "refused")
    streaming_table(stub)
    found = observer.table(NAME)
    assert found
    assert not found.opted_out
    assert "so it is backed up" in caplog.text
    assert asked


@pytest.mark.parametrize("how", ["throttled", "out of reach"])
def test_observe_where_a_tables_tags_are_not_told_this_time_fails_that_table_and_wires_nothing(
    aws: Aws, observer: Observer, stub: Stubs, how: str
):
    """They decide: a table that a tag opts out is not taken in because a call was throttled."""
    fails(aws, "dynamodb", "ListTagsOfResource", how)
    streaming_table(stub)
    with pytest.raises((ClientError, EndpointConnectionError)):
        observer.table(NAME)


@every_way
def test_listing_where_the_forwarder_is_not_told_takes_it_to_disagree(
    aws: Aws, observer: Observer, stub: Stubs, how: str
):
    fails(aws, "lambda", "GetFunctionConfiguration", how, informs=True)
    for _ in range(2):
        stub("lambda").add_response("list_event_source_mappings", {"EventSourceMappings": []})
    stub("firehose").add_response(
        "list_delivery_streams", {"DeliveryStreamNames": [], "HasMoreDeliveryStreams": False}
    )
    assert observer.listing().forwarder == ""


@every_way
def test_overview_where_the_tagging_api_tells_nothing_looks_at_each_tables_own_tags(
    aws: Aws, observer: Observer, stub: Stubs, how: str
):
    fails(aws, "resourcegroupstaggingapi", "GetResources", how)
    for _ in range(2):
        stub("lambda").add_response("list_event_source_mappings", {"EventSourceMappings": []})
    stub("lambda", informs=True).add_response("get_function_configuration", {"Description": ""})
    stub("firehose").add_response(
        "list_delivery_streams", {"DeliveryStreamNames": [], "HasMoreDeliveryStreams": False}
    )
    stub("dynamodb").add_response("list_tables", {"TableNames": [NAME]})
    overview = observer.overview()
    assert (overview.tags, overview.tags_are_told) == ({}, False)

    streaming_table(stub)
    off = {"Key": naming.MANAGED_TAG, "Value": naming.OPTED_OUT_TAG_VALUE}
    stub("dynamodb").add_response("list_tags_of_resource", {"Tags": [off]})
    glanced = observer.glance(NAME, overview).table
    assert glanced
    assert glanced.opted_out, "an opted out table must not be taken in because nobody tells its tag"


@every_way
def test_delivery_stream_where_its_log_stream_cannot_be_made_is_updated_all_the_same(
    aws: Aws, how: str, caplog: pytest.LogCaptureFixture
):
    asked = fails(aws, "logs", "CreateLogStream", how, informs=True)
    executor = Executor(aws, CONFIG, ACCOUNT, LOG)
    for name in (NAME, "Carts"):
        executor._make_log_stream(name)
        assert f"log stream {name} of " in caplog.text
    assert len(asked) == (1 if how == "out of reach" else 2), "no table waits again for what is out of reach"


class Refusing:
    """An observer whose lists fail so many times, and then show a table that needs its stream."""

    def __init__(self, times: int, how: str) -> None:
        self.left = times
        self.how = how

    def listing(self) -> Listing:
        if self.left:
            self.left -= 1
            raise HOW[self.how]("ListEventSourceMappings")
        return Overview((), frozenset())

    def observe(self, table: str, listing: Listing | None = None) -> BackupState:
        return BackupState(table, Table(table))


class Clock:
    now = NOW

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Notes:
    def __init__(self) -> None:
        self.applied: list[Any] = []

    def apply(self, action: Any) -> None:
        self.applied.append(action)


def converged(observer: Refusing, *tables: str) -> tuple[dict[str, Any], Notes]:
    clock, notes = Clock(), Notes()
    convergence = Convergence(clock, CONFIG, ACCOUNT, observer, notes)  # type: ignore[arg-type]
    return convergence.run(tables, Wanted.PROTECTED, deadline=NOW + 60), notes


@every_way
def test_run_whose_lists_fail_in_passing_goes_on(how: str):
    outcomes, notes = converged(Refusing(2, how), NAME)
    assert notes.applied[0] == EnableStream(NAME)
    assert outcomes[NAME].error is None or "5 times" in str(outcomes[NAME].error)


@every_way
def test_run_whose_lists_keep_failing_gives_each_table_the_reason_and_raises_nothing(how: str):
    outcomes, notes = converged(Refusing(99, how), "Orders", "Carts")
    assert not notes.applied
    for table in ("Orders", "Carts"):
        assert table in str(outcomes[table].error)
