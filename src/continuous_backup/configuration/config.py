"""The configuration: its keys and their defaults, read from a file and from the environment."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from continuous_backup import naming
from continuous_backup.configuration import checks, hjson_text
from continuous_backup.configuration.checks import Entries, Text
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.configuration.keys import (
    BUCKET,
    BUCKET_SHAPE,
    KMS_KEY,
    KMS_KEY_SHAPE,
    REGION,
    REGION_SHAPE,
    SHORT_PATH,
    SHORT_PATH_SHAPE,
    key,
)
from continuous_backup.configuration.name_pattern import problem_of_regex, why_nothing_matches
from continuous_backup.errors import ConfigurationError, UsageError
from continuous_backup.naming import Account

#: What the configuration is called inside a Lambda function's zip.
BUNDLED_NAME = "config.hjson"

#: Beginnings of the settings that are about the functions and rules, and not about the wiring of tables.
_OF_FUNCTIONS = ("events_", "lambda_", "sweep_", "architecture", "ensure_", "forwarder_", "log_", "metrics")

#: The value of `transformer` that is built in: values as plain JSON, without DynamoDB's types.
PLAIN = "plain"

#: So many forward hundreds of MB a second. With no bound, an outage of Firehose's, in which the shards of all
#: tables are tried again and again, takes the concurrency of the whole account.
_FORWARDER_EXECUTIONS = 100

_ARN = r"arn:[a-z-]+:"
_FUNCTION = r"[A-Za-z_]\w*:[A-Za-z_]\w*"

#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_TABLE = Text(r"[a-zA-Z0-9_.-]{3,255}", "a table's name: 3 to 255 letters, digits, _ . -")
#: https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html
_DELIVERY_STREAM = Text(r"[a-zA-Z0-9_.-]{1,64}", "a delivery stream's name: 1 to 64 letters, digits, _ . -")


@dataclass(frozen=True)
class Config:
    """A configuration without mistakes in it. An empty text means: not set, use the default described."""

    region: str = key(
        "region",
        "",
        "AWS region to protect. Default: the region of your AWS settings.",
        pattern=REGION,
        shape=REGION_SHAPE,
    )
    events_role_arn: str = key(
        "cloudWatchRoleArn",
        "",
        "Role of the EventBridge rules. Default: the role of the stack that deploy.py creates.",
        pattern=_ARN + r"iam::\d{12}:role/[\w+=,.@/-]+",
        shape="the ARN of an IAM role",
    )
    bucket: str = key(
        "firehoseDeliveryBucket",
        "",
        "S3 bucket of the backup. Default: dynamodb-continuous-backup-<account>-<region>, which deploy.py "
        "creates where it is missing.",
        pattern=BUCKET,
        shape=BUCKET_SHAPE,
    )
    prefix: str = key(
        "firehoseDeliveryPrefix",
        "dynamodb",
        "Path in the bucket; the table's name and the hour are added to it.",
        pattern=SHORT_PATH,
        shape=SHORT_PATH_SHAPE,
    )
    delivery_role_arn: str = key(
        "firehoseDeliveryRoleArn",
        "",
        "Role with which Firehose writes to S3. Default: the role of the stack that deploy.py creates.",
        pattern=_ARN + r"iam::\d{12}:role/[\w+=,.@/-]+",
        shape="the ARN of an IAM role",
    )
    buffer_mb: int = key(
        "firehoseDeliverySizeMB",
        128,
        "Firehose writes an object when it has gathered this many MB (before compression) ...",
        least=1,
        most=128,
    )
    buffer_seconds: int = key(
        "firehoseDeliveryIntervalSeconds",
        300,
        "... or when this many seconds have passed, whichever comes first.",
        least=0,
        most=900,
    )
    lambda_role_arn: str = key(
        "lambdaExecRoleArn",
        "",
        "One role for all Lambda functions. Default: a role for each, of the stack that deploy.py creates.",
        pattern=_ARN + r"iam::\d{12}:role/[\w+=,.@/-]+",
        shape="the ARN of an IAM role",
    )
    batch_size: int = key(
        "streamsMaxRecordsBatch",
        1000,
        "Most changes that Lambda hands to the forwarder at once (Lambda also stops at 6 MB).",
        least=1,
        most=10_000,
    )
    batching_window_seconds: int = key(
        "streamsBatchingWindowSeconds",
        30,
        "Longest time that Lambda gathers changes before it calls the forwarder. Longer is cheaper and later.",
        least=0,
        most=300,
    )
    parallelization_factor: int = key(
        "streamsParallelizationFactor",
        1,
        "How many batches of one shard are forwarded at the same time. The order within an item is kept.",
        least=1,
        most=10,
    )
    table_name_match_regex: str = key(
        "tableNameMatchRegex",
        "",
        "Only tables whose name matches, from its start, are backed up. Empty: all are. A regular expression "
        "that is not valid means that all are, and is said in the log.",
    )
    optin_function: str = key(
        "optinFunction",
        "",
        "module:function of a Python file beside the configuration, from table name to bool; build.sh bundles "
        "it. Where it fails, the table is backed up.",
        pattern=_FUNCTION,
        shape="module:function, for example my_filter:is_production",
    )
    writable_event_types: tuple[str, ...] = key(
        "writableEventTypes",
        naming.EVENT_NAMES,
        "Which kinds of changes are written. With less than all three, the log is not restorable.",
        choices=naming.EVENT_NAMES,
        variable="WRITABLE_EVENT_TYPES",
    )
    include_ttl_deletes: bool = key(
        "includeTtlDeletes",
        True,
        "Whether what DynamoDB deletes by itself, when an item's time to live is over, is written. Without it, "
        "the log is not restorable.",
    )
    transformer: str = key(
        "transformer",
        "",
        "What makes a line of a change: plain, for values without DynamoDB's types; or module:function of a "
        "Python file beside the configuration, which build.sh bundles. Default: the documented line, the only "
        "restorable one.",
        pattern=f"{PLAIN}|{_FUNCTION}",
        shape="plain, or module:function, for example my_lines:without_secrets",
    )
    router: str = key(
        "router",
        "",
        "module:function of a Python file beside the configuration, from a change to the name of a delivery "
        "stream, or None for the table's own; build.sh bundles it. Not restorable.",
        pattern=_FUNCTION,
        shape="module:function, for example my_router:by_country",
    )
    route_by_attribute: Mapping[str, Mapping[str, str]] = key(
        "routeByAttribute",
        {},
        "By the name of an attribute and its value: the delivery stream that such changes go to, in place of the "
        "table's own. Not restorable.",
        shape='attribute: { value: "delivery stream" }',
        entries=Entries(
            Text(r"(?s).+", "an attribute's name"),
            Entries(Text(r"(?s).+", "an attribute's value"), _DELIVERY_STREAM),
        ),
    )
    delivery_streams: Mapping[str, str] = key(
        "deliveryStreams",
        {},
        "By table: a delivery stream of somebody else's that its changes go to. It is used, and never created, "
        "changed or deleted. Those tables are not restorable.",
        shape='table: "delivery stream"',
        entries=Entries(_TABLE, _DELIVERY_STREAM),
    )
    compression: str = key(
        "firehoseCompression",
        "firehose",
        "Who compresses: Firehose, the object as a whole; or the forwarder, each Firehose record for itself "
        "(much cheaper; needs readers that read gzip files of many members).",
        choices=("firehose", "forwarder"),
    )
    kms_key_arn: str = key(
        "kmsKeyArn",
        "",
        "Customer managed KMS key for the delivery streams and the objects. Default: keys that AWS owns.",
        pattern=KMS_KEY,
        shape=KMS_KEY_SHAPE,
    )
    incompatible_stream: str = key(
        "incompatibleStream",
        "report",
        "What to do with a table whose stream is on with another view type: report it and leave it alone, or "
        "replace the stream, which takes it from whoever reads it.",
        choices=("report", "replace"),
    )
    join_busy_streams: bool = key(
        "joinBusyStreams",
        False,
        "Whether to become the third reader of a stream that has two already. DynamoDB may throttle all three.",
    )
    sweep_minutes: int = key(
        "sweepIntervalMinutes",
        15,
        "How often everything is compared with what it should be, and mended.",
        least=1,
        most=1440,
    )
    architecture: str = key(
        "architecture",
        "arm64",
        "Processor of the Lambda functions; build.sh bundles libraries for it.",
        choices=("arm64", "x86_64"),
    )
    ensure_memory_mb: int = key(
        "ensureMemoryMB", 256, "Memory of EnsureDynamoBackup, in MB.", least=128, most=10_240
    )
    ensure_timeout_seconds: int = key(
        "ensureTimeoutSeconds",
        900,
        "Time-out of EnsureDynamoBackup, in seconds. What is not done by then is done by the next sweep.",
        least=30,
        most=900,
    )
    ensure_reserved_concurrency: int = key(
        "ensureReservedConcurrency",
        1,
        "Reserved concurrency of EnsureDynamoBackup; 0 reserves none. 1 means that it never meets itself.",
        least=0,
        most=1000,
    )
    forwarder_memory_mb: int = key(
        "forwarderMemoryMB", 512, "Memory of LambdaStreamToFirehose, in MB.", least=128, most=10_240
    )
    forwarder_timeout_seconds: int = key(
        "forwarderTimeoutSeconds",
        120,
        "Time-out of LambdaStreamToFirehose, in seconds: how long it tries before it hands a batch back.",
        least=15,
        most=900,
    )
    forwarder_reserved_concurrency: int = key(
        "forwarderReservedConcurrency",
        _FORWARDER_EXECUTIONS,
        "Reserved concurrency of LambdaStreamToFirehose: the most that all shards use together; 0 reserves none.",
        least=0,
        most=10_000,
    )
    metrics: str = key(
        "metrics",
        "function",
        "Which CloudWatch metrics the forwarder publishes: none, those of the function as a whole, or those of "
        "each table too, which are custom metrics more for each.",
        choices=("none", "function", "table"),
    )
    log_retention_days: int = key(
        "logRetentionDays",
        30,
        "How long CloudWatch keeps the logs, in days.",
        choices=(  # type: ignore[arg-type]  # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
            *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
            *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
        ),
    )
    log_format: str = key(
        "logFormat",
        "JSON",
        "Format of the functions' logs.",
        choices=("JSON", "Text"),
    )

    item_images: ItemImages | None = key(  # noqa: RUF009
        "itemImages",
        None,
        "Keeps the latest image of each item as an object in another bucket, to be replicated. Off where it is "
        "left out; {} has its defaults.",
        shape="itemImages: { storageClass: STANDARD }",
        group=ItemImages,
    )

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits, the same for configurations that wire tables and write changes in the same way.

        What decides where a change goes, in which form, or whether it is written at all, is in it: by this, a
        delivery stream is released, and a table called restorable, only once the deployed forwarder agrees.
        """
        wiring = [(name, value) for name, value in asdict(self).items() if not name.startswith(_OF_FUNCTIONS)]
        # Groups as they are written: the first attribute of routeByAttribute that has a route decides.
        return hashlib.sha256(json.dumps(sorted(wiring)).encode()).hexdigest()[:16]

    @property
    def forwarder_compresses(self) -> bool:
        return self.compression == "forwarder"

    @property
    def name_filter_problem(self) -> str:
        """Why tableNameMatchRegex cannot be used; empty where it can. A mistake there stops no backup."""
        problem = problem_of_regex(self.table_name_match_regex)
        if problem:
            return f"tableNameMatchRegex is not valid, so it is not used and every table is backed up: {problem}"
        if nothing := why_nothing_matches(self.table_name_match_regex):
            return (
                "tableNameMatchRegex would leave out every table, so it is not used and every table is backed "
                f"up: {nothing}"
            )
        return ""

    @property
    def needs_roles_stack(self) -> bool:
        """Whether a role is not named, so that the stack with our own roles is wanted."""
        return not (self.events_role_arn and self.delivery_role_arn and self.lambda_role_arn)

    def is_ours(self, table: str) -> bool:
        """Whether the table has a delivery stream of ours, and none of somebody else's."""
        return table not in self.delivery_streams

    def is_taken(self, table: str) -> bool:
        """Whether the name of the table's own delivery stream is named as one of somebody else's for another."""
        return self.is_ours(table) and self.delivery_stream_name(table) in self.delivery_streams_named

    @property
    def delivery_streams_named(self) -> tuple[str, ...]:
        """The delivery streams of somebody else's that deliveryStreams and routeByAttribute name, in order."""
        routed = (name for routes in self.route_by_attribute.values() for name in routes.values())
        return tuple(dict.fromkeys([*self.delivery_streams.values(), *routed]))

    def delivery_stream_name(self, table: str) -> str:
        """Where the table's changes go, unless they are routed elsewhere: the name in deliveryStreams, or ours."""
        ours = naming.delivery_stream_name(table, compressed_by_forwarder=self.forwarder_compresses)
        return self.delivery_streams.get(table, ours)

    def former_delivery_stream_names(self, table: str) -> tuple[str, ...]:
        """The names that a delivery stream of ours has under other settings: such are to be released."""
        ours = (naming.delivery_stream_name(table, compressed_by_forwarder=by) for by in (False, True))
        return tuple(name for name in ours if name != self.delivery_stream_name(table))

    def forwarder_compresses_for(self, table: str, delivery_stream: str) -> bool:
        """Whether lines of a table go to a delivery stream as gzip members. To one that is not ours: never."""
        own = self.is_ours(table) and delivery_stream == self.delivery_stream_name(table)
        return own and self.forwarder_compresses

    def why_not_restorable(self, table: str) -> tuple[str, ...]:
        """The keys that make the table's log less than a whole record of its changes. Empty: it is restorable."""
        less = {
            "writableEventTypes": set(self.writable_event_types) != set(naming.EVENT_NAMES),
            "includeTtlDeletes": not self.include_ttl_deletes,
            "transformer": bool(self.transformer),
            "router": bool(self.router),
            "routeByAttribute": bool(self.route_by_attribute),
            "deliveryStreams": not self.is_ours(table) or self.is_taken(table),
        }
        return tuple(key for key, is_so in less.items() if is_so)

    def function_role_arn(self, function: str, account: Account) -> str:
        """The role of one of our functions: lambdaExecRoleArn serves all, where it is given."""
        return self.lambda_role_arn or account.role_arn(naming.function_role(function, account.region))

    def in_account(self, account: Account) -> "Config":
        """This configuration with every default that depends on the account filled in.

        But for lambda_role_arn, which stays empty where each function has a role of its own.
        """
        images = self.item_images
        if images:
            images = replace(images, bucket=images.bucket or naming.default_images_bucket(account))
        return replace(
            self,
            item_images=images,
            region=account.region,
            bucket=self.bucket or naming.default_bucket(account),
            events_role_arn=self.events_role_arn or account.role_arn(naming.events_role(account.region)),
            delivery_role_arn=self.delivery_role_arn or account.role_arn(naming.delivery_role(account.region)),
        )


def keys() -> dict[str, "Field[Any]"]:
    """The keys of the file, in order, each with its field: default, meaning and bounds."""
    return {each.metadata["name"]: each for each in fields(Config)}


def load(path: Path, environment: Mapping[str, str] | None = None, *, deployed: bool = False) -> Config:
    """The configuration in a file; what the file leaves out comes from the environment, or is the default.

    Raises UsageError for a file that is not there or does not parse, ConfigurationError with everything
    that is wrong with its contents. `deployed` takes a filter that leaves out every table: a function backs
    them all up then, and says so, where a person is to be told of the slip.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as err:
        raise UsageError(
            f"there is no configuration file {path}",
            "name one that is there, or copy config.hjson, which works as it is",
        ) from err
    except (OSError, UnicodeDecodeError) as err:
        raise UsageError(f"the configuration file {path} cannot be read: {err}") from err
    return parse(hjson_text.parse(text, str(path)), environment, str(path), deployed=deployed)


def bundled() -> Config:
    """The configuration that build.sh put into a Lambda function's zip."""
    return load(Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / BUNDLED_NAME, deployed=True)


def parse(
    values: object,
    environment: Mapping[str, str] | None = None,
    source: str = "config",
    *,
    deployed: bool = False,
) -> Config:
    """The configuration made of the file's values. Raises ConfigurationError with all that is wrong."""
    environment = os.environ if environment is None else environment
    if not isinstance(values, Mapping):
        raise ConfigurationError(
            source, [f"it must hold keys and values in braces, not {checks.described(values)}"], "see config.hjson"
        )
    known = keys()
    problems = [checks.unknown_key(name, list(known)) for name in values if name not in known]
    settled: dict[str, Any] = {}
    for name, its in known.items():
        variable = set_variable(its, environment)
        if name in values:
            value, wrong = checks.checked(its, values[name])
        elif variable:
            value, wrong = _from_environment(its, variable, environment[variable])
        else:
            continue
        problems += wrong
        if not wrong:
            settled[its.name] = value
    if settled.get("router") and settled.get("route_by_attribute"):
        problems.append("router, routeByAttribute: both are set, and one alone can decide; leave one of them out")
    problems += _of_somebody_elses(settled)
    if images := settled.get("item_images"):
        problems += images.problems(settled.get("kms_key_arn", ""))
    if not deployed:
        problems += _filters_that_leave_out_all(settled)
    if problems:
        raise ConfigurationError(source, problems, "docs/configuration.md and docs/choices.md explain each key")
    return Config(**settled)


def _filters_that_leave_out_all(settled: dict[str, Any]) -> list[str]:
    images = settled.get("item_images")
    patterns = {
        "tableNameMatchRegex": settled.get("table_name_match_regex", ""),
        "itemImages.tableNameMatchRegex": images.table_name_match_regex if images else "",
    }
    return [
        f'{name}: "{pattern}" would leave out every table: {nothing}'
        for name, pattern in patterns.items()
        if not problem_of_regex(pattern) and (nothing := why_nothing_matches(pattern))
    ]


def _of_somebody_elses(settled: dict[str, Any]) -> list[str]:
    """That a delivery stream is named as somebody else's, and has a name that ours have where we compress.

    Plain lines between gzip members make an object that readers stop in, or take for garbage.
    """
    if settled.get("compression") != "forwarder":
        return []
    by_table = settled.get("delivery_streams", {}).values()
    routed = (name for routes in settled.get("route_by_attribute", {}).values() for name in routes.values())
    return [
        f'"{name}": with firehoseCompression: forwarder, names that end in .gz are those of our own delivery '
        "streams, and deliveryStreams and routeByAttribute name somebody else's"
        for name in dict.fromkeys([*by_table, *routed])
        if name.endswith(naming.COMPRESSED_SUFFIX)
    ]


def set_variable(its: "Field[Any]", environment: Mapping[str, str]) -> str:
    """The environment variable that a key is taken from where the file leaves it out; empty where none is set."""
    its_own, another = its.metadata["name"], its.metadata["variable"]
    return its_own if environment.get(its_own) else another if environment.get(another) else ""


def _from_environment(its: "Field[Any]", variable: str, text: str) -> tuple[Any, list[str]]:
    origin = f"(from the environment variable {variable})"
    try:
        is_group = its.metadata["entries"] is not None or its.metadata["group"] is not None
        value = hjson_text.parse(text, variable) if is_group else checks.from_text(its, text)
    except UsageError as err:
        return None, [f"{its.metadata['name']}: {err.problem} {origin}"]
    value, wrong = checks.checked(its, value)
    return value, [f"{each} {origin}" for each in wrong]
