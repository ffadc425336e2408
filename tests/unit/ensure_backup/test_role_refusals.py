"""A role that is too new: waited for while others get on, and said where it stays refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from continuous_backup import naming
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import (
    Action,
    CreateDeliveryStream,
    CreateMapping,
    UpdateDeliveryStream,
)
from continuous_backup.ensure_backup.observer import Listing
from continuous_backup.ensure_backup.role_refusals import ROLE_PATIENCE_SECONDS, NotYet
from continuous_backup.ensure_backup.state import BackupState
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
    table,
)

STALE = backup(delivery_stream=delivery_stream(tags={**delivery_stream().tags, naming.CONFIGURATION_TAG: "x"}))
IMAGES = replace(CONFIG, item_images=ItemImages(bucket="images"))


def not_yet(action: Action) -> NotYet:
    return NotYet(f"IAM, for {type(action).__name__}", f"no role for {action.table}", "see docs", "SomeCode")


class IamTells(Applied):
    """Applies all but what is `refused`, which it refuses until `seconds` have gone by."""

    def __init__(self, clock: Clock, seconds: float, refused: Callable[[Action], bool]) -> None:
        super().__init__(lambda action: not_yet(action) if refused(action) and clock.now < NOW + seconds else None)
        self._clock = clock
        self.at: dict[str, float] = {}
        self.asked: list[Action] = []

    def apply(self, action: Action) -> None:
        self.asked.append(action)
        super().apply(action)
        self.at[action.table] = self._clock.now - NOW


class Wired(Looks):
    """Each table is as its state says until everything that was planned for it is applied, and then is good."""

    def __init__(self, applied: Applied, **states: BackupState) -> None:
        super().__init__()
        self._applied = applied
        self._states = states

    def observe(self, table: str, listing: Listing | None = None) -> BackupState:
        done = any(each.table == table for each in self._applied.actions)
        return replace(GOOD, name=table) if done else self._states[table]


def of_table(state: BackupState, name: str) -> BackupState:
    return replace(state, name=name, table=replace(state.table, name=name), delivery_stream=None)


def test_run_when_a_role_is_too_new_asks_again_until_iam_has_told_it() -> None:
    clock = Clock()
    applied = IamTells(clock, 45, lambda action: isinstance(action, CreateMapping))
    outcomes = convergence(Wired(applied, Orders=MAPPABLE), applied, clock).run(
        ["Orders"], Wanted.PROTECTED, deadline=FOREVER, patience=10
    )
    assert outcomes["Orders"].as_wanted
    assert outcomes["Orders"].done == [CreateMapping("Orders", STREAM_ARN)]
    assert 45 <= clock.now - NOW < 70
    assert len(applied.asked) > 5, "a refusal does not count as one of the times that AWS took it"


def test_run_when_a_role_is_too_new_for_one_table_wires_the_others_meanwhile() -> None:
    clock = Clock()
    applied = IamTells(clock, 50, lambda action: action.table == "Orders")
    lacking = replace(MAPPABLE, delivery_stream=None)
    looks = Wired(applied, Orders=lacking, Others=of_table(lacking, "Others"))
    outcomes = convergence(looks, applied, clock).run(["Orders", "Others"], Wanted.PROTECTED, deadline=FOREVER)
    assert all(each.as_wanted for each in outcomes.values())
    assert applied.at["Others"] == 0
    assert applied.at["Orders"] >= 50


def test_run_when_a_role_is_too_new_says_what_it_waits_for() -> None:
    clock = Clock()
    told: list[str] = []
    applied = IamTells(clock, 30, lambda _: True)
    convergence(Wired(applied, Orders=MAPPABLE), applied, clock).run(
        ["Orders"],
        Wanted.PROTECTED,
        deadline=FOREVER,
        on_waiting=lambda waits: told.extend(str(each) for each in waits.values()),
    )
    assert told[0] == "wait for IAM, for CreateMapping"
    assert told.count(told[0]) == 1


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        (MAPPABLE, CreateMapping),
        (replace(MAPPABLE, delivery_stream=None), CreateDeliveryStream),
        (STALE, UpdateDeliveryStream),
    ],
)
def test_run_when_a_role_is_refused_for_longer_than_its_patience_fails_the_table_with_the_refusal(
    state: BackupState, refused: type[Action]
) -> None:
    clock = Clock()
    settled: list[str] = []
    outcomes = convergence(
        Looks(Orders=[state]), IamTells(clock, 1e6, lambda action: isinstance(action, refused)), clock
    ).run(
        ["Orders"],
        Wanted.PROTECTED,
        deadline=FOREVER,
        on_settled=lambda outcome: settled.append(str(outcome.error)),
    )
    error = outcomes["Orders"].error
    assert isinstance(error, NotYet)
    assert (error.problem, error.code) == ("no role for Orders", "SomeCode")
    assert settled == ["no role for Orders"]
    assert outcomes["Orders"].waiting == [], "it is failed, not waiting"
    assert ROLE_PATIENCE_SECONDS <= clock.now - NOW <= ROLE_PATIENCE_SECONDS + 15


@pytest.mark.parametrize("seconds", [0.5, 2, 30])
def test_run_when_the_time_is_up_while_a_role_is_refused_fails_the_table_with_the_refusal(seconds: float) -> None:
    clock = Clock()
    settled: list[str] = []
    outcomes = convergence(Looks(Orders=[MAPPABLE]), IamTells(clock, 1e6, lambda _: True), clock).run(
        ["Orders"],
        Wanted.PROTECTED,
        deadline=NOW + seconds,
        on_settled=lambda outcome: settled.append(str(outcome.error)),
    )
    assert isinstance(outcomes["Orders"].error, NotYet)
    assert outcomes["Orders"].waiting == []
    assert settled == ["no role for Orders"]
    assert clock.now <= NOW + seconds


def test_run_when_the_time_of_others_is_up_while_a_role_is_refused_fails_the_table_with_the_refusal() -> None:
    clock = Clock()

    class Slow(Looks):
        def observe(self, table: str, listing: Listing | None = None) -> BackupState:
            clock.sleep(6)
            return super().observe(table, listing)

    looks = Slow(Orders=[MAPPABLE], **{f"T{number}": [of_table(NEW, f"T{number}")] for number in range(9)})
    applied = IamTells(clock, 1e6, lambda action: action.table == "Orders")
    outcomes = convergence(looks, applied, clock).run(looks.states, Wanted.PROTECTED, deadline=NOW + 30)
    assert isinstance(outcomes["Orders"].error, NotYet)
    assert not outcomes["T8"].error


def test_run_counts_the_patience_with_a_role_from_its_first_refusal() -> None:
    """Not from the beginning: a table waits for others first, and for its delivery stream to be made."""
    clock = Clock()
    creating = backup(table=table(stream=None, status="CREATING"))
    looks = Looks(Orders=[*[creating] * 12, MAPPABLE])
    outcomes = convergence(looks, IamTells(clock, 1e6, lambda _: True), clock).run(
        ["Orders"], Wanted.PROTECTED, deadline=FOREVER
    )
    assert isinstance(outcomes["Orders"].error, NotYet)
    waited = sum(min(1.5**number, 10) for number in range(1, 13))
    assert ROLE_PATIENCE_SECONDS + waited - 15 <= clock.now - NOW <= ROLE_PATIENCE_SECONDS + waited + 15


def test_run_when_a_role_is_refused_again_after_it_was_let_begins_its_patience_anew() -> None:
    clock = Clock()
    asked: list[float] = []

    def refused(action: Action) -> Exception | None:
        asked.append(clock.now - NOW)
        return None if asked[-1] > 40 and not applied.actions else not_yet(action)

    applied = Applied(refused)
    outcomes = convergence(Looks(Orders=[MAPPABLE]), applied, clock).run(
        ["Orders"], Wanted.PROTECTED, deadline=FOREVER
    )
    assert len(applied.actions) == 1
    assert isinstance(outcomes["Orders"].error, NotYet)
    assert asked[-1] > 40 + ROLE_PATIENCE_SECONDS


def test_run_when_the_role_is_too_new_for_the_images_waits_for_them_too() -> None:
    clock = Clock()
    applied = IamTells(clock, 30, lambda action: isinstance(action, CreateMapping))
    images = mapping(settings=want.image_mapping_settings(IMAGES.item_images, IMAGES, ACCOUNT))
    wired = backup(delivery_stream=delivery_stream(IMAGES), image_mappings=(images,))

    class Imaged(Looks):
        def observe(self, table: str, listing: Listing | None = None) -> BackupState:
            return wired if applied.actions else replace(wired, image_mappings=())

    outcomes = convergence(Imaged(), applied, clock, IMAGES).run(["Orders"], Wanted.PROTECTED, deadline=FOREVER)
    assert applied.actions == [CreateMapping("Orders", STREAM_ARN, naming.ITEM_IMAGES_FUNCTION)]
    assert outcomes["Orders"].as_wanted


def test_run_when_firehose_cannot_assume_its_role_yet_maps_the_stream_to_the_images_meanwhile() -> None:
    clock = Clock()
    applied = IamTells(clock, 1e6, lambda action: isinstance(action, CreateDeliveryStream))
    looks = Looks(Orders=[backup(delivery_stream=None)])
    outcomes = convergence(looks, applied, clock, IMAGES).run(["Orders"], Wanted.PROTECTED, deadline=NOW + 2)
    assert CreateMapping("Orders", STREAM_ARN, naming.ITEM_IMAGES_FUNCTION) in applied.actions
    assert isinstance(outcomes["Orders"].error, NotYet)
