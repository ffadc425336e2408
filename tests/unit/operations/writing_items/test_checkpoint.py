"""Where a restoration goes on, and that it is no other one's place."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from restorations import TARGET, TIME, WANTED, minutes

from continuous_backup.errors import BackupError, UsageError
from continuous_backup.operations.images.wanted import If, KeyPrefix
from continuous_backup.operations.writing_items.checkpoint import Checkpoint, described, require_usable

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


NONE = [
    "",
    "[]",
    "{}",
    "null",
    '{"of": 1}',
    "[" * 100_000,
    json.dumps({"of": OF, "after": "", "tally": {"pictures": 1}}),
    json.dumps({"of": OF, "after": "", "tally": {"images": "1"}}),
    json.dumps({"of": OF, "after": "", "tally": {"names": []}}),
]


@pytest.mark.parametrize("text", NONE, ids=lambda text: text[-30:])
def test_load_of_a_file_that_is_no_checkpoint_says_so(tmp_path: Path, text: str):
    file = tmp_path / "checkpoint.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="does not say how far"):
        Checkpoint.load(file, OF)
    with pytest.raises(UsageError, match="does not say how far"):
        require_usable(file, will_be_written=False)


def folder_that_takes_no_file(tmp_path: Path) -> Path:
    """Root may write into any folder of a disk's."""
    folder = Path("/proc")
    if not folder.is_dir():
        folder = tmp_path / "closed"
        folder.mkdir(mode=0o500)
    return folder


def test_require_usable_where_no_file_can_be_written_refuses_unless_none_will_be(tmp_path: Path):
    require_usable(tmp_path / "checkpoint.json", will_be_written=True)
    assert list(tmp_path.iterdir()) == []
    for folder in (tmp_path / "nowhere", folder_that_takes_no_file(tmp_path)):
        require_usable(folder / "checkpoint.json", will_be_written=False)
        with pytest.raises(UsageError, match=f"cannot be noted in {folder}/checkpoint.json: .*: {folder}$"):
            require_usable(folder / "checkpoint.json", will_be_written=True)


def test_note_and_remove_where_the_file_cannot_be_changed_any_more_say_what_stays(tmp_path: Path):
    file = tmp_path / "checkpoint.json"
    checkpoint = Checkpoint.load(file, OF)
    (file / "in the way").mkdir(parents=True)
    for change in (lambda: checkpoint.note("a"), checkpoint.remove):
        with pytest.raises(BackupError, match=r"checkpoint\.json: ") as caught:
            change()
        assert "what was written into the table stays" in caught.value.hint
        assert not isinstance(caught.value, UsageError)
