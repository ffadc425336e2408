"""An account with continuous backup deployed in it, made as a user would make it, on the emulator."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Any, Self

from continuous_backup.operations.building.functions import BUILT_FROM
from local import loosened
from local.api_events import ApiEvents
from local.emulator import ROOT, Credentials, Emulator
from local.waiting import wait_for

REPOSITORY = Path(__file__).resolve().parents[1]
PREFIX = "dynamodb"


class ScriptFailed(AssertionError):
    """A script ended with another exit code than was expected; the message holds what it said."""


@dataclass(frozen=True)
class Settings:
    """What differs from config.hjson. Everything is as short as it may be, so that nobody waits."""

    values: dict[str, object] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        shown = {
            "firehoseDeliveryPrefix": PREFIX,
            "firehoseDeliveryIntervalSeconds": 0,
            "streamsBatchingWindowSeconds": 0,
            "forwarderTimeoutSeconds": 15,
        } | self.values
        lines = [
            f"  {key}: {json.dumps(value) if isinstance(value, bool | dict) else value}"
            for key, value in shown.items()
        ]
        path.write_text("{\n" + "\n".join(lines) + "\n}\n")


class Stage:
    """MiniStack, CloudTrail's events, a trail, and the product built by build.sh and deployed by deploy.py.

    `work` holds everything that is written: the zips, the configuration, the emulator's files. Nothing
    runs any more when the `with` block ends.
    """

    def __init__(self, work: Path, settings: Settings | None = None) -> None:
        self.work = work.absolute()
        self.settings = settings or Settings()
        self.config_file = self.work / "config.hjson"
        self.dist = self.work / "dist"
        self.templates = self.work / "templates"
        self.emulator = Emulator(self.work / "emulator")
        self.api_events = ApiEvents(self.emulator)

    @property
    def bucket(self) -> str:
        return f"dynamodb-continuous-backup-{self.emulator.account_id}-{self.emulator.region}"

    @property
    def images_bucket(self) -> str:
        return f"dynamodb-item-images-{self.emulator.account_id}-{self.emulator.region}"

    def __enter__(self) -> Self:
        self.work.mkdir(parents=True, exist_ok=True)
        loosened.write_templates(self.templates)
        self.emulator.start()
        try:
            self.api_events.start()
            self._log_api_calls()
        except BaseException:
            self.emulator.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.api_events.stop()
        self.emulator.stop()

    def build(self) -> None:
        """./build.sh, for the Python that the emulator runs functions with.

        With STAGE_BUILDS in the environment, that folder keeps what is built, for one run of the tests: whoever
        wants the same takes it from there.
        """
        self.settings.write(self.config_file)
        command = [str(REPOSITORY / "build.sh"), str(self.config_file), "--this-machine", "--dist"]
        if not os.environ.get("STAGE_BUILDS"):
            self.run([*command, str(self.dist)])
            return
        own = {each.name: each.read_text() for each in (self.config_file, *self.work.glob("*.py"))}
        name = hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:16]
        kept = Path(os.environ["STAGE_BUILDS"]) / name
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(dir=kept.parent))
            self.run([*command, str(unfinished)])
            try:
                unfinished.rename(kept)
            except OSError:  # somebody was faster
                shutil.rmtree(unfinished)
        # Not what says from which stage's configuration it was: that may have changed.
        shutil.copytree(kept, self.dist, dirs_exist_ok=True, ignore=shutil.ignore_patterns(BUILT_FROM))

    def deploy(self, *options: str, **how: Any) -> "subprocess.CompletedProcess[str]":
        """deploy.py, as the account's root: what MiniStack asks of IAM for it is not what AWS asks."""
        own = (
            "--config-file",
            str(self.config_file),
            "--dist",
            str(self.dist),
            "--templates",
            str(self.templates),
        )
        return self.script("deploy.py", *own, *options, **how)

    def script(
        self,
        name: str,
        *options: str,
        credentials: Credentials = ROOT,
        environment: dict[str, str] | None = None,
        expect: int = 0,
    ) -> "subprocess.CompletedProcess[str]":
        """One of the scripts at the root, in a process of its own. Raises ScriptFailed, unless expected.

        `environment` replaces the one that `credentials` would make.
        """
        environment = environment or self.emulator.environment(credentials)
        return self.run([sys.executable, str(REPOSITORY / name), *options], environment, expect)

    def run(
        self, command: Sequence[str], environment: dict[str, str] | None = None, expect: int = 0
    ) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            command,
            cwd=self.work,
            env=environment or self.emulator.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        if done.returncode != expect:
            raise ScriptFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def operator(self, script: str, name: str = "") -> Credentials:
        """A new user with the policy that docs/iam.md gives for a script, and nothing else."""
        filled_in = {
            "Region": self.emulator.region,
            "Account": self.emulator.account_id,
            "Bucket": self.bucket,
            "Prefix": PREFIX,
            "ImagesBucket": self.images_bucket,
        }
        return user_with(self.emulator.client("iam"), name or f"operator-{script}", [script], filled_in)

    def create_table(self, name: str, key: str = "id", **more: Any) -> None:
        """An ordinary CreateTable call, with a key of one text attribute."""
        self.emulator.client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            **more,
        )

    def mappings(self, table: str) -> list[dict[str, Any]]:
        """The event source mappings of a table's streams."""
        pages = self.emulator.client("lambda").get_paginator("list_event_source_mappings").paginate()
        found = [each for page in pages for each in page["EventSourceMappings"]]
        return [each for each in found if f":table/{table}/stream/" in each["EventSourceArn"]]

    def wait_until_wired(self, table: str, within: float = 120) -> dict[str, Any]:
        """The table's mapping, once it is there and on."""
        return wait_for(
            lambda: next((each for each in self.mappings(table) if each["State"] == "Enabled"), None),
            f"table {table} to be wired",
            within,
        )

    def sweep(self) -> dict[str, Any]:
        """Invokes EnsureDynamoBackup as its schedule does, and gives its answer; after others, if it is busy."""
        functions = self.emulator.client("lambda")
        event = json.dumps({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}})

        def answer_unless_busy() -> Any:
            try:
                return functions.invoke(FunctionName="EnsureDynamoBackup", Payload=event)
            except functions.exceptions.TooManyRequestsException:
                return None

        answer = wait_for(answer_unless_busy, "EnsureDynamoBackup to be free", 120)
        document: dict[str, Any] = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise ScriptFailed(f"the sweep failed: {document}")
        return document

    def logs(self, function: str) -> list[str]:
        """All lines that a function has logged, in order."""
        logs = self.emulator.client("logs")
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
        return [event["message"] for page in pages for event in page["events"]]

    def _log_api_calls(self) -> None:
        """A trail that logs management events, as most accounts have one."""
        s3, trails, bucket = self.emulator.client("s3"), self.emulator.client("cloudtrail"), "the-accounts-trail"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self.emulator.region})
        trails.create_trail(Name="management-events", S3BucketName=bucket, IsMultiRegionTrail=True)
        trails.start_logging(Name="management-events")


def user_with(iam: Any, name: str, policies: Sequence[str], filled_in: Mapping[str, str]) -> Credentials:
    """A new user in the account of `iam` with policies of docs/policies, their placeholders filled in."""
    iam.create_user(UserName=name)
    for policy in policies:
        text = (REPOSITORY / "docs" / "policies" / f"{policy}.json").read_text()
        document = loosened.policy(Template(text).substitute(filled_in, Partition="aws"))
        iam.put_user_policy(UserName=name, PolicyName=policy, PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])
