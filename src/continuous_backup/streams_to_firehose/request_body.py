"""PutRecordBatch's request, written without the SDK's detours."""

from collections.abc import Sequence
from typing import Any

import orjson
from pybase64 import b64encode

from continuous_backup.aws import Client

#: What the SDK is given in place of the records, to check and to write.
_PLACEHOLDER = [{"Data": b""}]
_RECORDS = "continuous_backup_records"


def write_directly(firehose: Client) -> None:
    """Lets a client write the bodies of its PutRecordBatch itself: the same JSON, for a third of the time.

    The SDK makes text of each blob's base64, and escapes that text character by character. Everything else
    stays its own: signing, sending, reading the answer, errors. Its events are the documented way in:
    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/events.html
    """
    events = firehose.meta.events
    events.register("before-parameter-build.firehose.PutRecordBatch", _keep_records_apart)
    events.register("before-call.firehose.PutRecordBatch", _write_body)


def body(delivery_stream: str, records: Sequence[dict[str, bytes]]) -> bytes:
    """The request's body: https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html"""
    parts = [b'{"DeliveryStreamName":', orjson.dumps(delivery_stream), b',"Records":[{"Data":"']
    for record in records:
        parts += (b64encode(record["Data"]), b'"},{"Data":"')
    parts[-1] = b'"}]}'
    return b"".join(parts)


def _keep_records_apart(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if params.get("Records"):  # none at all is for the SDK to refuse
        context[_RECORDS] = params["Records"]
        params["Records"] = _PLACEHOLDER


def _write_body(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    records = context.pop(_RECORDS, None)
    if records:
        delivery_stream = orjson.loads(params["body"])["DeliveryStreamName"]
        params["body"] = body(delivery_stream, records)
