"""One emulator of AWS for all tests of a process, in a temporary folder."""

from collections.abc import Iterator

import pytest

from local.emulator import Emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Running. Tests share its account: each names its own tables, buckets, functions and rules."""
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running
