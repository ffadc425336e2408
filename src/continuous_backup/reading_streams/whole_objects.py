"""What does not go through Firehose: objects written straight to S3."""

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Client
from continuous_backup.naming import Account
from continuous_backup.patience import Patience
from continuous_backup.reading_streams import stream_records
from continuous_backup.reading_streams.stream_records import StreamRecord

#: Stands for the table where a record does not tell it. DynamoDB's names have at least three characters,
#: so that it is nobody's.
UNKNOWN_TABLE = "_"
_FAILED = "_failed/"
_DIGEST_DIGITS = 16


@dataclass(frozen=True)
class WholeObject:
    """An object on S3: its key, and a gzip file of lines."""

    key: str
    body: bytes


def of_oversize(record: StreamRecord, line: bytes, prefix: str, now: float) -> WholeObject:
    """A change whose line is too large for Firehose, in the change log of its table.

    The key says nothing but what the change is, so that a batch that is repeated writes the same object.
    So its hour is that in which the change was made, where Firehose's is that of arrival. Who reads the
    changes made since a time reads from that hour on, and finds it there.
    """
    stream = _digest(record["eventSourceARN"].encode())
    name = f"oversize-{stream_records.sequence_number(record)}-{stream}.gz"
    path = naming.table_prefix(prefix, stream_records.table(record))
    return WholeObject(path + _hour(record, now) + name, _gzipped(line))


def of_failed(table: str, records: Sequence[Any], prefix: str, now: float) -> WholeObject:
    """Records of a table that could not become lines, whole, one a line, under its `_failed/`.

    `table` is empty where they name none: they are kept under UNKNOWN_TABLE then.
    """
    text = b"".join(map(stream_records.whole, records))
    name = f"{stream_records.sequence_number(records[0]) or 'unnumbered'}-{_digest(text)}.gz"
    path = naming.table_prefix(prefix, table or UNKNOWN_TABLE) + _FAILED
    return WholeObject(path + _hour(records[0], now) + name, _gzipped(text))


def put_object(
    s3: Client, whole: WholeObject, bucket: str, kms_key_arn: str, account: Account, patience: Patience
) -> str:
    """Writes an object, again until time runs short; answers "" when it is there, or else why it is not.

    It is encrypted with the key, or, with an empty one, as the bucket does by itself.

    Raises AwsError where S3 refuses for good: no permission, no such bucket, a bucket of another account.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
    """
    encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_arn} if kms_key_arn else {}

    def put() -> str:
        s3.put_object(
            Bucket=bucket,
            Key=whole.key,
            Body=whole.body,
            ExpectedBucketOwner=account.id,
            **encryption,
        )
        return ""

    return patience.try_until_done(put, f"s3://{bucket}/{whole.key}")


def _hour(record: Any, now: float) -> str:
    """`YYYY/MM/DD/HH/` in UTC. Where no time is known, now: repeated in another hour, it is there twice."""
    time = stream_records.time_of_change(record)
    return datetime.fromtimestamp(now if time is None else time, UTC).strftime("%Y/%m/%d/%H/")


def _gzipped(text: bytes) -> bytes:
    """Without a time in it: the same text is the same object."""
    return gzip.compress(text, mtime=0)


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:_DIGEST_DIGITS]
