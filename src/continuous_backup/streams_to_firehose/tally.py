"""What one invocation did, counted while it forwards."""

from dataclasses import dataclass

from continuous_backup.summary import Fact, facts_of

#: What the counts of a Tally are called, in the log and in CloudWatch.
_NAMES = {
    "changes": "ChangesReceived",
    "forwarded": "ChangesForwarded",
    "dropped": "ChangesDropped",
    "oversize": "ChangesOversize",
    "failed": "ChangesFailed",
    "unrouted": "ChangesUnrouted",
    "firehose_records": "FirehoseRecords",
    "line_bytes": "BytesBeforeCompression",
    "firehose_bytes": "BytesToFirehose",
    "calls": "Calls",
    "retries": "Retries",
    "oldest_change_seconds": "OldestChangeAge",
}
#: Of those that are more than counts:
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
_UNITS = {"line_bytes": "Bytes", "firehose_bytes": "Bytes", "oldest_change_seconds": "Seconds"}


@dataclass
class Tally:
    """Counts of one invocation.

    `changes` are the records received. Of these `forwarded` went to Firehose, `oversize` straight to the
    log on S3, `failed` to `_failed/`, and `dropped` nowhere, by choice; the others come again. `unrouted`
    went to the table's own delivery stream since the router failed. Bytes are those that Firehose
    accepted, before base64: of the lines, and as they were sent. `oldest_change_seconds` is the age of the
    first change when the invocation began. `metrics` is the configuration's.
    """

    table: str = ""
    changes: int = 0
    forwarded: int = 0
    dropped: int = 0
    oversize: int = 0
    failed: int = 0
    unrouted: int = 0
    firehose_records: int = 0
    line_bytes: int = 0
    firehose_bytes: int = 0
    calls: int = 0
    retries: int = 0
    oldest_change_seconds: float = 0
    metrics: str = "none"

    def facts(self) -> dict[str, Fact]:
        """All counts that are not zero, by what they are called in the log and in CloudWatch."""
        return facts_of(vars(self), _NAMES, _UNITS)
