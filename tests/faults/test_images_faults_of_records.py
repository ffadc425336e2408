"""Records of which no image can be made: they are kept whole, also where S3 does not take them at once."""

from collections.abc import Callable

import pytest

from tests.faults.endpoint import ACCEPT, ANSWER_LOST, LATE, S3_DENIED, Answer, Call
from tests.faults.event_source_mapping import StreamRecord
from tests.faults.images_pipeline import ImagesPipeline
from tests.faults.kept import Expectation
from tests.faults.kept_images import every_change_an_image
from tests.faults.malformed_records import (
    MALFORMED,
    SECRET,
    Malform,
    of_another_account,
    whole_if_malformed,
    with_malformed,
    with_part,
    without,
)
from tests.faults.stream_changes import history

_EVERY = 3
_BATCH = 25
_SLOW_DOWN = Answer(error="SlowDown", status=503)

#: What the change log has as a line all the same.
WITHOUT_IMAGE: dict[str, Malform] = {
    "changed, without what it is now": lambda record: without("NewImage")({**record, "eventName": "MODIFY"}),
    "of no key": with_part(Keys={}),
    "of a key that no table has": with_part(Keys={"Id": {"BOOL": True}}),
    "of a key of two types": with_part(Keys={"Id": {"N": "1", "S": "1"}}),
    "of a number that is none": with_part(Keys={"Id": {"N": "NaN"}}),
    "of binary that is none": with_part(Keys={"Id": {"B": "!"}}),
    "removed, of half of a surrogate pair": lambda record: without("NewImage")(
        {**with_part(NewImage={}, Keys={"Id": {"S": "\udc00"}})(record), "eventName": "REMOVE"}
    ),
}
KINDS = MALFORMED | WITHOUT_IMAGE


def expected(records: list[StreamRecord], *places: int) -> Expectation:
    return whole_if_malformed(records, *places, otherwise=every_change_an_image)


def all_kinds() -> tuple[list[StreamRecord], list[int]]:
    """A stream in which each kind stands somewhere, in all batches, first and last ones included; and where."""
    records = history(_EVERY * len(KINDS), text=SECRET)
    places = list(range(0, len(records), _EVERY))
    for place, malform in zip(places, KINDS.values(), strict=True):
        good = records[place]
        records[place] = StreamRecord(good.sequence_number, good.created, malform(good.record))
    return records, places


def to_failed(*answers: Answer) -> Callable[[Call], Answer]:
    """The answers, in turn, to puts of what is kept whole; then everything is accepted."""
    left = list(answers)
    return lambda call: left.pop(0) if left and "/_failed/" in call.key else ACCEPT


@pytest.mark.parametrize(
    "answer", [ACCEPT, _SLOW_DOWN, ANSWER_LOST, LATE], ids=["at once", "refused", "lost", "late"]
)
def test_images_when_records_have_none_expect_them_whole_and_the_newest_of_all_others(
    images: ImagesPipeline, answer: Answer
):
    records, places = all_kinds()
    images.begin_anew(_BATCH, expected(records, *places))
    images.endpoint.s3_script = to_failed(answer, answer, answer)
    images.deliver(records)
    assert not images.problems()
    images.endpoint.release()
    images.kept.check_all(records)
    assert SECRET not in "".join(images.function.log_lines()), "the contents of items are nobody's business"


@pytest.mark.parametrize("place", [0, 59])
def test_images_when_a_change_is_of_another_account_expect_an_error_that_names_it_and_nothing_written(
    images: ImagesPipeline, place: int
):
    """The built function, which is told by Lambda alone where it runs."""
    images.begin_anew(_BATCH)
    with pytest.raises(Exception, match=r"MalformedEvent: .*:210987654321:table/Orders/.* account 123456789012"):
        images.function.invoke(of_another_account(with_malformed(MALFORMED["without keys"], 7), place))
    assert images.endpoint.objects == {}


@pytest.mark.parametrize("kind", ["without keys", "without a sequence number", "that is nothing"])
def test_images_when_s3_is_out_for_records_that_have_none_expect_the_stream_to_wait(
    images: ImagesPipeline, kind: str
):
    """The images of the others are written meanwhile, and acknowledged up to the first that is not kept."""
    records = with_malformed(KINDS[kind], 0, 20)
    images.begin_anew(_BATCH, expected(records, 0, 20))

    def out_for_two(call: Call) -> Answer:
        return _SLOW_DOWN if "/_failed/" in call.key and len(images.invocations) < 2 else ACCEPT

    images.endpoint.s3_script = out_for_two
    images.deliver(records)
    assert [len(each.acknowledged) for each in images.invocations[:2]] == [0, 0]


def test_images_when_s3_is_out_for_a_record_that_has_none_expect_all_before_it_acknowledged(
    images: ImagesPipeline,
):
    records = with_malformed(KINDS["changed, without what it is now"], 20)
    images.begin_anew(expectation=expected(records, 20))
    images.endpoint.s3_script = lambda call: (
        _SLOW_DOWN if "/_failed/" in call.key and not images.invocations else ACCEPT
    )
    images.deliver(records)
    assert [len(each.acknowledged) for each in images.invocations] == [20, 40]


def test_images_when_access_to_what_is_kept_whole_is_denied_expect_the_reason_and_nothing_acknowledged_meanwhile(
    images: ImagesPipeline,
):
    records = with_malformed(KINDS["without keys"], 0)
    images.begin_anew(expectation=expected(records, 0))
    images.endpoint.s3_script = lambda call: (
        S3_DENIED if "/_failed/" in call.key and len(images.invocations) < 2 else ACCEPT
    )
    images.deliver(records)
    # Access denied is an error of the function, after which Lambda hands a batch over in halves.
    assert [len(each.acknowledged) for each in images.invocations] == [0, 0, 15, 15, 30]
    assert all(problem.startswith("AwsError: s3://") for problem in images.problems())
    assert all("/_failed/" in problem and "PutObject" in problem for problem in images.problems())
