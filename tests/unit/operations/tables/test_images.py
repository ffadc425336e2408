"""What provision_tables.py --images keeps and tells, around the scans themselves."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from continuous_backup.aws import Aws
from continuous_backup.configuration.config import Config
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.errors import BackupError, UsageError
from continuous_backup.naming import Account
from continuous_backup.operations.tables import images
from continuous_backup.operations.tables.existing_items import SEGMENTS, ExistingItems, Found
from continuous_backup.operations.tables.provisioning import TablePlan
from continuous_backup.operations.tables.scan_progress import Progress, ScanOf
from tests.streams import NOW, stream_arn

ACCOUNT = Account("123456789012", "eu-west-1")


@pytest.fixture
def options(tmp_path: Path) -> argparse.Namespace:
    return argparse.Namespace(
        checkpoint=tmp_path / "images-checkpoint.json",
        dry_run=False,
        profile=None,
        endpoint_url="http://127.0.0.1:1",
        items_per_second=500.0,
    )


@pytest.fixture
def aws() -> Aws:
    return Aws(region="eu-west-1", endpoint_url="http://127.0.0.1:1", clock=lambda: NOW)


def scans(monkeypatch: pytest.MonkeyPatch, failing: str = "", stopped: str = "") -> None:
    """Each table's scan is done, and noted so; but one that cannot begin, and one that fails half-way."""

    def write(_: ExistingItems, table: str, checkpoint: Path, tell: Callable[[Found], Any]) -> Found:
        if table == failing:
            raise BackupError("no mapping", "provision it")
        of = ScanOf(table, stream_arn(table), f"s3://images/{table}/", "a-mapping")
        for segment in range(1 if table == stopped else SEGMENTS):
            Progress.load(checkpoint, of, SEGMENTS, lambda: NOW).set(segment, "")
        if table == stopped:
            raise BackupError("S3 is out of reach", "run it again")
        return Found()

    monkeypatch.setattr(ExistingItems, "write", write)


@pytest.mark.parametrize("how", [{}, {"failing": "Carts"}])
def test_checkpoint_where_all_was_done_that_could_be_is_not_left(
    monkeypatch: pytest.MonkeyPatch, options: argparse.Namespace, aws: Aws, how: dict[str, str]
):
    scans(monkeypatch, **how)
    results = _write(options, aws)
    assert [each.ok for each in results] == [True, not how]
    assert not options.checkpoint.exists()


def test_checkpoint_where_a_scan_was_stopped_goes_on_with_that_one_alone(
    monkeypatch: pytest.MonkeyPatch, options: argparse.Namespace, aws: Aws
):
    """What is done is done again by another run: it may be of other tables, or after images were deleted."""
    scans(monkeypatch, stopped="Carts")
    assert [each.ok for each in _write(options, aws)] == [True, False]
    assert list(json.loads(options.checkpoint.read_text())) == ["Carts"]


def _write(options: argparse.Namespace, aws: Aws) -> list[images.ImagesResult]:
    plans = [TablePlan("Orders"), TablePlan("Carts")]
    return images.write(options, aws, ACCOUNT, ItemImages(bucket="images"), plans)


def test_checkpoint_that_says_nothing_of_a_scan_is_refused_before_anything_is_done(
    options: argparse.Namespace, aws: Aws
):
    options.checkpoint.write_text(json.dumps(["something", "else"]))
    with pytest.raises(UsageError, match="does not say how far a scan is"):
        images.require(options, aws, Config(item_images=ItemImages(bucket="images")))
