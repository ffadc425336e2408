"""What one invocation did: counted while it forwards, and said at its end in one line of the log."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: Of all metrics of ours in CloudWatch.
NAMESPACE = "DynamoDBContinuousBackup"
_TABLE = "Table"

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
    first change when the invocation began.
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

    def facts(self) -> dict[str, Any]:
        """All counts that are not zero."""
        return {name: value for name, value in vars(self).items() if value and name in _NAMES}


def summary_line(
    tally: Tally, message: str, level: str, metrics: str, now: float, extra: dict[str, Any] | None = None
) -> str:
    """One line of JSON: what was done, in the shape of the other lines of the log.

    `metrics` is the configuration's: with "function" or "table", CloudWatch makes metrics of the line, for
    all tables together or for each of them too. What is zero is no metric: nobody pays for it.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    time = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    line: dict[str, Any] = {"timestamp": time, "level": level, "message": message, _TABLE: tally.table}
    facts = tally.facts()
    told = {_NAMES[name]: value for name, value in facts.items()}
    if metrics != "none":
        line["_aws"] = _directive(list(facts), metrics, now)
    return json.dumps(line | told | (extra or {}), separators=(",", ":"), default=str)


def _directive(facts: list[str], metrics: str, now: float) -> dict[str, Any]:
    """How CloudWatch is to read the line: its fields that are metrics, and what they are told apart by."""
    fields = [{"Name": _NAMES[name]} | ({"Unit": _UNITS[name]} if name in _UNITS else {}) for name in facts]
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[], [_TABLE]] if metrics == "table" else [[]],
        "Metrics": fields,
    }
    return {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]}
