"""A function's zip as ./build.sh makes it."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from continuous_backup.naming import FORWARDER_FUNCTION
from continuous_backup.operations.building import build, functions

#: Who compresses: both ways of writing, where the fault has to do with what is written.
COMPRESSIONS = ("firehose", "forwarder")


def built_zip(
    folder: Path,
    config: Mapping[str, Any],
    files: Mapping[str, str] | None = None,
    function: str = FORWARDER_FUNCTION,
) -> Path:
    """Of configuration keys, and of Python files beside them, by name. Built once, whoever asks: `folder` is
    there as a whole or not at all, and of several processes that build it the first one's is taken.
    """
    a_zip = folder / "dist" / functions.zip_name(function)
    if a_zip.exists():
        return a_zip
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        work = Path(unfinished) / "it"
        work.mkdir()
        (work / "config.hjson").write_text(json.dumps(config))
        for name, text in (files or {}).items():
            (work / name).write_text(text)
        status = build.main([str(work / "config.hjson"), "--this-machine", "--dist", str(work / "dist")])
        assert status == 0, "build.sh said why"
        try:
            os.rename(work, folder)
        except OSError:
            assert a_zip.exists(), f"{folder} is in the way"
    return a_zip
