"""Runs code in the Python that has the readers: a process of its own, as its environment is."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.reading_the_data.page import ROOT

#: Another Python, for those readers that are too large for every run of the tests.
PYTHON = os.environ.get("READERS_PYTHON", str(ROOT / ".venv-readers" / "bin" / "python"))

#: Executes each code in its folder, and says what it called `answer`: rows, whatever kind of table has them.
_MAIN = """
import contextlib, json, os, sys, warnings
warnings.simplefilter("ignore")

def rows(answer):
    if hasattr(answer, "fetchall"):
        return [dict(zip(answer.columns, row)) for row in answer.fetchall()]
    if hasattr(answer, "lazy"):
        return answer.lazy().collect().to_dicts()
    if hasattr(answer, "to_pylist"):
        return answer.to_pylist()
    if hasattr(answer, "sparkSession"):
        return [row.asDict() for row in answer.collect()]
    return answer.to_dict("records") if hasattr(answer, "to_dict") else answer

said = []
for folder, code in json.load(sys.stdin):
    os.chdir(folder)
    names = {"rows": rows}
    with contextlib.redirect_stdout(sys.stderr):
        exec(code, names)
        said.append(rows(names["answer"]))
print(json.dumps(said, default=str))
"""


def answers(asked: Sequence[tuple[Path, str]]) -> list[Any]:
    """What each code, in its folder, has put into its name `answer`."""
    done = subprocess.run(
        [PYTHON, "-P", "-c", _MAIN],
        input=json.dumps([(str(folder), code) for folder, code in asked]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"not as make installs it? {done.stderr}"
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def answer(folder: Path, code: str) -> Any:
    (one,) = answers([(folder, code)])
    return one


def require(package: str) -> None:
    """Skips the test where the readers' Python lacks a package that `make` does not install."""
    found = subprocess.run([PYTHON, "-P", "-c", f"import {package}"], capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"{package} is too large for every run: READERS_PYTHON names a Python that has it")
