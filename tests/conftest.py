"""What all processes of a run of the tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def folder_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One temporary folder for all workers of a run: each has its own folder in it."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
