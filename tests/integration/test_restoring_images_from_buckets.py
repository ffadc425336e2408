"""restore_images.py and the bucket: whose it is, what it held at a time, how much it holds, and what it lacks."""

import json
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from continuous_backup.errors import ExitCode
from continuous_backup.item_images import object_names
from continuous_backup.operations.images.restoration import checkpoint_of
from continuous_backup.operations.images.wanted import If, Wanted
from continuous_backup.operations.writing_items import target as targets
from local.emulator import Emulator
from tests.integration.engines import Engine, create_bucket
from tests.integration.restoring import OTHER, OWN, PREFIX, Place
from tests.unit.iam.restoring_policies import BUCKET_SIDE, TABLE_SIDE, restoring_policy
from tests.unit.operations.images.restorations import key, number
from tests.unit.operations.writing_items.typed_values import LONGEST

pytestmark = pytest.mark.emulator

MANY, TEXT_BYTES = 250, 200_000
#: Writes a second, as an option: then a chunk, which is of 8 MB, takes most of a second.
SLOWLY = "50"
#: What restoring all of them may take more than restoring one: a chunk some times over, and not all that is left.
MOST_MORE_BYTES = 48_000_000


@pytest.fixture
def place(emulator: Emulator, tmp_path: Path) -> Place:
    return Place(Engine(emulator), tmp_path)


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
    place.keep(key("a3"), number(2), event="INSERT")
    place.keep(key("c1"), number(2))

    as_of = ("--as-of", then.isoformat(), "--yes", "--output", "json")
    nobody_to_ask = place.run(*as_of, expect=ExitCode.USAGE)
    assert "where it has another item, which wins, the image (always), the item (never), or" in nobody_to_ask.err
    assert "\nTry: add --if always, never or newer\n" in nobody_to_ask.err
    done = place.run("--key-prefix", "id=a", "--if", "newer", *as_of).document
    assert (done["written"], done["later"], done["different"]) == (2, 1, 0)
    assert place.items() == {text: key(text) | number(1) for text in ("a1", "a2")}
    beyond = place.run("--if", "newer", *as_of, expect=ExitCode.PARTLY_DONE)
    assert "1 items were there, and their images of that time are no longer kept\n    id=c1: " in beyond.err
    from_then_on = beyond.document["allFrom"]
    assert (
        f"An --as-of of {from_then_on} or later finds all of them but those whose image was deleted." in beyond.err
    )
    assert beyond.document["notDone"] == ["lost"]
    assert datetime.fromisoformat(from_then_on) > then
    place.run("--as-of", from_then_on, "--if", "always", "--yes")
    assert place.items()["c1"] == key("c1") | number(2)

    place.s3.delete_object(Bucket=place.bucket, Key=object_names.of_keys(key("b1"), PREFIX, place.table))
    as_of_now = ("--as-of", datetime.now(UTC).isoformat(), "--if", "never", "--yes", "--output", "json")
    done = place.run(*as_of_now, expect=ExitCode.PARTLY_DONE).document
    assert (done["images"], done["lost"]) == (3, 1)
    assert done["names"]["lost"][0].endswith(" was deleted")


def test_restoring_as_of_a_time_into_the_same_table_says_what_stays_and_before_and_after(place: Place):
    described = place.create_table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    for text, more in (("changed", number(1)), ("removed", None), ("same", number(3))):
        place.keep(key(text), more, described["LatestStreamArn"])
    there = {text: key(text) | number(count) for text, count in (("changed", 2), ("removed", 2), ("same", 3))}
    for item in there.values():
        place.dynamodb.put_item(TableName=place.table, Item=item)
    as_of = ("--as-of", datetime.now(UTC).isoformat())

    for more in ("--dry-run", "--yes"):
        newer = place.run(*as_of, "--if", "newer", more, expect=ExitCode.PARTLY_DONE).err
        assert "1 items " in newer
        assert "\n  --if always overwrites the items that stay\n  --if always deletes the items that stay" in newer
        assert "\n    id=changed\n" in newer
        assert "\n    id=removed\n" in newer
        assert place.items() == there
    assert "stay" not in place.run(*as_of, "--if", "never", "--yes").err.splitlines()[-1]
    shown = place.run(*as_of, "--if", "always", "--dry-run").err
    assert '\n    id=changed\n      n: {"N": "2"} -> {"N": "1"}\n' in shown
    assert '\n    id=removed\n      id: {"S": "removed"} -> nothing\n      n: {"N": "2"} -> nothing\n' in shown
    assert place.items() == there
    place.run(*as_of, "--if", "always", "--yes")
    assert place.items() == {"changed": key("changed") | number(1), "same": there["same"]}


def test_restoring_as_of_a_time_before_all_images_says_that_it_is_the_time(place: Place):
    place.keep(key("a"), number(1), event="INSERT")
    for more in (("--create",), ("--create", "--key", "id=a"), ("--create", "--dry-run")):
        early = place.run("--as-of", "2020-01-01T00:00:00Z", "--yes", *more, expect=ExitCode.USAGE)
        assert "no such image is of 2020-01-01T00:00:00+00:00 or before\nTry: the first is of 20" in early.err
        assert "--prefix" not in early.err
    assert place.table not in place.dynamodb.list_tables()["TableNames"]


def test_restoring_from_a_bucket_without_versions_takes_what_is_there_and_knows_of_no_earlier_time(place: Place):
    place.bucket += "-unversioned"
    create_bucket(place.s3, place.bucket, OTHER.region)
    place.create_table()
    place.keep(key("a"), number(1))
    place.keep(key("a"), number(2))

    as_of_now = ("--as-of", datetime.now(UTC).isoformat(), "--if", "always")
    refused = place.run(*as_of_now, "--yes", expect=ExitCode.USAGE)
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
    assert "there are no such images" in part.err
    assert "is --prefix right?" not in part.err
    by_key = place.run("--key", "id=zzz", "--yes", expect=ExitCode.USAGE)
    assert "is it the right key, id=zzz?" in by_key.err
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


def test_restoring_that_goes_on_keeps_to_the_lives_that_it_began_with(place: Place):
    place.create_table()
    of_table = f"arn:aws:dynamodb:{OWN.region}:{OWN.id}:table/{place.table}/stream/"
    older, newer = of_table + "2019-01-01T00:00:00.000", of_table + "2019-02-01T00:00:00.000"
    for text in ("a", "b"):
        place.keep(key(text), number(1), older)
    target = targets.described(place.dynamodb, place.table)
    assert target is not None
    began = Wanted(place.bucket, PREFIX, place.table, lives=frozenset({older}))
    stopped = checkpoint_of(place.work / "checkpoint.json", began, target, If.NEWER)
    stopped.note(object_names.of_keys(key("a"), PREFIX, place.table))
    place.keep(key("c"), number(1), newer)

    other = place.run("--life", "newest", "--yes", expect=ExitCode.USAGE)
    assert "Error: checkpoint.json is of another restoration: it differs in life\n" in other.err
    done = place.run("--yes", "--output", "json", expect=ExitCode.PARTLY_DONE).document
    assert (done["written"], done["names"]["leftOut"]) == (1, ["id=c"])
    assert set(place.items()) == {"b"}


def test_restoring_the_longest_images_that_items_can_have_has_one_of_them_in_memory_at_a_time(place: Place):
    place.create_table()
    for text in ("a", "b"):
        place.keep(key(text), LONGEST)
    one, least = place.run_measured("--key", "id=a")
    assert one.document["verified"] == 1
    both, most = place.run_measured()
    assert [both.document[each] for each in ("same", "written", "verified")] == [1, 1, 2]
    assert both.document["imageBytes"] > 2 * 19_000_000
    # As it is written, an image of these is 33 MB.
    assert most - least < 16_000_000


def moved_on(checkpoint: Path, after: str, process: "subprocess.Popen[str]") -> str:
    """Waits until a checkpoint says that more is done than `after`."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if checkpoint.exists() and (now := str(json.loads(checkpoint.read_text())["after"])) > after:
            return now
        time.sleep(0.02)
    raise AssertionError("no checkpoint was written")
