"""Changes and events at the limits of Firehose and Lambda: nothing is refused, and nothing is lost."""

import base64
import json
import random
from collections.abc import Callable

import pytest

from tests.faults.endpoint import RECORD_BYTES
from tests.faults.event_source_mapping import PAYLOAD_BYTES, StreamRecord
from tests.faults.pipeline import Pipeline
from tests.faults.stream_changes import change_with_line_of, history, line_bytes, one_change, stream_record

Pipelines = Callable[..., Pipeline]

#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Limits.html
_ITEM_BYTES = 400 * 1024
#: https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
_LARGEST_BATCH = 10_000


def event_bytes(records: list[StreamRecord]) -> int:
    return len(json.dumps({"Records": [each.record for each in records]}, separators=(",", ":")))


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_forwarding_a_line_around_the_limit_of_a_record_expects_it_in_firehose_as_long_as_it_fits(
    pipeline: Pipelines, compression: dict[str, str], over: int
):
    it = pipeline(compression)
    at_the_limit = change_with_line_of(RECORD_BYTES + over, 1)
    assert len(line_bytes(at_the_limit)) == RECORD_BYTES + over
    it.forward([one_change(0, "before"), at_the_limit, one_change(2, "after")])
    fits = over <= 0 or compression["firehoseCompression"] == "forwarder"
    assert len(it.endpoint.objects) == (0 if fits else 1)
    assert it.kept.copies == 3


def test_forwarding_an_item_of_400_kb_of_random_bytes_expects_it_whole(
    pipeline: Pipelines, compression: dict[str, str]
):
    old, new = (base64.b64encode(random.Random(seed).randbytes(_ITEM_BYTES)).decode() for seed in (1, 2))
    keys = {"Id": {"N": "0"}}
    large = stream_record(1, keys, {**keys, "Data": {"B": new}}, {**keys, "Data": {"B": old}})
    assert len(line_bytes(large)) > RECORD_BYTES
    it = pipeline(compression)
    records = [stream_record(0, keys, {**keys, "Data": {"B": old}}, None), large, one_change(2, "after", item=1)]
    it.forward(records)
    assert it.kept.copies == 3


@pytest.mark.parametrize("text", ["é" * 40, "x" * 3_000], ids=["of two bytes", "large"])
def test_forwarding_an_event_of_six_megabytes_expects_one_invocation(
    pipeline: Pipelines, compression: dict[str, str], text: str
):
    records = history(20_000 if len(text) < 100 else 1_500, text=text)
    while event_bytes(records) > PAYLOAD_BYTES:
        records = records[: len(records) * PAYLOAD_BYTES // event_bytes(records) - 1]
    assert event_bytes(records) > 0.99 * PAYLOAD_BYTES
    it = pipeline(compression, batch_size=_LARGEST_BATCH)
    it.forward(records)
    assert len(it.invocations) == 1
    assert it.kept.copies == len(records)


def test_forwarding_an_event_of_ten_thousand_changes_expects_one_invocation(
    pipeline: Pipelines, compression: dict[str, str]
):
    it = pipeline(compression, batch_size=_LARGEST_BATCH)
    records = [removal(number) for number in range(_LARGEST_BATCH)]
    assert event_bytes(records) < PAYLOAD_BYTES
    it.forward(records)
    assert [len(each.batch) for each in it.invocations] == [_LARGEST_BATCH]
    assert it.kept.copies == _LARGEST_BATCH


def removal(number: int) -> StreamRecord:
    keys = {"Id": {"N": str(number)}}
    return stream_record(number, keys, None, keys)


def test_forwarding_when_every_change_exceeds_a_record_expects_all_of_them_on_s3(pipeline: Pipelines):
    it = pipeline({"firehoseCompression": "forwarder"})
    it.forward([change_with_line_of(2_600_000, number) for number in range(3)])
    assert len(it.endpoint.objects) == 3
    assert not it.endpoint.calls or {call.operation for call in it.endpoint.calls} == {"PutObject"}


def test_invoking_with_an_empty_event_expects_success_and_no_call(pipeline: Pipelines):
    it = pipeline()
    assert it.function.invoke({"Records": []}) == {"batchItemFailures": []}
    assert not it.endpoint.calls
