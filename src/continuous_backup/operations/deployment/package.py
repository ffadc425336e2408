"""The zips that build.sh wrote: what deploy.py reads of them."""

import base64
import hashlib
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

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

    @property
    def runtime(self) -> str:
        return f"python{self.python}"

    def code(self) -> bytes:
        return self.path.read_bytes()


def load(dist: Path) -> dict[str, Package]:
    """The zips in `dist`, by function.

    Raises UsageError where one is missing, was not made by build.sh, or lacks what its configuration names.
    """
    packages = {each.name: _load(each, dist / functions.zip_name(each.name)) for each in functions.FUNCTIONS}
    texts = {each.config_text for each in packages.values()}
    if len(texts) > 1:
        raise UsageError(
            f"the zips in {dist} hold different configurations", "run ./build.sh again: it writes them all"
        )
    return packages


def require_config(packages: dict[str, Package], config_file: Path) -> None:
    """Raises UsageError where the zips were built with another configuration than this file's."""
    try:
        text = config_file.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return  # loading it says what is wrong with the file itself
    if any(each.config_text != text for each in packages.values()):
        raise UsageError(
            f"the zips in {next(iter(packages.values())).path.parent} were built with another configuration "
            f"than {config_file}",
            f"run ./build.sh {config_file}, so that the functions have it too",
        )


def _load(function: functions.Function, path: Path) -> Package:
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read(functions.BUILD_FACTS))
            architecture, python, handler = (facts[name] for name in ("architecture", "python", "handler"))
            text = archive.read(configuration.BUNDLED_NAME).decode()
            files = set(archive.namelist())
    except FileNotFoundError as err:
        raise UsageError(f"there is no {path}", "run ./build.sh first") from err
    except (OSError, zipfile.BadZipFile, zlib.error, KeyError, TypeError, ValueError) as err:
        raise UsageError(f"{path} is not a zip of build.sh: {err}", "run ./build.sh again") from err
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
    )
