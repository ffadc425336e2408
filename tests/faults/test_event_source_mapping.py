"""The driver of an event source mapping does what is documented, so that the fault tests mean something."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.event_source_mapping import (
    PAYLOAD_BYTES,
    RETRIES_EXHAUSTED,
    STREAM_RETENTION_SECONDS,
    TOO_OLD,
    EventSourceMapping,
    FunctionError,
    Invocation,
    Settings,
    Shard,
    StreamRecord,
    first_to_come_again,
)

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2024-11-07T10:15:30.500"
NOW = 1_730_974_800.0
ACCEPT = "accept"
FAIL = "fail"

#: What the function does, invocation by invocation: all, nothing, or up to a place of the batch.
Outcome = str | int


class Function:
    """Does what it is told, invocation by invocation, and then accepts everything."""

    def __init__(self, *outcomes: Outcome | Callable[[list[str]], Any]) -> None:
        self._outcomes = list(outcomes)
        self.batches: list[list[int]] = []

    def __call__(self, event: dict[str, Any]) -> Any:
        numbers = [each["dynamodb"]["SequenceNumber"] for each in event["Records"]]
        self.batches.append([int(each) for each in numbers])
        outcome = self._outcomes.pop(0) if self._outcomes else ACCEPT
        if callable(outcome):
            return outcome(numbers)
        if outcome == ACCEPT:
            return {"batchItemFailures": []}
        if outcome == FAIL:
            raise FunctionError("it raised")
        return reporting(numbers[int(outcome) % len(numbers)])


def reporting(*numbers: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": number} for number in numbers]}


def record(number: int, created: float = NOW, text: str = "") -> StreamRecord:
    return StreamRecord(
        str(number), created, {"dynamodb": {"SequenceNumber": str(number), "Keys": {"id": {"S": text}}}}
    )


def shard_of(*records: StreamRecord) -> Shard:
    shard = Shard(ARN)
    shard.extend(records)
    return shard


def run(mapping: EventSourceMapping) -> list[Invocation]:
    return list(iter(mapping.invoke_next, None))


def mapping_of(count: int, function: Function, **settings: Any) -> EventSourceMapping:
    shard = shard_of(*map(record, range(count)))
    return EventSourceMapping(shard, function, lambda: NOW, Settings(**settings))


def numbers(records: Any) -> list[int]:
    return [each.number for each in records]


def test_invoke_next_when_all_succeeds_expects_batches_up_to_the_batch_size_in_order():
    function = Function()
    run(mapping_of(7, function, batch_size=3))
    assert function.batches == [[0, 1, 2], [3, 4, 5], [6]]


def test_invoke_next_when_nothing_is_there_expects_no_invocation_until_something_is():
    function = Function()
    shard = shard_of()
    mapping = EventSourceMapping(shard, function, lambda: NOW)
    assert mapping.invoke_next() is None
    shard.append(record(1))
    assert numbers(mapping.invoke_next().acknowledged) == [1]
    assert mapping.invoke_next() is None


def test_shard_orders_numbers_as_integers():
    shard = shard_of(record(99_999_999_999_999_999_999), record(100_000_000_000_000_000_000))
    with pytest.raises(ValueError, match="does not come after"):
        shard.append(record(99_999_999_999_999_999_998))


def test_invoke_next_when_records_are_large_expects_no_payload_over_six_megabytes():
    function = Function()
    large = [record(number, text="x" * 2_000_000) for number in range(4)]
    run(EventSourceMapping(shard_of(*large), function, lambda: NOW))
    assert function.batches == [[0, 1, 2], [3]]


@pytest.mark.parametrize(("over", "batches"), [(0, [[1, 2]]), (1, [[1], [2]])])
def test_invoke_next_at_the_limit_of_the_payload_counts_every_byte(over: int, batches: list[list[int]]):
    first = record(1, text="x" * 1000)
    empty = len(json.dumps({"Records": [first.record, record(2).record]}, separators=(",", ":")))
    function = Function()
    second = record(2, text="x" * (PAYLOAD_BYTES - empty - 1 + over))
    run(EventSourceMapping(shard_of(first, second), function, lambda: NOW))
    assert function.batches == batches


def test_invoke_next_when_one_record_exceeds_the_payload_expects_it_alone():
    function = Function()
    run(EventSourceMapping(shard_of(record(1, text="x" * PAYLOAD_BYTES), record(2)), function, lambda: NOW))
    assert function.batches == [[1], [2]]


def test_invoke_next_when_numbers_are_reported_expects_all_from_the_lowest_on_again():
    function = Function(lambda _: reporting("4", "2", "3"))
    invocations = run(mapping_of(6, function, batch_size=5))
    assert function.batches == [[0, 1, 2, 3, 4], [2, 3, 4], [5]]
    assert [numbers(each.acknowledged) for each in invocations] == [[0, 1], [2, 3, 4], [5]]


def test_invoke_next_when_the_lowest_number_has_more_digits_than_another_compares_integers():
    function = Function(lambda _: reporting("10", "9"))
    shard = shard_of(record(8), record(9), record(10))
    run(EventSourceMapping(shard, function, lambda: NOW))
    assert function.batches == [[8, 9, 10], [9, 10]]


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_first_to_come_again_when_nothing_is_reported_expects_success(answer: Any):
    assert first_to_come_again(answer, ["1", "2"]) == 2


@pytest.mark.parametrize(
    "answer",
    [
        reporting(""),
        reporting(None),
        reporting("3"),
        reporting("2", "3"),
        reporting(2),
        {"batchItemFailures": [{"itemIdentifiers": "2"}]},
        {"batchItemFailures": ["2"]},
        {"batchItemFailures": "2"},
        {"batchItemFailure": []},
        "done",
    ],
)
def test_first_to_come_again_when_the_answer_is_malformed_expects_the_whole_batch(answer: Any):
    assert first_to_come_again(answer, ["1", "2"]) is None


def test_invoke_next_without_the_response_type_ignores_what_is_reported():
    function = Function(0)
    run(mapping_of(3, function, report_batch_item_failures=False))
    assert function.batches == [[0, 1, 2]]


def test_invoke_next_when_the_function_fails_expects_the_whole_batch_again_without_end():
    function = Function(*[FAIL] * 50)
    mapping = mapping_of(4, function, batch_size=2)
    run(mapping)
    assert function.batches == [[0, 1]] * 51 + [[2, 3]]
    assert not mapping.discarded


def test_invoke_next_when_retries_are_used_up_expects_the_whole_event_on_s3():
    objects: dict[str, bytes] = {}
    function = Function(FAIL, FAIL, FAIL)
    shard = shard_of(*map(record, range(4)))
    settings = Settings(batch_size=2, maximum_retry_attempts=2)
    mapping = EventSourceMapping(shard, function, lambda: NOW, settings, objects.__setitem__)
    run(mapping)
    assert function.batches == [[0, 1]] * 3 + [[2, 3]]
    assert numbers(mapping.discarded) == [0, 1]
    ((key, body),) = objects.items()
    assert re.fullmatch(
        rf"aws/lambda/{settings.uuid}/{shard.id}/2024/11/07/2024-11-07T10\.20\.00-[0-9a-f-]{{36}}", key
    )
    document = json.loads(body)
    assert document["requestContext"] == {"condition": RETRIES_EXHAUSTED, "approximateInvokeCount": 3}
    assert document["DDBStreamBatchInfo"]["streamArn"] == ARN
    assert json.loads(document["payload"]) == {"Records": [record(0).record, record(1).record]}


def test_invoke_next_when_records_are_over_the_maximum_age_expects_those_on_s3_and_the_others_invoked():
    objects: dict[str, bytes] = {}
    function = Function()
    shard = shard_of(record(1, NOW - 101), record(2, NOW - 100), record(3, NOW))
    settings = Settings(maximum_record_age_seconds=100)
    mapping = EventSourceMapping(shard, function, lambda: NOW, settings, objects.__setitem__)
    run(mapping)
    assert function.batches == [[2, 3]]
    document = json.loads(objects.popitem()[1])
    assert document["requestContext"]["condition"] == TOO_OLD
    assert json.loads(document["payload"]) == {"Records": [record(1).record]}


def test_invoke_next_when_a_failing_batch_grows_too_old_expects_the_stream_to_go_on():
    now = NOW

    def fail_for_an_hour(numbers: list[str]) -> Any:
        nonlocal now
        now += 3600
        raise FunctionError("it raised")

    function = Function(*[fail_for_an_hour] * 22)
    objects: dict[str, bytes] = {}
    shard = shard_of(record(1, NOW), record(2, NOW + 22 * 3600))
    settings = Settings(batch_size=1, maximum_record_age_seconds=79_199)
    mapping = EventSourceMapping(shard, function, lambda: now, settings, objects.__setitem__)
    run(mapping)
    assert function.batches == [[1]] * 22 + [[2]]
    assert numbers(mapping.discarded) == [1]
    assert len(objects) == 1


def test_invoke_next_when_records_expire_in_the_stream_expects_them_lost_without_a_trace():
    objects: dict[str, bytes] = {}
    function = Function()
    shard = shard_of(record(1, NOW - STREAM_RETENTION_SECONDS), record(2, NOW - STREAM_RETENTION_SECONDS + 1))
    mapping = EventSourceMapping(shard, function, lambda: NOW, on_failure=objects.__setitem__)
    run(mapping)
    assert function.batches == [[2]]
    assert numbers(mapping.expired) == [1]
    assert not objects


def test_invoke_next_with_bisecting_isolates_the_record_that_fails_without_using_up_retries():
    def fails_with_five(event: dict[str, Any]) -> None:
        batch = [int(each["dynamodb"]["SequenceNumber"]) for each in event["Records"]]
        batches.append(batch)
        if 5 in batch:
            raise FunctionError("5 is bad")

    batches: list[list[int]] = []
    shard = shard_of(*map(record, range(8)))
    settings = Settings(bisect_batch_on_function_error=True, maximum_retry_attempts=1)
    mapping = EventSourceMapping(shard, fails_with_five, lambda: NOW, settings)
    run(mapping)
    assert batches == [[*range(8)], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [4], [5], [5], [6, 7]]
    assert numbers(mapping.discarded) == [5]


def test_invoke_next_with_bisecting_splits_at_the_number_that_is_reported():
    function = Function(3, 1)
    run(mapping_of(6, function, bisect_batch_on_function_error=True, maximum_retry_attempts=0))
    assert function.batches == [[0, 1, 2, 3, 4, 5], [3, 4, 5], [4, 5]]


def test_invoke_next_with_bisecting_when_the_first_number_is_reported_expects_the_whole_batch_as_a_retry():
    function = Function(0, 0)
    mapping = mapping_of(4, function, bisect_batch_on_function_error=True, maximum_retry_attempts=1)
    run(mapping)
    assert function.batches == [[0, 1, 2, 3]] * 2
    assert numbers(mapping.discarded) == [0, 1, 2, 3]


def test_invoke_next_with_bisecting_when_the_answer_is_malformed_expects_halves():
    function = Function(lambda _: reporting("99"))
    run(mapping_of(4, function, bisect_batch_on_function_error=True))
    assert function.batches == [[0, 1, 2, 3], [0, 1], [2, 3]]


def model(
    count: int, size: int, outcomes: list[Outcome], bisect: bool, retries: int
) -> tuple[list[list[int]], list[int]]:
    """The batches that the function must be given, and what must be discarded: as naive as it can be said."""
    batches: list[list[int]] = []
    discarded: list[int] = []
    left = list(outcomes)

    def hand_over(batch: list[int], used: int) -> None:
        batches.append(batch)
        outcome = left.pop(0) if left else ACCEPT
        if outcome == ACCEPT:
            return
        rest = batch if outcome == FAIL else batch[int(outcome) % len(batch) :]
        if bisect and len(rest) < len(batch):
            hand_over(rest, used)
        elif bisect and outcome == FAIL and len(rest) > 1:
            hand_over(rest[: len(rest) // 2], used)
            hand_over(rest[len(rest) // 2 :], used)
        elif used == retries:
            discarded.extend(rest)
        else:
            hand_over(rest, used + 1)

    for first in range(0, count, size):
        hand_over([*range(first, min(first + size, count))], 0)
    return batches, discarded


OUTCOMES = st.lists(st.one_of(st.just(ACCEPT), st.just(FAIL), st.integers(0, 12)), max_size=30)


@given(st.integers(0, 25), st.integers(1, 10), OUTCOMES, st.booleans(), st.integers(-1, 3))
def test_invoke_next_whatever_happens_expects_what_the_model_says(
    count: int, size: int, outcomes: list[Outcome], bisect: bool, retries: int
):
    function = Function(*outcomes)
    mapping = mapping_of(
        count, function, batch_size=size, bisect_batch_on_function_error=bisect, maximum_retry_attempts=retries
    )
    run(mapping)
    assert (function.batches, numbers(mapping.discarded)) == model(count, size, outcomes, bisect, retries)


@given(st.integers(0, 25), st.integers(1, 10), OUTCOMES, st.booleans(), st.integers(-1, 3))
def test_invoke_next_whatever_happens_expects_every_record_done_with_once_and_in_order(
    count: int, size: int, outcomes: list[Outcome], bisect: bool, retries: int
):
    mapping = mapping_of(
        count,
        Function(*outcomes),
        batch_size=size,
        bisect_batch_on_function_error=bisect,
        maximum_retry_attempts=retries,
    )
    done: list[int] = []
    while invocation := mapping.invoke_next():
        done += numbers(invocation.acknowledged)
        assert done == sorted(done)
        assert len(invocation.batch) <= size
    assert sorted([*done, *numbers(mapping.discarded)]) == [*range(count)]
    assert retries >= 0 or not mapping.discarded
