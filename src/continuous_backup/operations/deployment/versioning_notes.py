"""What a person should know of the versioning of the change log's bucket, where it is theirs to decide."""

from continuous_backup.operations.deployment.state import Bucket, Lifecycle, Versioning
from continuous_backup.operations.notes import Note


def notes_on(bucket: Bucket) -> list[Note]:
    """Nothing where older versions are kept, and it is said for how long; `undone` where we would see to it."""
    if bucket.versioning is Versioning.UNKNOWN:
        return [
            Note(
                f"whether bucket {bucket.name} keeps what is overwritten or deleted could not be found out "
                "(s3:GetBucketVersioning)",
                undone=bucket.ours,
            )
        ]
    if bucket.versioning is Versioning.ENABLED:
        return _on_how_long(bucket) if bucket.ours else []
    lost = f"what is overwritten or deleted in bucket {bucket.name} is lost"
    switch = (
        f"aws s3api put-bucket-versioning --bucket {bucket.name} --versioning-configuration Status=Enabled "
        "switches it on"
    )
    if not bucket.ours:
        why = "it has no versioning" if bucket.versioning is Versioning.NEVER else "its versioning is suspended"
        return [Note(f"{lost}: {why}, and it is not ours to change. {switch}")]
    if bucket.versioning is Versioning.SUSPENDED:
        return [Note(f"{lost}: somebody has suspended its versioning, and that stays. {switch} again", loud=True)]
    not_joined = _WHY_NOT_JOINED.get(bucket.lifecycle)
    return [Note(f"{lost}: {not_joined}", undone=True)] if not_joined else []


_WHY_NOT_JOINED = {
    Lifecycle.OLD_FORM: (
        "versioning waits for a lifecycle rule, and S3 takes none beside those that are there, which have a "
        'Prefix outside of a Filter. Write "Filter": {"Prefix": ...}, which means the same, and run it again'
    ),
    Lifecycle.UNKNOWN: (
        "versioning waits for a lifecycle rule, and those that are there, which it has to join, may not be read "
        "(s3:GetLifecycleConfiguration); run it again when they may"
    ),
}


def _on_how_long(bucket: Bucket) -> list[Note]:
    """A rule of ours that came later would delete what somebody keeps without end."""
    if bucket.lifecycle is Lifecycle.DECIDED:
        return []
    if bucket.lifecycle is Lifecycle.UNKNOWN:
        return [
            Note(
                f"how long bucket {bucket.name} keeps older versions could not be found out "
                "(s3:GetLifecycleConfiguration)"
            )
        ]
    return [
        Note(
            f"bucket {bucket.name} keeps older versions without end, and they are billed: its versioning is on, "
            "and no lifecycle rule says for how long. That stays, unless you add one with "
            "NoncurrentVersionExpiration"
        )
    ]
