"""What makes a restoration of images another one, and that it does not go on where another was stopped."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from continuous_backup.errors import UsageError
from continuous_backup.operations.images.asked_images import AskedImages
from continuous_backup.operations.images.restoration import checkpoint_of, described, lives_noted
from continuous_backup.operations.images.wanted import If, KeyPrefix
from tests.unit.operations.images.restorations import WANTED
from tests.unit.operations.writing_items.tables import OLD_STREAM, STREAM, TARGET, TIME, minutes


def test_checkpoint_of_the_same_restoration_is_where_it_was_stopped(tmp_path: Path):
    file = tmp_path / "checkpoint.json"
    first = checkpoint_of(file, WANTED, TARGET, If.NEWER)
    assert first.after == ""
    first.tally.images = 3
    first.tally.name("foreign", "x")
    first.note("backups/Orders/id.S.1/image.json")
    assert checkpoint_of(file, WANTED, TARGET, If.NEWER) == first


@pytest.mark.parametrize(
    ("other", "differs_in"),
    [
        ((replace(WANTED, bucket="replica"), TARGET, If.NEWER), "bucket"),
        ((replace(WANTED, key_prefix=KeyPrefix("id", "a")), TARGET, If.NEWER), "keyPrefix"),
        ((replace(WANTED, lives=frozenset({STREAM})), TARGET, If.NEWER), "life"),
        ((replace(WANTED, asked=AskedImages([], TARGET.keys, "backups", "Orders")), TARGET, If.NEWER), "keys"),
        ((replace(WANTED, as_of=TIME), TARGET, If.NEWER), "asOf"),
        ((WANTED, TARGET, If.ALWAYS), "if"),
        ((WANTED, replace(TARGET, created=TIME + minutes(1)), If.NEWER), "tableCreated"),
    ],
)
def test_checkpoint_of_another_restoration_refuses_and_says_how_it_differs(tmp_path: Path, other, differs_in: str):
    file = tmp_path / "checkpoint.json"
    checkpoint_of(file, WANTED, TARGET, If.NEWER).note("a")
    with pytest.raises(UsageError, match=f"of another restoration: it differs in {differs_in}$"):
        checkpoint_of(file, *other)


@pytest.mark.parametrize(
    ("streams", "noted"),
    [(None, "all"), (frozenset({STREAM}), {STREAM}), (frozenset({OLD_STREAM, STREAM}), {OLD_STREAM, STREAM})],
)
def test_lives_noted_are_those_that_the_restoration_began_with(tmp_path: Path, streams, noted):
    file = tmp_path / "checkpoint.json"
    assert lives_noted(file) == ""
    checkpoint_of(file, replace(WANTED, lives=streams), TARGET, If.NEWER).note("a")
    assert lives_noted(file) == noted


@pytest.mark.parametrize("tally", [{"pictures": 1}, {"images": "1"}, {"names": []}], ids=str)
def test_checkpoint_with_counts_of_another_kind_is_none(tmp_path: Path, tally: dict[str, object]):
    file = tmp_path / "checkpoint.json"
    of = described(WANTED, TARGET, If.NEWER)
    file.write_text(json.dumps({"of": of, "after": "", "tally": tally}))
    with pytest.raises(UsageError, match="does not say how far"):
        checkpoint_of(file, WANTED, TARGET, If.NEWER)
