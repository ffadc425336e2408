"""What does not fit the account that a configuration is used in."""

import pytest

from continuous_backup.configuration import fit
from continuous_backup.configuration.config import Config
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.errors import ConfigurationError
from tests.unit.configuration.values import ACCOUNT, parsed

OURS, THEIRS = "arn:aws:iam::123456789012:role/mine", "arn:aws:iam::999999999999:role/theirs"


def problems(config: Config) -> list[str]:
    try:
        fit.require(config.in_account(ACCOUNT), ACCOUNT)
    except ConfigurationError as err:
        return err.problems
    return []


def test_configuration_of_defaults_fits():
    assert problems(Config()) == []
    assert problems(Config(item_images=ItemImages())) == []


@pytest.mark.parametrize("key", ["cloudWatchRoleArn", "firehoseDeliveryRoleArn", "lambdaExecRoleArn"])
def test_role_of_another_account_does_not_fit(key: str):
    assert problems(parsed({key: OURS})) == []
    (told,) = problems(parsed({key: THEIRS}))
    assert told.startswith(f"{key}: {THEIRS} is a role of account 999999999999")


def test_key_of_another_region_does_not_fit():
    assert problems(Config(kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/1")) == []
    (told,) = problems(Config(kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/1"))
    assert told.startswith("kmsKeyArn: it is a key of us-east-1, and what is in eu-west-1")


REPLICA = {"replica_account_id": "999999999999", "replica_region": "eu-central-1"}


def with_key_of_replica(region: str, owner: str, **replica: str) -> Config:
    images = ItemImages(replica_kms_key_arn=f"arn:aws:kms:{region}:{owner}:key/1", **replica)
    return Config(item_images=images)


@pytest.mark.parametrize(
    ("region", "owner"),
    [("eu-west-1", "999999999999"), ("eu-central-1", "123456789012"), ("eu-west-1", "123456789012")],
)
def test_key_of_the_replica_that_is_not_of_its_region_and_account_does_not_fit(region: str, owner: str):
    (told,) = problems(with_key_of_replica(region, owner, **REPLICA))
    assert told == (
        f"itemImages.replicaKmsKeyArn: it is a key of {region}, account {owner}, and the replica is in "
        "eu-central-1, account 999999999999: name a key of there, "
        "arn:<partition>:kms:eu-central-1:999999999999:key/<id>"
    )


def test_key_of_the_replica_that_is_of_its_region_and_account_fits():
    """What is not given is another problem, and told when the file is read."""
    assert problems(with_key_of_replica("eu-central-1", "999999999999", **REPLICA)) == []
    assert problems(with_key_of_replica("eu-central-1", "1" * 12, replica_region="eu-central-1")) == []
    assert problems(with_key_of_replica("eu-central-1", "9" * 12, replica_account_id="9" * 12)) == []


@pytest.mark.parametrize(
    ("log", "images", "fits"),
    [
        ("dynamodb", "dynamodb", False),
        ("dynamodb", "", False),
        ("", "images", False),
        ("a", "a/b", False),
        ("a/b", "a", False),
        ("a", "ab", True),
        ("a/b", "a/c", True),
    ],
)
def test_images_and_log_of_one_bucket_lie_beside_each_other(log: str, images: str, fits: bool):
    """Also where one of them is named, and the other is the default of the account."""
    default = Config().in_account(ACCOUNT).bucket
    found = problems(Config(prefix=log, item_images=ItemImages(bucket=default, prefix=images)))
    assert bool(found) != fits
    assert problems(Config(bucket="mine", prefix=log, item_images=ItemImages(bucket="other", prefix=images))) == []


def test_all_that_does_not_fit_is_told_together_with_the_account():
    config = parsed({"lambdaExecRoleArn": THEIRS, "kmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/1"})
    with pytest.raises(ConfigurationError, match="account 123456789012, region eu-west-1") as caught:
        fit.require(config.in_account(ACCOUNT), ACCOUNT)
    assert len(caught.value.problems) == 2
