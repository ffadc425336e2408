"""What each Lambda function loads when it starts: every module costs time at each cold start.

Not a timed test. A fresh process loads what boto3 and its clients load anyhow, and then the handler; what
that adds is to be ours, or named here with its reason. `make bench` has the milliseconds.
"""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

#: The ground floor, which all packages share.
GROUND_FLOOR = {
    "aws",
    "aws_s3",
    "configuration",
    "errors",
    "logs",
    "naming",
    "strangers",
    "summary",
}
#: Those parts of it that only the functions need that read a stream.
OF_STREAM_READERS = {"patience", "reading_streams"}
#: hjson reads the configuration; difflib suggests the key that was meant.
OF_ALL = {"hjson", "difflib"}
ALLOWED = {
    "ensure_backup": OF_ALL,
    # orjson writes the images.
    "item_images": OF_ALL | {"orjson"},
    # orjson writes lines, isal compresses them, pybase64 is how they are sent.
    "streams_to_firehose": OF_ALL | {"orjson", "isal", "pybase64"},
}
CLIENTS = {
    "ensure_backup": ("dynamodb", "firehose", "lambda", "resourcegroupstaggingapi", "sts"),
    "item_images": ("s3",),
    "streams_to_firehose": ("firehose", "s3"),
}

_LOADED = """
import json, sys
import boto3
for service in {clients}:
    boto3.client(service)
had = set(sys.modules)
import {handler}
print(json.dumps(sorted(set(sys.modules) - had)))
"""


@cache
def _loaded_beyond_boto3(package: str) -> list[str]:
    code = _LOADED.format(clients=CLIENTS[package], handler=f"continuous_backup.{package}.handler")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "src"),
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _surprises(package: str, loaded: list[str]) -> list[str]:
    found = []
    for module in loaded:
        top, _, rest = module.partition(".")
        part = rest.partition(".")[0]
        if top == "continuous_backup":
            shared = GROUND_FLOOR | (OF_STREAM_READERS if package != "ensure_backup" else set())
            if part and part != package and part not in shared:
                found.append(module)
        elif top not in ALLOWED[package]:
            found.append(module)
    return found


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_handler_when_it_starts_loads_nothing_beyond_boto3_that_is_not_named_here(package):
    surprises = _surprises(package, _loaded_beyond_boto3(package))
    assert not surprises, (
        f"continuous_backup.{package}.handler loads {', '.join(surprises)}. Each cold start of the function pays "
        f"for that: import it where it is used, or do without it, or add it to ALLOWED with its reason, after "
        f"`make bench` has shown that the function stays under its milliseconds"
    )


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_what_is_named_here_is_really_loaded(package):
    tops = {module.partition(".")[0] for module in _loaded_beyond_boto3(package)}
    assert tops >= ALLOWED[package], f"no longer loaded, so take it out of ALLOWED: {ALLOWED[package] - tops}"


def test_surprises_when_another_package_or_library_is_loaded_are_named():
    loaded = [
        "continuous_backup",
        "continuous_backup.operations.building.build",
        "hjson.decoder",
        "rich",
        "email.mime.text",
    ]
    assert _surprises("ensure_backup", loaded) == [
        "continuous_backup.operations.building.build",
        "rich",
        "email.mime.text",
    ]
