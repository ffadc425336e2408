"""A key of the configuration, and the shapes that several have."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from continuous_backup.configuration.checks import Entries

BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
BUCKET_SHAPE = "a bucket name (3 to 63 of a-z, 0-9, dot and dash), without s3://"
_STEP = r"(?!\.{1,2}(?:/|\Z))[A-Za-z0-9_.=-]+"
PATH = rf"{_STEP}(?:/{_STEP})*"
PATH_SHAPE = (
    "a path such as backups/dynamodb: letters, digits, _ . = - between single slashes, none at the ends, and no "
    ". or .. by itself"
)
#: What is left of S3's 1,024 bytes has room for a table's name, the hour, and the name of an object.
SHORT_PATH = rf"(?=.{{1,600}}\Z){PATH}"
SHORT_PATH_SHAPE = f"{PATH_SHAPE}, 600 characters at most"
REGION = r"[a-z]{2,4}(-[a-z]+)+-\d"
REGION_SHAPE = "a region such as eu-west-1"
KMS_KEY = r"arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/[\w-]+"
KMS_KEY_SHAPE = "the ARN of a KMS key"


def key(
    name: str,
    default: Any,
    meaning: str,
    *,
    least: int | None = None,
    most: int | None = None,
    choices: tuple[str, ...] = (),
    pattern: str = "",
    shape: str = "",
    entries: Entries | None = None,
    variable: str = "",
    group: type | None = None,
) -> Any:
    """A key of the file. `pattern` must match all of a text that is not empty; `shape` says it in words.

    A tuple as the default makes it a list, of `choices`; a mapping, a group that holds `entries`. `variable`
    is an environment variable that it is taken from beside the one of its own name. `group` is a class whose
    fields are the keys of a group, which is off where the file leaves it out.
    """
    metadata = {
        "name": name,
        "meaning": meaning,
        "least": least,
        "most": most,
        "choices": choices,
        "pattern": pattern,
        "shape": shape,
        "entries": entries,
        "variable": variable,
        "group": group,
    }
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), hash=False, metadata=metadata)
    return field(default=default, metadata=metadata)
