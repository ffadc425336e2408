"""Tables whose configuration chooses otherwise, and then as before: no change is lost, and all of it is told."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.stage import PREFIX, Stage
from local.waiting import wait_for
from tests.integration.choosing import THEIR_PREFIX, THEIRS, lines_under, marks, redeploy, theirs, with_theirs
from tests.integration.staging import delivery_streams, put, wait_for_changes, wait_until, whitelist

pytestmark = pytest.mark.emulator

MY_LINES = """
def shown(change):
    if "secret" in change.table:
        return None
    return {"table": change.table, "event": change.event_name, "keys": change.keys, "eventSourceARN": "mine"}
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Deployed with the default configuration."""
    for stage in with_theirs(tmp_path_factory.mktemp("stage")):
        (stage.work / "my_lines.py").write_text(MY_LINES)
        yield stage


def test_table_given_to_somebody_else_and_back_loses_no_change_and_none_of_their_settings(stage: Stage) -> None:
    redeploy(stage)
    before = theirs(stage)
    stage.create_table("Moved")
    mapping = stage.wait_until_wired("Moved")["UUID"]
    put(stage, "Moved", 1)
    wait_for_changes(stage, "Moved", 1)

    redeploy(stage, deliveryStreams={"Moved": THEIRS})
    stage.sweep()
    assert marks(stage, "Moved") == ["deliveryStreams"]
    put(stage, "Moved", 2)

    def in_theirs() -> list[dict[str, Any]]:
        lines = lines_under(stage, THEIR_PREFIX)
        return [each for each in lines if ":table/Moved/" in each["eventSourceARN"]]

    wait_until(lambda: len(in_theirs()) == 1, "the second change in theirs")

    def swept_away() -> bool:
        """Ours is released when the function's time-out and the buffering interval have passed."""
        stage.sweep()
        return "Moved" not in delivery_streams(stage)

    wait_until(swept_away, "our delivery stream to be released", 120)
    assert theirs(stage) == before

    redeploy(stage)
    stage.sweep()
    assert marks(stage, "Moved") == [None]
    put(stage, "Moved", 3)
    log = wait_for_changes(stage, "Moved", 2)
    numbers = {change.new_image["number"]["N"] for change in log.read_new() if change.new_image}
    assert numbers == {"1", "3"}, "the second is in theirs, and was not read again"
    assert len(in_theirs()) == 1
    assert [each["UUID"] for each in stage.mappings("Moved")] == [mapping], "nothing had to be read again"
    assert theirs(stage) == before


def test_table_with_lines_of_its_own_is_marked_until_it_has_the_documented_ones_again(stage: Stage) -> None:
    redeploy(stage)
    stage.create_table("Shown")
    stage.wait_until_wired("Shown")
    assert marks(stage, "Shown") == [None]

    told = redeploy(stage, transformer="my_lines:shown", includeTtlDeletes=False)
    assert "Not restorable: every table, because of includeTtlDeletes, transformer" in told
    own = ("--config-file", str(stage.config_file))
    provisioner = stage.operator("provision")
    done = stage.script("provision_tables.py", whitelist(stage, "Shown"), *own, credentials=provisioner)
    assert "provisioned; not restorable: includeTtlDeletes, transformer" in done.stdout
    assert marks(stage, "Shown") == ["includeTtlDeletes transformer"]
    put(stage, "Shown", 1)
    (line,) = wait_for(lambda: lines_under(stage, f"{PREFIX}/Shown/"), "a line")
    assert line == {"table": "Shown", "event": "INSERT", "keys": {"id": {"S": "item-1"}}, "eventSourceARN": "mine"}
    answer = stage.script(
        "provision_tables.py", whitelist(stage, "Shown"), *own, "--output", "json", credentials=provisioner
    )
    (shown,) = json.loads(answer.stdout)["tables"]
    assert (shown["result"], shown["notRestorable"]) == (
        "was as wanted already",
        ["includeTtlDeletes", "transformer"],
    )

    redeploy(stage)
    done = stage.script("provision_tables.py", whitelist(stage, "Shown"), *own, credentials=provisioner)
    assert marks(stage, "Shown") == [None]
    assert "not restorable" not in done.stdout


def test_table_that_a_filter_leaves_out_later_is_brought_to_another_place_by_provisioning_too(
    stage: Stage,
) -> None:
    """The delivery role may write to the new place alone, so what is wired has to follow at once."""
    redeploy(stage)
    stage.create_table("LeftOut")
    stage.wait_until_wired("LeftOut")

    told = redeploy(stage, tableNameMatchRegex="Another", firehoseDeliveryPrefix="elsewhere")
    assert "the change log so far stays at" in told
    again = stage.deploy("--output", "json", expect=0)
    assert any("still write to" in each for each in json.loads(again.stdout)["notes"])
    own = ("--config-file", str(stage.config_file))
    done = stage.script(
        "provision_tables.py",
        whitelist(stage, "LeftOut"),
        *own,
        credentials=stage.operator("provision", name="mover"),
        expect=3,
    )

    assert "the filter leaves it out; wired before, it goes on being backed up, now as configured" in done.stdout
    described = stage.emulator.client("firehose").describe_delivery_stream(DeliveryStreamName="LeftOut")
    destination = described["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert destination["Prefix"] == "elsewhere/LeftOut/"
