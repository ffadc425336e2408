"""The keys of the group itemImages."""

import re
from dataclasses import dataclass

from continuous_backup import naming
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


@dataclass(frozen=True)
class ItemImages:
    """The group itemImages: the latest image of each item, as an object in a bucket of its own."""

    bucket: str = key(
        "bucket",
        "",
        "S3 bucket of the images, with versioning. Default: dynamodb-item-images-<account>-<region>, of the stack "
        "that deploy.py creates.",
        pattern=BUCKET,
        shape=BUCKET_SHAPE,
    )
    prefix: str = key(
        "prefix",
        "",
        "Path in the bucket; the table's name is added to it.",
        pattern=SHORT_PATH,
        shape=SHORT_PATH_SHAPE,
    )
    replica_account_id: str = key(
        "replicaAccountId",
        "",
        "Another account, which owns a replica of the bucket: S3 copies each image to it. Default: no replica.",
        pattern=r"\d{12}",
        shape="an account's number, 12 digits in quotes",
    )
    replica_region: str = key(
        "replicaRegion", "", "The region of the replica.", pattern=REGION, shape=REGION_SHAPE
    )
    replica_bucket: str = key(
        "replicaBucket",
        "",
        "The bucket of the replica. Default: dynamodb-item-images-replica-<replicaAccountId>-<replicaRegion>, of "
        "the stack that deploy.py --replica creates there.",
        pattern=BUCKET,
        shape=BUCKET_SHAPE,
    )
    replica_kms_key_arn: str = key(
        "replicaKmsKeyArn",
        "",
        "Customer managed KMS key of the replica, in its region; needed where kmsKeyArn is set.",
        pattern=KMS_KEY,
        shape=KMS_KEY_SHAPE,
    )
    storage_class: str = key(
        "storageClass",
        "STANDARD",
        "Storage class of the images. All but STANDARD bill an object as 128 KB and for 30 days at least, or its "
        "watching: dear for small items that change.",
        choices=("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR"),
    )
    table_name_match_regex: str = key(
        "tableNameMatchRegex",
        "",
        "Only tables whose name matches, from its start, have images. Empty: all that are backed up.",
    )
    writers: int = key(
        "writers", 32, "How many objects one invocation writes at the same time.", least=1, most=256
    )
    batch_size: int = key(
        "maxRecordsBatch", 1000, "Most changes that Lambda hands over at once.", least=1, most=10_000
    )
    batching_window_seconds: int = key(
        "batchingWindowSeconds",
        30,
        "Longest time that Lambda gathers changes. Of an item that changes often, only its last in a batch is "
        "written: longer is cheaper and later.",
        least=0,
        most=300,
    )
    memory_mb: int = key("memoryMB", 512, "Memory of LambdaStreamToItemImages, in MB.", least=128, most=10_240)
    timeout_seconds: int = key(
        "timeoutSeconds", 120, "Time-out of LambdaStreamToItemImages, in seconds.", least=15, most=900
    )
    reserved_concurrency: int = key(
        "reservedConcurrency",
        0,
        "Reserved concurrency of LambdaStreamToItemImages: the most that all shards use together; 0 reserves "
        "none.",
        least=0,
        most=10_000,
    )

    def are_kept_of(self, table: str) -> bool:
        """Whether the table's items have images. A regular expression that is not valid leaves none out."""
        if not self.table_name_match_regex or self.name_filter_problem:
            return True
        return re.match(self.table_name_match_regex, table) is not None

    @property
    def name_filter_problem(self) -> str:
        """Why tableNameMatchRegex cannot be used; empty where it can."""
        problem = problem_of_regex(self.table_name_match_regex)
        if problem:
            return (
                "itemImages.tableNameMatchRegex is not valid, so it is not used and every table has images: "
                f"{problem}"
            )
        if nothing := why_nothing_matches(self.table_name_match_regex):
            return (
                "itemImages.tableNameMatchRegex would leave out every table, so it is not used and every table "
                f"has images: {nothing}"
            )
        return ""

    @property
    def replica_bucket_name(self) -> str:
        """The bucket that S3 copies the images to; empty where there is no replica."""
        if not self.replica_account_id:
            return ""
        return self.replica_bucket or naming.default_replica_bucket(self.replica_account_id, self.replica_region)

    def problems(self, kms_key_arn: str) -> list[str]:
        """What does not go together, of these keys and that of the change log."""
        return self._problems_of_replica(kms_key_arn)

    def _problems_of_replica(self, kms_key_arn: str) -> list[str]:
        replica = {
            "replicaAccountId": self.replica_account_id,
            "replicaRegion": self.replica_region,
            "replicaBucket": self.replica_bucket,
            "replicaKmsKeyArn": self.replica_kms_key_arn,
        }
        named = [name for name, value in replica.items() if value]
        if not named:
            return []
        found = [
            f"itemImages.{needed}: it is not set, and {named[0]} is; a replica has an account and a region"
            for needed in ("replicaAccountId", "replicaRegion")
            if not replica[needed]
        ]
        if self.bucket:
            found.append(
                f"itemImages.{named[0]}: replication is set up for the bucket that deploy.py makes; leave "
                "itemImages.bucket out, or set replication up yourself, and leave this out"
            )
        if bool(kms_key_arn) != bool(self.replica_kms_key_arn):
            found.append(
                "itemImages.replicaKmsKeyArn: images that have a KMS key are replicated with a key of the other "
                "region: set both kmsKeyArn and this, or none of them"
            )
        return found
