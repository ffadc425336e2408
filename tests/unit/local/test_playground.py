"""`make local` again: what somebody edited is kept, and one runs at a time."""

import fcntl
from pathlib import Path

import pytest

from local import loosened, playground
from local.stage import Settings


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder as a stage made and left it."""
    made = tmp_path / "playground"
    made.mkdir()
    Settings().write(made / "config.hjson")
    loosened.write_templates(made / "templates")
    for folder in ("dist", "emulator"):
        (made / folder).mkdir()
        (made / folder / "forwarder.py").write_text("built")
    (made / "emulator.log").write_text("started")
    return made


def kept(work: Path) -> dict[str, str]:
    """What was kept, by its path; it lies beside the folder."""
    folder = playground.kept_aside(work, Settings())
    assert folder
    assert folder.parent == work.parent
    return {str(each.relative_to(folder)): each.read_text() for each in folder.rglob("*") if each.is_file()}


def test_folder_as_it_was_made_is_not_kept(work: Path):
    assert playground.kept_aside(work, Settings()) is None
    assert playground.kept_aside(work.with_name("missing"), Settings()) is None
    assert list(work.parent.iterdir()) == [work]


def test_configuration_that_was_edited_is_kept_out_of_the_folder(work: Path):
    (work / "config.hjson").write_text("{ tableNameMatchRegex: mine }")
    assert kept(work) == {"config.hjson": "{ tableNameMatchRegex: mine }"}


def test_functions_whitelists_and_templates_of_a_persons_own_are_kept_out_of_the_folder(work: Path):
    edited = next((work / "templates").glob("*.yaml"))
    for file in (work / "optin.py", work / "mine.hjson", edited, edited.with_name("more.yaml")):
        file.write_text("mine")
    names = {"optin.py", "mine.hjson", f"templates/{edited.name}", "templates/more.yaml"}
    assert kept(work) == dict.fromkeys(names, "mine")


def test_what_was_edited_twice_in_a_second_is_kept_twice(work: Path):
    (work / "optin.py").write_text("mine")
    assert playground.kept_aside(work, Settings()) != playground.kept_aside(work, Settings())


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


def test_begun_again_tells_where_what_was_edited_is_and_makes_the_folder_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(playground, "REPOSITORY", tmp_path)
    monkeypatch.setattr(playground, "_play", lambda work: int(work.exists()))
    edited = tmp_path / ".local" / "playground" / "optin.py"
    edited.parent.mkdir(parents=True)
    edited.write_text("mine")
    assert playground.main() == 0
    told = capsys.readouterr().out.strip().rpartition(" ")[2]
    assert (Path(told) / "optin.py").read_text() == "mine"
