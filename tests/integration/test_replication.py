"""The stacks of the items' images in two accounts and two regions: what travels, and what cannot be taken away."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from continuous_backup.item_images.writing import TOMBSTONE_TAG
from continuous_backup.naming import Account
from local import images_buckets, templates
from local.emulator import Emulator, root_of
from tests.integration.engines import unique

pytestmark = pytest.mark.emulator

SOURCE = Account("111122223333", "eu-west-1")
REPLICA = Account("444455556666", "eu-central-1")
ROLE = SOURCE.role_arn("DynamoDBItemImages-eu-west-1-Replication")

IMAGE = b'{"id": {"S": "1"}, "price": {"N": "12"}}'
TOMBSTONE = b'{"deleted": true}'
METADATA = {"sequence-number": "4421584500000000017450439091", "event": "MODIFY"}


class Clients:
    """Of the accounts' root users."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def of(self, account: Account, service: str) -> Any:
        return self._emulator.client(service, root_of(account.id), account.region)


@pytest.fixture(scope="module")
def clients(emulator: Emulator) -> Clients:
    return Clients(emulator)


def deploy(clients: Clients, name: str, account: Account, **parameters: str) -> dict[str, str]:
    """The outputs of a new stack of a template. Raises ClientError where CloudFormation refuses it."""
    cloudformation, stack = clients.of(account, "cloudformation"), unique(name)
    file_name = f"item-images-{name}.yaml"
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=(templates.TEMPLATES / file_name).read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    (made,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in made["Outputs"]}
    images_buckets.complete(cloudformation, clients.of(account, "s3"), stack, file_name, account)
    return outputs


@dataclass(frozen=True)
class Sides:
    """The two buckets, each with the clients of the accounts that own them."""

    source: str
    replica: str
    at_source: Any
    at_replica: Any

    def write(self, key: str, body: bytes = IMAGE, **more: Any) -> str:
        written = self.at_source.put_object(Bucket=self.source, Key=key, Body=body, Metadata=METADATA, **more)
        return str(written["VersionId"])

    def versions_of_replica(self, key: str) -> dict[str, list[Any]]:
        found = self.at_replica.list_object_versions(Bucket=self.replica, Prefix=key)
        return {"Versions": found.get("Versions", []), "DeleteMarkers": found.get("DeleteMarkers", [])}


def sides(clients: Clients, *, role: str = ROLE, **of_source: str) -> Sides:
    replica = deploy(
        clients,
        "replica",
        REPLICA,
        BucketName=unique("replica"),
        SourceAccountId=SOURCE.id,
        SourceReplicationRoleArn=role,
    )
    source = deploy(
        clients,
        "source",
        SOURCE,
        BucketName=unique("source"),
        ReplicaBucketArn=replica["BucketArn"],
        ReplicaAccountId=REPLICA.id,
        **of_source,
    )
    return Sides(
        source["BucketName"],
        replica["BucketName"],
        clients.of(SOURCE, "s3"),
        clients.of(REPLICA, "s3"),
    )


@pytest.fixture(scope="module")
def both(clients: Clients) -> Sides:
    """Replicating, with the names of the defaults but for the buckets'."""
    return sides(clients)


def test_replica_can_be_deployed_before_anything_is_in_the_sources_account(clients: Clients):
    nowhere = Account("777788889999", "us-east-1")
    role = nowhere.role_arn("DynamoDBItemImages-us-east-1-Replication")
    account = Account("888899990000", "us-west-2")

    replica = deploy(
        clients,
        "replica",
        account,
        SourceAccountId=nowhere.id,
        SourceReplicationRoleArn=role,
        NoncurrentDays="10",
    )
    source = deploy(clients, "source", nowhere, ReplicaBucketArn=replica["BucketArn"], ReplicaAccountId=account.id)

    assert replica["BucketName"] == "dynamodb-item-images-replica-888899990000-us-west-2"
    assert source["BucketName"] == "dynamodb-item-images-777788889999-us-east-1"
    assert source["ReplicationRoleArn"] == role
    clients.of(nowhere, "s3").put_object(Bucket=source["BucketName"], Key="Orders/x", Body=IMAGE)
    found = clients.of(account, "s3").get_object(Bucket=replica["BucketName"], Key="Orders/x")
    assert found["Body"].read() == IMAGE


def test_image_when_written_is_in_the_other_accounts_bucket_with_its_metadata(both: Sides):
    key = unique("Orders/id.S.1/image.json")
    both.write(key, IfNoneMatch="*", StorageClass="STANDARD_IA")

    found = both.at_replica.get_object(Bucket=both.replica, Key=key)
    assert found["Body"].read() == IMAGE
    assert found["Metadata"] == METADATA
    assert found["ReplicationStatus"] == "REPLICA"
    # The class is the rule's and not the source's; S3 leaves out STANDARD.
    assert found.get("StorageClass", "STANDARD") == "STANDARD"
    assert both.at_source.head_object(Bucket=both.source, Key=key)["ReplicationStatus"] == "COMPLETED"


def test_image_when_written_again_is_another_version_of_the_replica(both: Sides):
    key = unique("Orders/id.S.2/image.json")
    both.write(key)
    etag = both.at_source.head_object(Bucket=both.source, Key=key)["ETag"]
    both.write(key, b"newer", IfMatch=etag)

    bodies = [
        both.at_replica.get_object(Bucket=both.replica, Key=key, VersionId=each["VersionId"])["Body"].read()
        for each in both.versions_of_replica(key)["Versions"]
    ]
    assert bodies == [b"newer", IMAGE]


def test_tombstone_when_written_travels_with_the_tag_by_which_it_expires(both: Sides):
    key = unique("Orders/id.S.3/image.json")
    both.write(key)
    both.write(key, TOMBSTONE, Tagging=TOMBSTONE_TAG)

    found = both.at_replica.get_object(Bucket=both.replica, Key=key)
    assert (found["Body"].read(), found["Metadata"]) == (TOMBSTONE, METADATA)
    tags = both.at_replica.get_object_tagging(Bucket=both.replica, Key=key)["TagSet"]
    expiring = both.at_replica.get_bucket_lifecycle_configuration(Bucket=both.replica)["Rules"]
    assert [each["Filter"]["Tag"] for each in expiring if "Tag" in each["Filter"]] == tags


def test_deletions_at_the_source_stay_there(both: Sides):
    key = unique("Orders/id.S.4/image.json")
    version = both.write(key)

    both.at_source.delete_object(Bucket=both.source, Key=key)
    both.at_source.delete_object(Bucket=both.source, Key=key, VersionId=version)

    with pytest.raises(ClientError, match="404"):
        both.at_source.head_object(Bucket=both.source, Key=key)
    assert both.at_replica.get_object(Bucket=both.replica, Key=key)["Body"].read() == IMAGE
    assert both.versions_of_replica(key)["DeleteMarkers"] == []


def test_replica_when_the_sources_bucket_is_gone_still_has_every_image(clients: Clients):
    its = sides(
        clients, role=SOURCE.role_arn("Lost-Replication"), ReplicationRoleName="Lost-Replication", Prefix="images"
    )
    keys = [f"images/Orders/id.S.{number}/image.json" for number in range(20)]
    for key in keys:
        its.write(key)

    listed = its.at_source.list_object_versions(Bucket=its.source)
    for each in listed["Versions"]:
        its.at_source.delete_object(Bucket=its.source, Key=each["Key"], VersionId=each["VersionId"])
    its.at_source.delete_bucket(Bucket=its.source)

    there = its.at_replica.list_objects_v2(Bucket=its.replica)["Contents"]
    assert sorted(each["Key"] for each in there) == sorted(keys)


def test_replication_when_a_prefix_is_given_leaves_out_what_is_beside_it(clients: Clients):
    its = sides(
        clients, role=SOURCE.role_arn("Part-Replication"), ReplicationRoleName="Part-Replication", Prefix="images"
    )
    its.write("images/Orders/x")
    its.write("images-too/Orders/x")

    there = its.at_replica.list_objects_v2(Bucket=its.replica)["Contents"]
    assert [each["Key"] for each in there] == ["images/Orders/x"]


def test_replication_when_the_replica_expects_another_role_fails_and_says_so(clients: Clients):
    its = sides(clients, role=SOURCE.role_arn("Expected"), ReplicationRoleName="Other-Replication")
    its.write("Orders/x")

    assert its.at_source.head_object(Bucket=its.source, Key="Orders/x")["ReplicationStatus"] == "FAILED"
    assert its.at_replica.list_objects_v2(Bucket=its.replica)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("delete_object", {"Key": "Orders/kept"}),
        ("put_object", {"Key": "Orders/kept", "Body": b"worse"}),
        ("put_object_tagging", {"Key": "Orders/kept", "Tagging": {"TagSet": []}}),
        ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
        ("delete_bucket_policy", {}),
        ("delete_bucket", {}),
    ],
)
def test_replica_when_the_sources_root_user_takes_or_changes_something_refuses(
    both: Sides, call: str, arguments: dict[str, Any]
):
    both.write("Orders/kept")
    # Even where the replica's administrator has opened the bucket too far.
    policy = json.loads(both.at_replica.get_bucket_policy(Bucket=both.replica)["Policy"])
    opened = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{SOURCE.id}:root"}, "Action": "s3:*"}
    opened["Resource"] = [f"arn:aws:s3:::{both.replica}", f"arn:aws:s3:::{both.replica}/*"]
    open_policy = {**policy, "Statement": [*policy["Statement"], opened]}
    both.at_replica.put_bucket_policy(Bucket=both.replica, Policy=json.dumps(open_policy))
    try:
        assert both.at_source.get_object(Bucket=both.replica, Key="Orders/kept")["Body"].read() == IMAGE
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(both.at_source, call)(Bucket=both.replica, **arguments)
    finally:
        both.at_replica.put_bucket_policy(Bucket=both.replica, Policy=json.dumps(policy))

    assert both.at_replica.get_object(Bucket=both.replica, Key="Orders/kept")["Body"].read() == IMAGE
    assert both.at_replica.get_bucket_versioning(Bucket=both.replica)["Status"] == "Enabled"


def test_replica_when_the_sources_root_user_reads_refuses(both: Sides):
    both.write("Orders/secret")

    with pytest.raises(ClientError, match="AccessDenied"):
        both.at_source.get_object(Bucket=both.replica, Key="Orders/secret")


def test_stack_when_the_replica_has_no_owner_is_refused(clients: Clients):
    with pytest.raises(ClientError, match="ReplicaBucketArn needs ReplicaAccountId"):
        deploy(clients, "source", SOURCE, BucketName=unique("no"), ReplicaBucketArn="arn:aws:s3:::somewhere")


def test_stack_when_deleted_leaves_the_bucket(clients: Clients):
    bucket = unique("stays")
    deploy(clients, "source", SOURCE, BucketName=bucket)
    cloudformation = clients.of(SOURCE, "cloudformation")
    stacks = cloudformation.describe_stacks()["Stacks"]
    (stack,) = [
        each for each in stacks if {"ParameterKey": "BucketName", "ParameterValue": bucket} in each["Parameters"]
    ]

    cloudformation.delete_stack(StackName=stack["StackId"])
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack["StackId"], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )

    clients.of(SOURCE, "s3").head_bucket(Bucket=bucket)
