"""Packed records put into a delivery stream, as often as it takes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from continuous_backup.aws import Client, ClientError, error_code
from continuous_backup.errors import AwsError
from continuous_backup.patience import Patience
from continuous_backup.streams_to_firehose.packing import PackedRecord


@dataclass(frozen=True)
class Delivered:
    """The records that Firehose has accepted; where that is not all, why."""

    accepted: list[PackedRecord]
    reason: str


class _NotThere(Exception):
    """The delivery stream does not exist: no number of tries makes it."""


def put_call(
    firehose: Client, delivery_stream: str, call: Sequence[PackedRecord], patience: Patience
) -> Delivered:
    """Puts the records of one call, and those that Firehose refuses again until time runs short.

    A record is accepted only where Firehose has said so; one whose answer was lost is put again, and may be
    there twice. A delivery stream that is not there is not waited for here: the stream of the table waits.
    Raises AwsError where Firehose refuses for good, or answers what cannot be trusted.
    https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
    """
    accepted: list[PackedRecord] = []
    pending = list(call)

    def put_pending() -> str:
        nonlocal pending
        codes = _codes(firehose, delivery_stream, pending)
        accepted.extend(record for record, code in zip(pending, codes, strict=True) if not code)
        pending = [record for record, code in zip(pending, codes, strict=True) if code]
        return ", ".join(f"{code} ({times})" for code, times in Counter(filter(None, codes)).most_common())

    try:
        reason = patience.try_until_done(put_pending, f"delivery stream {delivery_stream}")
    except _NotThere:
        reason = f"there is no delivery stream {delivery_stream} yet"
    return Delivered(accepted, reason)


def _codes(firehose: Client, delivery_stream: str, records: Sequence[PackedRecord]) -> list[str]:
    """For each record, the code of the error with which it was refused, or "" where it was accepted."""
    try:
        answer = firehose.put_record_batch(
            DeliveryStreamName=delivery_stream, Records=[{"Data": record.data} for record in records]
        )
    except ClientError as err:
        if error_code(err) == "ResourceNotFoundException":
            raise _NotThere from err
        raise
    entries = answer.get("RequestResponses", [])
    codes = [each.get("ErrorCode") or ("" if each.get("RecordId") else "NoRecordId") for each in entries]
    refused, said = sum(map(bool, codes)), answer.get("FailedPutCount", 0)
    # Entries have no names: only their places say which record they are about.
    if len(entries) != len(records) or said > refused:
        raise AwsError(
            f"delivery stream {delivery_stream}: PutRecordBatch of {len(records)} records was answered with "
            f"{len(entries)} entries, of which {refused} are refusals, where it counts {said}",
            "nothing of the batch is acknowledged, and Lambda repeats it",
        )
    return codes
