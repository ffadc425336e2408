"""What should be deployed, from the configuration and the zips."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from continuous_backup import __version__, naming
from continuous_backup.configuration import config as configuration
from continuous_backup.configuration import from_environment, hjson_text
from continuous_backup.configuration.config import Config
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.ensure_backup.events import EVENT_PATTERN
from continuous_backup.errors import UsageError
from continuous_backup.naming import Account
from continuous_backup.operations.building import custom_functions
from continuous_backup.operations.deployment.package import Package
from continuous_backup.operations.deployment.state import (
    Bucket,
    Deployment,
    Function,
    Lifecycle,
    LogGroup,
    Place,
    Rule,
    Stack,
    Versioning,
)

ROLES_TEMPLATE = "iam-roles.yaml"
IMAGES_TEMPLATE = "item-images-source.yaml"
REPLICA_TEMPLATE = "item-images-replica.yaml"


def wanted(
    config: Config,
    as_written: Config,
    account: Account,
    packages: Mapping[str, Package],
    templates: Path,
    environment: Mapping[str, str],
) -> Deployment:
    """The whole of it. `config` is `as_written` in this account; `environment` what the functions get."""
    return Deployment(
        bucket=Bucket(
            config.bucket,
            ours=True,
            secured=True,
            kms_key=config.kms_key_arn,
            versioning=Versioning.ENABLED,
            lifecycle=Lifecycle.DECIDED,
        ),
        roles_stack=_roles_stack(config, as_written, templates) if as_written.needs_roles_stack else None,
        images_stack=_images_stack(config, account, templates),
        log_groups={
            name: LogGroup(name, config.log_retention_days)
            for name in (
                naming.log_group(naming.ENSURE_FUNCTION),
                naming.log_group(naming.FORWARDER_FUNCTION),
                *([naming.log_group(naming.ITEM_IMAGES_FUNCTION)] if config.item_images else []),
                naming.DELIVERY_LOG_GROUP,
            )
        },
        functions={
            # Those that are mapped first: the forwarder waits for delivery streams that are to come, where
            # EnsureDynamoBackup would release those that it still writes to.
            naming.FORWARDER_FUNCTION: _function(
                packages[naming.FORWARDER_FUNCTION],
                config,
                account,
                environment,
                config.forwarder_memory_mb,
                config.forwarder_timeout_seconds,
                config.forwarder_reserved_concurrency,
            ),
            **_images_function(packages, config, account, environment),
            naming.ENSURE_FUNCTION: _function(
                packages[naming.ENSURE_FUNCTION],
                config,
                account,
                environment,
                config.ensure_memory_mb,
                config.ensure_timeout_seconds,
                config.ensure_reserved_concurrency,
            ),
        },
        rules={
            naming.API_EVENTS_RULE: Rule(
                naming.API_EVENTS_RULE,
                config.events_role_arn,
                pattern=json.dumps(EVENT_PATTERN),
                target_arn=account.function_arn(naming.ENSURE_FUNCTION),
            ),
            naming.SWEEP_RULE: Rule(
                naming.SWEEP_RULE,
                config.events_role_arn,
                schedule=_rate(config.sweep_minutes),
                target_arn=account.function_arn(naming.ENSURE_FUNCTION),
            ),
        },
        log=Place(config.bucket, config.prefix),
        images=Place(config.item_images.bucket, config.item_images.prefix) if config.item_images else None,
    )


def replica_stack(images: ItemImages, source: Account, templates: Path, more: Mapping[str, str]) -> Stack:
    """The stack of the replicas' bucket, for the tables in `source`; `more` are its other parameters."""
    parameters = {
        "BucketName": images.replica_bucket_name,
        "SourceAccountId": source.id,
        "SourceReplicationRoleArn": source.role_arn(naming.replication_role(source.region)),
        "KmsKeyArn": images.replica_kms_key_arn,
    }
    text = (templates / REPLICA_TEMPLATE).read_text(encoding="utf-8")
    return Stack(naming.REPLICA_STACK, text, {**more, **parameters})


def environment_of(config_text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The keys that the file leaves to the environment, as the functions' environment variables.

    Raises UsageError for those that name a function of people's, whose Python file has to be in the zip.
    """
    found = from_environment.variables(hjson_text.parse(config_text, configuration.BUNDLED_NAME), environment)
    for key in custom_functions.ARGUMENTS:
        if key in found and custom_functions.path_in(key, environment):
            raise UsageError(
                f"{key} is set in the environment, and its Python file would not be in the zip",
                "put it into the configuration file, and run ./build.sh",
            )
    return found


def description(config: Config) -> str:
    """What a function says of itself: by this, scripts see whether they have the deployed configuration."""
    return f"DynamoDB Continuous Backup {__version__}, configuration {config.fingerprint}"


def statement_id(rule: str) -> str:
    """The name of the statement in the function's resource policy that lets a rule invoke it."""
    return f"{rule}-{hashlib.sha256(rule.encode()).hexdigest()[:8]}"


def _roles_stack(config: Config, as_written: Config, templates: Path) -> Stack:
    return Stack(
        naming.ROLES_STACK,
        (templates / ROLES_TEMPLATE).read_text(encoding="utf-8"),
        {
            "BucketName": config.bucket,
            "Prefix": config.prefix,
            "KmsKeyArn": config.kms_key_arn,
            "EventsRoleArn": as_written.events_role_arn,
            "DeliveryRoleArn": as_written.delivery_role_arn,
            "LambdaRoleArn": as_written.lambda_role_arn,
            "ImagesBucketName": config.item_images.bucket if config.item_images else "",
            "ImagesPrefix": config.item_images.prefix if config.item_images else "",
        },
    )


def _images_stack(config: Config, account: Account, templates: Path) -> Stack | None:
    """The bucket of items' images, where it is ours to make. Raises UsageError for a replica in this account."""
    images = config.item_images
    if images is None or images.bucket != naming.default_images_bucket(account):
        return None
    parameters = {
        "BucketName": images.bucket,
        "Prefix": images.prefix,
        "KmsKeyArn": config.kms_key_arn,
        "WriterRoleArn": config.function_role_arn(naming.ITEM_IMAGES_FUNCTION, account),
    }
    if images.replica_account_id == account.id:
        raise UsageError(
            f"itemImages.replicaAccountId is this very account, {account.id}",
            "a replica belongs to another account: whoever has this one's keys could delete it, too",
        )
    if images.replica_account_id:
        parameters |= {
            "ReplicaBucketArn": account.bucket_arn(images.replica_bucket_name),
            "ReplicaAccountId": images.replica_account_id,
            "ReplicaKmsKeyArn": images.replica_kms_key_arn,
        }
    return Stack(naming.IMAGES_STACK, (templates / IMAGES_TEMPLATE).read_text(encoding="utf-8"), parameters)


def _images_function(
    packages: Mapping[str, Package], config: Config, account: Account, environment: Mapping[str, str]
) -> dict[str, Function]:
    images = config.item_images
    if images is None:
        return {}
    package = packages[naming.ITEM_IMAGES_FUNCTION]
    sizes = (images.memory_mb, images.timeout_seconds, images.reserved_concurrency)
    return {package.function: _function(package, config, account, environment, *sizes)}


def _function(
    package: Package,
    config: Config,
    account: Account,
    environment: Mapping[str, str],
    memory_mb: int,
    timeout_seconds: int,
    reserved_concurrency: int,
) -> Function:
    return Function(
        name=package.function,
        role_arn=config.function_role_arn(package.function, account),
        handler=package.handler,
        runtime=package.runtime,
        architecture=package.architecture,
        memory_mb=memory_mb,
        timeout_seconds=timeout_seconds,
        log_format=config.log_format,
        code_sha256=package.sha256,
        description=description(config),
        environment=environment,
        reserved_concurrency=reserved_concurrency,
    )


def _rate(minutes: int) -> str:
    return f"rate({minutes} {'minute' if minutes == 1 else 'minutes'})"
