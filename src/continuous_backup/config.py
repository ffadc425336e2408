"""The configuration: its keys and their defaults, read from a file and from the environment."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import hjson

from continuous_backup import config_checks as checks
from continuous_backup import naming
from continuous_backup.errors import ConfigurationError, UsageError
from continuous_backup.naming import Account

#: What the configuration is called inside a Lambda function's zip.
BUNDLED_NAME = "config.hjson"

#: Beginnings of the settings that are about the functions and rules, and not about the wiring of tables.
_OF_FUNCTIONS = ("events_", "lambda_", "sweep_", "architecture", "ensure_", "forwarder_", "log_")

_ARN = r"arn:[a-z-]+:"


def _key(
    name: str,
    default: Any,
    meaning: str,
    *,
    least: int | None = None,
    most: int | None = None,
    choices: tuple[str, ...] = (),
    pattern: str = "",
    shape: str = "",
) -> Any:
    """A key of the file. `pattern` must match all of a text that is not empty; `shape` says it in words."""
    return field(
        default=default,
        metadata={
            "name": name,
            "meaning": meaning,
            "least": least,
            "most": most,
            "choices": choices,
            "pattern": pattern,
            "shape": shape,
        },
    )


@dataclass(frozen=True)
class Config:
    """A configuration without mistakes in it. An empty text means: not set, use the default described."""

    region: str = _key(
        "region",
        "",
        "AWS region to protect. Default: the region of your AWS settings.",
        pattern=r"[a-z]{2,4}(-[a-z]+)+-\d",
        shape="a region such as eu-west-1",
    )
    events_role_arn: str = _key(
        "cloudWatchRoleArn",
        "",
        "Role of the EventBridge rules. Default: the role of the stack that deploy.py creates.",
        pattern=_ARN + r"iam::\d{12}:role/[\w+=,.@/-]+",
        shape="the ARN of an IAM role",
    )
    bucket: str = _key(
        "firehoseDeliveryBucket",
        "",
        "S3 bucket of the backup. Default: dynamodb-continuous-backup-<account>-<region>, which deploy.py "
        "creates where it is missing.",
        pattern=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        shape="a bucket name (3 to 63 of a-z, 0-9, dot and dash), without s3://",
    )
    prefix: str = _key(
        "firehoseDeliveryPrefix",
        "dynamodb",
        "Path in the bucket; the table's name and the hour are added to it.",
        pattern=r"[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*",
        shape="a path such as backups/dynamodb: letters, digits, _ . = - between single slashes, none at the ends",
    )
    delivery_role_arn: str = _key(
        "firehoseDeliveryRoleArn",
        "",
        "Role with which Firehose writes to S3. Default: the role of the stack that deploy.py creates.",
        pattern=_ARN + r"iam::\d{12}:role/[\w+=,.@/-]+",
        shape="the ARN of an IAM role",
    )
    buffer_mb: int = _key(
        "firehoseDeliverySizeMB",
        128,
        "Firehose writes an object when it has gathered this many MB (before compression) ...",
        least=1,
        most=128,
    )
    buffer_seconds: int = _key(
        "firehoseDeliveryIntervalSeconds",
        300,
        "... or when this many seconds have passed, whichever comes first.",
        least=0,
        most=900,
    )
    lambda_role_arn: str = _key(
        "lambdaExecRoleArn",
        "",
        "Role of the Lambda functions. Default: the role of the stack that deploy.py creates.",
        pattern=_ARN + r"iam::\d{12}:role/[\w+=,.@/-]+",
        shape="the ARN of an IAM role",
    )
    batch_size: int = _key(
        "streamsMaxRecordsBatch",
        1000,
        "Most changes that Lambda hands to the forwarder at once (Lambda also stops at 6 MB).",
        least=1,
        most=10_000,
    )
    batching_window_seconds: int = _key(
        "streamsBatchingWindowSeconds",
        30,
        "Longest time that Lambda gathers changes before it calls the forwarder. Longer is cheaper and later.",
        least=0,
        most=300,
    )
    parallelization_factor: int = _key(
        "streamsParallelizationFactor",
        1,
        "How many batches of one shard are forwarded at the same time. The order within an item is kept.",
        least=1,
        most=10,
    )
    table_name_match_regex: str = _key(
        "tableNameMatchRegex",
        "",
        "Only tables whose name matches, from its start, are backed up. Empty: all are. A regular expression "
        "that is not valid means that all are, and is said in the log.",
    )
    optin_function: str = _key(
        "optinFunction",
        "",
        "module:function of a Python file beside the configuration, from table name to bool; build.sh bundles "
        "it. Where it fails, the table is backed up.",
        pattern=r"[A-Za-z_]\w*:[A-Za-z_]\w*",
        shape="module:function, for example my_filter:is_production",
    )
    compression: str = _key(
        "firehoseCompression",
        "firehose",
        "Who compresses: Firehose, the object as a whole; or the forwarder, each Firehose record for itself "
        "(much cheaper; needs readers that read gzip files of many members).",
        choices=("firehose", "forwarder"),
    )
    kms_key_arn: str = _key(
        "kmsKeyArn",
        "",
        "Customer managed KMS key for the delivery streams and the objects. Default: keys that AWS owns.",
        pattern=_ARN + r"kms:[a-z0-9-]+:\d{12}:key/[\w-]+",
        shape="the ARN of a KMS key",
    )
    incompatible_stream: str = _key(
        "incompatibleStream",
        "report",
        "What to do with a table whose stream is on with another view type: report it and leave it alone, or "
        "replace the stream, which takes it from whoever reads it.",
        choices=("report", "replace"),
    )
    join_busy_streams: bool = _key(
        "joinBusyStreams",
        False,
        "Whether to become the third reader of a stream that has two already. DynamoDB may throttle all three.",
    )
    sweep_minutes: int = _key(
        "sweepIntervalMinutes",
        15,
        "How often everything is compared with what it should be, and mended.",
        least=1,
        most=1440,
    )
    architecture: str = _key(
        "architecture",
        "arm64",
        "Processor of the Lambda functions; build.sh bundles libraries for it.",
        choices=("arm64", "x86_64"),
    )
    ensure_memory_mb: int = _key(
        "ensureMemoryMB", 256, "Memory of EnsureDynamoBackup, in MB.", least=128, most=10_240
    )
    ensure_timeout_seconds: int = _key(
        "ensureTimeoutSeconds",
        900,
        "Time-out of EnsureDynamoBackup, in seconds. What is not done by then is done by the next sweep.",
        least=30,
        most=900,
    )
    ensure_reserved_concurrency: int = _key(
        "ensureReservedConcurrency",
        1,
        "Reserved concurrency of EnsureDynamoBackup; 0 reserves none. 1 means that it never meets itself.",
        least=0,
        most=1000,
    )
    forwarder_memory_mb: int = _key(
        "forwarderMemoryMB", 512, "Memory of LambdaStreamToFirehose, in MB.", least=128, most=10_240
    )
    forwarder_timeout_seconds: int = _key(
        "forwarderTimeoutSeconds",
        120,
        "Time-out of LambdaStreamToFirehose, in seconds: how long it tries before it hands a batch back.",
        least=15,
        most=900,
    )
    forwarder_reserved_concurrency: int = _key(
        "forwarderReservedConcurrency",
        0,
        "Reserved concurrency of LambdaStreamToFirehose: the most that all shards use together; 0 reserves none.",
        least=0,
        most=10_000,
    )
    log_retention_days: int = _key(
        "logRetentionDays",
        30,
        "How long CloudWatch keeps the logs, in days.",
        choices=(  # type: ignore[arg-type]  # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
            *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
            *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
        ),
    )
    log_format: str = _key(
        "logFormat",
        "JSON",
        "Format of the functions' logs.",
        choices=("JSON", "Text"),
    )

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits, the same for configurations that wire tables in the same way."""
        wiring = {name: value for name, value in asdict(self).items() if not name.startswith(_OF_FUNCTIONS)}
        return hashlib.sha256(json.dumps(wiring, sort_keys=True).encode()).hexdigest()[:16]

    @property
    def forwarder_compresses(self) -> bool:
        return self.compression == "forwarder"

    @property
    def name_filter_problem(self) -> str:
        """Why tableNameMatchRegex cannot be used; empty where it can. A mistake there stops no backup."""
        try:
            re.compile(self.table_name_match_regex)
        except (re.error, OverflowError, RecursionError) as err:
            return f"tableNameMatchRegex is not valid, so it is not used and every table is backed up: {err}"
        return ""

    @property
    def needs_roles_stack(self) -> bool:
        """Whether a role is not named, so that the stack with our own roles is wanted."""
        return not (self.events_role_arn and self.delivery_role_arn and self.lambda_role_arn)

    def delivery_stream_name(self, table: str) -> str:
        return naming.delivery_stream_name(table, compressed_by_forwarder=self.forwarder_compresses)

    def other_delivery_stream_name(self, table: str) -> str:
        """The name under the other setting of firehoseCompression: a delivery stream to be released."""
        return naming.delivery_stream_name(table, compressed_by_forwarder=not self.forwarder_compresses)

    def in_account(self, account: Account) -> "Config":
        """This configuration with every default that depends on the account filled in."""
        return replace(
            self,
            region=account.region,
            bucket=self.bucket or naming.default_bucket(account),
            events_role_arn=self.events_role_arn or account.role_arn(naming.events_role(account.region)),
            delivery_role_arn=self.delivery_role_arn or account.role_arn(naming.delivery_role(account.region)),
            lambda_role_arn=self.lambda_role_arn or account.role_arn(naming.lambda_role(account.region)),
        )


def keys() -> dict[str, "Field[Any]"]:
    """The keys of the file, in order, each with its field: default, meaning and bounds."""
    return {each.metadata["name"]: each for each in fields(Config)}


def load(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """The configuration in a file; what the file leaves out comes from the environment, or is the default.

    Raises UsageError for a file that is not there or does not parse, ConfigurationError with everything
    that is wrong with its contents.
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
    return parse(parse_hjson(text, str(path)), environment, str(path))


def bundled() -> Config:
    """The configuration that build.sh put into a Lambda function's zip."""
    return load(Path(os.environ.get("LAMBDA_TASK_ROOT", ".")) / BUNDLED_NAME)


def parse_hjson(text: str, source: str) -> Any:
    """What an HJSON text says. Raises UsageError with line and column where it does not parse."""
    try:
        return hjson.loads(text, object_pairs_hook=_without_duplicates)
    except _Duplicate as err:
        raise UsageError(
            f"{source}: {err} is there twice", "leave one of them; the other would be ignored"
        ) from err
    except hjson.HjsonDecodeError as err:
        line, column = getattr(err, "lineno", 0), getattr(err, "colno", 0)
        reason = getattr(err, "msg", str(err)).replace(" %r", "").removesuffix(" at")  # as hjson left them
        raise UsageError(
            f"{source}, line {line}, column {column}: this is not HJSON: {reason}",
            "look there, and just before it, for a bracket, a quote or a key without a colon; a text without "
            "quotes goes on to the end of its line, brackets and commas included",
        ) from err


class _Duplicate(Exception):
    """A key that is in one group twice."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for name, value in pairs:
        if name in seen:
            raise _Duplicate(name)
        seen[name] = value
    return seen


def parse(values: object, environment: Mapping[str, str] | None = None, source: str = "config") -> Config:
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
        if name in values:
            value, problem = checks.checked(its, values[name])
        elif environment.get(name):
            value, problem = checks.checked(its, checks.from_text(its, environment[name]))
            problem = problem and f"{problem} (from the environment variable {name})"
        else:
            continue
        if problem:
            problems.append(problem)
        else:
            settled[its.name] = value
    if problems:
        raise ConfigurationError(source, problems, "the README explains each key")
    return Config(**settled)
