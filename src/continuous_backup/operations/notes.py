"""What a person should know, and what nothing is done about."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """What a person should know; `loud` where protection depends on it.

    `undone` where something that was asked for was not done: the exit code says so too.
    """

    what: str
    loud: bool = False
    undone: bool = False

    def __str__(self) -> str:
        return self.what
