"""What is: a table and its backup, as plain facts that describe and list calls gave."""

from collections.abc import Mapping as Tags
from dataclasses import dataclass, field

from continuous_backup import naming

NEW_AND_OLD_IMAGES = "NEW_AND_OLD_IMAGES"


@dataclass(frozen=True)
class Stream:
    """The latest stream of a table; a new one, with another ARN, each time that it is switched on."""

    arn: str
    view_type: str = NEW_AND_OLD_IMAGES
    enabled: bool = True


@dataclass(frozen=True)
class Table:
    """`opted_out` is whether its tag says that it is to be left alone."""

    name: str
    status: str = "ACTIVE"
    stream: Stream | None = None
    replicas: int = 0
    opted_out: bool = False

    @property
    def most_readers(self) -> int:
        """How many readers a shard of its stream may have, ours included.

        Two, or one beside the reader that a global table has of its own:
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
        """
        return 1 if self.replicas else 2


@dataclass(frozen=True)
class Destination:
    """How a delivery stream writes. A field that is None was not told, and differs from nothing."""

    bucket_arn: str
    role_arn: str
    prefix: str
    error_prefix: str
    buffer_mb: int
    buffer_seconds: int
    compression: str
    file_extension: str | None
    log_group: str
    log_stream: str
    kms_key_arn: str


@dataclass(frozen=True)
class Encryption:
    """Encryption of the data inside the delivery stream."""

    key_type: str = ""
    key_arn: str = ""
    status: str = "DISABLED"


@dataclass(frozen=True)
class DeliveryStream:
    """`destination` and `encryption` are None where only a list of names and tags was read.

    `proved` is whether it writes as ours do: with our delivery role, or to our bucket and prefix. Others may set
    tags; so no tag alone makes it ours. Where only a list was read, it is taken to be so, and nothing is changed.
    """

    name: str
    status: str = "ACTIVE"
    tags: Tags[str, str] = field(default_factory=dict, hash=False)
    arn: str = ""
    version: str = ""
    destination_id: str = ""
    destination: Destination | None = None
    encryption: Encryption | None = None
    proved: bool = True

    @property
    def ours(self) -> bool:
        return self.tagged and self.proved

    @property
    def tagged(self) -> bool:
        """Whether its tags say that it is ours."""
        return self.tags.get(naming.MANAGED_TAG) == naming.MANAGED_TAG_VALUE

    @property
    def table(self) -> str:
        """The table that it was made for."""
        return self.tags.get(naming.TABLE_TAG, "")

    @property
    def released_at(self) -> float | None:
        """When its last mapping was seen to be gone, in seconds since 1970; None while it is in use."""
        try:
            return float(self.tags[naming.RELEASED_AT_TAG])
        except (KeyError, ValueError):
            return None


@dataclass(frozen=True)
class MappingSettings:
    """The settings of an event source mapping that decide what is lost and when."""

    batch_size: int
    batching_window_seconds: int
    parallelization_factor: int
    retry_attempts: int
    record_age_seconds: int
    bisects: bool
    reports_batch_item_failures: bool
    on_failure: str
    filters: bool = False


@dataclass(frozen=True)
class Mapping:
    """An event source mapping from a stream of the table to the forwarder, or to LambdaStreamToItemImages."""

    uuid: str
    stream_arn: str
    state: str = "Enabled"
    settings: MappingSettings | None = None
    ours: bool = True
    not_restorable: tuple[str, ...] | None = ()
    """The keys that its tag says make the table's log less than a whole record; None where it was not read."""
    stream_is_gone: bool = False
    last_result: str = ""
    """What Lambda says of the last batch: "OK", "No records processed", or "PROBLEM: ..."."""


@dataclass(frozen=True)
class BackupState:
    """A table and all of its backup. `table` is None when there is no such table (any more).

    `delivery_stream` is the one that its changes go to, ours or not; `former_delivery_streams` are those that
    have the names that ours has under other settings.
    """

    name: str
    table: Table | None = None
    delivery_stream: DeliveryStream | None = None
    former_delivery_streams: tuple[DeliveryStream, ...] = ()
    mappings: tuple[Mapping, ...] = ()
    other_readers: int = 0
    """How many readers the stream has beside ours; told only where that matters."""
    forwarder_agrees: bool = True
    """Whether the deployed forwarder has the configuration that we plan with."""
    image_mappings: tuple[Mapping, ...] = ()
    """Those to LambdaStreamToItemImages; `mappings` are those to the forwarder."""
