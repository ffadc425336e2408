"""The request that we write is the one that the SDK would write: compared as they leave the SDK."""

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from continuous_backup.aws import Aws, BotoCoreError, Client
from continuous_backup.streams_to_firehose.request_body import body, write_directly

RECORDS = st.lists(st.builds(lambda data: {"Data": data}, st.binary(max_size=200)), min_size=1, max_size=20)


class Raw:
    """The body of an answer, as urllib3 gives it."""

    def stream(self, **_: Any) -> list[bytes]:
        return [b'{"FailedPutCount":0,"RequestResponses":[]}']


def client(sent: list[Any], *, directly: bool) -> Client:
    """A client whose requests end before the network, in `sent`, signed and whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        firehose = Aws(region="eu-west-1", max_attempts=1).client("firehose")
    if directly:
        write_directly(firehose)

    def answered(request: Any, **_: Any) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.1"}, Raw())

    firehose.meta.events.register("before-send.firehose.PutRecordBatch", answered)
    return firehose


OURS: list[Any] = []
THEIRS: list[Any] = []
OUR_CLIENT = client(OURS, directly=True)
THEIR_CLIENT = client(THEIRS, directly=False)


@settings(deadline=None)
@given(st.from_regex(r"[a-zA-Z0-9_.-]{1,64}", fullmatch=True), RECORDS)
def test_write_directly_whatever_the_records_expects_what_the_sdk_would_send(
    name: str, records: list[dict[str, bytes]]
):
    for one in (OUR_CLIENT, THEIR_CLIENT):
        one.put_record_batch(DeliveryStreamName=name, Records=list(records))
    ours, theirs = OURS.pop(), THEIRS.pop()
    assert json.loads(ours.body) == json.loads(theirs.body)
    assert ours.body == body(name, records)
    for header in ("X-Amz-Target", "Content-Type"):
        assert ours.headers[header] == theirs.headers[header]
    assert int(ours.headers["Content-Length"]) == len(ours.body)
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-target" in str(ours.headers["Authorization"])


def test_write_directly_when_a_client_is_used_again_expects_nothing_left_of_the_call_before():
    for data in (b"one", b"two"):
        OUR_CLIENT.put_record_batch(DeliveryStreamName="Orders", Records=[{"Data": data}])
    first, second = OURS.pop(0), OURS.pop(0)
    assert (first.body, second.body) == (body("Orders", [{"Data": b"one"}]), body("Orders", [{"Data": b"two"}]))


def test_write_directly_when_there_are_no_records_expects_the_sdk_to_refuse_the_call():
    with pytest.raises(BotoCoreError, match="Records"):
        OUR_CLIENT.put_record_batch(DeliveryStreamName="Orders", Records=[])
    assert OURS == []


def test_write_directly_when_the_caller_keeps_its_records_expects_them_untouched():
    records = [{"Data": b"kept"}]
    OUR_CLIENT.put_record_batch(DeliveryStreamName="Orders", Records=records)
    OURS.clear()
    assert records == [{"Data": b"kept"}]
