"""What all processes of a run of the tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def folder_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One temporary folder for all workers of a run: each has its own folder in it."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def _stages_share_their_builds(folder_of_the_session: Path) -> Iterator[None]:
    """Building takes a second of a processor, and most stages have the same configuration: see local/stage.py."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGE_BUILDS", str(folder_of_the_session / "builds"))
        yield
