"""A Lambda that is killed in the middle: what it had not said to be done comes again, to a new one."""

from collections.abc import Callable

import pytest

from tests.faults.endpoint import ACCEPT, Answer, Call
from tests.faults.pipeline import Pipeline
from tests.faults.stream_changes import change_with_line_of, history

Pipelines = Callable[..., Pipeline]


@pytest.mark.parametrize("takes_effect", [True, False], ids=["after the call took effect", "before it did"])
@pytest.mark.parametrize("call_number", [0, 1])
def test_forwarding_when_the_process_is_killed_in_a_call_expects_every_change(
    pipeline: Pipelines, compression: dict[str, str], call_number: int, takes_effect: bool
):
    it = pipeline(compression)

    def kill_it(call: Call) -> Answer:
        if call.number != call_number:
            return ACCEPT
        it.function.kill()
        return ACCEPT if takes_effect else Answer(error="InternalFailure", status=500)

    it.endpoint.script = kill_it
    it.forward([change_with_line_of(1_000_000, number) for number in range(12)])
    assert [problem.split(":")[0] for problem in it.problems()] == ["Runtime exited without providing a reason"]
    assert it.function.cold_starts == 2


def test_forwarding_when_every_third_call_kills_the_process_expects_every_change(pipeline: Pipelines):
    it = pipeline(batch_size=50)

    def kill_at_times(call: Call) -> Answer:
        if call.number % 3 == 0:
            it.function.kill()
        return ACCEPT

    it.endpoint.script = kill_at_times
    it.forward(history(300))
    assert it.function.cold_starts > 3


def test_invoking_again_and_again_expects_the_same_warm_process(pipeline: Pipelines):
    it = pipeline(batch_size=10)
    it.forward(history(200))
    assert len(it.invocations) == 20
    assert it.function.cold_starts == 1
