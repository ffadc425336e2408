"""restore_images.py as a person runs it: a bucket of one account and region, a table of another."""

import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

import restore_images
from continuous_backup.item_images import object_names
from continuous_backup.naming import Account
from continuous_backup.operations import cli
from local.emulator import Credentials, root_of
from tests.integration.engines import Engine, create_bucket, create_table, unique
from tests.unit.operations.images.restorations import image

ROOT = Path(restore_images.__file__).parent
#: The table's, and the bucket's. The emulator takes an access key of twelve digits as that account's root user.
OWN = Account("222233334444", "eu-west-1")
OTHER = Account("555566667777", "eu-central-1")
PREFIX = "images"
#: glibc keeps what is freed for each thread; so, memory that is not used any more counts no longer.
GIVING_MEMORY_BACK = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "32768"}
#: What a script gets of the engine's environment, beside the credentials, which are profiles in a file.
_KEPT = ("AWS_CA_BUNDLE", "AWS_EC2_METADATA_DISABLED", "NO_PROXY", "no_proxy")


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Person(io.StringIO):
    """Standard input with somebody at it."""

    def __init__(self, answer: Callable[[], str]) -> None:
        super().__init__()
        self._answer = answer

    def isatty(self) -> bool:
        return True

    def readline(self, *_: Any) -> str:
        return self._answer() + "\n"


class Place:
    """A bucket of images of one table, and the table's account; both profiles are in a file of their own."""

    def __init__(self, engine: Engine, work: Path) -> None:
        self._engine = engine
        self.work = work
        self.table = unique("Orders")
        self.bucket = self.table.lower()
        self.s3 = engine.client("s3", root_of(OTHER.id), OTHER.region)
        self.dynamodb = engine.client("dynamodb", root_of(OWN.id), OWN.region)
        create_bucket(self.s3, self.bucket, OTHER.region, versioned=True)
        self._add_profile("own", root_of(OWN.id))
        self._add_profile("other", root_of(OTHER.id))
        of_engine = engine.environment()
        kept = [name for name in of_engine if name in _KEPT or name.startswith("AWS_ENDPOINT_URL")]
        self.environment = {name: of_engine[name] for name in kept} | {
            "AWS_CONFIG_FILE": str(work / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "PATH": "/usr/bin:/bin",
            **GIVING_MEMORY_BACK,
        }

    def client(self, service: str, account: Account, credentials: Credentials) -> Any:
        return self._engine.client(service, credentials, account.region)

    def _add_profile(self, name: str, credentials: Credentials) -> None:
        with (self.work / "aws-config").open("a") as file:
            file.write(f"[profile {name}]\naws_access_key_id = {credentials.access_key_id}\n")
            file.write(f"aws_secret_access_key = {credentials.secret_access_key}\n")

    def add_user(self, profile: str, account: Account, policy: dict[str, Any]) -> Credentials:
        """A new user of an account with this policy and nothing else, and a profile for it."""
        iam, name = self._engine.client("iam", root_of(account.id), account.region), f"{profile}-of-{self.table}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName=profile, PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        self._add_profile(profile, credentials)
        return credentials

    def keep(self, keys: dict[str, Any], more: dict[str, Any] | None, stream: str = "", event: str = "") -> None:
        """An image, or a tombstone, as the Lambda function writes it; by default of an earlier table."""
        earlier = self._engine.account_of_tables(OWN).table_arn(self.table) + "/stream/2020-01-01T00:00:00.000"
        kept = image(keys, more, stream or earlier, self.table)
        kept = replace(kept, event=event or kept.event)
        self.s3.put_object(
            Bucket=self.bucket,
            Key=object_names.of_keys(keys, PREFIX, self.table),
            Body=kept.document(),
            Metadata=kept.metadata(),
        )

    def create_table(self, keys: tuple[str, ...] = ("id:S",), **more: Any) -> Any:
        return create_table(self.dynamodb, self.table, keys, **more)

    def scanned(self, table: str = "") -> list[dict[str, Any]]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table or self.table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def items(self, table: str = "") -> dict[str, Any]:
        return {item["id"]["S"]: item for item in self.scanned(table)}

    def count(self) -> int:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table, Select="COUNT")
        return sum(page["Count"] for page in pages)

    def arguments(self, *options: str) -> list[str]:
        own = ("--prefix", PREFIX, "--profile", "own", "--region", OWN.region, "--bucket-region", OTHER.region)
        checkpoint = ("--checkpoint", "checkpoint.json")
        return [self.table, "--bucket", self.bucket, *own, *checkpoint, *options]

    def start(self, *options: str, profile: str = "other") -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "restore_images.py"),
                *self.arguments("--bucket-profile", profile, *options),
            ],
            cwd=self.work,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Python leaves SIGINT ignored where it was: by a shell that started the tests in the background, say.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no thread holds a lock
        )

    def run(
        self, *options: str, expect: int = 0, profile: str = "other", answer: Callable[[], str] | None = None
    ) -> Said:
        """In this process, which is as good, and a second faster than one of its own.

        With an answer, there is a person at a terminal who gives it to every question.
        """
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.work)
            patch.setattr(
                sys, "argv", ["restore_images.py", *self.arguments("--bucket-profile", profile, *options)]
            )
            patch.setattr(sys, "stdin", Person(answer) if answer else io.StringIO())
            with mock.patch.dict(os.environ, self.environment, clear=True):
                said = Said(cli.run(restore_images.main), out.getvalue(), err.getvalue())
        assert said.code == expect, said.out + said.err
        assert "a mistake in the software" not in said.err
        return said

    def run_measured(self, *options: str) -> tuple[Said, int]:
        """And the most bytes that the process had in memory; 0 where the system does not say."""
        process, most = self.start("--yes", "--output", "json", *options), 0
        # What both say is less than a pipe holds. The rusage of a child would have what its parent had, too.
        while process.poll() is None:
            most = max(most, peak_bytes(process.pid))
            time.sleep(0.02)
        out, err = process.communicate()
        assert process.returncode == 0, out + err
        return Said(0, out, err), most


def peak_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()
