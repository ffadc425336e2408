"""The sweep: which tables it looks at whole, from what the lists say."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from continuous_backup import naming
from continuous_backup.aws import ClientError
from continuous_backup.ensure_backup import sweep
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import CreateMapping, Step
from continuous_backup.ensure_backup.convergence import Outcome
from continuous_backup.ensure_backup.observer import Listing, Overview
from continuous_backup.ensure_backup.state import BackupState, DeliveryStream
from continuous_backup.ensure_backup.wanted import Wanted
from tests.unit.ensure_backup.loops import Applied, Clock, Looks, convergence
from tests.unit.ensure_backup.wiring import ACCOUNT, CONFIG, NOW, STREAM_ARN, backup, delivery_stream, mapping


class Lists:
    """An account as its lists show it; `asked` are the delivery streams that were looked at singly."""

    def __init__(self, overview: Overview, *singly: DeliveryStream) -> None:
        self._overview = overview
        self._singly = {each.name: each for each in singly}
        self.asked: list[str] = []

    def overview(self) -> Overview:
        return self._overview

    def glance(self, table: str, overview: Overview) -> BackupState:
        return BackupState(table)

    def delivery_stream(self, name: str) -> DeliveryStream | None:
        self.asked.append(name)
        return self._singly.get(name)


class Plans:
    def __init__(self, *amiss: str) -> None:
        self._amiss = amiss

    def planned(self, state: BackupState, wanted: Wanted) -> list[Step]:
        return [CreateMapping(state.name, STREAM_ARN)] if state.name in self._amiss else []


def looked_at(lists: Lists, plans: Plans, turn: int = 0, leaves_out: str = "-") -> list[str]:
    return due(lists, plans, turn, leaves_out).protected


def due(lists: Lists, plans: Plans, turn: int = 0, leaves_out: str = "-") -> sweep.Due:
    observer: Any = lists
    convergence: Any = plans
    log = logging.getLogger("test-sweep")
    return sweep.tables_to_look_at(
        observer, convergence, CONFIG, lambda name: not name.startswith(leaves_out), turn, log
    )


def names(count: int) -> list[str]:
    return [f"table-{number:03}" for number in range(count)]


def tags(table: str) -> dict[str, str]:
    return want.delivery_stream_tags(table, CONFIG, ACCOUNT)


def test_sweep_looks_first_at_tables_where_something_is_amiss() -> None:
    lists = Lists(Overview((), frozenset(), frozenset(names(100))))
    assert looked_at(lists, Plans("table-099"))[0] == "table-099"


def test_sweep_when_a_table_cannot_be_looked_at_looks_at_the_others_all_the_same() -> None:
    class Denied(Lists):
        def glance(self, table: str, overview: Overview) -> BackupState:
            if table == "table-050":
                raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeTable")
            return super().glance(table, overview)

    lists = Denied(Overview((), frozenset(), frozenset(names(100))))
    assert {"table-050", "table-099"} <= set(looked_at(lists, Plans("table-099")))


def test_sweep_when_a_delivery_stream_cannot_be_described_goes_on() -> None:
    class Denied(Lists):
        def delivery_stream(self, name: str) -> DeliveryStream | None:
            if name == "theirs":
                raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeDeliveryStream")
            return super().delivery_stream(name)

    lists = Denied(Overview((), frozenset({"theirs", "Orders"}), frozenset()), delivery_stream())
    assert looked_at(lists, Plans()) == ["Orders"]


def test_sweep_over_turns_begins_with_each_table_that_is_amiss() -> None:
    lists = Lists(Overview((), frozenset(), frozenset(names(5))))
    first = {looked_at(lists, Plans(*names(5)), turn)[0] for turn in range(5)}
    assert first == set(names(5))


def test_sweep_does_not_take_a_table_that_is_there_for_a_deleted_one() -> None:
    arn = ACCOUNT.delivery_stream_arn("table-099")
    tagged = {arn: tags("table-099")}
    lists = Lists(Overview((), frozenset({"table-099"}), frozenset(names(100)), tagged))
    assert "table-099" not in looked_at(lists, Plans())
    assert lists.asked == [], "the tagging API has told whose it is"


def test_sweep_does_not_ask_what_the_tagging_api_has_told() -> None:
    arn = ACCOUNT.delivery_stream_arn("former")
    lists = Lists(Overview((), frozenset({"former"}), frozenset(), {arn: tags("former")}))
    assert looked_at(lists, Plans()) == ["former"]
    assert lists.asked == []


def test_sweep_leaves_filtered_tables_alone() -> None:
    lists = Lists(Overview((), frozenset(), frozenset({"test-a", "b"})))
    assert looked_at(lists, Plans("test-a", "b"), leaves_out="test-") == ["b"]


def test_sweep_keeps_whole_what_is_wired_of_tables_that_the_filter_leaves_out() -> None:
    wired = mapping(stream_arn=STREAM_ARN.replace("Orders", "test-wired"))
    lists = Lists(Overview((wired,), frozenset(), frozenset({"test-a", "test-wired", "b"})))
    found = due(lists, Plans("test-a", "test-wired"), leaves_out="test-")
    assert (found.protected, found.kept) == (["b"], ["test-wired"])


def test_sweep_of_tables_that_the_filter_all_leaves_out_says_so(caplog) -> None:
    lists = Lists(Overview((), frozenset(), frozenset({"test-a", "test-b"})))
    assert looked_at(lists, Plans(), leaves_out="test-") == []
    assert "No table is backed up: the filter leaves out all 2" in caplog.text


def test_sweep_over_many_turns_looks_at_every_table_whole() -> None:
    lists = Lists(Overview((), frozenset(), frozenset(names(250))))
    each_turn = [looked_at(lists, Plans(), turn) for turn in range(13)]
    assert all(len(turn) == sweep.LOOKED_AT_A_SWEEP for turn in each_turn)
    assert {table for turn in each_turn for table in turn} == set(names(250))


def test_sweep_finds_deleted_tables_by_their_mappings_and_by_their_tags() -> None:
    arn = ACCOUNT.delivery_stream_arn("by-tag")
    overview = Overview((mapping(),), frozenset({"by-tag"}), frozenset(), {arn: tags("by-tag")})
    assert looked_at(Lists(overview), Plans()) == ["Orders", "by-tag"]


def test_sweep_asks_delivery_streams_of_which_no_list_tells_a_few_at_a_time() -> None:
    ours = delivery_stream()
    theirs = [DeliveryStream(name) for name in names(100)]
    everything = frozenset({ours.name, *names(100)})
    lists = Lists(Overview((), everything, frozenset()), ours, *theirs)
    found = [looked_at(lists, Plans(), turn) for turn in range(6)]
    assert ["Orders"] in found
    assert {name for turn in found for name in turn} == {"Orders"}
    assert set(lists.asked) == everything


def test_sweep_does_not_ask_delivery_streams_that_belong_to_a_table() -> None:
    lists = Lists(Overview((), frozenset({"Orders"}), frozenset({"Orders"})))
    looked_at(lists, Plans())
    assert lists.asked == []


def test_sweep_looks_at_tables_that_opted_out_no_more_than_it_must() -> None:
    tag = {ACCOUNT.table_arn("Orders"): {naming.MANAGED_TAG: naming.OPTED_OUT_TAG_VALUE}}
    lists = Lists(Overview((), frozenset(), frozenset({"Orders"}), tag))
    assert looked_at(lists, Plans()) == ["Orders"], "whole, in its turn: the tag may have been taken away"


def test_sweep_does_not_ask_delivery_streams_of_somebody_elses_that_tables_go_to() -> None:
    lists: Any = Lists(Overview((), frozenset({"my-own-stream", "another"}), frozenset({"Orders"})))
    plans: Any = Plans()
    config = replace(CONFIG, delivery_streams={"Orders": "my-own-stream"})
    sweep.tables_to_look_at(lists, plans, config, lambda _: True, 0, logging.getLogger("test-sweep"))
    assert lists.asked == ["another"]


# --- tables that are kept: wired, and left out by the filter


def wired(tables: list[str]) -> Lists:
    """An account of tables that are all wired."""
    mappings = tuple(mapping(stream_arn=STREAM_ARN.replace("Orders", each)) for each in tables)
    return Lists(Overview(mappings, frozenset(), frozenset(tables)))


@pytest.mark.parametrize("count", [1, 5, 100])
def test_sweep_over_turns_begins_with_each_kept_table_that_is_amiss(count: int) -> None:
    tables = names(count)
    lists, plans = wired(tables), Plans(*tables)
    found = [due(lists, plans, turn, leaves_out="table-") for turn in range(count)]
    assert {each.kept[0] for each in found} == set(tables)
    assert all(sorted(each.kept) == tables and not each.protected for each in found[:3])


def test_sweep_over_many_turns_looks_at_every_kept_table_whole() -> None:
    tables = names(250)
    each_turn = [due(wired(tables), Plans(), turn, leaves_out="table-").kept for turn in range(13)]
    assert all(len(turn) == sweep.LOOKED_AT_A_SWEEP for turn in each_turn)
    assert {table for turn in each_turn for table in turn} == set(tables)


class Slow(Looks):
    """Each look takes a second, and shows a table that nobody can bring to anything: Lambda is at it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.seen: list[str] = []

    def observe(self, table: str, listing: Listing | None = None) -> BackupState:
        self._clock.sleep(1)
        self.seen.append(table)
        return replace(backup(mappings=(mapping(state="Updating"),)), name=table)


def brought_about(found: sweep.Due, looks: Callable[[Clock], Looks], seconds: float) -> dict[str, Outcome]:
    clock = Clock()
    run = partial(convergence(looks(clock), Applied(), clock).run, patience=1_000)
    outcomes = sweep.brought_about(found, run, NOW, seconds)
    assert clock.now <= NOW + seconds
    return outcomes


def had_a_turn(outcomes: dict[str, Outcome], tables: list[str]) -> int:
    """How many were looked at, whatever came of it."""
    return sum("to have its turn" not in str(outcomes[table].waiting) for table in tables)


def test_brought_about_when_the_others_would_take_all_the_time_leaves_the_kept_their_share() -> None:
    others, kept = [f"other-{number}" for number in range(500)], names(500)
    outcomes = brought_about(sweep.Due(others, kept), Slow, 100)
    assert had_a_turn(outcomes, others) == pytest.approx(80, abs=2)
    assert had_a_turn(outcomes, kept) == pytest.approx(20, abs=2)


def test_brought_about_when_nothing_is_kept_leaves_the_others_all_the_time() -> None:
    others = [f"other-{number}" for number in range(500)]
    assert had_a_turn(brought_about(sweep.Due(others, []), Slow, 100), others) == pytest.approx(100, abs=2)


def test_brought_about_when_the_others_leave_time_gives_it_to_the_kept() -> None:
    kept = names(500)
    assert had_a_turn(brought_about(sweep.Due([], kept), Slow, 100), kept) == pytest.approx(100, abs=2)


def test_brought_about_wants_of_the_kept_no_more_than_that_they_stay_whole() -> None:
    asked: list[tuple[list[str], Wanted]] = []

    def run(tables: list[str], wanted: Wanted, deadline: float) -> dict[str, Outcome]:
        asked.append((tables, wanted))
        return {table: Outcome(table) for table in tables}

    outcomes = sweep.brought_about(sweep.Due(["a"], ["b"]), run, NOW, 100)
    assert asked == [(["a"], Wanted.PROTECTED), (["b"], Wanted.KEPT)]
    assert sorted(outcomes) == ["a", "b"]


@pytest.mark.parametrize("count", [250, 499, 500])
def test_sweeps_in_which_no_kept_table_can_be_mended_look_at_each_of_them_in_their_turns(count: int) -> None:
    """With time for a hundred: those that are first take the time, so it has to be others each time."""
    kept, seen = names(count), set[str]()
    others = [f"other-{number}" for number in range(1_000)]
    lists, plans = wired(kept), Plans(*kept)
    for turn in range(count // 97 + 1):
        found = replace(due(lists, plans, turn, leaves_out="table-"), protected=others)
        outcomes = brought_about(found, Slow, 510)
        seen |= {table for table in kept if had_a_turn(outcomes, [table])}
    assert seen == set(kept)
