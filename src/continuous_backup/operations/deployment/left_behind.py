"""What stays where it was when the change log, or the images of items, are to be written elsewhere."""

from continuous_backup.operations.deployment.state import Deployment, Place, Stack, Surroundings
from continuous_backup.operations.notes import Note

#: A stack in such a state never gave a role to anything.
_NEVER_MADE = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}

_UNTIL_SWEPT = (
    ". Until the sweep has come to a table, its delivery stream writes to the former place, which the delivery "
    "role may be allowed no more, and holds what it cannot write for 24 hours: ./provision_tables.py "
    "whitelist.hjson, with provisionAll: true in that file, moves all of them at once"
)


def notes_on(there: Deployment, wanted: Deployment, around: Surroundings) -> list[Note]:
    """Loud ones, since a restore that looks in one place alone would miss all that is in the other."""
    log = _by_stack(there, wanted, "BucketName", "Prefix") or (around.wiring.log if around.wiring else None)
    written = around.wiring.log if around.wiring else None
    images = _by_stack(there, wanted, "ImagesBucketName", "ImagesPrefix") or _of_images_stack(there.images_stack)
    return [
        *_note(
            "the change log so far stays",
            log,
            wanted.log,
            ("firehoseDeliveryBucket", "firehoseDeliveryPrefix"),
            _UNTIL_SWEPT,
        ),
        *_still_written(written, log, wanted.log),
        *_note(
            "the images of items so far stay",
            images,
            wanted.images,
            ("itemImages.bucket", "itemImages.prefix"),
            "; ./provision_tables.py whitelist.hjson --images writes those of the items that the tables hold now",
        ),
    ]


def _still_written(written: Place | None, log: Place | None, will_be: Place | None) -> list[Note]:
    """After a deployment that changed the place: the tables that nobody has come to since."""
    if written is None or will_be is None or written == will_be or log != will_be:
        return []
    return [
        Note(
            f"there are delivery streams that still write to {written}, and not to {will_be}{_UNTIL_SWEPT}",
            loud=True,
        )
    ]


def _by_stack(there: Deployment, wanted: Deployment, bucket: str, prefix: str) -> Place | None:
    """What the stack of the roles says. One that serves no more, since all roles are people's own, may be old."""
    stack = there.roles_stack if wanted.roles_stack else None
    return _place(stack, bucket, prefix)


def _of_images_stack(stack: Stack | None) -> Place | None:
    """Where the roles are people's own and the bucket of images is, too, nothing that is deployed tells of it."""
    return _place(stack, "BucketName", "Prefix")


def _place(stack: Stack | None, bucket: str, prefix: str) -> Place | None:
    if stack is None or stack.status in _NEVER_MADE or not stack.parameters.get(bucket):
        return None
    return Place(stack.parameters[bucket], stack.parameters.get(prefix, ""))


def _note(what: str, was: Place | None, will_be: Place | None, keys: tuple[str, str], more: str) -> list[Note]:
    if was is None or will_be is None or was == will_be:
        return []
    differ = (was.bucket != will_be.bucket, was.prefix != will_be.prefix)
    changed = " and ".join(key for key, differs in zip(keys, differ, strict=True) if differs)
    return [
        Note(
            f"{what} at {was}, and nothing is moved: what is new goes to {will_be}, and whoever reads or "
            f"restores looks there alone. Keep them apart and read both, {_copy(was, will_be)}, or set {changed} "
            f"back{more}",
            loud=True,
        )
    ]


def _copy(was: Place, will_be: Place) -> str:
    """One inside the other would be copied into itself."""
    old, new = f"{was}/", f"{will_be}/"
    if old.startswith(new) or new.startswith(old):
        return "copy it table by table with `aws s3 sync`"
    return f"copy it with `aws s3 sync {was} {will_be}`"
