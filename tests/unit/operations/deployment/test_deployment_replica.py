"""What deploy.py --replica needs to know, before it asks AWS for anything but whose credentials it has."""

import argparse
from dataclasses import replace

import pytest
from deployments import REPOSITORY

from continuous_backup.aws import Aws
from continuous_backup.configuration.config import Config
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.errors import UsageError
from continuous_backup.naming import Account
from continuous_backup.operations import cli
from continuous_backup.operations.deployment import replica

CONFIG = Config(
    region="eu-west-1", item_images=ItemImages(replica_account_id="444455556666", replica_region="eu-central-1")
)
OPTIONS = {
    "profile": None,
    "region": None,
    "endpoint_url": "http://127.0.0.1:1",
    "source_account": "111122223333",
    "source_region": None,
    "parameter": [],
}


@pytest.mark.parametrize(
    ("options", "config", "said"),
    [
        ({}, replace(CONFIG, item_images=None), "the configuration names no replica"),
        ({}, replace(CONFIG, item_images=ItemImages()), "the configuration names no replica"),
        ({"source_account": None}, CONFIG, "does not know whose images"),
        ({"source_account": "1111-2222-3333"}, CONFIG, "1111-2222-3333 is not an account's number"),
        ({}, replace(CONFIG, region=""), "does not know the region of the tables"),
        ({"region": "eu-north-1"}, CONFIG, "--region is eu-north-1, and itemImages.replicaRegion is eu-central-1"),
        ({"parameter": ["ObjectLockDays"]}, CONFIG, "--parameter ObjectLockDays: it has the form NAME=VALUE"),
        ({"parameter": ["BucketName=mine"]}, CONFIG, "--parameter BucketName=mine: the configuration and"),
    ],
)
def test_replica_when_something_is_missing_or_contradicts_itself_is_refused(options, config, said):
    with pytest.raises(UsageError) as refused:
        replica.planned(argparse.Namespace(**{**OPTIONS, **options}), config, REPOSITORY / "templates")
    assert said in refused.value.problem
    assert refused.value.hint


def test_replica_is_not_held_to_what_the_tables_account_needs(monkeypatch: pytest.MonkeyPatch):
    """The configuration's key and roles are of the tables' region and account, and not of the replica's."""
    config = replace(
        CONFIG,
        kms_key_arn="arn:aws:kms:eu-west-1:111122223333:key/k",
        lambda_role_arn="arn:aws:iam::111122223333:role/Lambda",
    )
    aws = Aws(region="eu-central-1", endpoint_url="http://127.0.0.1:1")
    monkeypatch.setattr(aws, "account", lambda: Account("444455556666", "eu-central-1"))
    monkeypatch.setattr(cli, "Aws", lambda **_: aws)
    monkeypatch.setattr(replica.observer, "replica", lambda _: None)

    steps, _, then = replica.planned(argparse.Namespace(**OPTIONS), config, REPOSITORY / "templates")

    assert [type(each).__name__ for each in steps] == ["CreateImagesStack"]
    assert "./deploy.py" in then
