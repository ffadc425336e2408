"""What a person should know, and what nothing is done about."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """What a person should know; `loud` where protection depends on it."""

    what: str
    loud: bool = False

    def __str__(self) -> str:
        return self.what
