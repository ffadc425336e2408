"""What MiniStack's CloudFormation leaves out of the buckets of items' images.

It makes a bucket with its versioning, its policy and its public access block, and ignores ownership, encryption,
lifecycle, replication and Object Lock. The calls are those that CloudFormation makes on AWS.
"""

from collections.abc import Mapping
from typing import Any

from continuous_backup.naming import Account
from local import templates

SOURCE_TEMPLATE = "item-images-source.yaml"
REPLICA_TEMPLATE = "item-images-replica.yaml"


def complete(cloudformation: Any, s3: Any, stack: str, template: str, account: Account) -> None:
    """Sets on the bucket of a stack what its template says; the clients are of its account and region."""
    (made,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in made["Parameters"]}
    bucket = next(each["OutputValue"] for each in made["Outputs"] if each["OutputKey"] == "BucketName")
    said = templates.rendered(template, account, parameters).properties("Bucket")
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=said["OwnershipControls"])
    (encryption,) = said["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    default = {"ApplyServerSideEncryptionByDefault": encryption["ServerSideEncryptionByDefault"]}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [default]})
    rules = [_lifecycle_rule(each) for each in said["LifecycleConfiguration"]["Rules"]]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    if replication := said.get("ReplicationConfiguration"):
        rules = [{"ID": each["Id"], **_without(each, "Id")} for each in replication["Rules"]]
        configuration = {"Role": replication["Role"], "Rules": rules}
        s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=configuration)


def _lifecycle_rule(said: Mapping[str, Any]) -> dict[str, Any]:
    """A template's rule as S3's API has it."""
    rule = _without(said, "Id", "TagFilters", "ExpirationInDays", "ExpiredObjectDeleteMarker")
    if "ExpirationInDays" in said:
        rule["Expiration"] = {"Days": int(said["ExpirationInDays"])}
    if "ExpiredObjectDeleteMarker" in said:
        rule["Expiration"] = {"ExpiredObjectDeleteMarker": said["ExpiredObjectDeleteMarker"]}
    if "NoncurrentVersionExpiration" in said:
        rule["NoncurrentVersionExpiration"] = {
            "NoncurrentDays": int(said["NoncurrentVersionExpiration"]["NoncurrentDays"])
        }
    tags = said.get("TagFilters")
    return {"ID": said["Id"], "Filter": {"Tag": tags[0]} if tags else {"Prefix": ""}, **rule}


def _without(mapping: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: its for name, its in mapping.items() if name not in names}
