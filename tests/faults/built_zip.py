"""A function's zip as ./build.sh makes it."""

import json
from pathlib import Path
from typing import Any

from continuous_backup.naming import FORWARDER_FUNCTION
from continuous_backup.operations.building import build, functions

#: Who compresses: both ways of writing, where the fault has to do with what is written.
COMPRESSIONS = ("firehose", "forwarder")


def built_zip(
    folder: Path,
    config: dict[str, Any],
    files: dict[str, str] | None = None,
    function: str = FORWARDER_FUNCTION,
) -> Path:
    """Of configuration keys, and of Python files beside them, by name; `folder` is made and is its own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.hjson").write_text(json.dumps(config))
    for name, text in (files or {}).items():
        (folder / name).write_text(text)
    dist = folder / "dist"
    status = build.main([str(folder / "config.hjson"), "--this-machine", "--dist", str(dist)])
    assert status == 0, "build.sh said why"
    return dist / functions.zip_name(function)
