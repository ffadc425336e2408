"""restore_images.py as a person runs it: a bucket of one account and region, a table of another, on MiniStack."""

import base64
import json
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

import local.emulator
import restore_images
from continuous_backup.errors import ExitCode
from continuous_backup.item_images import object_names
from continuous_backup.item_images.image import ItemImage, Version
from continuous_backup.naming import Account
from local.emulator import Emulator

pytestmark = pytest.mark.emulator

ROOT = Path(restore_images.__file__).parent
#: The table's, and the bucket's. The emulator takes an access key of twelve digits as that account's root user.
OWN = Account("222233334444", "eu-west-1")
OTHER = Account("555566667777", "eu-central-1")
PREFIX = "images"
MANY, TEXT_BYTES = 2_000, 40_000
#: What restoring all of them may take more than restoring one: less than if all their bodies were held.
MOST_MORE_BYTES = MANY * TEXT_BYTES * 3 // 4


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


class Place:
    """A bucket of images of one table, and the table's account; both profiles are in a file of their own."""

    def __init__(self, emulator: Emulator, work: Path) -> None:
        self._emulator = emulator
        self.work = work
        self.table = f"Orders-{uuid.uuid4().hex[:8]}"
        self.bucket = self.table.lower()
        self.s3 = self._client(OTHER, "s3")
        self.dynamodb = self._client(OWN, "dynamodb")
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": OTHER.region})
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        secret = local.emulator.ROOT.secret_access_key
        profiles = [
            f"[profile {name}]\naws_access_key_id = {account.id}\naws_secret_access_key = {secret}\n"
            for name, account in (("own", OWN), ("other", OTHER))
        ]
        (work / "aws-config").write_text("".join(profiles))
        kept = ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_EC2_METADATA_DISABLED", "NO_PROXY", "no_proxy")
        of_emulator = emulator.environment()
        self.environment = {name: of_emulator[name] for name in kept} | {
            "AWS_CONFIG_FILE": str(work / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "PATH": "/usr/bin:/bin",
        }

    def _client(self, account: Account, service: str) -> Any:
        return local.emulator._session().client(
            service,
            region_name=account.region,
            endpoint_url=self._emulator.endpoint_url,
            verify=str(self._emulator.ca_bundle),
            aws_access_key_id=account.id,
            aws_secret_access_key=local.emulator.ROOT.secret_access_key,
            config=Config(proxies={}, max_pool_connections=16),
        )

    def close(self) -> None:
        self.s3.close()
        self.dynamodb.close()

    def keep(self, keys: dict[str, Any], more: dict[str, Any] | None, stream: str = "") -> None:
        """An image, or a tombstone, as the Lambda function writes it."""
        item = None if more is None else keys | more
        version = Version(stream or OWN.table_arn(self.table) + "/stream/2020-01-01T00:00:00.000", 7)
        image = ItemImage(self.table, keys, item, "REMOVE" if item is None else "MODIFY", version, 1.0)
        self.s3.put_object(
            Bucket=self.bucket,
            Key=object_names.of_keys(keys, PREFIX, self.table),
            Body=image.document(),
            Metadata=image.metadata(),
        )

    def create_table(self, **more: Any) -> Any:
        return self.dynamodb.create_table(
            TableName=self.table,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            **more,
        )["TableDescription"]

    def items(self, table: str = "") -> dict[str, Any]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table or self.table, ConsistentRead=True)
        return {item["id"]["S"]: item for page in pages for item in page["Items"]}

    def arguments(self, *options: str) -> list[str]:
        own = ("--prefix", PREFIX, "--profile", "own", "--region", OWN.region, "--bucket-region", OTHER.region)
        checkpoint = ("--checkpoint", str(self.work / "checkpoint.json"))
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

    def run(self, *options: str, expect: int = 0, profile: str = "other") -> Said:
        process = self.start(*options, profile=profile)
        out, err = process.communicate(timeout=120)
        assert process.returncode == expect, out + err
        assert "Traceback" not in err
        return Said(process.returncode, out, err)

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


@pytest.fixture
def place(emulator: Emulator, tmp_path: Path) -> Iterator[Place]:
    made = Place(emulator, tmp_path)
    yield made
    made.close()


def key(text: str) -> dict[str, Any]:
    return {"id": {"S": text}}


def number(value: int) -> dict[str, Any]:
    return {"n": {"N": str(value)}}


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


ALL_TYPES = {
    "text": {"S": ""},
    "emoji": {"S": "😀 é"},
    "exact": {"N": "0.10000000000000000001"},
    "large": {"N": "9" * 38},
    "binary": {"B": b64(b"\x00\xff")},
    "no": {"BOOL": False},
    "nothing": {"NULL": True},
    "texts": {"SS": ["b", "a"]},
    "numbers": {"NS": ["2", "1.5"]},
    "binaries": {"BS": [b64(b"\x01"), b64(b"\x02")]},
    "list": {"L": [{"B": b64(b"in a list")}, {"M": {"deep": {"BS": [b64(b"in a map")]}}}, {"L": []}]},
    "map": {"M": {"a.b": {"N": "-1"}, "empty": {"M": {}}}},
}


def test_restoring_into_a_new_table_asks_what_it_needs_then_makes_it_and_writes_every_type(place: Place):
    place.keep(key("all/types") | {"when": {"N": "1"}}, ALL_TYPES)
    place.keep(key("removed") | {"when": {"N": "2"}}, None)
    place.keep(key("long" * 300) | {"when": {"N": "3"}}, number(1))
    place.s3.put_object(Bucket=place.bucket, Key=f"{PREFIX}/{place.table}/_failed/2026/11/25/10/1.gz", Body=b"")
    place.s3.put_object(Bucket=place.bucket, Key=f"{PREFIX}/{place.table}/notes.txt", Body=b"")

    refused = place.run("--yes", expect=ExitCode.USAGE)
    assert f"Error: there is no table {place.table} in account {OWN.id}, region {OWN.region}\n" in refused.err
    assert "add --create" in refused.err
    unclear = place.run("--yes", "--create", expect=ExitCode.USAGE)
    assert "do not tell which is the partition key" in unclear.err
    new = ("--create", "--partition-key", "id", "--to-table", f"{place.table}-new", "--output", "json")
    planned = place.run(*new, "--dry-run").document
    assert (planned["dryRun"], planned["tableIsThere"], planned["written"]) == (True, False, 2)
    nobody_to_ask = place.run(*new, expect=ExitCode.USAGE)
    assert "2 items would be written where none is" in nobody_to_ask.err
    assert "add --yes" in nobody_to_ask.err
    assert f"{place.table}-new" not in place.dynamodb.list_tables()["TableNames"]

    done = place.run(*new, "--yes").document
    counts = ("images", "tombstones", "written", "verified", "failedRecords", "foreign", "different")
    assert [done[each] for each in counts] == [2, 1, 2, 2, 1, 1, 0]
    assert done["names"]["foreign"] == [f"{PREFIX}/{place.table}/notes.txt"]
    found = place.items(f"{place.table}-new")
    assert set(found) == {"all/types", "long" * 300}
    item = found["all/types"]
    assert item["binary"] == {"B": b"\x00\xff"}
    assert item["exact"] == ALL_TYPES["exact"]
    assert item["large"] == ALL_TYPES["large"]
    assert item["list"] == {"L": [{"B": b"in a list"}, {"M": {"deep": {"BS": [b"in a map"]}}}, {"L": []}]}
    assert sorted(item["binaries"]["BS"]) == [b"\x01", b"\x02"]
    assert {name: item[name] for name in ("text", "emoji", "no", "nothing", "map")} == {
        name: ALL_TYPES[name] for name in ("text", "emoji", "no", "nothing", "map")
    }
    schema = place.dynamodb.describe_table(TableName=f"{place.table}-new")["Table"]["KeySchema"]
    assert {each["KeyType"]: each["AttributeName"] for each in schema} == {"HASH": "id", "RANGE": "when"}
    assert not (place.work / "checkpoint.json").exists()


def test_restoring_into_a_table_with_other_items_goes_by_the_condition(place: Place):
    described = place.create_table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    place.keep(key("own"), number(1), described["LatestStreamArn"])
    place.keep(key("older-life"), number(1))
    place.keep(key("missing"), number(1), described["LatestStreamArn"])
    place.keep(key("removed"), None)
    there = {text: key(text) | number(2) for text in ("own", "older-life", "removed", "no-image")}
    for item in there.values():
        place.dynamodb.put_item(TableName=place.table, Item=item)
    missing = {"missing": key("missing") | number(1)}

    never = place.run("--if", "never", "--yes", "--output", "json").document
    assert (never["written"], never["kept"], never["verified"]) == (1, 2, 1)
    assert place.items() == there | missing

    planned = place.run("--dry-run").err
    assert "1 items would be overwritten" in planned
    assert "1 items are others than their images say, and would stay" in planned
    assert place.items() == there | missing, "a dry run changes nothing"
    place.run("--yes")
    newer = there | missing | {"older-life": key("older-life") | number(1)}
    assert place.items() == newer, "the table has seen its own changes, and not those of an earlier life"

    planned = place.run("--if", "always", "--dry-run").err
    assert "1 items would be deleted, since their images are tombstones" in planned
    place.run("--if", "always", "--yes")
    assert place.items() == {text: key(text) | number(1) for text in ("own", "older-life", "missing")} | {
        "no-image": there["no-image"]
    }


def test_restoring_a_part_and_as_of_a_time_takes_what_was_there_then(place: Place):
    place.create_table()
    for text in ("a1", "a2", "b1"):
        place.keep(key(text), number(1))
    # S3 tells times in whole seconds.
    time.sleep(1.1)
    then = datetime.now(UTC)
    time.sleep(1.1)
    place.keep(key("a1"), number(2))
    place.keep(key("a2"), None)
    place.keep(key("a3"), number(2))

    done = place.run("--key-prefix", "id=a", "--as-of", then.isoformat(), "--yes", "--output", "json").document
    assert (done["written"], done["later"], done["different"]) == (2, 1, 0)
    assert place.items() == {text: key(text) | number(1) for text in ("a1", "a2")}

    place.s3.delete_object(Bucket=place.bucket, Key=object_names.of_keys(key("b1"), PREFIX, place.table))
    done = place.run("--as-of", datetime.now(UTC).isoformat(), "--yes", "--output", "json").document
    assert (done["images"], done["gone"]) == (2, 1)
    assert {text: item["n"]["N"] for text, item in place.items().items()} == {"a1": "2", "a2": "1", "a3": "2"}


def test_restoring_from_a_bucket_that_refuses_says_whose_credentials_it_refused(place: Place):
    place.create_table()
    place.keep(key("a"), number(1))
    refused = place.run("--yes", profile="own", expect=ExitCode.FAILED)
    assert f"with credentials of account {OWN.id}" in refused.err
    assert "--bucket-profile" in refused.err
    assert place.items() == {}


def test_restoring_what_is_not_there_says_what_is(place: Place):
    place.keep(key("a"), number(1))
    other = place.run("--bucket", "nowhere-at-all", "--create", "--yes", expect=ExitCode.USAGE)
    assert "Error: there is no bucket nowhere-at-all" in other.err
    wrong = place.run("--prefix", f"{PREFIX}-2", "--create", "--yes", expect=ExitCode.USAGE)
    assert f"there are no images below s3://{place.bucket}/{PREFIX}-2/{place.table}/" in wrong.err
    place.create_table()
    part = place.run("--key-prefix", "id=zzz", "--yes", expect=ExitCode.USAGE)
    assert f"what is beside it: {place.table}" in part.err
    assert not (place.work / "checkpoint.json").exists()


def test_restoring_many_items_goes_on_after_being_stopped_and_never_holds_them_all(place: Place):
    place.create_table()
    text = "x" * TEXT_BYTES
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda count: place.keep(key(f"{count:05}"), {"text": {"S": text}}), range(MANY)))
    checkpoint, after = place.work / "checkpoint.json", ""
    for stop, code in ((signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGKILL, -signal.SIGKILL)):
        process = place.start("--yes", "--writes-per-second", "400")
        after = moved_on(checkpoint, after, process)
        process.send_signal(stop)
        _, err = process.communicate(timeout=30)
        assert process.returncode == code, err
    assert 0 < len(place.items()) < MANY

    everything, most = place.run_measured("--writes-per-second", "1e6")
    assert "Going on behind" in everything.err
    done = everything.document
    assert (done["images"], done["verified"], done["kept"]) == (MANY, MANY, 0)
    assert not checkpoint.exists()
    one, least = place.run_measured("--key-prefix", "id=00007")
    assert one.document["same"] == 1
    assert most - least < MOST_MORE_BYTES


def moved_on(checkpoint: Path, after: str, process: "subprocess.Popen[str]") -> str:
    """Waits until a checkpoint says that more is done than `after`."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if checkpoint.exists() and (now := str(json.loads(checkpoint.read_text())["after"])) > after:
            return now
        time.sleep(0.02)
    raise AssertionError("no checkpoint was written")
