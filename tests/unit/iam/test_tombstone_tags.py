"""The images' bucket lets one role alone mark objects as tombstones, which its lifecycle takes away."""

import pytest

from tests.unit.iam.evaluator import Request
from tests.unit.iam.sample import ACCOUNT, IMAGES_ROLE, LAMBDA_ROLE, OTHER_ROLE
from tests.unit.iam.test_item_images_templates import bucket_policy_allows, by_role, source

ITS = source(ACCOUNT, WriterRoleArn=IMAGES_ROLE)
IMAGE = f"{ITS.outputs['BucketArn']}/Orders/id.S.1/image.json"
#: What people allow beside: a policy of the bucket that lets the whole account write and tag.
LATER = {"Sid": "Later", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}
TAGGING = ("s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectVersionTagging")


def _lets(action: str, role: str, tag: str | None) -> bool:
    context = by_role(role, ACCOUNT)
    tags = {} if tag is None else {"s3:RequestObjectTag/dynamodb-continuous-backup-image": tag}
    return bucket_policy_allows({**ITS.policy, "Later": LATER}, Request(action, IMAGE, {**context, **tags}))


@pytest.mark.parametrize("action", TAGGING)
def test_tombstone_when_its_function_marks_it_is_let(action: str):
    assert _lets(action, IMAGES_ROLE, "tombstone")


@pytest.mark.parametrize("action", TAGGING)
@pytest.mark.parametrize("role", [OTHER_ROLE, LAMBDA_ROLE, f"{IMAGES_ROLE}-too"])
def test_tombstone_when_anybody_else_marks_it_is_denied_whatever_else_is_allowed(action: str, role: str):
    assert not _lets(action, role, "tombstone")


@pytest.mark.parametrize("action", TAGGING)
@pytest.mark.parametrize("tag", [None, "kept"])
def test_image_when_somebody_writes_it_or_tags_it_otherwise_is_not_denied(action: str, tag: str | None):
    assert _lets(action, OTHER_ROLE, tag)


def test_template_when_no_writer_is_named_denies_nothing_but_requests_without_tls():
    assert list(source(ACCOUNT).policy) == ["DenyRequestsWithoutTls"]


def test_lifecycle_takes_current_versions_away_by_that_tag_alone():
    rules = ITS.bucket["LifecycleConfiguration"]["Rules"]
    (expiring,) = [each for each in rules if "ExpirationInDays" in each or "ExpirationDate" in each]
    assert expiring["TagFilters"] == [{"Key": "dynamodb-continuous-backup-image", "Value": "tombstone"}]
