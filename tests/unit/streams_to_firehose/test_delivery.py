from typing import Any

import pytest

from continuous_backup.errors import AwsError
from continuous_backup.streams_to_firehose.delivery import Delivered, put_call
from continuous_backup.streams_to_firehose.packing import PackedRecord
from tests.unit.streams_to_firehose.fakes import (
    DENIED,
    THROTTLED,
    UNHEARD,
    FakeFirehose,
    Raises,
    Refuses,
    Time,
    client_error,
)

CALL = [PackedRecord(b"%d\n" % n, [n], 2) for n in range(6)]


def put(firehose: Any, time: Time | None = None) -> Delivered:
    return put_call(firehose, "Orders", CALL, (time or Time()).patience())


def sent(firehose: FakeFirehose) -> list[bytes]:
    return [b"".join(records) for _, records in firehose.calls]


class Answers:
    """A Firehose that answers with what it is given."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    def put_record_batch(self, **_: Any) -> dict[str, Any]:
        return self.answer


def test_put_call_when_all_are_accepted_expects_one_call_in_order():
    firehose = FakeFirehose()
    assert put(firehose) == Delivered(CALL, "")
    assert firehose.calls == [("Orders", [record.data for record in CALL])]


def test_put_call_when_some_are_refused_expects_only_those_sent_again():
    firehose = FakeFirehose([Refuses(lambda place: place in (1, 4)), Refuses(lambda place: place == 0)])
    delivered = put(firehose)
    assert sent(firehose) == [b"0\n1\n2\n3\n4\n5\n", b"1\n4\n", b"1\n"]
    assert sorted(delivered.accepted, key=lambda record: record.positions) == CALL
    assert delivered.reason == ""


@pytest.mark.parametrize("err", [THROTTLED, client_error("InternalFailure", 500), UNHEARD])
def test_put_call_when_the_call_fails_for_now_expects_all_of_it_sent_again(err: Exception):
    firehose = FakeFirehose([Raises(err)])
    assert put(firehose) == Delivered(CALL, "")
    assert sent(firehose) == [b"0\n1\n2\n3\n4\n5\n"] * 2


def test_put_call_when_the_answer_is_lost_expects_it_written_twice_rather_than_never():
    firehose = FakeFirehose([Raises(UNHEARD, accepted=True)])
    assert put(firehose) == Delivered(CALL, "")
    assert firehose.lines() == [record.data for record in CALL] * 2


def test_put_call_when_time_runs_short_expects_what_was_accepted_and_why_the_rest_was_not():
    firehose = FakeFirehose([Refuses(lambda place: place == 2)] + [Refuses(lambda _: True)] * 1000)
    delivered = put(firehose)
    assert delivered.accepted == CALL[:2] + CALL[3:]
    assert delivered.reason == "ServiceUnavailableException (1)"
    assert len(firehose.calls) > 5


def test_put_call_when_there_is_no_delivery_stream_expects_no_second_try():
    firehose, time = FakeFirehose(missing=["Orders"]), Time()
    delivered = put(firehose, time)
    assert delivered == Delivered([], "there is no delivery stream Orders yet")
    assert len(firehose.calls) == 1
    assert time.pauses == []


@pytest.mark.parametrize(
    "err", [DENIED, client_error("InvalidArgumentException"), client_error("InvalidKMSResourceException")]
)
def test_put_call_when_refused_for_good_expects_an_error_after_one_call(err: Exception):
    firehose = FakeFirehose([Raises(err)])
    with pytest.raises(AwsError, match="delivery stream Orders: PutRecordBatch"):
        put(firehose)
    assert len(firehose.calls) == 1


@pytest.mark.parametrize("entries", [0, 5, 7])
def test_put_call_when_the_answer_has_another_length_expects_an_error(entries: int):
    answer = {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "id"}] * entries}
    with pytest.raises(AwsError, match=f"of 6 records was answered with {entries} entries"):
        put(Answers(answer))


def test_put_call_when_more_are_refused_than_named_expects_an_error():
    answer = {"FailedPutCount": 1, "RequestResponses": [{"RecordId": "id"}] * 6}
    with pytest.raises(AwsError, match="0 are refusals, where it counts 1"):
        put(Answers(answer))


@pytest.mark.parametrize("entry", [{}, {"RecordId": ""}, {"RecordId": "id", "ErrorCode": "InternalFailure"}])
def test_put_call_when_an_entry_does_not_say_accepted_expects_it_not_taken_as_such(entry: dict[str, str]):
    answer = {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "id"}] * 5 + [entry]}
    delivered = put_call(Answers(answer), "Orders", CALL, Time(left=1).patience())
    assert delivered.accepted == CALL[:5]
    assert delivered.reason
