"""What a plan is made of: changes, things to wait for, and problems that a person has to solve."""

from dataclasses import dataclass
from typing import ClassVar

from continuous_backup import naming
from continuous_backup.ensure_backup.state import Destination


@dataclass(frozen=True)
class Wait:
    """Nothing to do but to look again; `at_least` is how long it takes for certain, in seconds."""

    for_what: str
    at_least: float = 0

    def __str__(self) -> str:
        return f"wait for {self.for_what}"


@dataclass(frozen=True)
class Problem:
    """What keeps the table from being as wanted, until a person decides."""

    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.what} ({self.hint})" if self.hint else self.what


@dataclass(frozen=True)
class Action:
    """A change. A destructive one is planned again from a fresh observation before it is made."""

    table: str
    destructive: ClassVar[bool] = False


@dataclass(frozen=True)
class OptOut(Action):
    def __str__(self) -> str:
        return f"tag {self.table} so that it is left alone"


@dataclass(frozen=True)
class OptIn(Action):
    def __str__(self) -> str:
        return f"remove the tag that says to leave {self.table} alone"


@dataclass(frozen=True)
class EnableStream(Action):
    def __str__(self) -> str:
        return f"enable the stream of {self.table} with NEW_AND_OLD_IMAGES"


@dataclass(frozen=True)
class DisableStream(Action):
    view_type: str
    destructive: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"disable the stream of {self.table}, which has view type {self.view_type}"


@dataclass(frozen=True)
class CreateDeliveryStream(Action):
    """Where a mapping fed one that is gone: `replaces` is its UUID, so that it is made anew, from the stream's
    beginning, once the delivery stream is there; `buffer_may_be_lost` is whether that is not possible.
    """

    name: str
    replaces: str = ""
    buffer_may_be_lost: bool = False

    def __str__(self) -> str:
        return f"create delivery stream {self.name} for {self.table}"


@dataclass(frozen=True)
class UpdateDeliveryStream(Action):
    name: str
    version: str
    destination_id: str
    destination: Destination

    def __str__(self) -> str:
        return f"update delivery stream {self.name} to the configuration"


@dataclass(frozen=True)
class EncryptDeliveryStream(Action):
    name: str
    key_arn: str

    def __str__(self) -> str:
        return f"encrypt delivery stream {self.name} with {self.key_arn or 'a key that AWS owns'}"


@dataclass(frozen=True)
class MarkReleased(Action):
    """Note, in a tag, when the delivery stream was seen to have no mapping any more."""

    name: str

    def __str__(self) -> str:
        return f"mark delivery stream {self.name} as released, to be deleted when its buffer is written"


@dataclass(frozen=True)
class MarkInUse(Action):
    name: str

    def __str__(self) -> str:
        return f"keep delivery stream {self.name}, which was about to be released"


@dataclass(frozen=True)
class DeleteDeliveryStream(Action):
    name: str
    why: str
    destructive: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"delete delivery stream {self.name}: {self.why}"


@dataclass(frozen=True)
class CreateMapping(Action):
    stream_arn: str
    function: str = naming.FORWARDER_FUNCTION

    def __str__(self) -> str:
        return f"map the stream of {self.table} to {_in_words(self.function)}, from TRIM_HORIZON"


@dataclass(frozen=True)
class UpdateMapping(Action):
    uuid: str
    function: str = naming.FORWARDER_FUNCTION

    def __str__(self) -> str:
        return f"update mapping {self.uuid} of {self.table} to the configuration, enabled"


@dataclass(frozen=True)
class DeleteMapping(Action):
    uuid: str
    why: str
    destructive: ClassVar[bool] = True

    def __str__(self) -> str:
        return f"delete mapping {self.uuid} of {self.table}: {self.why}"


@dataclass(frozen=True)
class MarkRestorability(Action):
    """Note, in a tag, which keys make the table's log less than a whole record; none: take the tag away."""

    uuid: str
    keys: tuple[str, ...]

    def __str__(self) -> str:
        if self.keys:
            return f"mark the log of {self.table} as not restorable: {', '.join(self.keys)}"
        return f"mark the log of {self.table} as restorable again, from now on"


Step = Action | Wait | Problem


def _in_words(function: str) -> str:
    return "the forwarder" if function == naming.FORWARDER_FUNCTION else function
