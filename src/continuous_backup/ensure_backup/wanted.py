"""What should be: a table's delivery stream and mapping as the configuration wants them."""

import hashlib
import json
from dataclasses import asdict, replace
from enum import Enum

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.ensure_backup.state import DeliveryStream, Destination, Encryption, MappingSettings
from continuous_backup.naming import Account

#: Below the 24 hours that a stream keeps its records, so that what cannot be forwarded reaches the
#: on-failure destination before it expires:
#: https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
RECORD_AGE_SECONDS = 22 * 3600
RETRY_WITHOUT_END = -1

#: https://docs.aws.amazon.com/firehose/latest/APIReference/API_BufferingHints.html
LONGEST_BUFFER_SECONDS = 900

OWNED_BY_AWS = "AWS_OWNED_CMK"
OWNED_BY_CUSTOMER = "CUSTOMER_MANAGED_CMK"


class Wanted(Enum):
    """What a table's backup should be.

    PROTECTED is what the function wants of every table, unless the table's tag opts it out. KEPT is what it
    wants of one that the filter leaves out: what is wired stays whole, and nothing is begun.
    PROVISIONED is what a person asked for: the opting out is withdrawn. RELEASED takes the wiring
    away. DEPROVISIONED does so too, and opts the table out, or the next sweep would wire it again.
    """

    PROTECTED = "protected"
    KEPT = "kept"
    PROVISIONED = "provisioned"
    RELEASED = "released"
    DEPROVISIONED = "deprovisioned"


def destination(table: str, config: Config, account: Account) -> Destination:
    """Where and how the table's delivery stream writes; `config` is one `in_account`."""
    return Destination(
        bucket_arn=account.bucket_arn(config.bucket),
        role_arn=config.delivery_role_arn,
        prefix=naming.table_prefix(config.prefix, table),
        error_prefix=naming.errors_prefix(config.prefix, table),
        buffer_mb=config.buffer_mb,
        buffer_seconds=config.buffer_seconds,
        compression="UNCOMPRESSED" if config.forwarder_compresses else "GZIP",
        file_extension=".gz" if config.forwarder_compresses else "",
        log_group=naming.DELIVERY_LOG_GROUP,
        log_stream=config.delivery_stream_name(table),
        kms_key_arn=config.kms_key_arn,
    )


def encryption(config: Config) -> Encryption:
    """With which key the data inside the delivery stream is encrypted."""
    key_type = OWNED_BY_CUSTOMER if config.kms_key_arn else OWNED_BY_AWS
    return Encryption(key_type, config.kms_key_arn, "ENABLED")


def mapping_settings(config: Config, account: Account) -> MappingSettings:
    """How a stream is read: nothing skipped, nothing given up before the stream would forget it."""
    return MappingSettings(
        batch_size=config.batch_size,
        batching_window_seconds=config.batching_window_seconds,
        parallelization_factor=config.parallelization_factor,
        retry_attempts=RETRY_WITHOUT_END,
        record_age_seconds=RECORD_AGE_SECONDS,
        bisects=True,
        reports_batch_item_failures=True,
        on_failure=account.bucket_arn(config.bucket),
    )


def image_mapping_settings(images: ItemImages, config: Config, account: Account) -> MappingSettings:
    """How a stream is read for the images of items: the same, but for what itemImages says of batches."""
    return replace(
        mapping_settings(config, account),
        batch_size=images.batch_size,
        batching_window_seconds=images.batching_window_seconds,
        parallelization_factor=1,
    )


def fingerprint(table: str, config: Config, account: Account) -> str:
    """A hash of the delivery stream's wanted configuration, kept in its tag: 16 hexadecimal digits."""
    return _hash(asdict(destination(table, config, account)), asdict(encryption(config)))


def delivery_stream_tags(table: str, config: Config, account: Account) -> dict[str, str]:
    """The tags of a delivery stream of ours."""
    return _tags(table, fingerprint(table, config, account))


def mapping_tags(table: str, config: Config, account: Account) -> dict[str, str]:
    """The tags of an event source mapping of ours."""
    tags = _tags(table, _hash(asdict(mapping_settings(config, account))))
    why = config.why_not_restorable(table)
    return tags | ({naming.NOT_RESTORABLE_TAG: " ".join(why)} if why else {})


def image_mapping_tags(table: str, images: ItemImages, config: Config, account: Account) -> dict[str, str]:
    """The tags of an event source mapping of ours to LambdaStreamToItemImages."""
    return _tags(table, _hash(asdict(image_mapping_settings(images, config, account))))


def _tags(table: str, configuration: str) -> dict[str, str]:
    return {
        naming.MANAGED_TAG: naming.MANAGED_TAG_VALUE,
        naming.TABLE_TAG: table,
        naming.CONFIGURATION_TAG: configuration,
    }


def _hash(*facts: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def release_seconds(config: Config, found: DeliveryStream) -> int:
    """How long a delivery stream has to stay after its last mapping is gone.

    An invocation can go on for the function's time-out; what it put is written within the buffering
    interval, the delivery stream's own where that is longer than the configured one; Firehose drops what
    it holds when the delivery stream is deleted.
    """
    own = found.destination.buffer_seconds if found.destination else LONGEST_BUFFER_SECONDS
    return config.forwarder_timeout_seconds + max(config.buffer_seconds, own)
