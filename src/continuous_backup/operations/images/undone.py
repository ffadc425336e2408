"""What was asked for and is not done, or would not be: it is in the exit code."""

from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import If, Wanted

#: Whatever was asked for.
_ALWAYS = ("missing", "lost", "unreadable", "failed_records", "refused")
#: Of an item that is asked for by its key, nobody knows another reason than a mistake.
_BY_KEY = ("gone", "later")
#: With --if newer alone: never says that what is there is to stay.
_STAYS = ("kept", "stayed")


def undone(tally: Tally, wanted: Wanted, condition: If) -> list[str]:
    """Which counts of the tally, that are not zero, say that something is not done.

    An item that stays, since the table has seen newer, is what was asked for where all items were, as they are
    now; it is not where an item was asked for by its key, or as of a time.
    """
    names = list(_ALWAYS)
    if wanted.asked is not None:
        names += _BY_KEY
    if not wanted.lives_are_asked:
        names += ["left_out"]
    if condition is If.NEWER and (wanted.asked is not None or wanted.as_of is not None):
        names += _STAYS
    return [name for name in names if getattr(tally, name)]
