"""Logs of tables with every kind of key, in both ways of compressing."""

import pytest

from tests.unit.reading_the_data import orders_log
from tests.unit.reading_the_data.orders_log import Logs


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Logs:
    folder = tmp_path_factory.mktemp("logs")
    return {
        (key, compression): orders_log.made(folder / f"{key}-{compression}", key, compression)
        for key in orders_log.KEYS
        for compression in ("firehose", "forwarder")
    }
