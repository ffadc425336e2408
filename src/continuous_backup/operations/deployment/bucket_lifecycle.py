"""The lifecycle rule of a bucket that we make: how long S3 keeps older versions, beside people's own rules."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from continuous_backup import naming
from continuous_backup.operations.deployment.state import Lifecycle

#: A rule as S3's API has it: https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html
LifecycleRule = Mapping[str, Any]

RULE_ID = f"{naming.MANAGED_TAG}-older-versions"
#: The longest time that DynamoDB's own point-in-time recovery goes back, and what the images' bucket has: so long
#: there is to notice that something was overwritten.
OLDER_VERSIONS_DAYS = 35
#: Firehose finishes or gives up an upload within its 24 hours. This is what the images' bucket has.
INCOMPLETE_UPLOADS_DAYS = 7

_ABORT = "AbortIncompleteMultipartUpload"
#: For the whole bucket: versioning has no prefix, so what people put beside the log, and Lambda under aws/lambda/,
#: has older versions because of us, and would be billed without end. Current versions are never in it: Expiration
#: holds no Days and no Date, and only removes delete markers that hide nothing any more.
_OURS: LifecycleRule = {
    "ID": RULE_ID,
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": OLDER_VERSIONS_DAYS},
    "Expiration": {"ExpiredObjectDeleteMarker": True},
    _ABORT: {"DaysAfterInitiation": INCOMPLETE_UPLOADS_DAYS},
}
_OF_OLDER_VERSIONS = ("NoncurrentVersionExpiration", "NoncurrentVersionTransitions")


def joined(rules: Sequence[LifecycleRule]) -> list[LifecycleRule]:
    """People's rules as they are, and ours behind them where none says yet what becomes of older versions.

    Where rules overlap, the shorter time holds: ours would cut short what theirs keep.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-conflicts.html
    """
    if _is_decided(rules):
        return [*rules]
    theirs_aborts = any(_ABORT in each for each in _enabled(rules))
    return [*rules, {key: value for key, value in _OURS.items() if key != _ABORT or not theirs_aborts}]


def seen(rules: Sequence[LifecycleRule]) -> Lifecycle:
    """What a bucket's rules mean for older versions, and for ours."""
    if _is_decided(rules):
        return Lifecycle.DECIDED
    return Lifecycle.OLD_FORM if any("Prefix" in each for each in rules) else Lifecycle.OPEN


def _is_decided(rules: Sequence[LifecycleRule]) -> bool:
    """Ours in any state counts too: who changed its days or disabled it has decided."""
    return any(each.get("ID") == RULE_ID for each in rules) or any(
        name in each for each in _enabled(rules) for name in _OF_OLDER_VERSIONS
    )


def _enabled(rules: Iterable[LifecycleRule]) -> list[LifecycleRule]:
    return [each for each in rules if each.get("Status") == "Enabled"]
