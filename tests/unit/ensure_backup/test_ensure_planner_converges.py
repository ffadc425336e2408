"""The planner over every combination of states: applied again and again it arrives, and harms nobody."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from continuous_backup import naming
from continuous_backup.config import Config
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
        yield BackupState(NAME, found, delivery, None, mapped, readers)


class SmallAws:
    """Just enough of AWS: what a plan does to the state, and what AWS does with it meanwhile.

    Refuses what AWS refuses, and whatever would touch something of somebody else's.
    """

    def __init__(self, state: BackupState) -> None:
        self.state = state
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
                assert self.state.delivery_stream is None
                tags = delivery_stream().tags | ({naming.REPLACES_TAG: action.replaces} if action.replaces else {})
                made = delivery_stream(status="CREATING", tags=tags)
                self.state = replace(self.state, delivery_stream=made)
            case UpdateDeliveryStream():
                self._change_delivery_stream(
                    {naming.CONFIGURATION_TAG: want.fingerprint(NAME, CONFIG, ACCOUNT)},
                    destination=action.destination,
                )
            case EncryptDeliveryStream():
                self._change_delivery_stream({}, encryption=want.encryption(CONFIG))
            case MarkReleased():
                self._change_delivery_stream({naming.RELEASED_AT_TAG: str(self.now)})
            case MarkInUse():
                found = self._own_delivery_stream()
                tags = {key: value for key, value in found.tags.items() if key != naming.RELEASED_AT_TAG}
                self.state = replace(self.state, delivery_stream=replace(found, tags=tags))
            case DeleteDeliveryStream():
                found = self._own_delivery_stream()
                assert found.status != "CREATING"
                held = found.status == "ACTIVE"
                fed = [each for each in self.state.mappings if each.ours]
                assert not held or not fed, "its buffer would be lost"
                self.state = replace(self.state, delivery_stream=replace(found, status="DELETING"))
            case CreateMapping():
                found = self._own_delivery_stream()
                assert found.status == "ACTIVE"
                assert self.state.table
                assert self.state.table.stream == Stream(action.stream_arn)
                assert all(each.stream_arn != action.stream_arn for each in self.state.mappings)
                new = mapping(uuid=f"made-{next(self._streams)}", stream_arn=action.stream_arn, state="Creating")
                self.state = replace(self.state, mappings=(*self.state.mappings, new))
            case UpdateMapping():
                self._change_mapping(
                    action.uuid, settings=want.mapping_settings(CONFIG, ACCOUNT), state="Enabling"
                )
            case DeleteMapping():
                self._change_mapping(action.uuid, state="Deleting")
            case _:
                pytest.fail(f"unknown action {action}")

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        state = self.state
        settled = {"CREATING": "ACTIVE", "UPDATING": "ACTIVE"}
        found = state.table and replace(state.table, status=settled.get(state.table.status, state.table.status))
        if found and found.status == "DELETING":
            found = None
        delivery = state.delivery_stream
        if delivery and delivery.status == "DELETING":
            delivery = None
        elif delivery and delivery.status == "CREATING":
            delivery = replace(delivery, status="ACTIVE")
        mapped = tuple(
            replace(each, state="Enabled" if each.state in {"Creating", "Enabling"} else each.state)
            for each in state.mappings
            if each.state != "Deleting"
        )
        self.state = replace(state, table=found, delivery_stream=delivery, mappings=mapped)

    def _require_active(self) -> None:
        assert self.state.table
        assert self.state.table.status == "ACTIVE", "UpdateTable needs an ACTIVE table"

    def _change_table(self, **changes: object) -> None:
        assert self.state.table
        self.state = replace(self.state, table=replace(self.state.table, **changes))

    def _own_delivery_stream(self) -> DeliveryStream:
        found = self.state.delivery_stream
        assert found
        assert found.ours, "a delivery stream of somebody else's was touched"
        assert found.table == NAME, "a delivery stream of another table was touched"
        return found

    def _change_delivery_stream(self, tags: dict[str, str], **changes: object) -> None:
        found = self._own_delivery_stream()
        assert found.status == "ACTIVE" or not changes
        changed = replace(found, tags={**found.tags, **tags}, **changes)
        self.state = replace(self.state, delivery_stream=changed)

    def _change_mapping(self, uuid: str, **changes: object) -> None:
        touched = next(each for each in self.state.mappings if each.uuid == uuid)
        assert touched.ours, "a mapping of somebody else's was touched"
        mapped = tuple(replace(each, **changes) if each is touched else each for each in self.state.mappings)
        self.state = replace(self.state, mappings=mapped)


def settle(state: BackupState, wanted: Wanted, config: Config = CONFIG) -> tuple[BackupState, list[Problem]]:
    """The state after planning and applying until nothing is left but problems."""
    aws = SmallAws(state)
    for _ in range(ROUNDS):
        steps = plan(aws.state, wanted, config, ACCOUNT, aws.now)
        actions = [step for step in steps if isinstance(step, Action)]
        waits = [step for step in steps if isinstance(step, Wait)]
        if not actions and not waits:
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
        state = BackupState(NAME, None, delivery, None, mapped)
        after, _ = settle(state, Wanted.PROTECTED)
        reading = {
            each.uuid for each in mapped if each.ours and not each.stream_is_gone and each.state != "Deleting"
        }
        left = {each.uuid for each in after.mappings if each.ours and each.state != "Deleting"}
        assert left == reading, state
        if reading and delivery and delivery.status == "ACTIVE":
            assert after.delivery_stream == delivery, state
