"""The planner over every combination of states: applied again and again it arrives, and harms nobody."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import (
    Action,
    CreateDeliveryStream,
    CreateMapping,
    DeleteDeliveryStream,
    DeleteMapping,
    DisableStream,
    EnableStream,
    EncryptDeliveryStream,
    MarkInUse,
    MarkReleased,
    MarkRestorability,
    OptIn,
    OptOut,
    Problem,
    UpdateDeliveryStream,
    UpdateMapping,
    Wait,
)
from continuous_backup.ensure_backup.planner import plan
from continuous_backup.ensure_backup.state import BackupState, DeliveryStream, Encryption, Mapping, Stream, Table
from continuous_backup.ensure_backup.wanted import Wanted
from tests.unit.ensure_backup.wiring import (
    ACCOUNT,
    CONFIG,
    FORMER_ARN,
    NAME,
    NOW,
    STREAM_ARN,
    delivery_stream,
    mapping,
    released,
    table,
)

SOMEBODY_ELSES = {"owner": "another team"}
ROUNDS = 40


def tables() -> Iterator[Table | None]:
    yield None
    statuses = ("ACTIVE", "CREATING", "UPDATING", "DELETING", "ARCHIVED")
    streams = (
        None,
        Stream(STREAM_ARN),
        Stream(STREAM_ARN, enabled=False),
        Stream(STREAM_ARN, "KEYS_ONLY"),
    )
    for status, stream, opted_out in itertools.product(statuses, streams, (False, True)):
        yield table(status=status, stream=stream, opted_out=opted_out)


def delivery_streams() -> Iterator[DeliveryStream | None]:
    yield None
    yield delivery_stream()
    yield released(5)
    yield released(100_000)
    yield delivery_stream(encryption=Encryption())
    yield delivery_stream(destination=replace(want.destination(NAME, CONFIG, ACCOUNT), buffer_mb=1))
    yield delivery_stream(tags={**delivery_stream().tags, naming.TABLE_TAG: "Customers"})
    for status in ("ACTIVE", "CREATING", "CREATING_FAILED", "DELETING", "DELETING_FAILED"):
        yield delivery_stream(status=status, tags=SOMEBODY_ELSES)
        yield delivery_stream(status=status)


def mappings() -> Iterator[tuple[Mapping, ...]]:
    other_settings = replace(want.mapping_settings(CONFIG, ACCOUNT), batch_size=7)
    current = [
        (),
        (mapping(),),
        (mapping(ours=False),),
        (mapping(settings=other_settings),),
        *((mapping(state=state),) for state in ("Disabled", "Creating", "Deleting")),
    ]
    former = [
        (),
        (mapping(uuid="former", stream_arn=FORMER_ARN),),
        (mapping(uuid="former", stream_arn=FORMER_ARN, stream_is_gone=True),),
        (mapping(uuid="former", stream_arn=FORMER_ARN, ours=False),),
    ]
    for now, then in itertools.product(current, former):
        yield now + then


def all_states() -> Iterator[BackupState]:
    for found, delivery, mapped, readers in itertools.product(tables(), delivery_streams(), mappings(), (0, 2)):
        yield BackupState(NAME, found, delivery, (), mapped, readers)


class SmallAws:
    """Just enough of AWS: what a plan does to the state, and what AWS does with it meanwhile.

    Refuses what AWS refuses, whatever would touch something of somebody else's, and whatever would take away
    a delivery stream that may still be written to.
    """

    def __init__(self, state: BackupState, config: Config = CONFIG) -> None:
        self.state = state
        self.config = config
        self.now = NOW
        self._streams = itertools.count(1)

    def apply(self, action: Action) -> None:
        match action:
            case OptOut():
                self._change_table(opted_out=True)
            case OptIn():
                self._change_table(opted_out=False)
            case EnableStream():
                self._require_active()
                arn = FORMER_ARN.replace("2026-11-21", f"2027-01-{next(self._streams):02}")
                self._change_table(stream=Stream(arn), status="UPDATING")
            case DisableStream():
                self._require_active()
                assert self.state.table
                assert self.state.table.stream
                off = replace(self.state.table.stream, enabled=False)
                self._change_table(stream=off, status="UPDATING")
            case CreateDeliveryStream():
                assert self.config.is_ours(NAME), "what is somebody else's was made"
                assert self.state.delivery_stream is None
                made = delivery_stream(self.config, status="CREATING")
                tags = made.tags | ({naming.REPLACES_TAG: action.replaces} if action.replaces else {})
                self.state = replace(self.state, delivery_stream=replace(made, tags=tags))
            case UpdateDeliveryStream():
                tag = {naming.CONFIGURATION_TAG: want.fingerprint(NAME, self.config, ACCOUNT)}
                self._change_delivery_stream(action.name, tag, destination=action.destination)
            case EncryptDeliveryStream():
                self._change_delivery_stream(action.name, {}, encryption=want.encryption(self.config))
            case MarkReleased():
                self._change_delivery_stream(action.name, {naming.RELEASED_AT_TAG: str(self.now)})
            case MarkInUse():
                found = self._own_delivery_stream(action.name)
                tags = {key: value for key, value in found.tags.items() if key != naming.RELEASED_AT_TAG}
                self._put(replace(found, tags=tags))
            case DeleteDeliveryStream():
                found = self._own_delivery_stream(action.name)
                assert found.status != "CREATING"
                is_in_use = found is self.state.delivery_stream or not self.state.forwarder_agrees
                fed = is_in_use and [each for each in self.state.mappings if each.ours]
                assert found.status != "ACTIVE" or not fed, "its buffer would be lost"
                self._put(replace(found, status="DELETING"))
            case CreateMapping():
                assert self.state.delivery_stream
                assert self.state.delivery_stream.status == "ACTIVE"
                assert self.state.table
                assert self.state.table.stream == Stream(action.stream_arn)
                assert all(each.stream_arn != action.stream_arn for each in self.state.mappings)
                tagged = want.mapping_tags(NAME, self.config, ACCOUNT).get(naming.NOT_RESTORABLE_TAG, "")
                new = mapping(
                    uuid=f"made-{next(self._streams)}",
                    stream_arn=action.stream_arn,
                    state="Creating",
                    not_restorable=tuple(tagged.split()),
                )
                self.state = replace(self.state, mappings=(*self.state.mappings, new))
            case UpdateMapping():
                self._change_mapping(
                    action.uuid, settings=want.mapping_settings(CONFIG, ACCOUNT), state="Enabling"
                )
            case DeleteMapping():
                self._change_mapping(action.uuid, state="Deleting")
            case MarkRestorability():
                lacks = self.config.why_not_restorable(NAME)
                assert set(lacks) <= set(action.keys), "the log is called more than it is"
                self._change_mapping(action.uuid, not_restorable=action.keys)
            case _:
                pytest.fail(f"unknown action {action}")

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        state = self.state
        settled = {"CREATING": "ACTIVE", "UPDATING": "ACTIVE"}
        found = state.table and replace(state.table, status=settled.get(state.table.status, state.table.status))
        if found and found.status == "DELETING":
            found = None
        former = tuple(each for was in state.former_delivery_streams if (each := _later(was)))
        mapped = tuple(
            replace(each, state="Enabled" if each.state in {"Creating", "Enabling"} else each.state)
            for each in state.mappings
            if each.state != "Deleting"
        )
        self.state = replace(
            state,
            table=found,
            delivery_stream=_later(state.delivery_stream),
            former_delivery_streams=former,
            mappings=mapped,
            forwarder_agrees=True,  # the deployment that was under way is through
        )

    def _require_active(self) -> None:
        assert self.state.table
        assert self.state.table.status == "ACTIVE", "UpdateTable needs an ACTIVE table"

    def _change_table(self, **changes: object) -> None:
        assert self.state.table
        self.state = replace(self.state, table=replace(self.state.table, **changes))

    def _own_delivery_stream(self, name: str) -> DeliveryStream:
        there = (self.state.delivery_stream, *self.state.former_delivery_streams)
        found = next(each for each in there if each and each.name == name)
        assert found.ours, "a delivery stream of somebody else's was touched"
        assert found.table == NAME, "a delivery stream of another table was touched"
        assert name not in self.config.delivery_streams.values(), "what is named as somebody else's was touched"
        return found

    def _put(self, changed: DeliveryStream) -> None:
        """In the place of the one of the same name."""
        now, former = self.state.delivery_stream, self.state.former_delivery_streams
        self.state = replace(
            self.state,
            delivery_stream=changed if now and now.name == changed.name else now,
            former_delivery_streams=tuple(changed if each.name == changed.name else each for each in former),
        )

    def _change_delivery_stream(self, name: str, tags: dict[str, str], **changes: object) -> None:
        found = self._own_delivery_stream(name)
        assert found.status == "ACTIVE" or not changes
        self._put(replace(found, tags={**found.tags, **tags}, **changes))

    def _change_mapping(self, uuid: str, **changes: object) -> None:
        touched = next(each for each in self.state.mappings if each.uuid == uuid)
        assert touched.ours, "a mapping of somebody else's was touched"
        mapped = tuple(replace(each, **changes) if each is touched else each for each in self.state.mappings)
        self.state = replace(self.state, mappings=mapped)


def _later(found: DeliveryStream | None) -> DeliveryStream | None:
    if found is None or found.status == "DELETING":
        return None
    return replace(found, status="ACTIVE") if found.status == "CREATING" else found


def settle(state: BackupState, wanted: Wanted, config: Config = CONFIG) -> tuple[BackupState, list[Problem]]:
    """The state after planning and applying until nothing is left but problems."""
    aws = SmallAws(state, config)
    for _ in range(ROUNDS):
        steps = plan(aws.state, wanted, config, ACCOUNT, aws.now)
        actions = [step for step in steps if isinstance(step, Action)]
        waits = [step for step in steps if isinstance(step, Wait)]
        if not actions and not waits and aws.state.forwarder_agrees:
            return aws.state, [step for step in steps if isinstance(step, Problem)]
        for action in actions:
            aws.apply(action)
        aws.pass_time(max([1.0, *(wait.at_least for wait in waits)]))
    pytest.fail(f"still not settled after {ROUNDS} rounds: {wanted} from {state}")


def test_plan_over_every_state_of_a_table_to_protect_arrives_protected_or_at_a_problem() -> None:
    count = 0
    for state in all_states():
        after, problems = settle(state, Wanted.PROTECTED)
        count += 1
        if problems or after.table is None or after.table.opted_out or after.table.status == "DELETING":
            continue
        stream = after.table.stream
        assert stream
        assert stream.enabled
        assert stream.view_type == "NEW_AND_OLD_IMAGES", state
        assert after.delivery_stream
        assert after.delivery_stream.ours, state
        assert after.delivery_stream.status == "ACTIVE", state
        assert after.delivery_stream.released_at is None, state
        current = [each for each in after.mappings if each.stream_arn == stream.arn]
        assert [(each.state, each.settings) for each in current] == [
            ("Enabled", want.mapping_settings(CONFIG, ACCOUNT))
        ], state
    assert count > 20_000


def test_plan_over_every_state_of_a_table_to_release_leaves_nothing_of_ours_or_a_problem() -> None:
    for state in all_states():
        for wanted in (Wanted.RELEASED, Wanted.DEPROVISIONED):
            after, problems = settle(state, wanted)
            assert not [each for each in after.mappings if each.ours], state
            left = after.delivery_stream
            assert left is None or not left.ours or left.table != NAME or problems, state


def test_plan_over_every_state_of_a_deleted_table_keeps_what_still_drains() -> None:
    for delivery, mapped in itertools.product(delivery_streams(), mappings()):
        state = BackupState(NAME, None, delivery, (), mapped)
        after, _ = settle(state, Wanted.PROTECTED)
        reading = {
            each.uuid for each in mapped if each.ours and not each.stream_is_gone and each.state != "Deleting"
        }
        left = {each.uuid for each in after.mappings if each.ours and each.state != "Deleting"}
        assert left == reading, state
        theirs = delivery is not None and not (delivery.ours and delivery.table == NAME)
        if reading and theirs and delivery and delivery.status != "DELETING":
            assert after.delivery_stream
            assert after.delivery_stream.tags == delivery.tags, state
        elif reading and not (delivery and delivery.status == "DELETING_FAILED"):
            assert is_as_wanted(after.delivery_stream), state


def is_as_wanted(found: DeliveryStream | None) -> bool:
    """Whether it takes records, as configured, and is not marked as released."""
    wanted = delivery_stream()
    in_use = found is not None and found.status == "ACTIVE" and naming.RELEASED_AT_TAG not in found.tags
    return in_use and (found.destination, found.encryption) == (wanted.destination, wanted.encryption)  # type: ignore[union-attr]


def test_plan_over_every_state_of_a_table_that_is_left_out_begins_nothing_and_keeps_what_reads() -> None:
    begins = EnableStream | DisableStream | CreateMapping | OptIn | OptOut | DeleteMapping
    for state in all_states():
        if state.table is None or state.table.status == "DELETING":
            continue
        steps = plan(state, Wanted.KEPT, CONFIG, ACCOUNT, NOW)
        assert not [each for each in steps if isinstance(each, begins)], state
        after, problems = settle(state, Wanted.KEPT)
        reading = [
            each for each in state.mappings if each.ours and not each.stream_is_gone and each.state != "Deleting"
        ]
        if reading and not problems:
            assert is_as_wanted(after.delivery_stream), state
            left = {each.uuid: each.state for each in after.mappings}
            assert all(left[each.uuid] == "Enabled" for each in reading), state


# --- whose delivery stream, who compresses, and what the log lacks ------------------------------------

THEIRS = "another-teams"
CHOICES = {
    "ours": CONFIG,
    "ours, compressed by the forwarder": replace(CONFIG, compression="forwarder"),
    "ours, with lines of its own": replace(CONFIG, transformer="plain", include_ttl_deletes=False),
    "somebody else's": replace(CONFIG, delivery_streams={NAME: THEIRS}),
    "somebody else's, with the name of ours": replace(CONFIG, delivery_streams={NAME: NAME}),
    "somebody else's, with the name of ours under another setting": replace(
        CONFIG, delivery_streams={NAME: f"{NAME}.gz"}, router="r:f"
    ),
}


def of_a_name(name: str) -> Iterator[DeliveryStream | None]:
    """What there can be under one name."""
    for config in (CONFIG, replace(CONFIG, compression="forwarder")):
        if config.delivery_stream_name(NAME) == name:
            yield delivery_stream(config)
            yield delivery_stream(config, status="DELETING")
            was = delivery_stream(config)
            yield replace(was, tags={**was.tags, naming.RELEASED_AT_TAG: str(NOW - 100_000)})
    yield None
    yield delivery_stream(name=name, tags=SOMEBODY_ELSES)
    yield delivery_stream(name=name, tags={**delivery_stream().tags, naming.TABLE_TAG: "Customers"})


def switching_states(config: Config) -> Iterator[BackupState]:
    """Everything that another choice can have left, with a deployment under way and without."""
    tables = (None, table(), table(stream=None), table(status="DELETING"), table(opted_out=True))
    mapped: list[tuple[Mapping, ...]] = [
        (),
        (mapping(ours=False),),
        *(
            (mapping(not_restorable=keys),)
            for keys in ((), ("deliveryStreams",), ("router", "of-a-later-version"))
        ),
        (mapping(uuid="former", stream_arn=FORMER_ARN, not_restorable=("deliveryStreams",)),),
    ]
    there = (of_a_name(name) for name in config.former_delivery_stream_names(NAME))
    for found, delivery, former, mappings, agrees in itertools.product(
        tables,
        of_a_name(config.delivery_stream_name(NAME)),
        list(itertools.product(*there)),
        mapped,
        (True, False),
    ):
        present = tuple(each for each in former if each)
        yield BackupState(NAME, found, delivery, present, mappings, 0, agrees)


def untouched(before: BackupState, after: BackupState, config: Config) -> bool:
    """Whether what is not ours, or is named as not ours, is as AWS alone made it."""
    now = {each.name: each for each in (after.delivery_stream, *after.former_delivery_streams) if each}
    return all(
        now.get(was.name) == _later(was)
        for was in (before.delivery_stream, *before.former_delivery_streams)
        if was and (not was.ours or was.table != NAME or was.name in config.delivery_streams.values())
        if was.status != "DELETING"
    )


@pytest.mark.parametrize("choice", CHOICES)
def test_plan_over_every_state_that_another_choice_left_arrives_at_this_one_or_at_a_problem(choice: str) -> None:
    config = CHOICES[choice]
    arrived = 0
    for state in switching_states(config):
        after, problems = settle(state, Wanted.PROTECTED, config)
        assert untouched(state, after, config), state
        if problems or after.table is None or after.table.opted_out or after.table.status == "DELETING":
            continue
        arrived += 1
        assert after.delivery_stream
        assert after.delivery_stream.name == config.delivery_stream_name(NAME)
        assert after.delivery_stream.ours == config.is_ours(NAME), state
        assert after.delivery_stream.status == "ACTIVE", state
        assert not [each for each in after.former_delivery_streams if each.ours and each.table == NAME], state
        assert after.table.stream
        (current,) = (each for each in after.mappings if each.stream_arn == after.table.stream.arn)
        assert set(current.not_restorable or ()) == set(config.why_not_restorable(NAME)), state
    assert arrived > 20


@pytest.mark.parametrize("choice", CHOICES)
def test_plan_over_every_state_that_another_choice_left_releases_what_is_ours_alone(choice: str) -> None:
    config = CHOICES[choice]
    for state in switching_states(config):
        for wanted in (Wanted.RELEASED, Wanted.DEPROVISIONED):
            after, problems = settle(state, wanted, config)
            assert untouched(state, after, config), state
            left = [
                each
                for each in (after.delivery_stream, *after.former_delivery_streams)
                if each and each.ours and each.table == NAME and each.name not in config.delivery_streams.values()
            ]
            assert not left or problems, state
