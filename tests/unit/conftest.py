"""AWS's clients without AWS: no account, no network, and answers that the test writes down."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from continuous_backup.aws import Aws


class Clock:
    """A time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def no_aws_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment like that of somebody who never used AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aws(no_aws_settings: None, clock: Clock) -> Aws:
    return Aws(region="eu-west-1", sleep=clock.sleep, clock=clock.time)


@pytest.fixture
def stub(aws: Aws) -> Iterator[Callable[..., Stubber]]:
    """A service's Stubber by its name. The test fails where a call that it wrote down is not made.

    What only `informs`, and is not waited for long, is asked through a client of its own.
    """
    stubbers: dict[Any, Stubber] = {}

    def stubber_of(service: str, *, informs: bool = False) -> Stubber:
        client = aws.client(service, informs=informs)
        if client not in stubbers:
            stubbers[client] = Stubber(client)
            stubbers[client].activate()
        return stubbers[client]

    yield stubber_of
    for stubber in stubbers.values():
        stubber.assert_no_pending_responses()
        stubber.deactivate()
