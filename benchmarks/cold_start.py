"""How long each Lambda function imports, beyond boto3: from its built zip, in fresh processes.

    .venv/bin/python -m benchmarks --only cold_start

The zip holds no compiled code and Lambda's file system cannot keep any, so ours is compiled at each cold
start: that is in the figures. boto3 comes with Lambda's runtime and is imported first; its own time is
reported beside. What aws-lambda-powertools (logger and metrics) would add is measured in the same way.
"""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks import ROOT
from benchmarks.report import Section, Table, Target
from continuous_backup.operations.building import functions

#: To reach: milliseconds beyond boto3's own.
MOST_MILLISECONDS = 150
_ROUNDS = 15
_POWERTOOLS = ("aws-lambda-powertools==3.37.0", "jmespath==1.1.0", "typing_extensions==4.16.0")
_POWERTOOLS_IMPORTS = (
    "from aws_lambda_powertools import Logger, Metrics; Logger(service='x'); Metrics(namespace='x')"
)

_TIMED = """
import sys, time
began = time.perf_counter()
import boto3
had = time.perf_counter()
{imports}
print(had - began, time.perf_counter() - had)
"""


@dataclass(frozen=True)
class Import:
    """Milliseconds, medians; `beyond` is on top of `boto3`. `compiled` says whether .pyc files were there."""

    what: str
    boto3: float
    beyond: float
    slowest: float
    compiled: bool


def section() -> Section:
    with tempfile.TemporaryDirectory(prefix="benchmark-zips-") as name:
        work = Path(name)
        subprocess.run(
            [ROOT / "build.sh", "--this-machine", "--dist", work],
            stdout=subprocess.DEVNULL,
            check=True,
            env={**os.environ, "PYTHON": sys.executable},
        )
        found = []
        for function in functions.FUNCTIONS:
            task = work / function.name
            with zipfile.ZipFile(work / functions.zip_name(function.name)) as archive:
                archive.extractall(task)
            imports = f"import {function.package}.handler"
            found += [_measured(function.name, imports, task, compiled) for compiled in (False, True)]
        powertools = _installed(work / "powertools")
        if powertools:
            found.append(_measured("aws-lambda-powertools", _POWERTOOLS_IMPORTS, powertools, compiled=False))
    names = {function.name for function in functions.FUNCTIONS}
    return Section(
        "cold_start",
        [
            Table(
                "Import time in a fresh process, milliseconds (medians)",
                ("what", "boto3 alone", "beyond boto3", "slowest of all", "compiled before"),
                [_row(each) for each in found],
                "Lambda compiles at each cold start. 'Compiled before' shows how much of it that is.",
            )
        ],
        [
            Target(f"{each.what}: ms beyond boto3", each.beyond, MOST_MILLISECONDS, at_most=True)
            for each in found
            if each.what in names and not each.compiled
        ],
        [asdict(each) for each in found],
    )


def _measured(what: str, imports: str, folder: Path, compiled: bool) -> Import:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(folder),
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if not compiled:
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
    times = [_once(imports, environment) for _ in range(_ROUNDS + 1)][1:]  # the first warms the disk's cache
    beyond = [each[1] for each in times]
    return Import(what, median(each[0] for each in times), median(beyond), max(beyond), compiled)


def _once(imports: str, environment: Mapping[str, str]) -> tuple[float, float]:
    command = [sys.executable, "-P", "-c", _TIMED.format(imports=imports)]
    done = subprocess.run(command, env=dict(environment), stdout=subprocess.PIPE, text=True, check=True)
    boto3, beyond = done.stdout.split()
    return float(boto3) * 1000, float(beyond) * 1000


def _installed(folder: Path) -> Path | None:
    """Powertools in a folder of its own; None where pip cannot get it, which is said."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    done = subprocess.run(
        [*command, "--no-deps", "--target", str(folder), *_POWERTOOLS], capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{_POWERTOOLS[0]} cannot be installed, so it is left out:\n{done.stderr}", file=sys.stderr)
        return None
    return folder


def _row(each: Import) -> list[str]:
    compiled = "yes" if each.compiled else "no"
    return [each.what, f"{each.boto3:.0f}", f"{each.beyond:.0f}", f"{each.slowest:.0f}", compiled]


if __name__ == "__main__":
    json.dump(section().data, sys.stdout, indent=2)
