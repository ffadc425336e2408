"""How tables are wired, for what a new configuration means to them; and what a person should know of it."""

from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Aws, BotoCoreError, ClientError, Pace, error_code
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.observer import DELIVERY_STREAM_CALLS_PER_SECOND
from continuous_backup.operations.deployment.state import Place, Wiring
from continuous_backup.operations.notes import Note
from continuous_backup.operations.tables import matching


def look(aws: Aws, config: Config) -> Wiring | None:
    """None where AWS refuses it, or cannot be reached: it only informs."""
    try:
        return _look(aws, config)
    except (ClientError, BotoCoreError):
        return None


def _look(aws: Aws, config: Config) -> Wiring:
    tables = {naming.table_of_arn(arn) for arn in matching.streams_read(aws)}
    ours = sorted(table for table in tables if config.is_ours(table))
    pace, found, waits = Pace(aws, DELIVERY_STREAM_CALLS_PER_SECOND), None, False
    # The first and the last by name: while some have moved to other delivery streams, one of them may tell.
    for table in dict.fromkeys([*ours[:1], *ours[-1:]]):
        own = _described(aws, pace, config.delivery_stream_name(table))
        former = [_described(aws, pace, each) for each in config.former_delivery_stream_names(table) if not own]
        found = next((place for each in (own, *former) if (place := _place(each, table))), found)
        waits = waits or any(former)
    return Wiring(log=found, waiting=len(ours) if waits else 0)


def _described(aws: Aws, pace: Pace, delivery_stream: str) -> dict[str, Any]:
    """Its destination; empty where there is no such delivery stream."""
    pace.wait_for("DescribeDeliveryStream")
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


def notes_on(wiring: Wiring | None, *, deployed: bool) -> list[Note]:
    """`deployed` is whether the forwarder is there already: before that, nothing is wired."""
    if wiring is None:
        unknown = (
            "how the tables are wired could not be found out (lambda:ListEventSourceMappings, "
            "firehose:DescribeDeliveryStream): see that firehoseCompression, the bucket and the prefix are meant"
        )
        return [Note(unknown)] if deployed else []
    if not wiring.waiting:
        return []
    tables = "the table that is wired" if wiring.waiting == 1 else f"the {wiring.waiting} tables that are wired"
    return [
        Note(
            f"firehoseCompression is switched, so changes of {tables} wait in the tables' streams, 22 hours long, "
            "until each has another delivery stream, which the sweeps make one after the other. To make them at "
            "once, when this is deployed: ./provision_tables.py whitelist.hjson, with provisionAll: true in that "
            "file",
            loud=True,
        )
    ]
