"""Whether a configuration fits the account and region that it is used in, with every default filled in."""

from continuous_backup.configuration.config import Config
from continuous_backup.errors import ConfigurationError
from continuous_backup.naming import Account


def require(config: Config, account: Account) -> None:
    """Raises ConfigurationError with all that does not fit; `config` is one `in_account`.

    For what begins or changes a backup of that account's tables: what ends one has to work in any case.
    """
    if problems := [
        *_of_keys(config, account),
        *_of_the_replicas_key(config),
        *_of_roles(config, account),
        *_of_prefixes(config),
    ]:
        raise ConfigurationError(
            f"the configuration for account {account.id}, region {account.region}",
            problems,
            "docs/configuration.md and docs/choices.md explain each key",
        )


def _of_keys(config: Config, account: Account) -> list[str]:
    """Firehose and S3 use keys of their own region alone."""
    region = config.kms_key_arn.split(":")[3] if config.kms_key_arn else account.region
    if region == account.region:
        return []
    return [f"kmsKeyArn: it is a key of {region}, and what is in {account.region} can use only keys of there"]


def _of_the_replicas_key(config: Config) -> list[str]:
    """S3 writes a replica with a key of its region, and the replica's stack is given one of its account."""
    images = config.item_images
    if images is None or not images.replica_kms_key_arn:
        return []
    there, owner = images.replica_kms_key_arn.split(":")[3:5]
    region, account = images.replica_region or there, images.replica_account_id or owner
    if (there, owner) == (region, account):
        return []
    return [
        f"itemImages.replicaKmsKeyArn: it is a key of {there}, account {owner}, and the replica is in {region}, "
        f"account {account}: name a key of there, arn:<partition>:kms:{region}:{account}:key/<id>"
    ]


def _of_roles(config: Config, account: Account) -> list[str]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html: none of another account."""
    roles = {
        "cloudWatchRoleArn": config.events_role_arn,
        "firehoseDeliveryRoleArn": config.delivery_role_arn,
        "lambdaExecRoleArn": config.lambda_role_arn,
    }
    owners = {key: arn.split(":")[4] for key, arn in roles.items() if arn}
    return [
        f"{key}: {roles[key]} is a role of account {owner}; a service is given roles of its own account alone"
        for key, owner in owners.items()
        if owner != account.id
    ]


def _of_prefixes(config: Config) -> list[str]:
    """Images below the change log are read as lines of it, and a log below images as images."""
    images = config.item_images
    if images is None or images.bucket != config.bucket:
        return []
    log, of_images = f"{config.prefix}/".lstrip("/"), f"{images.prefix}/".lstrip("/")
    if not (log.startswith(of_images) or of_images.startswith(log)):
        return []
    return [
        f"itemImages.prefix: images would lie at s3://{images.bucket}/{of_images}, and the change log at "
        f"s3://{config.bucket}/{log}, one inside the other; choose prefixes beside each other, or another bucket"
    ]
