"""The policies for the two sides of restore_images.py, rendered: the bucket's account, and the table's."""

from typing import Any

from continuous_backup.naming import Account
from tests.unit.iam.policies import filled_in

BUCKET_SIDE, TABLE_SIDE = "restore-images-bucket", "restore-images-table"
SIDES = (BUCKET_SIDE, TABLE_SIDE)


def restoring_policy(side: str, account: Account, bucket: str, prefix: str = "") -> dict[str, Any]:
    """The policy of a side with its placeholders filled in. Raises KeyError for an unknown placeholder."""
    return filled_in(side, account, ImagesBucket=bucket, ImagesPrefix=f"{prefix}/" if prefix else "")
