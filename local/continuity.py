"""`make demo-continuity`: a table survives the loss of its account, as images in another region and account."""

import json
import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from continuous_backup.naming import Account
from local import airports, change_log_check, images_buckets, load
from local.airports import Difference, Item
from local.demonstration import WORK, Narrator, run
from local.emulator import ROOT, Credentials, root_of
from local.stage import Settings, Stage, user_with
from local.waiting import wait_for

TABLE = "Airports"
OTHER = Account("444455556666", "eu-central-1")
#: As many as a person likes to wait for: an image and its replica take the emulator some 15 milliseconds.
ITEMS = 1_500
SETTINGS = Settings(
    {
        "region": "eu-west-1",
        "itemImages": {
            "batchingWindowSeconds": 0,
            # Small enough to be written within the time-out: the emulator takes a batch of which a part has to
            # come again for done, where Lambda would repeat that part.
            "maxRecordsBatch": 200,
            "replicaAccountId": OTHER.id,
            "replicaRegion": OTHER.region,
        },
    }
)
_OTHERS_ROOT = root_of(OTHER.id)
_ALL_ARRIVED_WITHIN = 120.0


def main() -> int:
    """Runs the demonstration; 0 only if every check held."""
    older, newer = (
        airports.items(airports.airports(version, WORK / "data")) for version in (airports.OLDER, airports.NEWER)
    )
    changes = airports.difference(older, newer)
    items = some_of(older, changes, ITEMS)
    return run("continuity", SETTINGS, lambda stage, say: Continuity(stage, say).demonstrate(items, changes))


def some_of(items: Mapping[str, Item], changes: Difference, count: int) -> dict[str, Item]:
    """All items that the changes are of, and as many others as make `count`."""
    keys = [update.key for update in changes.updates] + changes.deletes
    changing = {key[airports.KEY]["S"] for key in keys}
    others = islice((key for key in items if key not in changing), max(0, count - len(changing)))
    return {key: items[key] for key in [*sorted(changing), *others]}


class Continuity:
    """The story: one account with tables, another with the replicas, and what is left when the first is lost."""

    def __init__(self, stage: Stage, say: Narrator) -> None:
        self._stage = stage
        self._say = say
        self._here = Account(stage.emulator.account_id, stage.emulator.region)
        self._source = _Images(stage.emulator.client("s3"), stage.images_bucket)
        at_replica = stage.emulator.client("s3", root_of(OTHER.id), OTHER.region)
        self._replica = _Images(at_replica, f"dynamodb-item-images-replica-{OTHER.id}-{OTHER.region}")

    def demonstrate(self, items: Mapping[str, Item], changes: Difference) -> None:
        """Raises CheckFailed where a claim does not hold, NotInTime where something does not come."""
        stage, say = self._stage, self._say
        say.step(
            f"Two AWS accounts, {self._here.id} in {self._here.region} and {OTHER.id} in {OTHER.region}, emulated "
            f"by MiniStack at {stage.emulator.endpoint_url}, with IAM enforced"
        )
        stage.create_table(TABLE, airports.KEY)
        dynamodb = stage.emulator.client("dynamodb")
        load.put(dynamodb, TABLE, items.values())
        say.tell(f"the first has table {TABLE} with {len(items):,} items in it, and no backup")
        self._deploy()
        self._provision()
        self._change(changes)
        table = change_log_check.scan(dynamodb, TABLE)
        self._check_images(table, len(changes.deletes))
        self._lose_everything()
        self._restore(table)

    def _deploy(self) -> None:
        stage, say = self._stage, self._say
        say.step("./build.sh, with the replica in the configuration: " + json.dumps(SETTINGS.values["itemImages"]))
        stage.build()
        say.step("deploy.py, before there is a replica")
        say.tell(stage.deploy(expect=1).stderr)
        say.step(
            "deploy.py --replica, by the administrator of the other account, with that one's credentials alone"
        )
        options = ("--replica", "--profile", "continuity", "--source-account", self._here.id)
        say.tell(stage.deploy(*options, environment=self._environment()).stderr)
        self._complete("DynamoDBItemImagesReplica", images_buckets.REPLICA_TEMPLATE, OTHER, root_of(OTHER.id))
        say.step("deploy.py, by the administrator of the first")
        say.tell(stage.deploy().stderr)
        self._complete("DynamoDBItemImages", images_buckets.SOURCE_TEMPLATE, self._here, ROOT)
        again = [stage.deploy(), stage.deploy(*options, environment=self._environment())]
        say.check("deploying both again changes nothing", all("Nothing to do" in each.stderr for each in again))

    def _provision(self) -> None:
        stage = self._stage
        self._say.step("provision_tables.py --images: what the table holds already")
        whitelist = stage.work / "whitelist.hjson"
        whitelist.write_text(json.dumps({"tableNames": [TABLE]}))
        options = ("--config-file", str(stage.config_file), "--images", "--items-per-second", "1000000", "--yes")
        provisioned = stage.script(
            "provision_tables.py", str(whitelist), *options, credentials=stage.operator("provision")
        )
        self._say.tell(provisioned.stderr)

    def _change(self, changes: Difference) -> None:
        count = len(changes.puts) + len(changes.updates) + len(changes.deletes)
        self._say.step(
            f"{count:,} changes: {len(changes.updates):,} updates, {len(changes.puts):,} new items, "
            f"{len(changes.deletes):,} gone"
        )
        dynamodb = self._stage.emulator.client("dynamodb")
        self._say.timed(lambda: load.apply(dynamodb, TABLE, changes), count)

    def _check_images(self, table: Mapping[str, Item], removed: int) -> None:
        say = self._say
        say.step("Waiting until the replicas are what the table is")
        wait_for(
            lambda: self._replica.is_at_rest() and self._replica.items() == _by_key(table.values()),
            "the replicas to be what the table is",
            _ALL_ARRIVED_WITHIN,
            every=1,
        )
        documents = self._replica.documents()
        say.check(
            f"{len(table):,} images and {removed:,} tombstones are in the other account's bucket",
            len(documents) == len(table) + removed,
        )
        say.check(
            "and the very same bytes in the first account's", self._source.listed() == self._replica.listed()
        )
        name, document = next(iter(documents.items()))
        say.tell(f"for example s3://{self._replica.bucket}/{name}:\n  {json.dumps(document)}")
        say.check("the first account may not read the replicas", self._refused("get_object", Key=name))

    def _lose_everything(self) -> None:
        """What an intruder can do who has the keys of the first account's root."""
        stage, say = self._stage, self._say
        say.step(f"Account {self._here.id} is lost: its root user deletes the table and the backups")
        name = next(iter(self._replica.documents()))
        stage.emulator.client("dynamodb").delete_table(TableName=TABLE)
        for bucket in (stage.images_bucket, stage.bucket):
            _delete_bucket(self._source.s3, bucket)
        buckets = {each["Name"] for each in self._source.s3.list_buckets()["Buckets"]}
        say.check("table, change log and images are gone", not buckets & {stage.images_bucket, stage.bucket})
        say.check(
            "the replicas refuse to be deleted, overwritten, or to lose their versions",
            self._refused("delete_object", Key=name)
            and self._refused("put_object", Key=name, Body=b"")
            and self._refused("put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"})
            and self._refused("delete_bucket_policy")
            and self._refused("delete_bucket"),
        )

    def _restore(self, table: Mapping[str, Item]) -> None:
        stage, say = self._stage, self._say
        say.step(
            f"restore_images.py, into account {OTHER.id}, region {OTHER.region}, from the replica alone, by a "
            "user who may do just that"
        )
        environment = self._environment(self._restorer())
        own = ("--profile", "continuity", "--region", OTHER.region, "--writes-per-second", "1000000")
        options = (TABLE, "--bucket", self._replica.bucket, "--create", *own)
        say.tell(stage.script("restore_images.py", *options, "--dry-run", environment=environment).stderr)
        say.tell(stage.script("restore_images.py", *options, "--yes", environment=environment).stderr)
        there = stage.emulator.client("dynamodb", root_of(OTHER.id), OTHER.region)
        say.check(
            f"the restored table equals what was lost: {len(table):,} items",
            change_log_check.scan(there, TABLE) == table,
        )

    def _refused(self, call: str, **arguments: Any) -> bool:
        """Whether the replica's bucket refuses a call of the first account's root."""
        try:
            getattr(self._source.s3, call)(Bucket=self._replica.bucket, **arguments)
        except ClientError as err:
            return str(err.response["Error"]["Code"]) == "AccessDenied"
        return False

    def _restorer(self) -> Credentials:
        """Of the other account, with the policies that docs/iam.md gives for both sides of restore_images.py."""
        filled_in = {
            "Region": OTHER.region,
            "Account": OTHER.id,
            "ImagesBucket": self._replica.bucket,
            "ImagesPrefix": "",
        }
        iam = self._stage.emulator.client("iam", root_of(OTHER.id), OTHER.region)
        return user_with(iam, "restorer", ["restore-images-bucket", "restore-images-table"], filled_in)

    def _environment(self, its: Credentials = _OTHERS_ROOT) -> dict[str, str]:
        """Of somebody who has these credentials, of the other account, in a profile, and none of the first's."""
        path = self._stage.work / "aws-config"
        path.write_text(
            f"[profile continuity]\naws_access_key_id = {its.access_key_id}\n"
            f"aws_secret_access_key = {its.secret_access_key}\n"
        )
        own = self._stage.emulator.environment()
        left_out = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"}
        return {name: value for name, value in own.items() if name not in left_out} | {
            "AWS_CONFIG_FILE": str(path)
        }

    def _complete(self, stack: str, template: str, account: Account, credentials: Credentials) -> None:
        client, region = self._stage.emulator.client, account.region
        cloudformation, s3 = client("cloudformation", credentials, region), client("s3", credentials, region)
        images_buckets.complete(cloudformation, s3, stack, template, account)
        self._say.tell("the emulator's CloudFormation ignores replication and lifecycle: set as the template says")


class _Images:
    """The objects of a bucket, each version of which is read once; sharing no code with the product."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self.s3 = s3
        self.bucket = bucket
        self._read: dict[tuple[str, str], dict[str, Any]] = {}
        self._listed: dict[str, str] = {}

    def listed(self) -> dict[str, str]:
        """The ETags, which are the MD5 sums, by name."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{TABLE}/")
        return {each["Key"]: each["ETag"] for page in pages for each in page.get("Contents", [])}

    def is_at_rest(self) -> bool:
        """Whether the bucket is as it was when this was last asked."""
        before, self._listed = self._listed, self.listed()
        return before == self._listed

    def documents(self) -> dict[str, dict[str, Any]]:
        """By name."""
        listed = self.listed()
        for name, tag in listed.items():
            if (name, tag) not in self._read:
                body = self.s3.get_object(Bucket=self.bucket, Key=name)["Body"].read()
                self._read[name, tag] = json.loads(body)
        return {name: self._read[name, tag] for name, tag in listed.items()}

    def items(self) -> dict[str, Item]:
        return _by_key(each["Image"] for each in self.documents().values() if "Image" in each)


def _by_key(items: Iterable[Item]) -> dict[str, Item]:
    return {item[airports.KEY]["S"]: item for item in items}


def _delete_bucket(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        listed = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if versions := [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in listed]:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
    s3.delete_bucket(Bucket=bucket)


if __name__ == "__main__":
    sys.exit(main())
