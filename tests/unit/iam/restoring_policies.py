"""The policies for the two sides of restore_images.py, rendered: the bucket's account, and the table's."""

import json
import string
from typing import Any

from continuous_backup.naming import Account
from tests.unit.iam.policies import operator_policy_text

BUCKET_SIDE, TABLE_SIDE = "restore-images-bucket", "restore-images-table"
SIDES = (BUCKET_SIDE, TABLE_SIDE)


def restoring_policy(side: str, account: Account, bucket: str, prefix: str = "") -> dict[str, Any]:
    """The policy of a side with its placeholders filled in. Raises KeyError for an unknown placeholder."""
    filled_in = string.Template(operator_policy_text(side)).substitute(
        Partition=account.partition,
        Region=account.region,
        Account=account.id,
        ImagesBucket=bucket,
        ImagesPrefix=f"{prefix}/" if prefix else "",
    )
    policy: dict[str, Any] = json.loads(filled_in)
    return policy
