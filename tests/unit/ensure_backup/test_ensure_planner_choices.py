"""The planner and what people may choose: delivery streams of somebody else's, and logs that lack something."""

from dataclasses import replace

import pytest

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import (
    CreateDeliveryStream,
    CreateMapping,
    DeleteMapping,
    EnableStream,
    MarkInUse,
    MarkReleased,
    MarkRestorability,
    Problem,
    UpdateMapping,
)
from continuous_backup.ensure_backup.planner import not_restorable
from continuous_backup.ensure_backup.state import BackupState, DeliveryStream, Stream
from continuous_backup.ensure_backup.wanted import Wanted
from tests.unit.ensure_backup.wiring import (
    ACCOUNT,
    CONFIG,
    NAME,
    STREAM_ARN,
    backup,
    delivery_stream,
    kinds,
    mapping,
    planned,
    released,
    table,
)

THEIRS = "my-own-stream"
NAMED = replace(CONFIG, delivery_streams={NAME: THEIRS})
PLAIN = replace(CONFIG, transformer="plain")
KEYS = ("deliveryStreams",)


def theirs(**changes: object) -> DeliveryStream:
    """A delivery stream that somebody else made: another destination, tags of their own."""
    made = DeliveryStream(THEIRS, tags={"team": "payments"}, arn=ACCOUNT.delivery_stream_arn(THEIRS))
    return replace(made, **changes)


def named(**changes: object) -> BackupState:
    """The table, all as it should be with deliveryStreams naming it."""
    made = BackupState(NAME, table(), theirs(), mappings=(mapping(not_restorable=KEYS),))
    return replace(made, **changes)


# --- a delivery stream of somebody else's --------------------------------------------------------------


@pytest.mark.parametrize("state", [backup(), BackupState(NAME, table())])
def test_plan_when_the_tables_own_delivery_stream_is_named_for_another_is_a_problem_and_marked(
    state: BackupState,
) -> None:
    config = replace(CONFIG, delivery_streams={"Carts": NAME})
    problem, *marks = planned(state, config=config)
    assert isinstance(problem, Problem)
    assert "is named as somebody else's" in problem.what
    assert kinds(marks) == (["MarkRestorability"] if state.mappings else [])


def test_plan_when_the_table_goes_to_somebody_elses_delivery_stream_asks_nothing_of_it() -> None:
    assert planned(named(), config=NAMED) == []


def test_plan_when_a_new_table_goes_to_somebody_elses_delivery_stream_creates_none() -> None:
    new = BackupState(NAME, table(stream=None), theirs())
    assert planned(new, config=NAMED) == [EnableStream(NAME)]
    assert planned(named(mappings=()), config=NAMED) == [CreateMapping(NAME, STREAM_ARN)]


@pytest.mark.parametrize(
    ("found", "so"),
    [
        (None, "is not there"),
        (theirs(status="CREATING"), "is CREATING"),
        (theirs(status="CREATING_FAILED"), "is CREATING_FAILED"),
        (theirs(status="DELETING"), "is DELETING"),
        (theirs(status="DELETING_FAILED"), "is DELETING_FAILED"),
    ],
)
def test_plan_when_somebody_elses_delivery_stream_cannot_be_used_says_so_and_keeps_the_mapping(
    found: DeliveryStream | None, so: str
) -> None:
    (problem,) = planned(named(delivery_stream=found), config=NAMED)
    assert isinstance(problem, Problem)
    assert problem.what == f"delivery stream my-own-stream, which deliveryStreams names for Orders, {so}"
    assert kinds(planned(named(delivery_stream=found, mappings=()), config=NAMED)) == ["Problem"]


def test_plan_when_somebody_elses_delivery_stream_is_not_there_still_enables_the_stream() -> None:
    new = BackupState(NAME, table(stream=None))
    assert kinds(planned(new, config=NAMED)) == ["EnableStream", "Problem"]


@pytest.mark.parametrize("owner", [NAME, "Customers"])
def test_plan_when_what_is_named_is_a_delivery_stream_of_ours_says_so_and_shares_nothing(owner: str) -> None:
    tags = {**delivery_stream().tags, naming.TABLE_TAG: owner}
    for mappings in ((), (mapping(not_restorable=KEYS),)):
        (problem,) = planned(named(delivery_stream=theirs(tags=tags), mappings=mappings), config=NAMED)
        assert isinstance(problem, Problem)
        assert f"my-own-stream, which deliveryStreams names for Orders, is ours, that of table {owner}" in str(
            problem
        )


def test_plan_when_a_table_is_given_to_somebody_elses_delivery_stream_releases_ours_of_both_names() -> None:
    ours, compressed = delivery_stream(), delivery_stream(replace(CONFIG, compression="forwarder"))
    first = named(mappings=(mapping(),), former_delivery_streams=(ours, compressed))
    assert planned(first, config=NAMED) == [
        MarkRestorability(NAME, "mapping-1", KEYS),
        MarkReleased(NAME, "Orders"),
        MarkReleased(NAME, "Orders.gz"),
    ]
    marked = named(former_delivery_streams=(ours,))
    # The deployed forwarder may still write to ours.
    assert planned(replace(marked, forwarder_agrees=False), config=NAMED) == []
    # Not while theirs takes nothing: what is not there yet cannot have taken over.
    assert kinds(planned(replace(marked, delivery_stream=None), config=NAMED)) == ["Problem"]
    late = want.release_seconds(CONFIG, ours)
    for seconds, expected in ((1, ["Wait"]), (late, ["DeleteDeliveryStream"])):
        waiting = replace(marked, former_delivery_streams=(released(seconds),))
        assert kinds(planned(waiting, config=NAMED)) == expected


def test_plan_when_a_table_comes_back_from_somebody_elses_delivery_stream_makes_ours_and_keeps_the_mapping() -> (
    None
):
    """What was put into theirs is theirs: nothing has to be read again, and nothing of ours was lost."""
    back = named(delivery_stream=None)
    assert planned(back) == [CreateDeliveryStream(NAME, NAME)]
    assert planned(replace(back, other_readers=2)) == [CreateDeliveryStream(NAME, NAME)]
    assert kinds(planned(named(delivery_stream=delivery_stream(status="CREATING")))) == ["Wait"]
    assert planned(named(delivery_stream=delivery_stream())) == [MarkRestorability(NAME, "mapping-1", ())]
    assert planned(backup()) == []


def test_plan_when_a_table_comes_back_before_ours_was_deleted_keeps_it() -> None:
    assert planned(named(delivery_stream=released(5))) == [
        MarkInUse(NAME, NAME),
        MarkRestorability(NAME, "mapping-1", ()),
    ]


@pytest.mark.parametrize("wanted", [Wanted.RELEASED, Wanted.DEPROVISIONED])
def test_plan_when_a_table_is_released_leaves_somebody_elses_delivery_stream(wanted: Wanted) -> None:
    steps = planned(named(), wanted, config=NAMED)
    assert kinds(steps)[-1] == "DeleteMapping"
    gone = named(table=table(opted_out=True), mappings=())
    assert planned(gone, wanted, config=NAMED) == []
    with_ours = replace(gone, former_delivery_streams=(delivery_stream(),))
    assert planned(with_ours, wanted, config=NAMED) == [MarkReleased(NAME, NAME)]


def test_plan_when_a_table_is_gone_leaves_somebody_elses_delivery_stream() -> None:
    assert planned(named(table=None), config=NAMED) == []
    assert planned(named(table=None, mappings=()), config=NAMED) == []


def test_plan_when_what_is_named_is_ours_does_not_release_it_either_and_says_so() -> None:
    shared = named(delivery_stream=theirs(tags=delivery_stream().tags), mappings=())
    assert kinds(planned(shared, Wanted.RELEASED, config=NAMED)) == ["Problem"]


# --- what the log lacks --------------------------------------------------------------------------------


def lacking(*keys: str, **changes: object) -> BackupState:
    return backup(mappings=(mapping(not_restorable=keys),), **changes)


def test_plan_when_the_log_comes_to_lack_something_marks_it() -> None:
    assert planned(backup(), config=PLAIN) == [MarkRestorability(NAME, "mapping-1", ("transformer",))]
    assert planned(lacking("transformer"), config=PLAIN) == []
    two = replace(PLAIN, include_ttl_deletes=False)
    assert planned(lacking("transformer"), config=two) == [
        MarkRestorability(NAME, "mapping-1", ("includeTtlDeletes", "transformer"))
    ]


def test_plan_when_the_log_lacks_nothing_any_more_takes_the_mark_away() -> None:
    assert planned(lacking("transformer")) == [MarkRestorability(NAME, "mapping-1", ())]


def test_plan_when_the_mark_has_the_same_keys_in_another_order_leaves_it() -> None:
    both = replace(PLAIN, include_ttl_deletes=False)
    assert planned(lacking("transformer", "includeTtlDeletes"), config=both) == []


def test_plan_while_the_forwarder_has_another_configuration_takes_no_mark_away() -> None:
    """It may still transform; and one that is due is set at once."""
    assert planned(lacking("transformer", forwarder_agrees=False)) == []
    routed = replace(CONFIG, router="r:f")
    assert planned(lacking("transformer", forwarder_agrees=False), config=routed) == [
        MarkRestorability(NAME, "mapping-1", ("router", "transformer"))
    ]


def test_plan_while_the_table_is_not_settled_takes_no_mark_away() -> None:
    assert kinds(planned(lacking("transformer", delivery_stream=delivery_stream(status="CREATING")))) == ["Wait"]
    busy = lacking("transformer", table=table(stream=Stream(STREAM_ARN, "KEYS_ONLY")))
    assert kinds(planned(busy)) == ["Problem"]


def test_plan_when_the_log_comes_to_lack_something_says_so_even_where_nothing_else_can_be_done() -> None:
    busy = backup(table=table(stream=Stream(STREAM_ARN, "KEYS_ONLY")))
    assert kinds(planned(busy, config=PLAIN)) == ["Problem", "MarkRestorability"]
    missing = named(delivery_stream=None, mappings=(mapping(),))
    assert kinds(planned(missing, config=NAMED)) == ["Problem", "MarkRestorability"]


def test_plan_when_the_mapping_has_to_be_updated_too_marks_first() -> None:
    disabled = backup(mappings=(mapping(state="Disabled"),))
    assert planned(disabled, config=PLAIN) == [
        MarkRestorability(NAME, "mapping-1", ("transformer",)),
        UpdateMapping(NAME, "mapping-1"),
    ]


def test_plan_when_the_mapping_is_made_anew_does_not_mark_the_one_that_goes() -> None:
    made = delivery_stream()
    made = replace(made, tags={**made.tags, naming.REPLACES_TAG: "mapping-1"})
    (step,) = planned(backup(delivery_stream=made), config=PLAIN)
    assert isinstance(step, DeleteMapping)
    assert kinds(planned(backup(mappings=(mapping(state="Deleting"),)), config=PLAIN)) == ["Wait"]


def test_plan_when_the_mark_was_not_read_or_the_mapping_is_somebody_elses_changes_none() -> None:
    assert planned(backup(mappings=(mapping(not_restorable=None),)), config=PLAIN) == []
    assert kinds(planned(backup(mappings=(mapping(ours=False),)), config=PLAIN)) == ["Problem"]


@pytest.mark.parametrize(
    ("config", "agrees", "tagged", "expected"),
    [
        (CONFIG, True, (), ()),
        (PLAIN, True, (), ("transformer",)),
        (NAMED, True, ("transformer",), KEYS),
        (NAMED, False, ("transformer",), ("deliveryStreams", "transformer")),
        (CONFIG, False, None, ()),
    ],
)
def test_not_restorable_is_what_is_configured_and_while_that_is_not_deployed_what_is_marked(
    config: Config, agrees: bool, tagged: tuple[str, ...] | None, expected: tuple[str, ...]
) -> None:
    state = backup(mappings=(mapping(not_restorable=tagged),), forwarder_agrees=agrees)
    assert not_restorable(state, config) == expected
