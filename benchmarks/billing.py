"""What AWS bills for quantities of use, at list prices: arithmetic alone."""

import math
from dataclasses import asdict, dataclass, fields

GIB = 2**30
_MIB = 2**20
SECONDS_A_MONTH = 30 * 86_400

#: Direct PUT counts each record as a multiple of 5 KB, also inside a batch: https://aws.amazon.com/firehose/pricing/
FIREHOSE_INCREMENT = 5 * 1024
#: What CloudWatch Logs counts for an event beside its text:
#: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
LOG_EVENT_OVERHEAD = 26


@dataclass(frozen=True)
class Prices:
    """US dollars for one of each, without free tiers and discounts for volume."""

    firehose_gib: float
    lambda_request: float
    lambda_gb_second: float
    log_gib: float
    custom_metric_month: float
    s3_put: float
    s3_gib_month: float


#: List prices in us-east-1, noted in November 2026. Where each is from:
#: Firehose https://aws.amazon.com/firehose/pricing/ (Direct PUT, the first 500 TB a month)
#: Lambda https://aws.amazon.com/lambda/pricing/ (arm64)
#: Logs and metrics https://aws.amazon.com/cloudwatch/pricing/ (standard class; the first 10,000 metrics)
#: S3 https://aws.amazon.com/s3/pricing/ (Standard, the first 50 TB)
PRICES = Prices(
    firehose_gib=0.029,
    lambda_request=0.20 / 1e6,
    lambda_gb_second=0.0000133334,
    log_gib=0.50,
    custom_metric_month=0.30,
    s3_put=0.005 / 1000,
    s3_gib_month=0.023,
)
PRICES_NOTED = "us-east-1, November 2026"


@dataclass(frozen=True)
class Usage:
    """Quantities that are billed, and those that explain them. Bytes, and numbers of things."""

    changes: float = 0
    line_bytes: float = 0
    firehose_records: float = 0
    firehose_calls: float = 0
    firehose_billed_bytes: float = 0
    lambda_requests: float = 0
    lambda_gb_seconds: float = 0
    log_bytes: float = 0
    custom_metrics: float = 0
    s3_puts: float = 0
    s3_bytes: float = 0

    def times(self, factor: float) -> "Usage":
        """So many times of all that grows with use: a custom metric is one metric, however often it is sent."""
        grown = {name: value * factor for name, value in asdict(self).items()}
        return Usage(**{**grown, "custom_metrics": self.custom_metrics})

    def of_tables(self, tables: int) -> "Usage":
        """The same use of so many tables, of which each has its own metrics."""
        return Usage(**{name: value * tables for name, value in asdict(self).items()})

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)})


@dataclass(frozen=True)
class Bill:
    """US dollars. `storage_month` is for one month of what was written, and not in the sum."""

    firehose: float
    lambda_requests: float
    lambda_time: float
    logs: float
    metrics: float
    s3_puts: float
    storage_month: float

    @property
    def total(self) -> float:
        return self.firehose + self.lambda_requests + self.lambda_time + self.logs + self.metrics + self.s3_puts


def bill(usage: Usage, prices: Prices = PRICES) -> Bill:
    return Bill(
        firehose=usage.firehose_billed_bytes / GIB * prices.firehose_gib,
        lambda_requests=usage.lambda_requests * prices.lambda_request,
        lambda_time=usage.lambda_gb_seconds * prices.lambda_gb_second,
        logs=usage.log_bytes / GIB * prices.log_gib,
        metrics=usage.custom_metrics * prices.custom_metric_month,
        s3_puts=usage.s3_puts * prices.s3_put,
        storage_month=usage.s3_bytes / GIB * prices.s3_gib_month,
    )


def billed_bytes(record_bytes: int) -> int:
    """What Firehose counts for a record of so many bytes, before base64."""
    return -(-record_bytes // FIREHOSE_INCREMENT) * FIREHOSE_INCREMENT


def storage_dollars(bytes_: float, months: int, prices: Prices = PRICES) -> float:
    """For bytes that are written once and kept so many months."""
    return bytes_ / GIB * prices.s3_gib_month * months


def gb_seconds(memory_mb: int, milliseconds: float) -> float:
    """Lambda counts whole milliseconds, and 1,024 MB as a GB: https://aws.amazon.com/lambda/pricing/"""
    return memory_mb / 1024 * -(-milliseconds // 1) / 1000


def objects(seconds: float, deliveries: float, bytes_: float, buffer_seconds: float, buffer_mb: float) -> float:
    """How many objects Firehose writes of so many evenly spread deliveries of records.

    A delivery begins an object, which ends after the buffering interval, or with so many MB before its
    compression, whichever comes first: https://docs.aws.amazon.com/firehose/latest/dev/create-configure.html
    """
    gap = seconds / deliveries
    by_time = seconds / (gap * max(1, math.ceil(buffer_seconds / gap)))
    return max(by_time, bytes_ / (buffer_mb * _MIB))
