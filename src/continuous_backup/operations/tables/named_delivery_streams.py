"""Delivery streams of somebody else's that the configuration names: as they are, and what to know of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import DENIED, Aws, ClientError, Pace, error_code
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.observer import DELIVERY_STREAM_CALLS_PER_SECOND
from continuous_backup.operations.notes import Note


@dataclass(frozen=True)
class NamedDeliveryStream:
    """A delivery stream that the configuration names as somebody else's.

    `status` is Firehose's, "" where there is none of the name, and None where it could not be found out;
    `table` is the one that it was made for by us, "" where it is not ours: a tag alone is no proof, others may
    set it, so our delivery role or our bucket and the table's prefix are looked for beside.
    """

    name: str
    status: str | None = "ACTIVE"
    table: str = ""


def look(aws: Aws, config: Config) -> tuple[NamedDeliveryStream, ...]:
    """The delivery streams that the configuration names as somebody else's, as they are."""
    pace = Pace(aws, DELIVERY_STREAM_CALLS_PER_SECOND)
    return tuple(_delivery_stream(aws, pace, config, name) for name in config.delivery_streams_named)


def _delivery_stream(aws: Aws, pace: Pace, config: Config, name: str) -> NamedDeliveryStream:
    firehose = aws.client("firehose")
    try:
        pace.wait_for("DescribeDeliveryStream")
        described = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
        pace.wait_for("ListTagsForDeliveryStream")
        tags = firehose.list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"]
    except ClientError as err:
        code = error_code(err)
        if code not in {"ResourceNotFoundException", *DENIED}:
            raise
        return NamedDeliveryStream(name, None if code in DENIED else "")
    values = {each["Key"]: each.get("Value", "") for each in tags}
    ours = values.get(naming.MANAGED_TAG) == naming.MANAGED_TAG_VALUE
    table = values.get(naming.TABLE_TAG, "(none)") if ours else ""
    if ours and not _is_proved(described, config, values.get(naming.TABLE_TAG, "")):
        table = ""
    return NamedDeliveryStream(name, described["DeliveryStreamStatus"], table)


def _is_proved(described: Mapping[str, Any], config: Config, table: str) -> bool:
    destinations = described.get("Destinations", [])
    its = destinations[0].get("ExtendedS3DestinationDescription", {}) if destinations else {}
    bucket, prefix = its.get("BucketARN", "").rpartition(":")[2], naming.table_prefix(config.prefix, table)
    return its.get("RoleARN") == config.delivery_role_arn or (bucket, its.get("Prefix")) == (config.bucket, prefix)


def notes_on(delivery_streams: Iterable[NamedDeliveryStream]) -> list[Note]:
    """What a person should know of the delivery streams of somebody else's that the configuration names."""
    notes: list[Note] = []
    for each in delivery_streams:
        named = f"delivery stream {each.name}, which the configuration names,"
        if each.status is None:
            notes.append(Note(f"{named} could not be looked at: see that it is there, and is not ours"))
        elif each.status != "ACTIVE":
            so = f"is {each.status}" if each.status else "is not there"
            notes.append(
                Note(
                    f"{named} {so}: changes for it, and all behind them, wait in their table's stream, 22 hours "
                    "long. Create it, or take it out of the configuration",
                    loud=True,
                )
            )
    return notes
