"""What holds for all tests: the SDK reads its models once a process."""

import functools
from collections.abc import Iterator

import botocore.session
import pytest


@pytest.fixture(scope="session", autouse=True)
def _read_models_once() -> Iterator[None]:
    """The SDK reads its models anew for each session, which took half of the time of the tests with clients."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield
