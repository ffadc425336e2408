"""A delivery stream that is late, access that is granted later, credentials that expire: the stream waits."""

from collections.abc import Callable

import pytest

from tests.faults.endpoint import ACCEPT, DENIED, EXPIRED, Answer, Call
from tests.faults.function_process import FunctionProcess
from tests.faults.pipeline import Pipeline
from tests.faults.stream_changes import change_with_line_of, history

Pipelines = Callable[..., Pipeline]

_OVERSIZE_LINE = 2_400_000


def test_forwarding_when_the_delivery_stream_appears_late_expects_the_stream_to_wait_and_nothing_elsewhere(
    pipeline: Pipelines, compression: dict[str, str]
):
    it = pipeline(compression, batch_size=100)
    it.endpoint.delivery_streams = {"SomebodyElse"}

    def create_it_after_three(_: object) -> None:
        if len(it.invocations) == 3:
            assert not it.endpoint.accepted
            it.endpoint.delivery_streams = {"Orders", "Orders.gz"}

    it.forward(history(250), create_it_after_three)
    assert [len(each.acknowledged) for each in it.invocations] == [0, 0, 0, 100, 100, 50]
    assert it.kept.copies == 250


def test_forwarding_when_the_delivery_stream_vanishes_in_the_middle_of_a_batch_expects_the_rest_when_it_is_back(
    pipeline: Pipelines,
):
    it = pipeline()
    it.endpoint.script = lambda call: (_vanish(it), ACCEPT)[1] if call.number == 0 else ACCEPT

    def create_it_after_two(_: object) -> None:
        if len(it.invocations) == 2:
            it.endpoint.delivery_streams = None

    it.forward([change_with_line_of(900_000, number) for number in range(6)], create_it_after_two)
    assert it.invocations[0].acknowledged == ()
    assert it.kept.copies == 6


def _vanish(it: Pipeline) -> None:
    it.endpoint.delivery_streams = set()


@pytest.mark.parametrize("first_call_denied", [0, 1], ids=["from the beginning", "in the middle of a batch"])
def test_forwarding_when_access_is_denied_and_later_granted_expects_nothing_acknowledged_meanwhile(
    pipeline: Pipelines, first_call_denied: int
):
    it = pipeline()
    granted = False

    def unless_granted(call: Call) -> Answer:
        return ACCEPT if granted or call.number < first_call_denied else DENIED

    def grant_it_after_three(_: object) -> None:
        nonlocal granted
        granted = len(it.invocations) >= 3

    it.endpoint.script = unless_granted
    it.forward([change_with_line_of(900_000, number) for number in range(6)], grant_it_after_three)
    # Access denied is an error of the function, after which Lambda hands a batch over in halves.
    assert [len(each.batch) for each in it.invocations] == [6, 3, 1, 1, 2, 3]
    assert [len(each.acknowledged) for each in it.invocations] == [0, 0, 0, 1, 2, 3]
    assert all("PutRecordBatch" in problem for problem in it.problems())
    assert all("docs/iam.md" in line for line in it.function.log_lines() if "is acknowledged" in line)


def test_forwarding_when_s3_denies_access_and_later_grants_it_expects_nothing_acknowledged_meanwhile(
    pipeline: Pipelines,
):
    it = pipeline()
    it.endpoint.s3_script = lambda _: Answer(error="AccessDenied", status=403)

    def grant_it_after_two(_: object) -> None:
        if len(it.invocations) == 2:
            it.endpoint.s3_script = lambda _: ACCEPT

    records = [*history(10), change_with_line_of(_OVERSIZE_LINE, 10), *history(10, first=11)]
    it.forward(records, grant_it_after_two)
    assert [len(each.acknowledged) for each in it.invocations] == [0, 10, 11]


def test_forwarding_when_credentials_expire_expects_all_of_it_with_the_next_ones(pipeline: Pipelines):
    it = pipeline(batch_size=10)
    expired: set[str] = set()

    def unless_expired(call: Call) -> Answer:
        return EXPIRED if call.access_key_id in expired else ACCEPT

    def expire_then_renew(_: object) -> None:
        if len(it.invocations) == 2:
            expired.add(it.function.access_key_id)
        if len(it.invocations) == 4:
            _recycle(it.function)

    it.endpoint.script = unless_expired
    it.forward(history(50), expire_then_renew)
    assert [len(each.acknowledged) for each in it.invocations] == [10, 10, 0, 0, 2, 3, 5, 10, 10]
    assert it.kept.copies == 50


def _recycle(function: FunctionProcess) -> None:
    """Credentials last as long as their execution environment: Lambda makes another one in time."""
    function.kill()
    function.access_key_id = "AKIAFAULTTESTS000002"
