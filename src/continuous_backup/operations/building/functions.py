"""Which Lambda functions there are, what their zips are called, and what these say about themselves."""

import json
from dataclasses import dataclass
from pathlib import Path

from continuous_backup import __version__, naming
from continuous_backup.operations.building.wheels import Target

#: What the zip says about itself; deploy.py reads it.
BUILD_FACTS = "build.json"
#: Beside the zips and not in them, which are the same wherever they are built: where the configuration is.
BUILT_FROM = "built-from.json"


@dataclass(frozen=True)
class Function:
    """A Lambda function: its name, the package it runs, and the keys that name functions of people's in it."""

    name: str
    package: str
    runs: tuple[str, ...]

    @property
    def handler(self) -> str:
        return f"{self.package}.handler.handler"


FUNCTIONS = (
    Function(naming.ENSURE_FUNCTION, "continuous_backup.ensure_backup", ("optinFunction",)),
    Function(naming.FORWARDER_FUNCTION, "continuous_backup.streams_to_firehose", ("transformer", "router")),
    Function(naming.ITEM_IMAGES_FUNCTION, "continuous_backup.item_images", ()),
)


def zip_name(function: str) -> str:
    """What a function's zip is called in `dist`."""
    return f"{function}-{__version__}.zip"


def built_from(config_file: Path) -> bytes:
    return json.dumps({"configFile": str(config_file.resolve())}, indent=2).encode() + b"\n"


def facts(function: Function, target: Target) -> bytes:
    facts = {
        "version": __version__,
        "architecture": target.architecture,
        "python": target.python,
        "handler": function.handler,
    }
    return json.dumps(facts, indent=2).encode() + b"\n"
