"""Delivery streams of somebody else's, from the configuration to S3: they are used, and stay as they are."""

from collections.abc import Iterator

import pytest

from local.stage import Settings, Stage
from local.waiting import wait_for
from tests.integration.choosing import (
    THEIR_PREFIX,
    THEIRS,
    forwarder,
    lines_under,
    marks,
    redeploy,
    said,
    theirs,
    with_theirs,
)
from tests.integration.staging import delivery_streams, put, wait_until, whitelist

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Deployed with one table going to a delivery stream of somebody else's."""
    yield from with_theirs(tmp_path_factory.mktemp("stage"), deliveryStreams={"Foreign": THEIRS})


def test_table_with_somebody_elses_delivery_stream_goes_there_and_none_is_made(stage: Stage) -> None:
    before = theirs(stage)
    stage.create_table("Foreign")
    stage.wait_until_wired("Foreign")
    put(stage, "Foreign", 1, 2, 3)
    lines = wait_for(
        lambda: found if len(found := lines_under(stage, THEIR_PREFIX)) >= 3 else None, "three lines in theirs"
    )
    assert {line["eventName"] for line in lines} == {"INSERT"}
    assert all(":table/Foreign/stream/" in line["eventSourceARN"] for line in lines)
    assert "Foreign" not in delivery_streams(stage)
    assert marks(stage, "Foreign") == ["deliveryStreams"]
    wait_until(lambda: said(stage, "Foreign is not restorable: deliveryStreams"), "the log to say so")
    stage.sweep()
    assert theirs(stage) == before


def test_table_whose_delivery_stream_of_somebody_elses_is_missing_waits_and_says_so(stage: Stage) -> None:
    told = redeploy(stage, deliveryStreams={"Foreign": THEIRS, "Early": "not-there-yet"})
    assert "delivery stream not-there-yet, which the configuration names, is not there" in told
    assert "Not restorable: Early (to not-there-yet), Foreign (to my-own-stream)" in told
    stage.create_table("Early")
    sentence = "Problem: delivery stream not-there-yet, which deliveryStreams names for Early, is not there"
    wait_until(lambda: said(stage, sentence), "the problem in the log")
    assert stage.mappings("Early") == []
    assert "not-there-yet" not in delivery_streams(stage)


def test_deploy_that_would_mix_two_tables_in_one_delivery_stream_changes_nothing(stage: Stage) -> None:
    redeploy(stage)
    stage.create_table("Orders")
    stage.wait_until_wired("Orders")
    before = forwarder(stage)
    as_it_was = stage.settings
    stage.settings = Settings({"deliveryStreams": {"Foreign": "Orders"}})
    stage.build()
    refused = stage.deploy(expect=1)
    assert "delivery stream Orders, which the configuration names as somebody else's, is ours" in refused.stderr
    assert forwarder(stage) == before
    stage.settings = as_it_was
    stage.build()


def test_deprovisioning_takes_the_mapping_and_leaves_somebody_elses_delivery_stream(stage: Stage) -> None:
    redeploy(stage, deliveryStreams={"Leaving": THEIRS})
    before = theirs(stage)
    stage.create_table("Leaving")
    stage.wait_until_wired("Leaving")
    own = ("--config-file", str(stage.config_file))
    dry = stage.script("deprovision_tables.py", whitelist(stage, "Leaving"), *own, "--dry-run")
    assert "delivery stream my-own-stream is somebody else's: it is used, and stays as it is" in dry.stderr
    assert "delete its delivery stream" not in dry.stderr
    done = stage.script("deprovision_tables.py", whitelist(stage, "Leaving"), *own, "--yes")
    assert done.stdout.split()[-2:] == ["Leaving", "deprovisioned"]
    assert stage.mappings("Leaving") == []
    assert theirs(stage) == before
