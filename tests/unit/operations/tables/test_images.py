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


def scans(monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    """Each table's scan is done, and noted so; but that of one."""

    def write(_: ExistingItems, table: str, checkpoint: Path, tell: Callable[[Found], Any]) -> Found:
        if table == failing:
            raise BackupError("no mapping", "provision it")
        of = ScanOf(table, stream_arn(table), f"s3://images/{table}/", "a-mapping")
        for segment in range(SEGMENTS):
            Progress.load(checkpoint, of, SEGMENTS, lambda: NOW).set(segment, "")
        return Found()

    monkeypatch.setattr(ExistingItems, "write", write)


@pytest.mark.parametrize(("failing", "stays"), [("Carts", True), ("", False)])
def test_checkpoint_stays_where_a_table_failed_so_that_the_others_are_not_scanned_again(
    monkeypatch: pytest.MonkeyPatch, options: argparse.Namespace, aws: Aws, failing: str, stays: bool
):
    scans(monkeypatch, failing)
    kept = ItemImages(bucket="images")
    results = images.write(options, aws, ACCOUNT, kept, [TablePlan("Orders"), TablePlan("Carts")])
    assert [each.ok for each in results] == [True, not failing]
    assert options.checkpoint.exists() is stays


def test_checkpoint_that_says_nothing_of_a_scan_is_refused_before_anything_is_done(
    options: argparse.Namespace, aws: Aws
):
    options.checkpoint.write_text(json.dumps(["something", "else"]))
    with pytest.raises(UsageError, match="does not say how far a scan is"):
        images.require(options, aws, Config(item_images=ItemImages(bucket="images")))
