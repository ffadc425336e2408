"""Records that are no changes, and people's own functions that fail: kept whole, or written all the same."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.endpoint import ACCEPT, Answer
from tests.faults.fault_proxy import S3, error
from tests.faults.kept import Whole, every_change_a_line
from tests.faults.malformed_records import (
    MALFORMED,
    SECRET,
    of_another_account,
    whole_if_malformed,
    with_malformed,
)
from tests.faults.pipeline import Pipeline
from tests.faults.stream_changes import history

Pipelines = Callable[..., Pipeline]

MALFORMED_RECORDS = pytest.mark.parametrize("malform", MALFORMED.values(), ids=MALFORMED)


@MALFORMED_RECORDS
def test_forwarding_when_records_are_malformed_expects_them_whole_and_all_others_as_lines(
    pipeline: Pipelines, malform: Callable[[Any], Any]
):
    records = with_malformed(malform, 0, 20, 59)
    it = pipeline(expectation=whole_if_malformed(records, 0, 20, 59), batch_size=25)
    it.forward(records)
    assert not it.problems()
    assert it.kept.copies == 57
    assert SECRET not in "".join(it.function.log_lines()), "the contents of items are nobody's business"


@pytest.mark.parametrize("kind", ["without dynamodb", "without a sequence number", "that is nothing"])
def test_forwarding_when_s3_is_out_for_malformed_records_expects_the_stream_to_wait(
    pipeline: Pipelines, kind: str
):
    """Nothing can be reported of a record without a number but a number before it, or the failure of all."""
    records = with_malformed(MALFORMED[kind], 0, 20)
    it = pipeline(expectation=whole_if_malformed(records, 0, 20), batch_size=25)
    it.proxy.inject(S3 | error("SlowDown", 503))

    def end_the_outage_at_the_third(_: object) -> None:
        if len(it.invocations) == 3:
            it.proxy.inject()

    it.forward(records, end_the_outage_at_the_third)
    assert [len(each.acknowledged) for each in it.invocations[:3]] == [0, 0, 0]


def test_invoking_with_an_event_of_another_service_expects_an_error_and_nothing_acknowledged(pipeline: Pipelines):
    it = pipeline()
    with pytest.raises(Exception, match="MalformedEvent: the event has no list of Records"):
        it.function.invoke({"detail-type": "Scheduled Event"})


@pytest.mark.parametrize("place", [0, 59])
def test_invoking_with_a_change_of_another_account_expects_an_error_that_names_it_and_nothing_written(
    pipeline: Pipelines, place: int
):
    it = pipeline()
    with pytest.raises(Exception, match=r"MalformedEvent: .*:210987654321:table/Orders/.* account 123456789012"):
        it.function.invoke(of_another_account(with_malformed(MALFORMED["without keys"], 7), place))
    assert (it.endpoint.accepted, it.endpoint.objects) == ([], {})


TRANSFORMER = """
def line(change):
    number = int(change.sequence_number)
    if number % 7 == 0:
        raise KeyError("this names what is in " + str(change.keys))
    if number % 7 == 1:
        return [change.keys]
    if number % 7 == 2:
        return "two\\nlines"
    if number % 7 == 3:
        return None
    return {"number": change.sequence_number}
"""


def as_transformed(record: Any) -> Any:
    number = record["dynamodb"]["SequenceNumber"]
    if int(number) % 7 < 3:
        return Whole
    return None if int(number) % 7 == 3 else {"number": number}


def test_forwarding_when_a_transformer_raises_or_answers_nonsense_expects_those_records_whole(
    pipeline: Pipelines, compression: dict[str, str]
):
    config = {**compression, "transformer": "my_lines:line"}
    it = pipeline(config, {"my_lines.py": TRANSFORMER}, expectation=as_transformed, batch_size=100)
    it.forward(history(700))
    assert not it.problems()
    assert (it.kept.copies, len(it.kept.failed)) == (300, 300)
    log = "".join(it.function.log_lines())
    assert "the transformer raised KeyError in line, line 5" in log
    assert "this names what is in" not in log, "the contents of items are nobody's business"


def test_forwarding_when_a_transformer_fails_for_all_and_s3_is_out_expects_the_stream_to_wait(pipeline: Pipelines):
    it = pipeline(
        {"transformer": "my_lines:line"},
        {"my_lines.py": "def line(change):\n    return 1 / 0\n"},
        expectation=lambda record: Whole,
        batch_size=50,
    )
    it.endpoint.s3_script = lambda call: Answer(error="AccessDenied", status=403)

    def grant_it_after_two(_: object) -> None:
        if len(it.invocations) == 2:
            it.endpoint.s3_script = lambda call: ACCEPT

    it.forward(history(150), grant_it_after_two)
    assert [len(each.acknowledged) for each in it.invocations] == [0, 0, 12, 13, 25, 50, 50]
    assert it.kept.copies == 0


ROUTER = """
def way(change):
    number = int(change.sequence_number)
    if number % 5 == 0:
        raise RuntimeError("lost in " + str(change.new_image))
    return {1: 7, 2: "no such name!", 3: None, 4: "my-own-stream"}[number % 5]
"""


def test_forwarding_when_a_router_raises_or_answers_nonsense_expects_those_in_the_tables_own_stream(
    pipeline: Pipelines, compression: dict[str, str]
):
    config = {**compression, "router": "my_router:way"}
    it = pipeline(config, {"my_router.py": ROUTER}, batch_size=100, may_go_to=["my-own-stream"])
    it.forward(history(500))
    assert not it.problems()
    own = "Orders.gz" if compression["firehoseCompression"] == "forwarder" else "Orders"
    assert set(it.kept.place.values()) == {own, "my-own-stream"}
    for text, place in it.kept.place.items():
        assert (place == "my-own-stream") == (int(json.loads(text)["SequenceNumber"]) % 5 == 4)
    assert "lost in" not in "".join(it.function.log_lines())


def test_forwarding_when_time_runs_out_before_a_malformed_record_is_kept_expects_it_again(pipeline: Pipelines):
    """14 seconds hold a slow call, and leave none for another: what was not even tried is not acknowledged."""
    records = with_malformed(MALFORMED["without keys"], 59)
    it = pipeline(expectation=whole_if_malformed(records, 59), timeout=14.0)
    it.proxy.inject({"service": "firehose", "latency": 1_500, "times": 1})
    it.forward(records)
    assert [len(each.acknowledged) for each in it.invocations] == [59, 1]
    assert len(it.kept.failed) == 1


def test_forwarding_when_one_of_two_routes_is_not_there_yet_expects_all_in_the_end_and_none_elsewhere(
    pipeline: Pipelines,
):
    routes = {"routeByAttribute": {"Version": {str(number): "late" for number in range(1, 200, 3)}}}
    it = pipeline(routes, batch_size=100, may_go_to=["late"])
    it.endpoint.delivery_streams = {"Orders"}

    def create_it_after_three(_: object) -> None:
        if len(it.invocations) == 3:
            assert {name for name, _ in it.endpoint.accepted} == {"Orders"}
            it.endpoint.delivery_streams = None

    it.forward(history(200), create_it_after_three)
    assert set(it.kept.place.values()) == {"Orders", "late"}


def test_forwarding_when_kinds_of_changes_are_left_out_expects_only_the_others(pipeline: Pipelines):
    def inserts_alone(record: Any) -> Any:
        return every_change_a_line(record) if record["eventName"] == "INSERT" else None

    it = pipeline({"writableEventTypes": ["INSERT"]}, expectation=inserts_alone, batch_size=100)
    it.proxy.inject({"service": "firehose"} | error("InternalFailure", 500) | {"sequence": {"fail": 2, "pass": 1}})
    records = history(300)
    it.forward(records)
    assert it.kept.copies == sum(each.record["eventName"] == "INSERT" for each in records)


def test_forwarding_to_somebody_elses_delivery_stream_expects_plain_lines_there_and_nothing_elsewhere(
    pipeline: Pipelines,
):
    config = {"firehoseCompression": "forwarder", "deliveryStreams": {"Orders": "my-own-stream"}}
    it = pipeline(config, may_go_to=["my-own-stream"])
    it.forward(history(300))
    assert set(it.kept.place.values()) == {"my-own-stream"}
