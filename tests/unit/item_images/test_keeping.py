"""The latest image of each item of a batch is written, and nothing is acknowledged that is not."""

import json
from typing import Any

import pytest

from continuous_backup.errors import AwsError, BackupError, MalformedEvent
from continuous_backup.item_images.image import Version
from continuous_backup.item_images.writing import Place
from continuous_backup.operations.images import reading
from continuous_backup.operations.images.reading import Image
from continuous_backup.operations.images.wanted import Wanted
from tests.unit.item_images.fakes import UNHEARD, FakeBucket, Fault, Keeper, change, s3_error
from tests.unit.streams_to_firehose.fakes import (
    ACCOUNT,
    NOW,
    account_of,
    event_of_file,
    lines_in,
    sequence_number,
    stream_arn,
)

NAME = "backups/Orders/Id.N.0/image.json"


def name(item: int) -> str:
    return f"backups/Orders/Id.N.{item}/image.json"


def test_keep_latest_when_an_item_is_new_writes_its_image_with_one_call():
    it = Keeper()
    assert it.invoke([change(1, event="INSERT")]) == ""
    assert it.bucket.calls == [("PutObject", NAME)]
    stored = it.bucket.objects[NAME]
    assert json.loads(stored.body) == {
        "Keys": {"Id": {"N": "0"}},
        "Image": {"Id": {"N": "0"}, "Text": {"S": "text 1"}},
        "SequenceNumber": sequence_number(1),
        "ApproximateCreationDateTime": NOW - 7199,
        "eventName": "INSERT",
        "eventSourceARN": stream_arn(),
    }
    assert {key: value for key, value in stored.arguments.items() if key not in {"Body", "Key"}} == {
        "Bucket": "images",
        "ExpectedBucketOwner": ACCOUNT.id,
        "IfNoneMatch": "*",
        "StorageClass": "STANDARD_IA",
        "ContentType": "application/json",
        "Metadata": {
            "sequence-number": sequence_number(1),
            "stream-arn": stream_arn(),
            "time": str(int(NOW) - 7199),
            "event": "INSERT",
        },
    }


def test_keep_latest_when_an_item_changed_replaces_what_was_there_and_nothing_else():
    it = Keeper()
    it.invoke([change(1, event="INSERT")])
    etag = it.bucket.objects[NAME].etag
    assert it.invoke([change(2)]) == ""
    assert it.bucket.objects[NAME].arguments["IfMatch"] == etag
    assert it.bucket.images()[NAME].image == {"Id": {"N": "0"}, "Text": {"S": "text 2"}}


def test_keep_latest_when_an_item_is_removed_writes_a_tombstone_that_lifecycles_can_tell():
    it = Keeper()
    it.invoke([change(1, event="INSERT"), change(2, event="REMOVE")])
    tombstone = it.bucket.images()[NAME]
    assert tombstone.deleted
    assert tombstone.keys == {"Id": {"N": "0"}}
    assert tombstone.version == Version(stream_arn(), int(sequence_number(2)))
    arguments = it.bucket.objects[NAME].arguments
    assert arguments["Tagging"] == "dynamodb-continuous-backup-image=tombstone"
    assert arguments["StorageClass"] == "STANDARD"
    assert arguments["Metadata"]["deleted"] == "true"
    assert "Image" not in json.loads(it.bucket.objects[NAME].body)
    assert (it.tally.tombstones, it.tally.superseded, it.tally.images) == (1, 1, 0)


def test_keep_latest_when_a_removed_item_comes_back_writes_its_image_without_the_tag():
    it = Keeper()
    it.invoke([change(1, event="REMOVE")])
    it.invoke([change(2, event="INSERT")])
    assert not it.bucket.images()[NAME].deleted
    assert "Tagging" not in it.bucket.objects[NAME].arguments


def test_keep_latest_when_an_item_changed_often_writes_its_last_change_alone():
    it = Keeper()
    assert it.invoke([change(n, item=n % 3) for n in range(30)]) == ""
    assert len(it.bucket.history) == 3
    assert {image.image["Text"]["S"] for image in it.bucket.images().values()} == {"text 27", "text 28", "text 29"}
    assert (it.tally.changes, it.tally.images, it.tally.superseded) == (30, 3, 27)


@pytest.mark.parametrize("late", ["INSERT", "MODIFY", "REMOVE"])
def test_keep_latest_when_an_older_change_comes_late_leaves_the_newer_image(late: str):
    it = Keeper()
    it.invoke([change(5)])
    assert it.invoke([change(4, event=late)]) == ""
    assert it.bucket.images()[NAME].image["Text"]["S"] == "text 5"
    assert (it.tally.not_newer, it.tally.images) == (1, 0)


def test_keep_latest_when_an_older_change_comes_after_the_tombstone_does_not_bring_the_item_back():
    it = Keeper()
    it.invoke([change(5, event="REMOVE")])
    it.invoke([change(4)])
    assert it.bucket.images()[NAME].deleted


def test_keep_latest_when_a_batch_comes_again_writes_nothing_again():
    it = Keeper()
    records = [change(n, item=n) for n in range(5)]
    it.invoke(records)
    it.invoke(records)
    assert len(it.bucket.history) == 5
    assert it.tally.not_newer == 5


def test_keep_latest_when_something_else_has_the_name_replaces_it():
    it = Keeper()
    it.bucket.put_object(Key=NAME, Body=b"{}")
    assert it.invoke([change(1)]) == ""
    assert it.bucket.images()[NAME].image["Text"]["S"] == "text 1"


@pytest.mark.parametrize(
    "error",
    [
        s3_error("ConditionalRequestConflict", 409),
        s3_error("SlowDown", 503),
        s3_error("InternalError", 500),
        UNHEARD,
    ],
    ids=str,
)
@pytest.mark.parametrize("after", [False, True])
def test_keep_latest_when_a_call_fails_in_passing_tries_again(error: Exception, after: bool):
    it = Keeper(FakeBucket(lambda number, operation: Fault(error, after) if number % 3 == 0 else None))
    assert it.invoke([change(n, item=n, event="INSERT") for n in range(6)]) == ""
    assert len(it.bucket.images()) == 6
    assert len(it.bucket.history) == 6
    assert it.tally.retries


def test_keep_latest_when_time_runs_out_reports_the_first_change_that_is_not_kept():
    it = Keeper(FakeBucket(), Place("images", "backups", writers=1))
    refused = {name(1)}
    it.bucket.fault = lambda number, operation: (
        Fault(s3_error("SlowDown", 503)) if it.bucket.calls[-1][1] in refused else None
    )
    records = [change(0, item=0), change(1, item=1), change(2, item=2), change(3, item=1)]
    assert it.invoke(records, left=13.5) == sequence_number(1)
    assert set(it.bucket.images()) == {name(0)}
    refused.clear()
    assert it.invoke(records[1:]) == ""
    assert it.bucket.images()[name(1)].image["Text"]["S"] == "text 3"


def test_keep_latest_when_an_items_last_change_is_not_written_reports_its_first():
    it = Keeper(FakeBucket(lambda number, operation: Fault(s3_error("SlowDown", 503))))
    assert it.invoke([change(7, item=1), change(8, item=1)], left=13.5) == sequence_number(7)


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket"])
def test_keep_latest_when_s3_refuses_for_good_acknowledges_nothing_and_says_what_and_where(code: str):
    it = Keeper(FakeBucket(lambda number, operation: Fault(s3_error(code, 403)) if number > 2 else None))
    said = rf"^table Orders, change \d+: bucket images refuses its image: \w+: {code}$"
    with pytest.raises(AwsError, match=said) as caught:
        it.invoke([change(n, item=n) for n in range(9)])
    assert "Id.N" not in f"{caught.value} {caught.value.hint}", "the key of an item is for those who read items"
    assert caught.value.__cause__ is None


MALFORMED: list[Any] = [
    {"eventSource": "aws:kinesis"},
    {**change(3), "dynamodb": {**change(3)["dynamodb"], "Keys": {"Id": {"BOOL": True}}}},
    {**change(3), "dynamodb": {**change(3)["dynamodb"], "Keys": {}}},
    {**change(3), "dynamodb": {**change(3)["dynamodb"], "NewImage": {"Text": {"S": "\ud800"}}}},
    {**change(3), "dynamodb": {k: v for k, v in change(3)["dynamodb"].items() if k != "NewImage"}},
    {**change(3), "dynamodb": {**change(3)["dynamodb"], "NewImage": "secret"}},
    "nonsense",
]


@pytest.mark.parametrize("record", MALFORMED)
def test_keep_latest_when_no_image_can_be_made_keeps_the_record_whole_and_the_others_images(
    record: Any, caplog: pytest.LogCaptureFixture
):
    it = Keeper()
    assert it.invoke([change(1, item=1), record, change(4, item=4)]) == ""
    assert set(it.bucket.images()) == {name(1), name(4)}
    (failed,) = [stored for key, stored in it.bucket.objects.items() if "/_failed/" in key]
    assert [json.loads(line) for line in lines_in(failed.body)] == [record]
    assert it.tally.failed == 1
    assert "secret" not in caplog.text


def test_keep_latest_when_a_malformed_record_cannot_be_kept_has_it_again():
    it = Keeper(FakeBucket())
    it.bucket.fault = lambda number, operation: (
        Fault(s3_error("SlowDown", 503)) if "_failed" in it.bucket.calls[-1][1] else None
    )
    broken = {**change(3), "eventName": "UPSERT"}
    assert it.invoke([change(1, item=1), broken, change(4, item=4)], left=13.5) == sequence_number(3)
    with pytest.raises(BackupError, match="without a sequence number"):
        it.invoke(["nonsense"], left=13.5)


def test_keep_latest_when_the_event_is_empty_does_nothing():
    it = Keeper()
    assert it.invoke([]) == ""
    assert not it.bucket.calls


@pytest.mark.parametrize("records", [None, "x", {}])
def test_keep_latest_when_the_event_is_of_another_kind_refuses_it(records: Any):
    with pytest.raises(MalformedEvent):
        Keeper().invoke(records)


@pytest.mark.parametrize("place", [0, 4, 8])
@pytest.mark.parametrize(("own", "foreign"), [("123456789012", "210987654321"), ("eu-west-1", "eu-west-2")])
def test_keep_latest_when_a_record_is_of_another_account_or_region_refuses_all_and_writes_nothing(
    own: str, foreign: str, place: int
):
    it = Keeper()
    records = [change(n, item=n) for n in range(9)]
    records[1]["eventName"] = "UPSERT"
    records[place]["eventSourceARN"] = arn = stream_arn().replace(own, foreign)
    with pytest.raises(MalformedEvent, match="account 123456789012 in eu-west-1") as caught:
        it.invoke(records)
    assert arn in str(caught.value)
    assert not it.bucket.calls


def test_keep_latest_when_keys_are_too_long_for_a_name_keeps_them_in_the_object():
    record = change(1)
    record["dynamodb"]["Keys"] = {"Id": {"S": "x" * 2000}}
    it = Keeper()
    it.invoke([record])
    ((key, image),) = it.bucket.images().items()
    assert key.startswith("backups/Orders/sha256.")
    assert image.keys == {"Id": {"S": "x" * 2000}}


def test_keep_latest_when_keys_are_binary_writes_what_a_restoration_reads_with_every_type_as_it_was():
    event = event_of_file("dynamodb-binary-and-sets.json")
    (record,) = event["Records"]
    told, table = record["dynamodb"]["NewImage"], "with.dots-and_more"
    it = Keeper(account=account_of(event))
    it.invoke([record])
    ((key, stored),) = it.bucket.objects.items()
    assert key == f"backups/{table}/Id.B.AAECA_8/Range.N.0.1/image.json"
    found = reading.parsed(stored.body, Wanted("images", "backups", table), key)
    assert isinstance(found, Image)
    assert found.keys == {"Id": {"B": b"\x00\x01\x02\x03\xff"}, "Range": {"N": "0.10"}}
    assert found.item == told | {
        "Id": {"B": b"\x00\x01\x02\x03\xff"},
        "Blob": {"B": b""},
        "Blobs": {"BS": [b"\x00", b"\xff" * 4]},
    }
