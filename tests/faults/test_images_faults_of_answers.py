"""S3 throttling, failing, breaking off, refusing and answering late: the newest image of each item is kept."""

import time
from collections.abc import Callable

import pytest

from tests.faults.endpoint import ACCEPT, ANSWER_LOST, LATE, S3_DENIED, Answer, Call
from tests.faults.event_source_mapping import StreamRecord
from tests.faults.fault_proxy import RESET_BEFORE, S3, S3_HEAD, Rule, error
from tests.faults.images_pipeline import WRITERS, ImagesPipeline
from tests.faults.kept_images import key_of, number_of, object_of
from tests.faults.stream_changes import history, one_change, stream_record

#: Seconds after which the function takes a call as failed, at most.
_READ_TIMEOUT = 10
_LATE_SECONDS = _READ_TIMEOUT + 0.5
_ARRIVES_WITHIN = 30.0
#: Of its seconds one slow call leaves less than another may need, so that no second one is begun.
_SHORT_TIMEOUT = 14.0
_SLOW_SECONDS = 1.5

_ITEMS = 9
_BATCH = 60
_RECORDS = history(2 * _BATCH, items=_ITEMS)
_OF_THREE_ONE_PASSES = {"sequence": {"fail": 2, "pass": 1}}

OPERATIONS = pytest.mark.parametrize("operation", [S3, S3_HEAD], ids=["puts", "heads"])
ERRORS = [
    error("SlowDown", 503),
    error("InternalError", 500),
    error("ConditionalRequestConflict", 409),
    RESET_BEFORE,
]


def named(rule: Rule) -> str:
    return str(rule["error"]["code"] if "error" in rule else "reset")


def new_items(count: int) -> list[StreamRecord]:
    return [one_change(number, f"{number}", item=number) for number in range(count)]


def changes_of_one_item(count: int) -> list[StreamRecord]:
    keys = {"Id": {"N": "0"}}
    images = [None, *({**keys, "Text": {"S": f"{number}"}} for number in range(count))]
    return [stream_record(number, keys, images[number + 1], images[number]) for number in range(count)]


def versions(it: ImagesPipeline) -> list[int]:
    """Their numbers, in the order in which they came to S3."""
    return [number_of(each) for each in it.kept.versions]


def calls_of(it: ImagesPipeline, operation: str) -> int:
    return sum(call.operation == operation for call in it.endpoint.calls)


def test_images_when_nothing_fails_expect_one_put_for_each_item_of_a_batch(images: ImagesPipeline):
    images.begin_anew(_BATCH)
    images.deliver(_RECORDS)
    assert [len(each.acknowledged) for each in images.invocations] == [_BATCH] * 2
    assert len(images.kept.versions) == 2 * _ITEMS
    assert images.function.cold_starts == 1


@pytest.mark.parametrize("fault", ERRORS, ids=named)
def test_images_when_two_of_three_puts_fail_expect_the_newest_of_each_item(images: ImagesPipeline, fault: Rule):
    images.begin_anew(_BATCH)
    images.proxy.inject(S3 | fault | _OF_THREE_ONE_PASSES)
    images.deliver(_RECORDS)
    assert len(images.proxy.fired()) >= 2 * 2 * _ITEMS
    assert len(images.kept.versions) == 2 * _ITEMS, "what was refused was written once, when it could be"
    assert all(problem.startswith("the function answered") for problem in images.problems())


@pytest.mark.parametrize("fault", [error("SlowDown", 503), error("InternalError", 500), RESET_BEFORE], ids=named)
def test_images_when_two_of_three_heads_fail_expect_the_newest_of_each_item(images: ImagesPipeline, fault: Rule):
    images.begin_anew(_BATCH)
    images.proxy.inject(S3_HEAD | fault | _OF_THREE_ONE_PASSES)
    images.deliver(_RECORDS)
    assert images.proxy.fired()
    assert len(images.kept.versions) == 2 * _ITEMS
    assert all(problem.startswith("the function answered") for problem in images.problems())


@OPERATIONS
def test_images_when_s3_refuses_for_longer_than_an_invocation_expect_the_stream_to_wait(
    images: ImagesPipeline, operation: Rule
):
    images.begin_anew(_BATCH // 2)
    images.deliver(_RECORDS[:_BATCH])
    images.proxy.inject(operation | error("SlowDown", 503))

    def end_the_outage_at_the_second(_: object) -> None:
        if len(images.invocations) == 4:
            images.proxy.inject()

    images.read(_RECORDS[_BATCH:], end_the_outage_at_the_second)
    assert [len(each.acknowledged) for each in images.invocations] == [30, 30, 0, 0, 30, 30]
    assert all(problem.startswith("the function answered") for problem in images.problems())
    images.kept.check_all(_RECORDS)


def test_images_when_one_item_is_refused_throughout_an_invocation_expect_all_before_its_first_change_acknowledged(
    images: ImagesPipeline,
):
    """Its last change is what was to be written; from its first on everything comes again."""
    records = [*new_items(5), one_change(5, "again", item=2), one_change(6, "last", item=6)]
    stuck = key_of(records[2].record)
    refused = Answer(error="SlowDown", status=503)
    images.endpoint.s3_script = lambda call: refused if call.key == stuck and not images.invocations else ACCEPT
    images.deliver(records)
    assert [len(each.acknowledged) for each in images.invocations] == [2, 5]
    assert len(images.kept.versions) == 6, "those behind it that were written are not written again"


def test_images_when_every_other_answer_to_a_put_is_lost_expect_each_image_found_and_not_put_again(
    images: ImagesPipeline,
):
    images.begin_anew(_BATCH)
    images.endpoint.s3_script = lambda call: (
        ANSWER_LOST if call.operation == "PutObject" and call.number % 2 == 0 else ACCEPT
    )
    images.deliver(_RECORDS)
    assert not images.problems()
    assert len(images.kept.versions) == 2 * _ITEMS
    assert calls_of(images, "PutObject") > 2 * _ITEMS


def test_images_when_an_answer_is_lost_and_another_writer_puts_a_newer_one_meanwhile_expect_the_newer(
    images: ImagesPipeline,
):
    older, newer = changes_of_one_item(2)

    def lose_it_and_let_another_write(call: Call) -> Answer:
        if call.operation != "PutObject":
            return ACCEPT
        if call.number == 1:
            images.endpoint.store.keep(object_of(newer.record))
        return ANSWER_LOST if call.number == 0 else ACCEPT

    images.endpoint.s3_script = lose_it_and_let_another_write
    assert images.replay([older]) == {"batchItemFailures": []}
    images.kept.check_all([older, newer])
    assert versions(images) == [older.number, newer.number]


@pytest.mark.parametrize("late", [0, 1, 2], ids=["of a new item", "of a change", "of the last change"])
def test_images_when_a_put_arrives_long_after_it_was_given_up_expect_nothing_to_change(
    images: ImagesPipeline, late: int
):
    """What was on its way when the connection broke, and was put again, is refused by its condition."""
    records = changes_of_one_item(3)
    images.begin_anew(batch_size=1)
    # Each is put once, and the late one twice.
    images.endpoint.s3_script = lambda call: (
        LATE if call.operation == "PutObject" and call.number == late else ACCEPT
    )
    images.deliver(records)
    assert calls_of(images, "PutObject") == 4
    images.endpoint.release()
    images.kept.check_all(records)
    assert versions(images) == [each.number for each in records]


#: What others do between a look at an object and the put of change 4: the numbers of what they write, or "gone".
RIVALS: dict[str, tuple[list[int | str], list[int]]] = {
    "an older one": ([1], [0, 1, 4, 5]),
    "older ones again and again": ([1, 2, 3], [0, 1, 2, 3, 4, 5]),
    "a newer one": ([5], [0, 5]),
    "an older and then a newer one": ([2, 5], [0, 2, 5]),
    "a removal of the object": (["gone"], [0, 4, 5]),
    "a removal and then a newer one": (["gone", 5], [0, 5]),
}


@pytest.mark.parametrize(("rivals", "expected"), RIVALS.values(), ids=RIVALS)
def test_images_when_another_writer_puts_meanwhile_expect_the_newest_of_both(
    images: ImagesPipeline, rivals: list[int | str], expected: list[int]
):
    records = changes_of_one_item(6)
    key = key_of(records[0].record)
    images.deliver(records[:1])
    left = list(rivals)

    def let_a_rival_write_first(call: Call) -> Answer:
        if call.operation == "PutObject" and left:
            rival = left.pop(0)
            if rival == "gone":
                images.endpoint.store.remove(key)
            else:
                images.endpoint.store.keep(object_of(records[rival].record))
        return ACCEPT

    images.endpoint.s3_script = let_a_rival_write_first
    assert images.replay([records[4]]) == {"batchItemFailures": []}
    images.kept.check_acknowledged([records[4]])
    images.deliver(records)
    assert versions(images) == [records[number].number for number in expected]


@pytest.mark.parametrize("operation", ["PutObject", "HeadObject"])
def test_images_when_access_is_denied_and_later_granted_expect_the_reason_and_nothing_acknowledged_meanwhile(
    images: ImagesPipeline, operation: str
):
    records = history(2 * _ITEMS, items=_ITEMS)
    insertions, changes = records[:_ITEMS], records[_ITEMS:]
    images.function.timeout = 30.0
    images.deliver(insertions)
    denied = key_of(changes[0].record)
    granted = False

    def unless_granted(call: Call) -> Answer:
        return S3_DENIED if call.operation == operation and call.key == denied and not granted else ACCEPT

    def grant_it_after_three(_: object) -> None:
        nonlocal granted
        granted = len(images.invocations) >= 4

    images.endpoint.s3_script = unless_granted
    logged = len(images.function.log_lines())
    images.read(changes, grant_it_after_three, most=10)
    # Access denied is an error of the function, after which Lambda hands a batch over in halves.
    assert [len(each.batch) for each in images.invocations] == [9, 9, 4, 2, 1, 1, 2, 5]
    assert [len(each.acknowledged) for each in images.invocations] == [9, 0, 0, 0, 1, 1, 2, 5]
    for problem in images.problems():
        assert problem.startswith("AwsError: table Orders, change ")
        assert f"refuses its image: {operation}: " in problem
    # Whoever reads the log need not be one who may read items: their keys are not in it.
    assert not [line for line in images.function.log_lines() if denied in line]
    said = [
        line for line in images.function.log_lines()[logged:] if "nothing of the batch is acknowledged" in line
    ]
    assert len(said) == 3
    assert all("docs/iam.md" in line for line in said)
    images.kept.check_all(records)


def test_images_when_time_runs_short_expect_what_was_not_begun_again(images: ImagesPipeline):
    images.function.timeout = _SHORT_TIMEOUT
    images.endpoint.s3_script = lambda call: Answer(seconds=_SLOW_SECONDS)
    images.deliver(new_items(2 * WRITERS))
    assert [len(each.acknowledged) for each in images.invocations] == [WRITERS, WRITERS]
    assert len(images.endpoint.calls) == 2 * WRITERS


def test_images_when_answers_take_longer_than_the_time_out_expect_each_asked_again_and_what_comes_late_refused(
    images: ImagesPipeline,
):
    """Both kinds at the same time. The put that was given up reaches S3 after the one that took its place."""
    changed, inserted = one_change(0, "there already", item=0), one_change(1, "new", item=1)
    keys = {"Id": {"N": "0"}}
    change = stream_record(2, keys, {**keys, "Text": {"S": "changed"}}, {**keys, "Text": {"S": "there already"}})
    images.deliver([changed])
    images.endpoint.calls.clear()
    slow = {("HeadObject", key_of(change.record)), ("PutObject", key_of(inserted.record))}

    def late(call: Call) -> Answer:
        if (call.operation, call.key) not in slow:
            return ACCEPT
        slow.remove((call.operation, call.key))
        return Answer(seconds=_LATE_SECONDS)

    images.endpoint.s3_script = late
    assert images.replay([inserted, change]) == {"batchItemFailures": []}
    images.kept.check_acknowledged([inserted, change])
    wait_until(lambda: images.endpoint.in_work == 0, "the late put to arrive")
    images.kept.check_all([changed, inserted, change])
    assert sorted(versions(images)) == [changed.number, inserted.number, change.number]
    assert calls_of(images, "HeadObject") == 2
    assert calls_of(images, "PutObject") == 3


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _ARRIVES_WITHIN
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {_ARRIVES_WITHIN} s"
        time.sleep(0.05)
