"""PutRecordBatch that refuses some records of a call, in every pattern: what is refused comes again, all of it."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults.built_zip import COMPRESSIONS
from tests.faults.conftest import Built
from tests.faults.endpoint import ANSWER_LOST, NOT_TAKEN, NOT_THERE, Answer, Server, in_turn
from tests.faults.kept import Kept
from tests.faults.pipeline import Pipeline
from tests.faults.stream_changes import change_with_line_of

#: Large enough that few lines share a record, in either way of writing: a call has several records.
_LINE = 700_000
_RECORDS = [change_with_line_of(_LINE, number) for number in range(8)]
#: Those of one call, and those of all that it may be repeated in.
_PLACES = st.frozensets(st.integers(0, 5), min_size=1)
_CODES = st.sampled_from(["ServiceUnavailableException", "InternalFailure"])

REFUSALS = st.builds(lambda places, code: Answer(refused=places, code=code), _PLACES, _CODES)
OTHERS = st.sampled_from([Answer(), ANSWER_LOST, NOT_TAKEN, NOT_THERE])
ANSWERS = st.lists(st.one_of(REFUSALS, REFUSALS, REFUSALS, OTHERS), max_size=8)

#: A long-lived process serves all examples; a busy machine is no reason to fail.
PATIENT = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module", params=COMPRESSIONS)
def warm(
    request: pytest.FixtureRequest, built: Built, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    a_zip = built({"firehoseCompression": request.param})
    with Pipeline(a_zip, tmp_path_factory.mktemp("warm"), server) as it:
        yield it


def afresh(it: Pipeline, answers: list[Answer]) -> Pipeline:
    """The same process, and nothing written yet."""
    it.endpoint.accepted, it.endpoint.calls, it.invocations = [], [], []
    it.endpoint.script = in_turn(answers)
    it.kept = Kept(it.endpoint)
    return it


@settings(PATIENT)
@given(answers=ANSWERS)
def test_forwarding_when_records_of_calls_are_refused_expects_every_change(warm: Pipeline, answers: list[Answer]):
    it = afresh(warm, answers)
    it.forward(_RECORDS)
    assert it.function.cold_starts == 1


@pytest.mark.parametrize("refused", range(1, 8))
def test_forwarding_when_records_of_a_call_are_refused_expects_only_those_again(warm: Pipeline, refused: int):
    """All patterns of the first three places; the bits of `refused` are the places."""
    places = frozenset(place for place in range(3) if refused >> place & 1)
    it = afresh(warm, [Answer(refused=places)])
    it.forward(_RECORDS)
    first, second = it.endpoint.calls[:2]
    assert second.digests[: len(places)] == tuple(first.digests[place] for place in sorted(places))
    assert it.kept.copies == len(_RECORDS)


def test_forwarding_when_the_same_record_is_refused_throughout_an_invocation_expects_all_before_it_acknowledged(
    warm: Pipeline,
):
    stuck = None

    def refuse_one(call: object) -> Answer:
        nonlocal stuck
        stuck = stuck or call.records[1]
        places = frozenset(place for place, data in enumerate(call.records) if data == stuck)
        return Answer(refused=places if len(it.invocations) < 2 else frozenset())

    it = afresh(warm, [])
    it.endpoint.script = refuse_one
    it.forward(_RECORDS)
    assert 0 < len(it.invocations[0].acknowledged) < len(_RECORDS)
    assert it.invocations[1].acknowledged == ()
