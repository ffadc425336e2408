"""`make local` again: what somebody edited is kept, and one runs at a time."""

import fcntl
from pathlib import Path

import pytest

from local import playground
from local.stage import Settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    made = tmp_path / "playground" / "config.hjson"
    made.parent.mkdir()
    Settings().write(made)
    return made


def test_configuration_as_it_was_made_is_not_kept(config: Path):
    assert playground.kept_aside(config, Settings()) is None
    assert playground.kept_aside(config.with_name("missing.hjson"), Settings()) is None


def test_configuration_that_was_edited_is_kept_out_of_the_folder(config: Path):
    config.write_text("{ tableNameMatchRegex: mine }")
    kept = playground.kept_aside(config, Settings())
    assert kept
    assert kept.parent == config.parent.parent
    assert kept.read_text() == "{ tableNameMatchRegex: mine }"


def test_second_one_refuses_and_touches_nothing_while_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(playground, "REPOSITORY", tmp_path)
    edited = tmp_path / ".local" / "playground" / "config.hjson"
    edited.parent.mkdir(parents=True)
    edited.write_text("mine")
    with (tmp_path / ".local" / "playground.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert playground.main() == 1
    assert "running already" in capsys.readouterr().err
    assert edited.read_text() == "mine"
