"""The loop: goes on past what fails, stops at its time, and looks twice before it takes away."""

from dataclasses import replace
from typing import Any

import pytest

from continuous_backup import naming
from continuous_backup.aws import ClientError
from continuous_backup.ensure_backup.actions import (
    CreateMapping,
    DeleteDeliveryStream,
    EnableStream,
    MarkRestorability,
)
from continuous_backup.ensure_backup.convergence import Convergence
from continuous_backup.ensure_backup.observer import Listing
from continuous_backup.ensure_backup.state import BackupState, Stream, Table
from continuous_backup.ensure_backup.wanted import Wanted
from tests.unit.ensure_backup.loops import FOREVER, GOOD, MAPPABLE, NEW, Applied, Clock, Looks, convergence
from tests.unit.ensure_backup.wiring import (
    ACCOUNT,
    CONFIG,
    NOW,
    STREAM_ARN,
    backup,
    delivery_stream,
    mapping,
    released,
    table,
)


def denied() -> ClientError:
    error = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}
    return ClientError(error, "UpdateTable")


def test_run_when_a_table_needs_several_passes_ends_when_it_is_as_wanted() -> None:
    applied = Applied()
    outcomes = convergence(Looks(Orders=[NEW, MAPPABLE, GOOD]), applied).run(
        ["Orders"], Wanted.PROTECTED, deadline=FOREVER
    )
    assert applied.actions == [EnableStream("Orders"), CreateMapping("Orders", STREAM_ARN)]
    assert outcomes["Orders"].as_wanted


def test_run_when_one_table_fails_finishes_the_others_and_says_which() -> None:
    applied = Applied(lambda action: denied() if action.table == "Orders" else None)
    looks = Looks(
        Orders=[NEW], Others=[replace(NEW, name="Others", table=Table("Others"), delivery_stream=None), GOOD]
    )
    outcomes = convergence(looks, applied).run(["Orders", "Others"], Wanted.PROTECTED, deadline=FOREVER)
    assert outcomes["Others"].as_wanted
    assert outcomes["Orders"].error
    assert "UpdateTable" in outcomes["Orders"].error.problem
    assert "docs/iam.md" in outcomes["Orders"].error.hint


def test_run_when_a_look_fails_gives_the_table_its_error() -> None:
    outcomes = convergence(Looks(Orders=[denied()], Others=[GOOD]), Applied()).run(
        ["Orders", "Others"], Wanted.PROTECTED, deadline=FOREVER
    )
    assert outcomes["Orders"].error
    assert outcomes["Others"].as_wanted


def test_run_when_the_time_is_up_leaves_what_it_waits_for() -> None:
    waiting = backup(table=table(stream=None, status="CREATING"))
    clock = Clock()
    outcomes = convergence(Looks(Orders=[waiting]), Applied(), clock).run(
        ["Orders"], Wanted.PROTECTED, deadline=NOW + 30
    )
    assert [str(each) for each in outcomes["Orders"].waiting] == [
        "wait for table Orders, which is CREATING, to be ACTIVE"
    ]
    assert clock.now < NOW + 30


def test_run_when_the_time_is_up_in_the_middle_of_many_tables_looks_at_no_more() -> None:
    clock = Clock()
    names = [f"T{number}" for number in range(100)]

    class Slow(Looks):
        def observe(self, table: str, listing: Listing | None = None) -> BackupState:
            clock.sleep(1)
            return super().observe(table, listing)

    outcomes = convergence(Slow(**{name: [GOOD] for name in names}), Applied(), clock).run(
        names, Wanted.PROTECTED, deadline=NOW + 30
    )
    assert sum(each.as_wanted for each in outcomes.values()) == 30
    assert clock.now == NOW + 30


def test_run_when_a_wait_is_longer_than_its_patience_does_not_sit_it_out() -> None:
    buffered = backup(table=None, mappings=(), delivery_stream=released(1))
    clock = Clock()
    outcomes = convergence(Looks(Orders=[buffered]), Applied(), clock).run(
        ["Orders"], Wanted.PROTECTED, deadline=FOREVER, patience=60
    )
    assert outcomes["Orders"].waiting
    assert clock.now == NOW


def test_run_when_what_was_to_be_deleted_is_wanted_again_deletes_nothing() -> None:
    gone = backup(table=None, mappings=(), delivery_stream=released(100_000))
    came_back = backup(mappings=(mapping(),))
    applied = Applied()
    outcomes = convergence(Looks(Orders=[gone, came_back]), applied).run(
        ["Orders"], Wanted.PROTECTED, deadline=FOREVER
    )
    assert applied.actions == []
    assert outcomes["Orders"].as_wanted


def test_run_when_a_deletion_is_not_confirmed_looks_again_before_it_says_that_all_is_done() -> None:
    staying, leaving = backup(), backup(mappings=(mapping(state="Deleting"),))
    outcomes = convergence(Looks(Orders=[staying, leaving]), Applied()).run(
        ["Orders"], Wanted.RELEASED, deadline=NOW + 60
    )
    assert not outcomes["Orders"].as_wanted


def test_run_when_what_is_to_be_deleted_still_is_deletes_it() -> None:
    gone = backup(table=None, mappings=(), delivery_stream=released(100_000))
    applied = Applied()
    convergence(Looks(Orders=[gone, gone, BackupState("Orders")]), applied).run(
        ["Orders"], Wanted.PROTECTED, deadline=FOREVER
    )
    assert [type(action) for action in applied.actions] == [DeleteDeliveryStream]


def test_run_when_an_action_never_takes_effect_gives_up_with_a_reason() -> None:
    applied = Applied()
    outcomes = convergence(Looks(Orders=[NEW]), applied).run(["Orders"], Wanted.PROTECTED, deadline=FOREVER)
    assert outcomes["Orders"].error
    assert "enable the stream of Orders" in outcomes["Orders"].error.problem
    assert len(applied.actions) == 5


def test_run_when_somebody_changes_a_delivery_stream_back_every_time_gives_up() -> None:
    versions = [
        backup(delivery_stream=replace(delivery_stream(tags={}), version=str(version))) for version in range(50)
    ]
    tags = {naming.MANAGED_TAG: naming.MANAGED_TAG_VALUE, naming.TABLE_TAG: "Orders"}
    changed_back = [replace(each, delivery_stream=replace(each.delivery_stream, tags=tags)) for each in versions]
    applied = Applied()
    outcomes = convergence(Looks(Orders=changed_back), applied).run(["Orders"], Wanted.PROTECTED, deadline=FOREVER)
    assert outcomes["Orders"].error
    assert len(applied.actions) == 5


def test_run_when_nothing_can_be_done_for_longer_than_its_patience_leaves_it() -> None:
    clock = Clock()
    creating = backup(table=table(stream=None, status="CREATING"))
    outcomes = convergence(Looks(Orders=[creating]), Applied(), clock).run(
        ["Orders"], Wanted.PROTECTED, deadline=FOREVER, patience=90
    )
    assert outcomes["Orders"].waiting
    assert 60 < clock.now - NOW <= 100


def test_run_when_there_is_a_problem_tells_it_once_and_goes_on() -> None:
    told: list[str] = []
    keys_only = backup(table=table(stream=Stream(STREAM_ARN, "KEYS_ONLY")))
    outcomes = convergence(Looks(Orders=[keys_only], Others=[GOOD]), Applied()).run(
        ["Orders", "Others"],
        Wanted.PROTECTED,
        deadline=FOREVER,
        on_settled=lambda outcome: told.append(outcome.table),
    )
    assert sorted(told) == ["Orders", "Others"]
    assert outcomes["Orders"].problems
    assert not outcomes["Orders"].as_wanted


@pytest.mark.parametrize("count", [1, 300])
def test_run_over_many_tables_lists_once_a_pass(count: int) -> None:
    looks = Looks(**{f"T{number}": [GOOD] for number in range(count)})
    convergence(looks, Applied()).run(looks.states, Wanted.PROTECTED, deadline=FOREVER)
    assert looks.listings == 1


# --- what the log lacks


@pytest.mark.parametrize(
    ("state", "wanted", "expected"),
    [
        (GOOD, Wanted.PROTECTED, ("transformer",)),
        (MAPPABLE, Wanted.PROVISIONED, ("transformer",)),
        (backup(table=table(opted_out=True)), Wanted.PROTECTED, ()),
        (backup(table=table(opted_out=True)), Wanted.PROVISIONED, ("transformer",)),
        (backup(table=None), Wanted.PROTECTED, ()),
        (GOOD, Wanted.RELEASED, ()),
        (GOOD, Wanted.DEPROVISIONED, ()),
    ],
)
def test_run_says_of_each_table_that_is_backed_up_what_its_log_lacks(
    state: BackupState, wanted: Wanted, expected: tuple[str, ...]
) -> None:
    clock: Any = Clock()
    looks: Any = Looks(Orders=[state])
    lacking = replace(CONFIG, transformer="plain")
    loop = Convergence(clock, lacking, ACCOUNT, looks, Applied())
    assert loop.run(["Orders"], wanted, deadline=NOW + 5)["Orders"].not_restorable == expected
    assert (
        convergence(Looks(Orders=[state]), Applied())
        .run(["Orders"], wanted, deadline=NOW + 5)["Orders"]
        .not_restorable
        == ()
    )


def test_run_when_the_log_comes_to_lack_something_marks_it_once_and_then_finds_it_marked() -> None:
    applied = Applied()
    clock: Any = Clock()
    marked = backup(mappings=(mapping(not_restorable=("transformer",)),))
    looks: Any = Looks(Orders=[GOOD, marked])
    outcomes = Convergence(clock, replace(CONFIG, transformer="plain"), ACCOUNT, looks, applied).run(
        ["Orders"], Wanted.PROTECTED, deadline=FOREVER
    )
    assert applied.actions == [MarkRestorability("Orders", "mapping-1", ("transformer",))]
    assert outcomes["Orders"].as_wanted


def test_run_tells_what_it_waits_for_once_for_each_reason_however_long_it_takes() -> None:
    making = backup(table=table(stream=None, status="CREATING"))
    told: list[list[str]] = []
    convergence(Looks(Orders=[making, making, making, NEW, MAPPABLE, GOOD]), Applied()).run(
        ["Orders"],
        Wanted.PROTECTED,
        deadline=FOREVER,
        on_waiting=lambda waits: told.append([str(each) for each in waits.values()]),
    )
    assert told[0] == ["wait for table Orders, which is CREATING, to be ACTIVE"]
    assert len(told) == len({*map(tuple, told)}) == 3
