"""Where a restoration goes on, and that it is no other one's place."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from continuous_backup.errors import BackupError, UsageError
from continuous_backup.operations.writing_items.checkpoint import load, require_usable

OF = {"table": "Orders", "from": "here"}


@dataclass
class Counts:
    """What a restoration could count."""

    images: int = 0

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "Counts":
        return cls(**document)


def test_load_of_what_was_noted_is_the_same_and_of_what_was_removed_is_the_beginning(tmp_path: Path):
    file = tmp_path / "checkpoint.json"
    first = load(file, OF, Counts)
    assert first.after == ""
    first.tally.images = 3
    first.note("backups/Orders/id.S.1/image.json")
    assert load(file, OF, Counts) == first
    first.remove()
    first.remove()
    assert load(file, OF, Counts).after == ""
    assert list(tmp_path.iterdir()) == []


def test_load_of_another_restorations_file_refuses_and_says_how_it_differs(tmp_path: Path):
    file = tmp_path / "checkpoint.json"
    load(file, OF, Counts).note("a")
    with pytest.raises(UsageError, match=r"of another restoration: it differs in condition, table$"):
        load(file, {"table": "Carts", "from": "here", "condition": "never"}, Counts)


NONE = [
    "",
    "[]",
    "{}",
    "null",
    '{"of": 1}',
    "[" * 100_000,
    json.dumps({"of": OF, "after": "", "tally": {"pictures": 1}}),
]


@pytest.mark.parametrize("text", NONE, ids=lambda text: text[-30:])
def test_load_of_a_file_that_is_no_checkpoint_says_so(tmp_path: Path, text: str):
    file = tmp_path / "checkpoint.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="does not say how far"):
        load(file, OF, Counts)
    with pytest.raises(UsageError, match="does not say how far"):
        require_usable(file, Counts, will_be_written=False)


def folder_that_takes_no_file(tmp_path: Path) -> Path:
    """Root may write into any folder of a disk's."""
    folder = Path("/proc")
    if not folder.is_dir():
        folder = tmp_path / "closed"
        folder.mkdir(mode=0o500)
    return folder


def test_require_usable_where_no_file_can_be_written_refuses_unless_none_will_be(tmp_path: Path):
    require_usable(tmp_path / "checkpoint.json", Counts, will_be_written=True)
    assert list(tmp_path.iterdir()) == []
    for folder in (tmp_path / "nowhere", folder_that_takes_no_file(tmp_path)):
        require_usable(folder / "checkpoint.json", Counts, will_be_written=False)
        with pytest.raises(UsageError, match=f"cannot be noted in {folder}/checkpoint.json: .*: {folder}$"):
            require_usable(folder / "checkpoint.json", Counts, will_be_written=True)


def test_note_and_remove_where_the_file_cannot_be_changed_any_more_say_what_stays(tmp_path: Path):
    file = tmp_path / "checkpoint.json"
    checkpoint = load(file, OF, Counts)
    (file / "in the way").mkdir(parents=True)
    for change in (lambda: checkpoint.note("a"), checkpoint.remove):
        with pytest.raises(BackupError, match=r"checkpoint\.json: ") as caught:
            change()
        assert "what was written into the table stays" in caught.value.hint
        assert not isinstance(caught.value, UsageError)
