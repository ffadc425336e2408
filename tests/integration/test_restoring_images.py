"""restore_images.py as a person runs it: a bucket of one account and region, a table of another, on MiniStack."""

import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError

import restore_images
from continuous_backup.errors import ExitCode
from continuous_backup.item_images import object_names
from continuous_backup.item_images.image import ItemImage, Version
from continuous_backup.naming import Account
from continuous_backup.operations import cli
from local.emulator import Credentials, Emulator, root_of
from tests.unit.iam.restoring_policies import BUCKET_SIDE, TABLE_SIDE, restoring_policy

pytestmark = pytest.mark.emulator

ROOT = Path(restore_images.__file__).parent
#: The table's, and the bucket's. The emulator takes an access key of twelve digits as that account's root user.
OWN = Account("222233334444", "eu-west-1")
OTHER = Account("555566667777", "eu-central-1")
PREFIX = "images"
MANY, TEXT_BYTES = 250, 200_000
#: Writes a second, as an option: then a chunk, which is of 8 MB, takes most of a second.
SLOWLY = "50"
#: What restoring all of them may take more than restoring one: a chunk some times over, and not all that is left.
MOST_MORE_BYTES = 48_000_000
#: glibc keeps what is freed for each thread; so, memory that is not used any more counts no longer.
GIVING_MEMORY_BACK = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "32768"}


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
        self.s3 = emulator.client("s3", root_of(OTHER.id), OTHER.region)
        self.dynamodb = emulator.client("dynamodb", root_of(OWN.id), OWN.region)
        self.create_bucket()
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})
        self._add_profile("own", root_of(OWN.id))
        self._add_profile("other", root_of(OTHER.id))
        kept = ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "AWS_EC2_METADATA_DISABLED", "NO_PROXY", "no_proxy")
        of_emulator = emulator.environment()
        self.environment = {name: of_emulator[name] for name in kept} | {
            "AWS_CONFIG_FILE": str(work / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "PATH": "/usr/bin:/bin",
            **GIVING_MEMORY_BACK,
        }

    def create_bucket(self) -> None:
        self.s3.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": OTHER.region})

    def client(self, service: str, account: Account, credentials: Credentials) -> Any:
        return self._emulator.client(service, credentials, account.region)

    def _add_profile(self, name: str, credentials: Credentials) -> None:
        with (self.work / "aws-config").open("a") as file:
            file.write(f"[profile {name}]\naws_access_key_id = {credentials.access_key_id}\n")
            file.write(f"aws_secret_access_key = {credentials.secret_access_key}\n")

    def add_user(self, profile: str, account: Account, policy: dict[str, Any]) -> Credentials:
        """A new user of an account with this policy and nothing else, and a profile for it."""
        iam, name = self._emulator.client("iam", root_of(account.id), account.region), f"{profile}-of-{self.table}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName=profile, PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        self._add_profile(profile, credentials)
        return credentials

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

    def create_table(self, keys: tuple[str, ...] = ("id:S",), **more: Any) -> Any:
        named = [key.rpartition(":") for key in keys]
        return self.dynamodb.create_table(
            TableName=self.table,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, _, kind in named],
            KeySchema=[
                {"AttributeName": name, "KeyType": role}
                for (name, _, _), role in zip(named, ("HASH", "RANGE"), strict=False)
            ],
            BillingMode="PAY_PER_REQUEST",
            **more,
        )["TableDescription"]

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

    def run(self, *options: str, expect: int = 0, profile: str = "other") -> Said:
        """In this process, which is as good, and a second faster than one of its own."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.work)
            patch.setattr(
                sys, "argv", ["restore_images.py", *self.arguments("--bucket-profile", profile, *options)]
            )
            patch.setattr(sys, "stdin", io.StringIO())
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


@pytest.fixture
def place(emulator: Emulator, tmp_path: Path) -> Place:
    return Place(emulator, tmp_path)


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
    checkpoint = place.work / "checkpoint.json"
    checkpoint.write_text(json.dumps({"of": {"images": "Customers"}, "after": "x", "tally": {}}))
    of_another = place.run(*new, "--yes", expect=ExitCode.USAGE)
    assert "Error: checkpoint.json is of another restoration: it differs in " in of_another.err
    checkpoint.unlink()
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


#: DynamoDB takes any text and any bytes for a key but empty ones.
TEXTS = ["/", "//", ".", "..", "../a", "a", "a/b", "a ", " ", "\x00\x01\n", "😀", "é", "!", "!2F", "image.json"]
LONG_TEXTS = ["x" * 900, "a" + "é" * 449]  # the latter is escaped, and longer than a name on S3 can be
BYTES = [b"\x00", b"\x00\xff/", b"..", b"\xff" * 100]
NUMBERS = ["0", "-1.5", "100", "1E-130", "9" * 38]


@pytest.mark.parametrize(
    ("schema", "keys", "prefix"),
    [
        (
            ("b.in:B", "té/xt:S"),
            [
                *({"b.in": {"B": b"\x01/"}, "té/xt": {"S": text}} for text in TEXTS + LONG_TEXTS),
                *({"b.in": {"B": each}, "té/xt": {"S": "a"}} for each in BYTES),
            ],
            "té/xt",
        ),
        (
            ("id:S", "n:N"),
            [
                *({"id": {"S": text}, "n": {"N": "1"}} for text in TEXTS + LONG_TEXTS),
                *({"id": {"S": "a"}, "n": {"N": each}} for each in NUMBERS),
            ],
            "id",
        ),
    ],
    ids=["binary-and-text", "text-and-number"],
)
def test_restoring_items_with_awkward_keys_brings_back_each_of_them_and_by_the_beginning_of_a_key(
    place: Place, schema: tuple[str, ...], keys: list[dict[str, Any]], prefix: str
):
    place.create_table(schema)
    for number, each in enumerate(keys):
        item = each | {"number": {"N": str(number)}, "empty": {"S": ""}}
        place.dynamodb.put_item(TableName=place.table, Item=item)
    there = place.scanned()
    assert len(there) == len(keys)
    for item in there:
        told = {name: as_told(typed) for name, typed in item.items()}
        place.keep({name: told[name] for name in keys[0]}, told)
    new = f"{place.table}-new"
    asked = ("--to-table", new, "--create", "--partition-key", schema[0].rpartition(":")[0], "--yes")

    place.run(*asked, "--key-prefix", f"{prefix}=a")
    begin_so = [item for item in there if item[prefix]["S"].startswith("a")]
    assert len(begin_so) > len(BYTES)
    assert in_order(place.scanned(new)) == in_order(begin_so)
    place.run(*asked)
    assert in_order(place.scanned(new)) == in_order(there)


def as_told(typed: dict[str, Any]) -> dict[str, Any]:
    """A value as a stream tells it: binary is base64."""
    return {kind: b64(value) if kind == "B" else value for kind, value in typed.items()}


def in_order(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: int(item["number"]["N"]))


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


def test_restoring_from_a_bucket_without_versions_takes_what_is_there_and_knows_of_no_earlier_time(place: Place):
    place.bucket += "-unversioned"
    place.create_bucket()
    place.create_table()
    place.keep(key("a"), number(1))
    place.keep(key("a"), number(2))

    refused = place.run("--as-of", datetime.now(UTC).isoformat(), "--yes", expect=ExitCode.USAGE)
    assert f"Error: bucket {place.bucket} has objects that were written while it kept no versions" in refused.err
    assert "Try: leave --as-of out" in refused.err
    assert place.items() == {}
    place.run("--yes")
    assert place.items() == {"a": key("a") | number(2)}


def test_restoring_with_the_documented_policies_in_both_accounts_needs_nothing_else(place: Place):
    reader = place.add_user("reader", OTHER, restoring_policy(BUCKET_SIDE, OTHER, place.bucket, PREFIX))
    writer = place.add_user("writer", OWN, restoring_policy(TABLE_SIDE, OWN, place.bucket))
    for text in ("a", "b"):
        place.keep(key(text), number(1))
    as_writer = ("--profile", "writer", "--yes", "--output", "json")

    made = place.run("--create", *as_writer, profile="reader").document
    assert (made["written"], made["verified"]) == (2, 2)
    place.keep(key("b"), None)
    now = datetime.now(UTC).isoformat()
    done = place.run("--as-of", now, "--if", "always", *as_writer, profile="reader").document
    assert (done["same"], done["deleted"], done["verified"]) == (1, 1, 2)
    assert place.items() == {"a": key("a") | number(1)}

    name = object_names.of_keys(key("a"), PREFIX, place.table)
    for call, arguments in (
        ("put_object", {"Key": name, "Body": b""}),
        ("delete_object", {"Key": name}),
        ("get_object", {"Key": f"beside-{name}"}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(place.client("s3", OTHER, reader), call)(Bucket=place.bucket, **arguments)
    for call in ("scan", "delete_table"):
        with pytest.raises(ClientError, match="AccessDenied"):
            getattr(place.client("dynamodb", OWN, writer), call)(TableName=place.table)


def test_restoring_from_a_bucket_that_refuses_says_whose_credentials_it_refused(place: Place):
    place.create_table()
    place.keep(key("a"), number(1))
    refused = place.run("--yes", profile="own", expect=ExitCode.FAILED)
    assert f"with credentials of account {OWN.id}" in refused.err
    assert "--bucket-profile; docs/iam.md has the policy that its user needs" in refused.err
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
        process = place.start("--yes", "--writes-per-second", SLOWLY)
        after = moved_on(checkpoint, after, process)
        process.send_signal(stop)
        _, err = process.communicate(timeout=30)
        assert process.returncode == code, err
    assert 0 < place.count() < MANY
    other = place.run("--if", "always", "--yes", expect=ExitCode.USAGE)
    assert "Error: checkpoint.json is of another restoration: it differs in if\nTry: " in other.err

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
