"""What keeping older versions of a bucket's objects calls, exactly, and in which order."""

import pytest
from deployments import ACCOUNT

from continuous_backup.aws import ClientError
from continuous_backup.operations.deployment import actions, bucket_lifecycle
from continuous_backup.operations.deployment.executor import Executor
from continuous_backup.operations.deployment.state import Bucket

THEIR_RULE = {
    "ID": "to Glacier",
    "Status": "Enabled",
    "Filter": {"And": {"Prefix": "dynamodb/", "Tags": [{"Key": "kind", "Value": "cold"}]}},
    "Transitions": [{"Days": 90, "StorageClass": "GLACIER_IR"}],
}


def versioning_is_switched_on(s3) -> None:
    s3.add_response(
        "put_bucket_versioning", {}, {"Bucket": "mine", "VersioningConfiguration": {"Status": "Enabled"}}
    )


def test_keep_older_versions_says_for_how_long_before_it_switches_versioning_on(aws, stub):
    s3 = stub("s3")
    s3.add_client_error(
        "get_bucket_lifecycle_configuration",
        "NoSuchLifecycleConfiguration",
        expected_params={"Bucket": "mine"},
    )
    s3.add_response(
        "put_bucket_lifecycle_configuration",
        {},
        {"Bucket": "mine", "LifecycleConfiguration": {"Rules": bucket_lifecycle.joined([])}},
    )
    versioning_is_switched_on(s3)

    Executor(aws, ACCOUNT).apply(actions.KeepOlderVersions(Bucket("mine")))


@pytest.mark.parametrize("size", ["varies_by_storage_class", "all_storage_classes_128K"])
def test_keep_older_versions_beside_peoples_rules_puts_theirs_again_with_their_smallest_size(aws, stub, size):
    s3 = stub("s3")
    found = {"Rules": [THEIR_RULE], "TransitionDefaultMinimumObjectSize": size}
    s3.add_response("get_bucket_lifecycle_configuration", found)
    s3.add_response(
        "put_bucket_lifecycle_configuration",
        {},
        {
            "Bucket": "mine",
            "LifecycleConfiguration": {"Rules": [THEIR_RULE, *bucket_lifecycle.joined([])]},
            "TransitionDefaultMinimumObjectSize": size,
        },
    )
    versioning_is_switched_on(s3)

    Executor(aws, ACCOUNT).apply(actions.KeepOlderVersions(Bucket("mine")))


def test_keep_older_versions_where_rules_say_for_how_long_puts_no_rules(aws, stub):
    s3 = stub("s3")
    changed = {**bucket_lifecycle.joined([])[0], "Status": "Disabled"}
    s3.add_response("get_bucket_lifecycle_configuration", {"Rules": [THEIR_RULE, changed]})
    versioning_is_switched_on(s3)

    Executor(aws, ACCOUNT).apply(actions.KeepOlderVersions(Bucket("mine"), by_its_rules=True))


@pytest.mark.parametrize("refused", ["get_bucket_lifecycle_configuration", "put_bucket_lifecycle_configuration"])
def test_keep_older_versions_where_rules_are_refused_leaves_versioning_off(aws, stub, refused):
    s3 = stub("s3")
    if refused.startswith("put"):
        s3.add_response("get_bucket_lifecycle_configuration", {"Rules": [THEIR_RULE]})
    s3.add_client_error(refused, "AccessDenied")

    with pytest.raises(ClientError, match="AccessDenied"):
        Executor(aws, ACCOUNT).apply(actions.KeepOlderVersions(Bucket("mine")))
