"""Values of the keys that are right, and wrong, and how they are read."""

from pathlib import Path

import pytest

from continuous_backup.configuration import config as configuration
from continuous_backup.configuration.config import Config
from continuous_backup.errors import ConfigurationError, ExitCode
from continuous_backup.naming import Account

CONFIG_FILE = Path(__file__).resolve().parents[3] / "config.hjson"
KEYS = configuration.keys()
ACCOUNT = Account("123456789012", "eu-west-1")

DEFAULTS = {
    "region": "",
    "cloudWatchRoleArn": "",
    "firehoseDeliveryBucket": "",
    "firehoseDeliveryPrefix": "dynamodb",
    "firehoseDeliveryRoleArn": "",
    "firehoseDeliverySizeMB": 128,
    "firehoseDeliveryIntervalSeconds": 300,
    "lambdaExecRoleArn": "",
    "streamsMaxRecordsBatch": 1000,
    "streamsBatchingWindowSeconds": 30,
    "streamsParallelizationFactor": 1,
    "tableNameMatchRegex": "",
    "optinFunction": "",
    "writableEventTypes": ("INSERT", "MODIFY", "REMOVE"),
    "includeTtlDeletes": True,
    "transformer": "",
    "router": "",
    "routeByAttribute": {},
    "deliveryStreams": {},
    "firehoseCompression": "firehose",
    "kmsKeyArn": "",
    "incompatibleStream": "report",
    "joinBusyStreams": False,
    "sweepIntervalMinutes": 15,
    "architecture": "arm64",
    "ensureMemoryMB": 256,
    "ensureTimeoutSeconds": 900,
    "ensureReservedConcurrency": 1,
    "forwarderMemoryMB": 512,
    "forwarderTimeoutSeconds": 120,
    "forwarderReservedConcurrency": 100,
    "metrics": "function",
    "logRetentionDays": 30,
    "logFormat": "JSON",
    "itemImages": None,
}

BOUNDS = {
    "firehoseDeliverySizeMB": (1, 128),
    "firehoseDeliveryIntervalSeconds": (0, 900),
    "streamsMaxRecordsBatch": (1, 10_000),
    "streamsBatchingWindowSeconds": (0, 300),
    "streamsParallelizationFactor": (1, 10),
    "sweepIntervalMinutes": (1, 1440),
    "ensureMemoryMB": (128, 10_240),
    "ensureTimeoutSeconds": (30, 900),
    "ensureReservedConcurrency": (0, 1000),
    "forwarderMemoryMB": (128, 10_240),
    "forwarderTimeoutSeconds": (15, 900),
    "forwarderReservedConcurrency": (0, 10_000),
}

CHOICES = {
    "firehoseCompression": ["firehose", "forwarder"],
    "incompatibleStream": ["report", "replace"],
    "architecture": ["arm64", "x86_64"],
    "logFormat": ["JSON", "Text"],
    "metrics": ["none", "function", "table"],
    "logRetentionDays": [1, 30, 365, 3653],
}

ROLE = "arn:aws:iam::123456789012:role/service-role/backup"
GOOD_TEXTS = {
    "region": ["eu-west-1", "us-gov-west-1", "cn-north-1", ""],
    "cloudWatchRoleArn": [ROLE, "arn:aws-cn:iam::123456789012:role/r"],
    "firehoseDeliveryBucket": ["abc", "my.bucket-1", "a" * 63],
    "firehoseDeliveryPrefix": ["dynamodb", "backups/dynamodb", "team=a/v1.0_x"],
    "firehoseDeliveryRoleArn": [ROLE],
    "lambdaExecRoleArn": [ROLE],
    "tableNameMatchRegex": ["prod-", "^(?!test).*", "(", "(?P<team>a|b)-"],
    "optinFunction": ["my_filter:is_production"],
    "transformer": ["plain", "my_lines:without_secrets"],
    "router": ["my_router:by_country"],
    "kmsKeyArn": ["arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"],
}
BAD_TEXTS = {
    "region": ["Ireland", "eu-west-1a", "EU-WEST-1"],
    "cloudWatchRoleArn": ["my-role", "arn:aws:iam::123:role/r", "arn:aws:iam::123456789012:user/u"],
    "firehoseDeliveryBucket": ["ab", "a" * 64, "s3://bucket", "Bucket", "bucket/", "-bucket"],
    "firehoseDeliveryPrefix": ["/dynamodb", "dynamodb/", "a//b", "a b", "!{timestamp:yyyy}"],
    "firehoseDeliveryRoleArn": ["my-role"],
    "lambdaExecRoleArn": ["my-role"],
    "optinFunction": ["my_filter", "my_filter.is_production", "my-filter:f", ":f"],
    "transformer": ["Plain", "json", "my_lines", "my_lines.py:f", "package.my_lines:f", "my_lines:"],
    "router": ["plain", "my_router", "my_router.by_country", "my_router:by:country"],
    "kmsKeyArn": ["alias/backup", "arn:aws:kms:eu-west-1:123456789012:alias/backup"],
}


def parsed(values: object, environment: dict[str, str] | None = None) -> Config:
    return configuration.parse(values, environment or {})


def value_of(config: Config, key: str) -> object:
    return getattr(config, KEYS[key].name)


def problems(values: object, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parsed(values, environment)
    assert caught.value.exit_code == ExitCode.USAGE
    return caught.value.problems


TABLE_SHAPE = "a table's name: 3 to 255 letters, digits, _ . -"
STREAM_SHAPE = "a delivery stream's name: 1 to 64 letters, digits, _ . -"
ROUTES = {"status": {"PAID": "paid-orders", "1": "ones"}, "kind of": {"ü <b>": "umlauts"}}
