"""What is deployed, and what should be, as plain facts of one shape, so that they can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from continuous_backup.operations.deployment.drift import Drift
from continuous_backup.operations.tables.named_delivery_streams import NamedDeliveryStream


class Versioning(StrEnum):
    """Whether a bucket keeps what is overwritten or deleted in it, in S3's own words where it has some."""

    ENABLED = "Enabled"
    SUSPENDED = "Suspended"
    NEVER = ""
    UNKNOWN = "unknown"


class Lifecycle(StrEnum):
    """What a bucket's lifecycle rules mean for its older versions."""

    DECIDED = "a rule says what becomes of them"
    OPEN = "no rule does, and ours can join those that are there"
    OLD_FORM = "no rule does, and S3 does not take ours beside those that are there"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Bucket:
    """`ours` is whether our tag is on it; `secured` whether it is private and TLS only.

    `kms_key` is the customer managed key that S3 encrypts new objects with, empty where there is none. Only of a
    bucket of ours the `lifecycle` is looked at.
    """

    name: str
    ours: bool = False
    secured: bool = False
    kms_key: str = ""
    versioning: Versioning = Versioning.NEVER
    lifecycle: Lifecycle = Lifecycle.UNKNOWN


@dataclass(frozen=True)
class Place:
    """Where on S3 the change log is, or the images of items."""

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True)
class Stack:
    """A stack of CloudFormation's: that of the roles, or that of the bucket of items' images.

    `drift` is what of its roles is not as the template has it; None where that could not be found out.
    """

    name: str
    template: str
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    status: str = "CREATE_COMPLETE"
    ours: bool = True
    drift: tuple[Drift, ...] | None = ()


@dataclass(frozen=True)
class LogGroup:
    name: str
    retention_days: int = 0
    ours: bool = True


@dataclass(frozen=True)
class Function:
    """A Lambda function. `reserved_concurrency` of 0 means that none is reserved."""

    name: str
    role_arn: str
    handler: str
    runtime: str
    architecture: str
    memory_mb: int
    timeout_seconds: int
    log_format: str
    code_sha256: str
    description: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    reserved_concurrency: int = 0
    ours: bool = True


@dataclass(frozen=True)
class Rule:
    """An EventBridge rule, with one target: EnsureDynamoBackup. `pattern` is JSON; `schedule` a rate()."""

    name: str
    role_arn: str
    pattern: str = ""
    schedule: str = ""
    enabled: bool = True
    target_arn: str = ""
    may_invoke: bool = True
    """Whether the function's resource policy lets this rule invoke it."""
    ours: bool = True


@dataclass(frozen=True)
class Deployment:
    """All of it. In what is there, None and absence mean: not there."""

    bucket: Bucket | None = None
    roles_stack: Stack | None = None
    attached: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By role of the stack: the managed policies that somebody attached, as ARNs, as far as that is known."""
    images_stack: Stack | None = None
    log_groups: Mapping[str, LogGroup] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    log: Place | None = None
    """Of what is wanted alone: of what is there, left_behind.py finds out what is known."""
    images: Place | None = None


@dataclass(frozen=True)
class ImagesBucket:
    """A bucket that holds items' images, or is to hold them or their replicas."""

    name: str
    exists: bool = True
    versioned: bool = True
    elsewhere: str = ""
    """Its region, where that is another one than the tables'."""
    kms_key: str = ""
    """As a Bucket's."""
    ours: bool = False
    """Of the stack DynamoDBItemImages, which is there."""
    replicates: bool = True
    """Whether a replication rule is on, where there is to be one."""


@dataclass(frozen=True)
class Wiring:
    """The tables that have a mapping to the forwarder, and their delivery streams."""

    log: Place | None = None
    """Where one of them writes; None where there is none, or it could not be found out."""
    waiting: int = 0
    """How many there are, where one has a delivery stream of the other compression alone: it is switched."""


@dataclass(frozen=True)
class NamedRole:
    """A role of people's own, given to one of AWS's services."""

    named_by: str
    """The key or the option that names it."""
    arn: str
    service: str
    exists: bool | None = None
    """None where it could not be found out."""
    trusts: bool = True
    """False where its trust policy clearly does not let the service assume it."""
    namesake: str = ""
    """The ARN of the role that has its name: another, where the path differs."""
    made_without: str = ""
    """Where it has the name of ours: the parameter without which the stack makes that."""


@dataclass(frozen=True)
class Surroundings:
    """What is not ours to change, and matters.

    `trail_logs_api_calls` is None where it could not be found out; `unreserved_concurrency` is what the
    account has left to reserve from, None where that could not be found out.
    """

    trail_logs_api_calls: bool | None = True
    unreserved_concurrency: int | None = 1000
    delivery_streams: tuple[NamedDeliveryStream, ...] = ()
    images_bucket: "ImagesBucket | None" = None
    """That which itemImages names, or ours; None where there are no images, or ours is still to be made."""
    replica_bucket: "ImagesBucket | None" = None
    """That of the replicas, in another account; None where there are to be none."""
    roles: "tuple[NamedRole, ...]" = ()
    wiring: "Wiring | None" = Wiring()
    """None where it could not be found out."""
