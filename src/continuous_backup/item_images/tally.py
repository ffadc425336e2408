"""What one invocation did, counted while it writes."""

from dataclasses import dataclass

from continuous_backup.summary import Fact, facts_of

_NAMES = {
    "changes": "ImageChangesReceived",
    "images": "ImagesWritten",
    "tombstones": "TombstonesWritten",
    "superseded": "ImageChangesSuperseded",
    "not_newer": "ImagesNotNewer",
    "failed": "ImageChangesFailed",
    "image_bytes": "ImageBytes",
    "calls": "ImageCalls",
    "retries": "ImageRetries",
    "oldest_change_seconds": "OldestImageChangeAge",
}
_UNITS = {"image_bytes": "Bytes", "oldest_change_seconds": "Seconds"}


@dataclass
class Tally:
    """Counts of one invocation.

    `changes` are the records received. Of these, `superseded` were followed by another of the same item,
    `failed` were kept whole in `_failed/`; of the others, an image or a tombstone was written, or what was there
    was at least as new. What is in none of them comes again. `metrics` is the configuration's.
    """

    table: str = ""
    changes: int = 0
    images: int = 0
    tombstones: int = 0
    superseded: int = 0
    not_newer: int = 0
    failed: int = 0
    image_bytes: int = 0
    calls: int = 0
    retries: int = 0
    oldest_change_seconds: float = 0
    metrics: str = "none"

    def facts(self) -> dict[str, Fact]:
        """All counts that are not zero, by what they are called in the log and in CloudWatch."""
        return facts_of(vars(self), _NAMES, _UNITS)
