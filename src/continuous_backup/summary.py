"""One line of the log that sums an invocation up, of which CloudWatch makes metrics."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: Of all metrics of ours in CloudWatch.
NAMESPACE = "DynamoDBContinuousBackup"
_TABLE = "Table"


@dataclass(frozen=True)
class Fact:
    """A count, or, with a unit of CloudWatch's, something measured.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
    """

    value: float
    unit: str = ""


def facts_of(counts: Mapping[str, Any], names: Mapping[str, str], units: Mapping[str, str]) -> dict[str, Fact]:
    """The counts that are not zero, by what `names` calls them; those that have no unit are counts."""
    return {told: Fact(counts[name], units.get(name, "")) for name, told in names.items() if counts[name]}


def summary_line(
    table: str,
    facts: Mapping[str, Fact],
    message: str,
    level: str,
    metrics: str,
    now: float,
    extra: Mapping[str, Any] | None = None,
) -> str:
    """One line of JSON: what was done, in the shape of the other lines of the log.

    `metrics` is the configuration's: with "function" or "table", CloudWatch makes metrics of the facts, for
    all tables together or for each of them too. What is zero should not be among them: nobody pays for it then.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    time = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    line: dict[str, Any] = {"timestamp": time, "level": level, "message": message, _TABLE: table}
    told = {name: fact.value for name, fact in facts.items()}
    if metrics != "none" and facts:
        line["_aws"] = _directive(facts, table if metrics == "table" else "", now)
    return json.dumps(line | told | dict(extra or {}), separators=(",", ":"), default=str)


def _directive(facts: Mapping[str, Fact], table: str, now: float) -> dict[str, Any]:
    """How CloudWatch is to read the line: its fields that are metrics, and of which table they are too."""
    fields = [{"Name": name} | ({"Unit": fact.unit} if fact.unit else {}) for name, fact in facts.items()]
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[], [_TABLE]] if table else [[]],
        "Metrics": fields,
    }
    return {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]}
