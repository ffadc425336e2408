"""One emulator of AWS and one second engine of DynamoDB for all tests of a process, in temporary folders."""

from collections.abc import Iterator

import pytest

from local.emulator import Emulator
from local.second_engine import Dynoxide, why_not_here
from tests.integration.engines import Engine


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Running. Tests share its account: each names its own tables, buckets, functions and rules."""
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def dynoxide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dynoxide]:
    """Running. Skips, with the reason, where it is not published; where it is, a missing program is an error."""
    if why_not_here():
        pytest.skip(why_not_here())
    with Dynoxide(tmp_path_factory.mktemp("dynoxide")) as running:
        yield running


@pytest.fixture(scope="session", params=["ministack", "dynoxide"])
def engine(request: pytest.FixtureRequest, emulator: Emulator) -> Engine:
    """Each in turn: a test that asks for it states what DynamoDB does, whoever plays it."""
    return Engine(emulator, request.getfixturevalue("dynoxide") if request.param == "dynoxide" else None)
