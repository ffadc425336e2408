"""Throttling, errors, resets and time-outs as AWS's wire has them: every change arrives all the same."""

from collections.abc import Callable

import pytest

from tests.faults.endpoint import ACCEPT, ANSWER_LOST
from tests.faults.fault_proxy import FIREHOSE, RESET_AFTER, RESET_BEFORE, S3, Rule, error
from tests.faults.pipeline import Pipeline
from tests.faults.stream_changes import change_with_line_of, history

Pipelines = Callable[..., Pipeline]

#: Seconds after which the forwarder takes a call as failed, at most.
_READ_TIMEOUT = 10
_LARGE_LINE = 900_000
#: No record of Firehose's holds its line, not even compressed.
_OVERSIZE_LINE = 2_400_000

ERRORS = [
    error("ServiceUnavailableException", 503),
    error("ThrottlingException", 400),
    error("LimitExceededException", 400),
    error("InternalFailure", 500),
    error("ServiceUnavailable", 503),
    error("RequestTimeout", 504),
]
RESETS = [RESET_BEFORE, RESET_AFTER]


def named(rule: Rule) -> str:
    return str(rule["error"]["code"] if "error" in rule else "before" if "reset" in rule else "after")


def test_forwarding_when_nothing_fails_expects_every_change_once(pipeline: Pipelines, compression: dict[str, str]):
    it = pipeline(compression)
    invocations = it.forward(history(2_500))
    assert [len(each.batch) for each in invocations] == [1000, 1000, 500]
    assert it.kept.copies == 2_500
    assert not it.problems()


@pytest.mark.parametrize("fault", ERRORS, ids=named)
def test_forwarding_in_a_storm_of_errors_expects_every_change_once(pipeline: Pipelines, fault: Rule):
    it = pipeline(batch_size=100)
    it.proxy.inject(FIREHOSE | fault | {"sequence": {"fail": 5, "pass": 1}})
    it.forward(history(1_000))
    assert len(it.proxy.fired()) == 50
    assert it.kept.copies == 1_000


def test_forwarding_when_firehose_refuses_for_longer_than_an_invocation_expects_the_stream_to_wait(
    pipeline: Pipelines,
):
    it = pipeline(batch_size=100)
    it.proxy.inject(FIREHOSE | error("ServiceUnavailableException", 503))

    def end_the_outage_at_the_third(_: object) -> None:
        if len(it.invocations) == 3:
            it.proxy.inject()

    it.forward(history(300), end_the_outage_at_the_third)
    assert [len(each.acknowledged) for each in it.invocations] == [0, 0, 0, 100, 100, 100]
    assert all(problem.startswith("the function answered") for problem in it.problems())


@pytest.mark.parametrize("fault", RESETS, ids=named)
def test_forwarding_when_connections_are_reset_expects_every_change_at_least_once(
    pipeline: Pipelines, fault: Rule, compression: dict[str, str]
):
    it = pipeline(compression, batch_size=100)
    it.proxy.inject(FIREHOSE | fault | {"sequence": {"fail": 2, "pass": 1}})
    it.forward(history(1_000))
    assert len(it.proxy.fired()) == 20
    # What took effect, and was not heard of, is there again.
    assert it.kept.copies == (1_000 if "reset" in fault else 3_000)


@pytest.mark.parametrize("fault", RESETS, ids=named)
def test_forwarding_when_large_calls_are_reset_expects_every_change_at_least_once(
    pipeline: Pipelines, fault: Rule
):
    it = pipeline()
    it.proxy.inject(FIREHOSE | fault | {"sequence": {"fail": 1, "pass": 1}})
    it.forward([change_with_line_of(_LARGE_LINE, number) for number in range(6)])
    assert it.proxy.fired()


def test_forwarding_when_an_answer_takes_longer_than_the_time_out_expects_it_sent_again(pipeline: Pipelines):
    it = pipeline()
    it.proxy.inject(FIREHOSE | {"times": 1, "latency": (_READ_TIMEOUT + 0.5) * 1000})
    it.forward(history(10))
    assert [action.split(":")[0] for action in it.proxy.fired()] == ["latency"]
    assert len(it.endpoint.calls) in (1, 2)  # the late one takes effect, or is given up by the proxy


def test_forwarding_when_time_runs_out_before_a_slow_endpoint_is_done_expects_the_rest_again(pipeline: Pipelines):
    it = pipeline(timeout=14.0)
    # Of 14 seconds one call leaves less than another may need, so that no second one is begun.
    it.proxy.inject(FIREHOSE | {"latency": 1_500})
    it.forward([change_with_line_of(_LARGE_LINE, number) for number in range(6)])
    assert [len(each.acknowledged) for each in it.invocations] == [4, 2]
    assert it.kept.copies == 6
    assert it.function.cold_starts == 1


def test_forwarding_when_time_runs_out_before_an_oversize_change_expects_it_again(pipeline: Pipelines):
    it = pipeline(timeout=14.0)
    it.proxy.inject(FIREHOSE | {"latency": 1_500, "times": 1})
    it.forward([*history(10), change_with_line_of(_OVERSIZE_LINE, 10)])
    assert [len(each.acknowledged) for each in it.invocations] == [10, 1]
    assert len(it.endpoint.objects) == 1


def test_forwarding_when_the_invocation_times_out_expects_a_new_process_and_every_change(pipeline: Pipelines):
    it = pipeline(timeout=4.0)
    it.proxy.inject(FIREHOSE | {"times": 1, "latency": 8_000})
    it.forward(history(10))
    # More than once where the machine is so busy that a cold start takes as long.
    assert set(it.problems()) == {"Task timed out after 4.00 seconds"}
    assert it.function.cold_starts == len(it.problems()) + 1


@pytest.mark.parametrize("fault", [error("SlowDown", 503), error("InternalError", 500), RESET_BEFORE], ids=named)
def test_forwarding_when_s3_fails_expects_oversize_changes_all_the_same(pipeline: Pipelines, fault: Rule):
    it = pipeline()
    it.proxy.inject(S3 | fault | {"sequence": {"fail": 2, "pass": 1}})
    it.forward([change_with_line_of(_OVERSIZE_LINE, number) for number in range(2)])
    assert len(it.proxy.fired()) == 4
    assert len(it.endpoint.objects) == 2


def test_forwarding_when_s3s_answers_are_lost_expects_each_object_once_though_put_twice(pipeline: Pipelines):
    """Not by the proxy: S3's answer has no body, and what it aborts there is whole already."""
    it = pipeline()
    it.endpoint.s3_script = lambda call: ANSWER_LOST if call.number % 2 == 0 else ACCEPT
    it.forward([change_with_line_of(_OVERSIZE_LINE, number) for number in range(2)])
    assert [call.operation for call in it.endpoint.calls] == ["PutObject"] * 4
    assert len(it.endpoint.objects) == 2


def test_forwarding_when_s3_refuses_for_longer_than_an_invocation_expects_the_stream_to_wait(pipeline: Pipelines):
    it = pipeline()
    it.proxy.inject(S3 | error("SlowDown", 503))
    large = change_with_line_of(_OVERSIZE_LINE, 50)

    def end_the_outage_at_the_second(_: object) -> None:
        if len(it.invocations) == 2:
            it.proxy.inject()

    it.forward([*history(50), large, *history(50, first=51)], end_the_outage_at_the_second)
    assert [len(each.acknowledged) for each in it.invocations] == [50, 0, 51]
