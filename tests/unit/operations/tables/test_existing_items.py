"""Images of items that are there already: where they go on, how fast, and that the stream's word wins."""

from pathlib import Path
from typing import Any

import pytest

from continuous_backup.errors import AwsError, UsageError
from continuous_backup.item_images.image import SCAN, Version
from continuous_backup.item_images.writing import Place
from continuous_backup.operations.tables.existing_items import SEGMENTS, ExistingItems
from tests.unit.item_images.fakes import FakeBucket, Fault, Keeper, change, s3_error
from tests.unit.streams_to_firehose.fakes import ACCOUNT, NOW, stream_arn

STREAM = stream_arn()


class FakeTable:
    """A table in as many segments as are asked for, with pages of two items."""

    def __init__(self, items: list[dict[str, Any]], *, streams: bool = True, fails_after: int = -1) -> None:
        self.items = items
        self.streams = streams
        self.fails_after = fails_after
        self.scans: list[dict[str, Any]] = []

    def describe_table(self, *, TableName: str) -> dict[str, Any]:  # noqa: N803
        stream = (
            {"LatestStreamArn": STREAM, "StreamSpecification": {"StreamEnabled": True}} if self.streams else {}
        )
        return {"Table": {"KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}], **stream}}

    def scan(self, **arguments: Any) -> dict[str, Any]:
        if len(self.scans) == self.fails_after:
            raise s3_error("ResourceNotFoundException", 400, "Scan")
        self.scans.append(arguments)
        mine = self.items[arguments["Segment"] :: arguments["TotalSegments"]]
        start = arguments.get("ExclusiveStartKey")
        first = next((place + 1 for place, item in enumerate(mine) if start == {"Id": item["Id"]}), 0)
        page = mine[first : first + 2]
        more = {"LastEvaluatedKey": {"Id": page[-1]["Id"]}} if first + 2 < len(mine) else {}
        return {"Items": page, **more}


class FakeAws:
    def __init__(self, table: FakeTable, bucket: FakeBucket, mapped: bool = True) -> None:
        self._clients = {"dynamodb": table, "s3": bucket}
        self._mapped = mapped
        self.mapping = "1"
        self.now = NOW
        self.slept = 0.0

    def client(self, service: str) -> Any:
        return self._clients[service]

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        assert arguments == {"FunctionName": "LambdaStreamToItemImages", "EventSourceArn": STREAM}
        return [{"UUID": self.mapping}] if self._mapped else []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += seconds


def items(count: int) -> list[dict[str, Any]]:
    return [{"Id": {"N": str(number)}, "Data": {"B": bytes([number])}} for number in range(count)]


def existing(aws: FakeAws, per_second: float = 1e6) -> ExistingItems:
    return ExistingItems(aws, Place("images", "backups", writers=2), ACCOUNT, per_second)  # type: ignore[arg-type]


def test_write_of_a_table_writes_an_image_of_each_item_as_of_the_scan(tmp_path: Path):
    table, bucket = FakeTable(items(11)), FakeBucket()
    found = existing(FakeAws(table, bucket)).write("Orders", tmp_path / "checkpoint.json")
    assert (found.items, found.written, found.there_already) == (11, 11, 0)
    images = bucket.images()
    assert len(images) == 11
    image = images["backups/Orders/Id.N.3/image.json"]
    assert image.image == {"Id": {"N": "3"}, "Data": {"B": "Aw=="}}
    assert (image.event, image.time, image.version) == (SCAN, pytest.approx(NOW, abs=1), Version(STREAM, 0))
    assert all(each["ConsistentRead"] for each in table.scans)
    assert {each["Segment"] for each in table.scans} == set(range(SEGMENTS))


def test_write_leaves_what_the_stream_has_told_and_removed(tmp_path: Path):
    bucket = FakeBucket()
    Keeper(bucket).invoke([change(1, item=0), change(2, item=1, event="REMOVE")])
    found = existing(FakeAws(FakeTable(items(3)), bucket)).write("Orders", tmp_path / "checkpoint.json")
    assert (found.written, found.there_already) == (1, 2)
    assert bucket.images()["backups/Orders/Id.N.0/image.json"].image["Text"] == {"S": "text 1"}
    assert bucket.images()["backups/Orders/Id.N.1/image.json"].deleted


def test_write_is_overtaken_by_any_change_of_the_stream(tmp_path: Path):
    bucket = FakeBucket()
    existing(FakeAws(FakeTable(items(1)), bucket)).write("Orders", tmp_path / "checkpoint.json")
    Keeper(bucket).invoke([change(1, item=0)])
    assert bucket.images()["backups/Orders/Id.N.0/image.json"].image["Text"] == {"S": "text 1"}


def test_write_goes_on_where_it_was_stopped(tmp_path: Path):
    checkpoint, bucket = tmp_path / "checkpoint.json", FakeBucket()
    table = FakeTable(items(40), fails_after=9)
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        existing(FakeAws(table, bucket)).write("Orders", checkpoint)
    before = len(bucket.images())
    assert 0 < before < 40
    table.fails_after = -1
    found = existing(FakeAws(table, bucket)).write("Orders", checkpoint)
    assert len(bucket.images()) == 40
    assert found.items == 40 - before
    again = existing(FakeAws(table, bucket)).write("Orders", checkpoint)
    assert (again.items, again.done_before) == (0, True)


def test_write_after_a_table_that_failed_writes_the_next(tmp_path: Path):
    table, bucket = FakeTable(items(8), fails_after=0), FakeBucket()
    several = existing(FakeAws(table, bucket))
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        several.write("Orders", tmp_path / "checkpoint.json")
    table.fails_after = -1
    assert several.write("Carts", tmp_path / "checkpoint.json").written == 8


def test_write_to_another_bucket_begins_anew(tmp_path: Path):
    checkpoint, table = tmp_path / "checkpoint.json", FakeTable(items(8))
    existing(FakeAws(table, FakeBucket())).write("Orders", checkpoint)
    elsewhere, aws = Place("others", "backups", writers=2), FakeAws(table, FakeBucket())
    assert ExistingItems(aws, elsewhere, ACCOUNT, 1e6).write("Orders", checkpoint).written == 8  # type: ignore[arg-type]


def test_write_after_the_images_were_deleted_begins_anew(tmp_path: Path):
    checkpoint, bucket = tmp_path / "checkpoint.json", FakeBucket()
    aws = FakeAws(FakeTable(items(8)), bucket)
    existing(aws).write("Orders", checkpoint)
    bucket.objects.clear()
    assert existing(aws).write("Orders", checkpoint).written == 8


def test_write_for_other_tables_than_before_begins_anew(tmp_path: Path):
    checkpoint, aws = tmp_path / "checkpoint.json", FakeAws(FakeTable(items(8)), FakeBucket())
    existing(aws).write("Orders", checkpoint)
    place = Place("images", "backups", writers=2)
    another = ExistingItems(aws, place, ACCOUNT, 1e6, "another run")  # type: ignore[arg-type]
    assert another.write("Orders", checkpoint).items == 8


def test_write_with_another_mapping_of_images_begins_anew(tmp_path: Path):
    """Images were switched off and on: what was deleted meanwhile is not known here."""
    checkpoint, aws = tmp_path / "checkpoint.json", FakeAws(FakeTable(items(8)), FakeBucket())
    existing(aws).write("Orders", checkpoint)
    aws.mapping = "2"
    assert existing(aws).write("Orders", checkpoint).items == 8


def test_write_keeps_to_so_many_items_a_second(tmp_path: Path):
    aws = FakeAws(FakeTable(items(40)), FakeBucket())
    existing(aws, per_second=10).write("Orders", tmp_path / "checkpoint.json")
    assert 3.5 <= aws.now - NOW <= 4.0


@pytest.mark.parametrize(
    ("streams", "mapped", "said"), [(False, True, "has no stream"), (True, False, "is not mapped to")]
)
def test_write_of_a_table_whose_images_would_never_change_refuses(
    tmp_path: Path, streams: bool, mapped: bool, said: str
):
    bucket = FakeBucket()
    with pytest.raises(UsageError, match=said):
        existing(FakeAws(FakeTable(items(2), streams=streams), bucket, mapped)).write(
            "Orders", tmp_path / "c.json"
        )
    assert not bucket.objects


def test_write_when_s3_fails_in_passing_tries_again_and_when_it_lasts_says_so(tmp_path: Path):
    broken = s3_error("SlowDown", 503)
    bucket = FakeBucket(lambda number, operation: Fault(broken) if number % 2 == 0 else None)
    assert existing(FakeAws(FakeTable(items(4)), bucket)).write("Orders", tmp_path / "a.json").written == 4
    bucket = FakeBucket(lambda number, operation: Fault(broken))
    with pytest.raises(AwsError, match=r"could not be written: SlowDown"):
        existing(FakeAws(FakeTable(items(1)), bucket)).write("Orders", tmp_path / "b.json")
