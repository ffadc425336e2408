"""What everything is called: one function a name, used by all, so that nothing is looked up."""

import hashlib
import re
from dataclasses import dataclass

ENSURE_FUNCTION = "EnsureDynamoBackup"
FORWARDER_FUNCTION = "LambdaStreamToFirehose"
ITEM_IMAGES_FUNCTION = "LambdaStreamToItemImages"
FUNCTIONS = (ENSURE_FUNCTION, FORWARDER_FUNCTION, ITEM_IMAGES_FUNCTION)
API_EVENTS_RULE = "DynamoDBCreateDelete"
SWEEP_RULE = "DynamoDBBackupSweep"
ROLES_STACK = "DynamoDBContinuousBackupRoles"
IMAGES_STACK = "DynamoDBItemImages"
REPLICA_STACK = "DynamoDBItemImagesReplica"

#: Firehose's own errors go here, one log stream a delivery stream.
DELIVERY_LOG_GROUP = "/aws/kinesisfirehose/DynamoDBContinuousBackup"

#: The tags by which we know what is ours.
MANAGED_TAG = "dynamodb-continuous-backup"
MANAGED_TAG_VALUE = "managed"
#: The value of MANAGED_TAG on a table that is to be left alone, whatever the filter says.
OPTED_OUT_TAG_VALUE = "off"
TABLE_TAG = "dynamodb-continuous-backup:table"
CONFIGURATION_TAG = "dynamodb-continuous-backup:configuration"
REPLACES_TAG = "dynamodb-continuous-backup:replaces-mapping"
RELEASED_AT_TAG = "dynamodb-continuous-backup:released-at"
#: On a mapping: the keys, with spaces between, that make the table's log less than a whole record of changes.
NOT_RESTORABLE_TAG = "dynamodb-continuous-backup:not-restorable"
#: On a mapping whose log lacked something once: since when it is whole, as 2026-11-25T10:00:00Z.
RESTORABLE_SINCE_TAG = "dynamodb-continuous-backup:restorable-since"

#: The kinds of changes that a stream tells of:
#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
EVENT_NAMES = ("INSERT", "MODIFY", "REMOVE")

#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
_TABLE = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
#: https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html
LONGEST_DELIVERY_STREAM_NAME = 64
_DIGEST_DIGITS = 16
_DIGEST = rf"-[0-9a-f]{{{_DIGEST_DIGITS}}}"
#: Ends the names of delivery streams whose records the forwarder compresses.
COMPRESSED_SUFFIX = ".gz"


@dataclass(frozen=True)
class Account:
    """Where we work: one account, one region."""

    id: str
    region: str
    partition: str = "aws"

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of this account and region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.id}:{resource}"

    def role_arn(self, role: str) -> str:
        return f"arn:{self.partition}:iam::{self.id}:role/{role}"

    def bucket_arn(self, bucket: str) -> str:
        return f"arn:{self.partition}:s3:::{bucket}"

    def function_arn(self, function: str) -> str:
        return self.arn("lambda", f"function:{function}")

    def mapping_arn(self, uuid: str) -> str:
        return self.arn("lambda", f"event-source-mapping:{uuid}")

    def rule_arn(self, rule: str) -> str:
        return self.arn("events", f"rule/{rule}")

    def table_arn(self, table: str) -> str:
        return self.arn("dynamodb", f"table/{table}")

    def delivery_stream_arn(self, delivery_stream: str) -> str:
        return self.arn("firehose", f"deliverystream/{delivery_stream}")


def account_of_arn(arn: str) -> Account:
    """The account and region that an ARN names: a function's own tells it where it runs."""
    _, partition, _, region, account, _ = arn.split(":", 5)
    return Account(account, region, partition)


def default_bucket(account: Account) -> str:
    """The bucket where the configuration names none; the account and region make it unique."""
    return f"dynamodb-continuous-backup-{account.id}-{account.region}"


def default_images_bucket(account: Account) -> str:
    """The bucket of items' images where the configuration names none."""
    return f"dynamodb-item-images-{account.id}-{account.region}"


def default_replica_bucket(account_id: str, region: str) -> str:
    """The bucket of their replicas where the configuration names none: of another account, in another region."""
    return f"dynamodb-item-images-replica-{account_id}-{region}"


def replication_role(region: str) -> str:
    """The role with which S3 replicates the images of a region's tables."""
    return f"DynamoDBItemImages-{region}-Replication"


def events_role(region: str) -> str:
    return f"DynamoDBContinuousBackup-{region}-Events"


def delivery_role(region: str) -> str:
    return f"DynamoDBContinuousBackup-{region}-Delivery"


def function_role(function: str, region: str) -> str:
    """The role of one of our functions; the forwarder's has the name that one role for all of them had."""
    purpose = {FORWARDER_FUNCTION: "Lambda", ENSURE_FUNCTION: "Ensure", ITEM_IMAGES_FUNCTION: "Images"}[function]
    return f"DynamoDBContinuousBackup-{region}-{purpose}"


def roles(region: str) -> tuple[str, ...]:
    """All that the stack of the roles can make."""
    return events_role(region), delivery_role(region), *(function_role(each, region) for each in FUNCTIONS)


def log_group(function: str) -> str:
    """Where Lambda writes a function's logs."""
    return f"/aws/lambda/{function}"


def delivery_stream_name(table: str, *, compressed_by_forwarder: bool = False) -> str:
    """The name of a table's delivery stream: the table's own, wherever that is possible.

    No two pairs of table and compression ever share a name. Firehose allows 64 characters, DynamoDB
    255: what is too long becomes its beginning, a dash, and 16 hexadecimal digits of the SHA-256 of
    the whole name; and so does a plain delivery stream's that would end in .gz, and any name that could
    be mistaken for one made that way.
    """
    suffix = COMPRESSED_SUFFIX if compressed_by_forwarder else ""
    room = LONGEST_DELIVERY_STREAM_NAME - len(suffix)
    kept = room - 1 - _DIGEST_DIGITS
    # What is made of a name that ends in .gz can be shorter than `room`, and be a table's name in its turn.
    made = rf".{{{kept}}}{_DIGEST}" if suffix else rf"(.{{{kept}}}{_DIGEST}|.*\.gz({_DIGEST})*)"
    if len(table) > room or re.fullmatch(made, table):
        digest = hashlib.sha256(table.encode()).hexdigest()[:_DIGEST_DIGITS]
        return f"{table[:kept]}-{digest}{suffix}"
    return table + suffix


def is_table_name(text: str) -> bool:
    """Whether DynamoDB lets a table be called so."""
    return _TABLE.fullmatch(text) is not None


def table_prefix(prefix: str, table: str) -> str:
    """Where on S3 a table's data is: always under its whole name, ending in a slash."""
    return f"{prefix.strip('/')}/{table}/".lstrip("/")


def errors_prefix(prefix: str, table: str) -> str:
    """Where Firehose puts what it could not deliver, by kind of error."""
    return table_prefix(prefix, table) + "_errors/!{firehose:error-output-type}/"


def table_of_arn(arn: str) -> str:
    """The table's name in the ARN of a table or of one of its streams; a plain name is given back.

    `arn:aws:dynamodb:<region>:<account>:table/<name>[/stream/<label>]`
    """
    if not arn.startswith("arn:"):
        return arn
    resource = arn.split(":", 5)[-1]
    kind, _, rest = resource.partition("/")
    return rest.split("/", 1)[0] if kind == "table" else ""
