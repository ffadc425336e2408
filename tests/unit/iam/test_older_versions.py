"""What is overwritten in the buckets can be had back from our roles: none reaches older versions."""

import pytest

from tests.unit.iam.evaluator import Request, allows
from tests.unit.iam.policies import IMAGES_BUCKET, roles_stack
from tests.unit.iam.sample import ACCOUNT, BUCKET, PREFIX

ROLES = roles_stack(ACCOUNT, BucketName=BUCKET, Prefix=PREFIX, ImagesBucketName=IMAGES_BUCKET).roles
BUCKETS = [ACCOUNT.bucket_arn(BUCKET), ACCOUNT.bucket_arn(IMAGES_BUCKET)]
OURS = {"s3:ResourceAccount": ACCOUNT.id}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("bucket", BUCKETS)
@pytest.mark.parametrize(
    ("action", "below"),
    [
        ("s3:DeleteObjectVersion", f"/{PREFIX}/Orders/2026/01/01/00/changes.gz"),
        ("s3:DeleteObject", f"/{PREFIX}/Orders/2026/01/01/00/changes.gz"),
        ("s3:PutBucketVersioning", ""),
        ("s3:PutLifecycleConfiguration", ""),
        ("s3:BypassGovernanceRetention", f"/{PREFIX}/Orders/2026/01/01/00/changes.gz"),
    ],
)
def test_role_may_not_end_an_older_version_or_the_keeping_of_them(role: str, bucket: str, action: str, below: str):
    assert not allows(ROLES[role].statements, Request(action, f"{bucket}{below}", OURS))


def test_roles_that_write_to_the_log_may_overwrite_it_which_is_what_versioning_is_for():
    change = Request("s3:PutObject", f"{BUCKETS[0]}/{PREFIX}/Orders/2026/01/01/00/changes.gz", OURS)

    assert any(allows(role.statements, change) for role in ROLES.values())
