"""Where a restoration goes on, and that it is no other one's place."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from restorations import TARGET, TIME, WANTED, minutes

from continuous_backup.errors import UsageError
from continuous_backup.operations.images.checkpoint import Checkpoint, described
from continuous_backup.operations.images.wanted import If, KeyPrefix

OF = described(WANTED, TARGET, If.NEWER)


def test_load_of_what_was_noted_is_the_same_and_of_what_was_removed_is_the_beginning(tmp_path: Path):
    file = tmp_path / "checkpoint.json"
    first = Checkpoint.load(file, OF)
    assert first.after == ""
    first.tally.images = 3
    first.tally.name("foreign", "x")
    first.note("backups/Orders/id.S.1/image.json")
    assert Checkpoint.load(file, OF) == first
    first.remove()
    first.remove()
    assert Checkpoint.load(file, OF).after == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("other", "differs_in"),
    [
        (described(replace(WANTED, bucket="replica"), TARGET, If.NEWER), "bucket"),
        (described(replace(WANTED, key_prefix=KeyPrefix("id", "a")), TARGET, If.NEWER), "keyPrefix"),
        (described(replace(WANTED, as_of=TIME), TARGET, If.NEWER), "asOf"),
        (described(WANTED, TARGET, If.ALWAYS), "if"),
        (described(WANTED, replace(TARGET, created=TIME + minutes(1)), If.NEWER), "tableCreated"),
    ],
)
def test_load_of_another_restorations_file_refuses_and_says_how_it_differs(tmp_path: Path, other, differs_in: str):
    file = tmp_path / "checkpoint.json"
    Checkpoint.load(file, OF).note("a")
    with pytest.raises(UsageError, match=f"of another restoration: it differs in {differs_in}$"):
        Checkpoint.load(file, other)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", json.dumps({"of": OF, "after": "", "tally": {"pictures": 1}}), '{"of": 1}']
)
def test_load_of_a_file_that_is_no_checkpoint_says_so(tmp_path: Path, text: str):
    file = tmp_path / "checkpoint.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="does not say how far"):
        Checkpoint.load(file, OF)
