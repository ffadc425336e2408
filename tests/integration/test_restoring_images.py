"""What restore_images.py makes of a table, on both engines of DynamoDB: every value, and no more than asked."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from continuous_backup.aws import Aws
from continuous_backup.errors import ExitCode
from continuous_backup.item_images.writing import Place as ImagesPlace
from continuous_backup.operations.tables.existing_items import SEGMENTS, ExistingItems
from continuous_backup.operations.writing_items import typed_json
from local.emulator import root_of
from tests.integration.engines import Engine, create_bucket
from tests.integration.restoring import OWN, PREFIX, Place, b64
from tests.unit.operations.images.restorations import key, number
from tests.unit.operations.writing_items.typed_values import LARGEST, SMALLEST

pytestmark = pytest.mark.emulator


#: Items and the length of each, so that they are more than a page of 1 MB in each of a scan's segments.
SCANNED, TEXT_OF_SCAN = 40, 200_000


@pytest.fixture
def place(engine: Engine, tmp_path: Path) -> Place:
    return Place(engine, tmp_path)


ALL_TYPES = {
    "text": {"S": ""},
    "emoji": {"S": "😀 é"},
    "exact": {"N": "0.10000000000000000001"},
    "large": {"N": "9" * 38},
    "largest": {"N": LARGEST},
    "smallest": {"N": f"-{SMALLEST}"},
    "binary": {"B": b64(b"\x00\xff")},
    "no": {"BOOL": False},
    "nothing": {"NULL": True},
    "texts": {"SS": ["b", "a"]},
    "numbers": {"NS": ["2", LARGEST, "-1.5"]},
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
    planned = place.run(*new, "--dry-run", expect=ExitCode.PARTLY_DONE).document
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

    done = place.run(*new, "--yes", expect=ExitCode.PARTLY_DONE).document
    counts = ("images", "tombstones", "written", "verified", "failedRecords", "foreign", "different")
    assert [done[each] for each in counts] == [2, 1, 2, 2, 1, 1, 0]
    assert done["names"]["foreign"] == [f"{PREFIX}/{place.table}/notes.txt"]
    found = place.items(f"{place.table}-new")
    assert set(found) == {"all/types", "long" * 300}
    item = found["all/types"]
    assert item["binary"] == {"B": b"\x00\xff"}
    for name in ("exact", "large", "largest", "smallest"):
        assert item[name] == ALL_TYPES[name]
    assert item["list"] == {"L": [{"B": b"in a list"}, {"M": {"deep": {"BS": [b"in a map"]}}}, {"L": []}]}
    assert sorted(item["numbers"]["NS"]) == sorted(ALL_TYPES["numbers"]["NS"])
    assert sorted(item["binaries"]["BS"]) == [b"\x01", b"\x02"]
    assert {name: item[name] for name in ("text", "emoji", "no", "nothing", "map")} == {
        name: ALL_TYPES[name] for name in ("text", "emoji", "no", "nothing", "map")
    }
    again = place.run("--to-table", f"{place.table}-new", expect=ExitCode.PARTLY_DONE)
    assert "Nothing to do." in again.err, "and nobody is asked"
    to_come = place.run("--as-of", "2099-01-01T00:00:00Z", "--if", "always", expect=ExitCode.USAGE)
    assert "is a time to come" in to_come.err
    schema = place.dynamodb.describe_table(TableName=f"{place.table}-new")["Table"]["KeySchema"]
    assert {each["KeyType"]: each["AttributeName"] for each in schema} == {"HASH": "id", "RANGE": "when"}
    assert not (place.work / "checkpoint.json").exists()


#: DynamoDB takes any text and any bytes for a key but empty ones.
TEXTS = ["/", "//", ".", "..", "../a", "a", "a/b", "a ", " ", "\x00\x01\n", "😀", "é", "!", "!2F", "image.json"]
LONG_TEXTS = ["x" * 900, "a" + "é" * 449]  # the latter is escaped, and longer than a name on S3 can be
BYTES = [b"\x00", b"\x00\xff/", b"..", b"\xff" * 100]
NUMBERS = ["0", "-1.5", "1.50", "100", "1E125", "-1E125", "1E-130", "9" * 38]


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
            ("id:S", "at:N"),
            [
                *({"id": {"S": text}, "at": {"N": "1"}} for text in TEXTS + LONG_TEXTS),
                *({"id": {"S": "a"}, "at": {"N": each}} for each in NUMBERS),
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
    for count, each in enumerate(keys):
        item = each | number(count) | {"empty": {"S": ""}}
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
    file, every_second = place.work / "keys.txt", there[::2]
    lines = [json.dumps({name: as_told(item[name]) for name in keys[0]}) for item in every_second]
    file.write_text("\n".join(lines), encoding="utf-8")
    place.run(*asked, "--key-file", "keys.txt", "--if", "always")
    both = {item["n"]["N"]: item for item in [*begin_so, *every_second]}
    assert in_order(place.scanned(new)) == in_order(list(both.values()))
    place.run(*asked)
    assert in_order(place.scanned(new)) == in_order(there)


def test_restoring_by_key_into_a_table_writes_these_items_and_names_what_is_not_done(place: Place):
    described = place.create_table(
        ("id:N", "at:B"), StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    )
    for partition in (1, 10):
        for sort_key in (b"\x01", b"\x02"):
            keys = {"id": {"N": str(partition)}, "at": {"B": b64(sort_key)}}
            place.keep(keys, number(1), described["LatestStreamArn"])
    one = {"id": {"N": "1"}, "at": {"B": b"\x01"}}
    place.dynamodb.put_item(TableName=place.table, Item=one | number(2))

    for text, said in (
        ("id=one", "id is a number (N) in the table"),
        ('{"id": 1, "at": "?"}', "at is binary (B), written in base64"),
        ("at=AQ==", "id is missing, the partition key"),
    ):
        refused = place.run("--key", text, "--yes", expect=ExitCode.USAGE)
        assert f"Error: --key {text}: {said}" in refused.err
    twice = place.run("--key", "id=1", "--key", "id=1.0", "--yes", expect=ExitCode.USAGE)
    assert "Error: --key id=1.0: it is asked for already, by --key id=1\n" in twice.err
    assert place.scanned() == [one | number(2)]

    whole = ("--key", '{"id": 1.0, "at": "AQ=="}', "--key", "id=7", "--yes")
    stays = place.run(*whole, expect=ExitCode.PARTLY_DONE)
    assert "1 keys have no image\n    id=7\n" in stays.err
    assert '1 items were others than their images say, and stayed\n    {"id": "1", "at": "AQ=="}\n' in stays.err
    done = place.run("--key", "id=1", "--if", "always", "--yes", "--output", "json").document
    assert (done["written"], done["overwritten"]) == (1, 1)
    assert sorted((item["at"]["B"], item["n"]["N"]) for item in place.scanned()) == [
        (b"\x01", "1"),
        (b"\x02", "1"),
    ]


def as_told(typed: dict[str, Any]) -> dict[str, Any]:
    """A value as a stream tells it: binary is base64."""
    return {kind: b64(value) if kind == "B" else value for kind, value in typed.items()}


def in_order(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: int(item["n"]["N"]))


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

    lives = ("--life", "all")
    never = place.run(*lives, "--if", "never", "--yes", "--output", "json").document
    assert (never["written"], never["kept"], never["verified"]) == (1, 2, 1)
    assert place.items() == there | missing

    planned = place.run(*lives, "--dry-run").err
    assert "1 items would be overwritten" in planned
    assert "1 items are others than their images say, and would stay" in planned
    assert place.items() == there | missing, "a dry run changes nothing"
    place.run(*lives, "--yes")
    newer = there | missing | {"older-life": key("older-life") | number(1)}
    assert place.items() == newer, "the table has seen its own changes, and not those of an earlier life"

    planned = place.run(*lives, "--if", "always", "--dry-run").err
    assert "1 items would be deleted, since their images are tombstones" in planned
    place.run(*lives, "--if", "always", "--yes")
    assert place.items() == {text: key(text) | number(1) for text in ("own", "older-life", "missing")} | {
        "no-image": there["no-image"]
    }


def test_restoring_images_of_two_lives_takes_the_newest_and_older_ones_where_they_are_asked_for(place: Place):
    newest, oldest = "2021-01-01T00:00:00.000", "2019-01-01T00:00:00.000"
    of_table = f"arn:aws:dynamodb:{OWN.region}:{OWN.id}:table/{place.table}/stream/"
    place.keep({"a": {"N": "1"}}, number(1), of_table + oldest)
    place.keep({"a": {"N": "2"}}, number(1), of_table + oldest)
    place.keep(key("a"), number(1), of_table + newest)
    json_ = ("--output", "json")

    unknown = place.run("--create", "--life", "2020", "--yes", expect=ExitCode.USAGE)
    assert (
        f"there is no such image of life 2020\nTry: there are images of {newest} (1), {oldest} (2)\n"
        in unknown.err
    )
    assert place.table not in place.dynamodb.list_tables()["TableNames"]
    planned = place.run("--create", "--dry-run", expect=ExitCode.PARTLY_DONE).err
    assert "keys: id (S)" in planned
    assert "2 images are left out: they are of other lives of the table\n    a=1\n    a=2\n" in planned
    assert f"  1 of {of_table}{newest}\n  2 of {of_table}{oldest}, left out: --life {oldest}\n" in planned
    done = place.run("--create", "--yes", *json_, expect=ExitCode.PARTLY_DONE).document
    assert (done["written"], done["leftOut"], done["unreadable"]) == (1, 2, 0)
    assert done["notDone"] == ["leftOut"]
    assert place.items() == {"a": key("a") | number(1)}
    place.run("--life", "newest", "--yes")

    older = ("--life", oldest, "--to-table", f"{place.table}-older", "--yes")
    place.run("--create", *older)
    assert [item["a"] for item in place.scanned(f"{place.table}-older")] != []
    assert place.run(*older, *json_).document["same"] == 2
    misfit = place.run("--life", oldest, "--yes", expect=ExitCode.USAGE)
    assert (
        f"have the keys a (N), and table {place.table} has id (S)\nTry: name a table of the same keys"
        in misfit.err
    )
    assert place.items() == {"a": key("a") | number(1)}
    by_key = place.run("--key", "id=a", "--yes")
    assert "left out" not in by_key.err


def test_restoring_after_the_stream_of_a_table_was_switched_off_and_on_takes_all_its_images(place: Place):
    described = place.create_table(StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    in_a_minute = (datetime.now(UTC) + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S.000")
    for text, label in (
        ("before", described["LatestStreamLabel"]),
        ("after", in_a_minute),
        ("older", "2020-01-01T00:00:00.000"),
    ):
        place.keep(key(text), number(1), f"{described['TableArn']}/stream/{label}")
    place.run("--yes", expect=ExitCode.PARTLY_DONE)
    assert set(place.items()) == {"before", "after"}


def test_restoring_into_a_table_that_is_made_anew_after_its_plan_was_shown_writes_nothing(place: Place):
    place.keep(key("a"), number(1))

    def made_anew() -> str:
        place.dynamodb.delete_table(TableName=place.table)
        place.dynamodb.get_waiter("table_not_exists").wait(TableName=place.table)
        place.create_table(("id:S", "at:N"))
        return "y"

    def made() -> str:
        place.create_table()
        return "y"

    refused = place.run("--create", expect=ExitCode.USAGE, answer=made)
    assert f"table {place.table} has been made meanwhile, with the keys id (S); there was none when" in refused.err
    refused = place.run(expect=ExitCode.USAGE, answer=made_anew)
    assert f"Error: table {place.table} is another one now: with the keys id (S), at (N), made " in refused.err
    assert place.scanned() == []
    refused = place.run("--yes", expect=ExitCode.USAGE)
    assert f"have the keys id (S), and table {place.table} has id (S), at (N)\n" in refused.err
    assert place.scanned() == []


def test_restoring_an_item_that_dynamodb_refuses_names_it_and_restores_the_others(place: Place):
    place.create_table()
    place.keep(key("before"), number(1))
    place.keep(key("too-large"), {"text": {"S": "x" * 400 * 1024}})
    place.keep(key("with-39-digits"), number(10**38 + 1))

    done = place.run("--yes", "--output", "json", expect=ExitCode.PARTLY_DONE).document

    assert (done["written"], done["verified"], done["refused"]) == (1, 1, 2)
    large, digits = done["names"]["refused"]
    assert large.startswith(f"{PREFIX}/{place.table}/id.S.too-large/image.json: ")
    assert large.endswith("Item size has exceeded the maximum allowed size")
    assert digits.startswith(f"{PREFIX}/{place.table}/id.S.with-39-digits/image.json: ")
    assert "38 significant digits" in digits
    assert place.items() == {"before": key("before") | number(1)}


class Mapped(Aws):
    """An account in which every stream is mapped to the function of images: of dynoxide's, Lambda maps none."""

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        return [{"UUID": "it"}] if service == "lambda" else super().pages(service, operation, key, **arguments)


@pytest.fixture
def mapped(engine: Engine) -> Iterator[Mapped]:
    with engine.as_environment(root_of(OWN.id)):
        made = Mapped(region=OWN.region)
        clients = [made.client(service) for service in ("s3", "dynamodb")]
    yield made
    for each in clients:
        each.close()  # what the emulator would wait for at its end


def test_restoring_the_images_of_a_scan_makes_the_table_that_was_scanned(mapped: Mapped, place: Place):
    place.bucket = f"own-{place.bucket}"
    create_bucket(mapped.client("s3"), place.bucket, OWN.region)
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    place.create_table(("b/in:B", "at:N"), StreamSpecification=stream)
    types = typed_json.in_sdks_form(ALL_TYPES)
    for count in range(SCANNED):
        keys = {"b/in": {"B": bytes([count, 255])}, "at": {"N": f"-{count}.50E-3"}}
        item = keys | types | number(count) | {"more": {"S": "x" * TEXT_OF_SCAN}}
        place.dynamodb.put_item(TableName=place.table, Item=item)
    images = ExistingItems(mapped, ImagesPlace(place.bucket, PREFIX, "STANDARD", writers=8), OWN, 1e9)
    pages: list[int] = []

    found = images.write(place.table, place.work / "scan.json", lambda so_far: pages.append(so_far.items))
    assert found.written == SCANNED
    assert len(pages) > SEGMENTS, "a page holds 1 MB, and so a segment several"
    new = f"{place.table}-new"
    own = ("--bucket-region", OWN.region, "--to-table", new, "--create", "--partition-key", "b/in", "--yes")
    place.run(*own, profile="own")

    there, restored = in_order(place.scanned()), in_order(place.scanned(new))
    assert len(there) == SCANNED
    assert all(typed_json.same(one, another) for one, another in zip(there, restored, strict=True))
