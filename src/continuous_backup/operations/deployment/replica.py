"""deploy.py --replica: the bucket of the replicas, with the credentials of the account that is to own it."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from continuous_backup.configuration.config import Config
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.errors import UsageError
from continuous_backup.naming import Account
from continuous_backup.operations import cli
from continuous_backup.operations.deployment import observer, planner
from continuous_backup.operations.deployment.actions import Step
from continuous_backup.operations.deployment.executor import Executor
from continuous_backup.operations.deployment.wanted import replica_stack

_PARAMETER = re.compile(r"([A-Za-z0-9]+)=(.*)")
#: What the configuration and the options decide.
_NOT_FREE = {"BucketName", "SourceAccountId", "SourceReplicationRoleArn", "KmsKeyArn"}


def planned(options: argparse.Namespace, config: Config, templates: Path) -> tuple[list[Step], Executor, str]:
    """What it takes, who does it, and what is to be done then. Raises UsageError for what does not go together."""
    images, source = _images(config), _source(options, config)
    more = _parameters(options.parameter)
    if options.region and options.region != images.replica_region:
        raise UsageError(
            f"--region is {options.region}, and itemImages.replicaRegion is {images.replica_region}",
            "leave --region out: the configuration says where the replica is",
        )
    options.region = images.replica_region
    aws, account, _ = cli.connect(options, config)
    if account.id != images.replica_account_id:
        raise UsageError(
            f"these are credentials of account {account.id}, and itemImages.replicaAccountId is "
            f"{images.replica_account_id}",
            "give the credentials of that account, for example with --profile",
        )
    if account.id == source.id:
        raise UsageError(
            f"the tables' account and the replica's are both {account.id}", "a replica belongs to another account"
        )
    source = Account(source.id, source.region, account.partition)
    cli.tell(
        f"Account {account.id}, region {account.region}, replicas of the images of account {source.id}, "
        f"region {source.region}, in s3://{images.replica_bucket_name}"
    )
    steps = planner.plan_replica(observer.replica(aws), replica_stack(images, source, templates, more))
    then = f"Now run ./deploy.py with the credentials of account {source.id}: from then on S3 replicates."
    return steps, Executor(aws, account), then


def _images(config: Config) -> ItemImages:
    images = config.item_images
    if images is None or not images.replica_account_id:
        raise UsageError(
            "the configuration names no replica",
            'set itemImages: { replicaAccountId: "444455556666", replicaRegion: "eu-central-1" }',
        )
    return images


def _source(options: argparse.Namespace, config: Config) -> Account:
    region = options.source_region or config.region
    if not re.fullmatch(r"\d{12}", options.source_account or ""):
        raise UsageError(
            f"--source-account {options.source_account} is not an account's number"
            if options.source_account
            else "--replica does not know whose images are to be replicated",
            "give the 12 digits of the tables' account, as in --source-account 111122223333",
        )
    if not region:
        raise UsageError(
            "--replica does not know the region of the tables",
            "give --source-region, or set region in the configuration file",
        )
    return Account(options.source_account, region)


def _parameters(given: list[str]) -> Mapping[str, str]:
    found = {}
    for text in given:
        matched = _PARAMETER.fullmatch(text)
        if matched is None or matched[1] in _NOT_FREE:
            why = "the configuration and the other options say this" if matched else "it has the form NAME=VALUE"
            raise UsageError(
                f"--parameter {text}: {why}",
                "templates/item-images-replica.yaml has the parameters, for example ObjectLockDays=30",
            )
        found[matched[1]] = matched[2]
    return found
