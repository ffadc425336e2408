"""The straightforward design of the same forwarder, written as well as that design can be.

The standard library's json, one Firehose record a change, plain JSON lines, boto3's client as it comes,
made once. Its mapping has batches of 500 and no batching window. It is what the benchmarks compare with.
"""

import functools
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import boto3

from continuous_backup import naming

#: https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
_RECORDS_A_CALL = 500
_CALL_BYTES = 4 * 1024 * 1024
_MOST_TRIES = 8

BATCH_SIZE = 500
BATCHING_WINDOW_SECONDS = 0

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_FIELDS = ("Keys", "NewImage", "OldImage", "SequenceNumber", "SizeBytes", "ApproximateCreationDateTime")


def handler(event: dict[str, Any], _context: Any) -> dict[str, list[dict[str, str]]]:
    """Puts each change into the table's delivery stream as a record of its own."""
    records = event["Records"]
    if records:
        name = naming.table_of_arn(records[0]["eventSourceARN"])
        for call in _calls([line(record) for record in records]):
            _put(name, call)
    return {"batchItemFailures": []}


def line(record: dict[str, Any]) -> bytes:
    """The same line that the forwarder writes."""
    stream_record = record["dynamodb"]
    fields = {name: stream_record[name] for name in _FIELDS if name in stream_record}
    fields["eventName"] = record["eventName"]
    if record.get("userIdentity"):
        fields["userIdentity"] = record["userIdentity"]
    fields["eventSourceARN"] = record["eventSourceARN"]
    return _encode(fields).encode() + b"\n"


def _calls(lines: Sequence[bytes]) -> Iterator[list[bytes]]:
    call: list[bytes] = []
    size = 0
    for each in lines:
        if call and (len(call) == _RECORDS_A_CALL or size + len(each) > _CALL_BYTES):
            yield call
            call, size = [], 0
        call.append(each)
        size += len(each)
    if call:
        yield call


def _put(name: str, lines: Sequence[bytes]) -> None:
    """Only what was refused is put again; after the last try the batch fails, and Lambda repeats it."""
    pending = [{"Data": each} for each in lines]
    for _ in range(_MOST_TRIES):
        answer = _firehose().put_record_batch(DeliveryStreamName=name, Records=pending)
        if not answer["FailedPutCount"]:
            return
        entries = answer["RequestResponses"]
        pending = [each for each, entry in zip(pending, entries, strict=True) if "ErrorCode" in entry]
    raise RuntimeError(f"{len(pending)} records were not accepted by {name}")


@functools.cache
def _firehose() -> Any:
    return boto3.client("firehose", region_name=os.environ["AWS_REGION"])
