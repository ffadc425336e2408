"""The zips that build.sh wrote: what deploy.py reads of them."""

import base64
import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from continuous_backup import __version__
from continuous_backup.configuration import config as configuration
from continuous_backup.configuration import hjson_text
from continuous_backup.errors import UsageError
from continuous_backup.operations.building import custom_functions, functions


@dataclass(frozen=True)
class Package:
    """One function's zip. `sha256` is in Lambda's form: base64, as CodeSha256 has it."""

    function: str
    path: Path
    sha256: str
    architecture: str
    python: str
    handler: str
    config_text: str
    files: Mapping[str, int] = field(default_factory=dict, hash=False)
    """The CRC-32 of each file in it, by its path there."""

    @property
    def runtime(self) -> str:
        return f"python{self.python}"

    def code(self) -> bytes:
        return self.path.read_bytes()


def load(dist: Path) -> dict[str, Package]:
    """The zips in `dist`, by function.

    Raises UsageError where one is missing, was not made by build.sh, is of another version or another build than
    the others, or lacks what its configuration names.
    """
    packages = {each.name: _load(each, dist / functions.zip_name(each.name)) for each in functions.FUNCTIONS}
    texts = {each.config_text for each in packages.values()}
    if len(texts) > 1:
        raise UsageError(
            f"the zips in {dist} hold different configurations", "run ./build.sh again: it writes them all"
        )
    _require_one_build(packages, dist)
    return packages


def _require_one_build(packages: Mapping[str, Package], dist: Path) -> None:
    """What is in several zips is the same in all of them; so is what they were built for."""
    found: dict[str, int] = {}
    differing = [
        name
        for each in packages.values()
        for name, crc in each.files.items()
        if name != functions.BUILD_FACTS and found.setdefault(name, crc) != crc
    ]
    for_what = {f"{each.runtime}, {each.architecture}" for each in packages.values()}
    if not differing and len(for_what) == 1:
        return
    why = (
        f"{differing[0]} is not the same in them"
        if differing
        else f"they are for {' and '.join(sorted(for_what))}"
    )
    raise UsageError(
        f"the zips in {dist} are of different builds: {why}", "run ./build.sh again: it writes them all"
    )


def _load(function: functions.Function, path: Path) -> Package:
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read(functions.BUILD_FACTS))
            said = ("version", "architecture", "python", "handler")
            version, architecture, python, handler = (facts[name] for name in said)
            text = archive.read(configuration.BUNDLED_NAME).decode()
            files = {each.filename: each.CRC for each in archive.infolist()}
    except FileNotFoundError as err:
        raise UsageError(f"there is no {path}", "run ./build.sh first") from err
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, TypeError, ValueError) as err:
        raise UsageError(f"{path} is not a zip of build.sh: {err}", "run ./build.sh again") from err
    if version != __version__:
        raise UsageError(
            f"{path} was built of version {version}, and this is {__version__}", "run ./build.sh again"
        )
    values = hjson_text.parse(text, f"{configuration.BUNDLED_NAME} in {path}")
    for key in function.runs:
        wanted = custom_functions.path_in(key, values)
        if wanted and custom_functions.file_name(wanted) not in files:
            raise UsageError(
                f"{path} has no {custom_functions.file_name(wanted)}, and {key} is {wanted} in its configuration",
                "run ./build.sh again: it puts the file into the zip",
            )
    return Package(
        function=function.name,
        path=path,
        sha256=base64.b64encode(hashlib.sha256(content).digest()).decode(),
        architecture=architecture,
        python=python,
        handler=handler,
        config_text=text,
        files=files,
    )
