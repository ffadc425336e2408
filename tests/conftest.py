"""What holds for all tests, and what all processes of a run of them share."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest

#: Files that take longest, mostly waiting, the longest first: begun last, one of them would be waited for alone.
_LONGEST = (
    "test_provisioning_tables",
    "test_item_images",
    "test_faults_of_time",
    "test_deploying",
    "test_choosing_anew",
    "test_pipeline",
    "test_restoring_images_from_buckets",
    "test_restoring_images",
    "test_sweeping",
    "test_account_concurrency",
    "test_faults_of_processes",
    "test_choices_wiring",
    "test_wiring",
    "test_undeploying",
    "test_soak",
    "test_faults_of_answers",
    "test_faults_partial_failures",
    "test_switching_compression",
    "test_emulator",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order is the workers' too: `--dist loadfile` hands out the files as they come."""
    places = {name: place for place, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


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


@pytest.fixture(scope="session", autouse=True)
def _read_models_once() -> Iterator[None]:
    """The SDK reads its models anew for each session, which took half of the time of the tests with clients."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield
