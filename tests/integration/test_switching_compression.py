"""A deployed pipeline whose compression is switched: its tables move to other delivery streams."""

from collections.abc import Iterator

import pytest

from local.stage import Settings, Stage
from local.waiting import wait_for
from tests.integration.staging import delivery_streams, deployed, put, wait_for_changes

pytestmark = pytest.mark.emulator


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    yield from deployed(tmp_path_factory.mktemp("stage"))


def test_deploy_when_compression_is_switched_moves_the_tables_and_loses_nothing(stage: Stage) -> None:
    stage.create_table("Orders")
    mapping = stage.wait_until_wired("Orders")
    put(stage, "Orders", 1, 2)
    wait_for_changes(stage, "Orders", 2)

    stage.settings = Settings({"firehoseCompression": "forwarder"})
    stage.build()
    assert "firehoseCompression is switched, so changes of the table that is wired wait" in stage.deploy().stderr
    # Written before, these would wait in the stream on AWS; the emulator takes a reported failure for success.
    stage.sweep()
    wait_for(lambda: "Orders.gz" in delivery_streams(stage) or None, "the new delivery stream")
    put(stage, "Orders", 3, 4)
    log = wait_for_changes(stage, "Orders", 4)
    assert "firehoseCompression is switched" not in stage.deploy().stderr
    assert stage.wait_until_wired("Orders")["UUID"] == mapping["UUID"], "nothing has to be read again"
    assert set(log.compressed.values()) == {True, False}, "both kinds lie side by side"

    def swept_until_the_old_one_is_gone() -> bool | None:
        stage.sweep()
        return "Orders" not in delivery_streams(stage) or None

    wait_for(swept_until_the_old_one_is_gone, "the old delivery stream to be released", every=3)
    put(stage, "Orders", 5)
    wait_for_changes(stage, "Orders", 5)
