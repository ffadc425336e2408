"""Looks at how tables are wired, for what a new configuration means to them; changes nothing."""

from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Aws, BotoCoreError, ClientError, error_code
from continuous_backup.configuration.config import Config
from continuous_backup.operations.deployment.state import Place, Wiring
from continuous_backup.operations.tables import matching

#: Of so many tables, whether a delivery stream tells where the log is.
_LOOKED_AT = 3


def look(aws: Aws, config: Config) -> Wiring | None:
    """None where AWS refuses it, or cannot be reached: it only informs."""
    try:
        return _look(aws, config)
    except (ClientError, BotoCoreError):
        return None


def _look(aws: Aws, config: Config) -> Wiring:
    tables = sorted({naming.table_of_arn(arn) for arn in matching.streams_read(aws)})
    ours = [table for table in tables if config.is_ours(table)]
    return Wiring(log=_log(aws, config, ours[:_LOOKED_AT]))


def _log(aws: Aws, config: Config, tables: list[str]) -> Place | None:
    for table in tables:
        for name in (config.delivery_stream_name(table), *config.former_delivery_stream_names(table)):
            if found := _place(_described(aws, name), table):
                return found
    return None


def _described(aws: Aws, delivery_stream: str) -> dict[str, Any]:
    try:
        found = aws.client("firehose").describe_delivery_stream(DeliveryStreamName=delivery_stream)
    except ClientError as err:
        if error_code(err) != "ResourceNotFoundException":
            raise
        return {}
    destinations = found["DeliveryStreamDescription"]["Destinations"]
    described: dict[str, Any] = destinations[0].get("ExtendedS3DestinationDescription", {}) if destinations else {}
    return described


def _place(described: dict[str, Any], table: str) -> Place | None:
    """None for a destination whose prefix does not have the shape of ours, which ends with the table's name."""
    bucket, prefix = described.get("BucketARN", "").rpartition(":")[2], described.get("Prefix", "")
    if not bucket or not f"/{prefix}".endswith(f"/{table}/"):
        return None
    return Place(bucket, prefix[: -len(f"{table}/")].rstrip("/"))
