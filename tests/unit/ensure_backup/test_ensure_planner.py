"""The planner, case by case: what is decided for a table in each state that AWS can show."""

from dataclasses import replace

import pytest

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import (
    CreateDeliveryStream,
    CreateMapping,
    DeleteDeliveryStream,
    DeleteMapping,
    DisableStream,
    EnableStream,
    EncryptDeliveryStream,
    MarkInUse,
    MarkReleased,
    Problem,
    UpdateDeliveryStream,
    UpdateMapping,
    Wait,
)
from continuous_backup.ensure_backup.state import BackupState, Encryption, Stream
from continuous_backup.ensure_backup.wanted import Wanted
from tests.unit.ensure_backup.wiring import (
    ACCOUNT,
    CONFIG,
    FORMER_ARN,
    NAME,
    NOW,
    STREAM_ARN,
    backup,
    delivery_stream,
    kinds,
    mapping,
    planned,
    released,
    table,
)

SOMEBODY_ELSES = {"owner": "another team"}


def in_account(**changes: object) -> Config:
    return replace(CONFIG, **changes)


# --- protecting ---------------------------------------------------------------------------------------


def test_plan_when_all_is_as_wanted_is_empty() -> None:
    assert planned(backup()) == []


def test_plan_when_the_table_is_new_enables_its_stream_and_creates_its_delivery_stream() -> None:
    new = BackupState(NAME, table(stream=None))
    assert planned(new) == [EnableStream(NAME), CreateDeliveryStream(NAME, NAME)]


def test_plan_when_the_table_is_creating_creates_the_delivery_stream_and_waits_with_the_stream() -> None:
    steps = planned(BackupState(NAME, table(stream=None, status="CREATING")))
    assert kinds(steps) == ["Wait", "CreateDeliveryStream"]


def test_plan_when_the_table_is_updating_without_a_stream_waits() -> None:
    steps = planned(backup(table=table(stream=None, status="UPDATING"), mappings=()))
    assert kinds(steps) == ["Wait"]
    assert "UPDATING" in str(steps[0])


def test_plan_when_the_table_is_updating_for_hours_with_its_stream_on_maps_it_at_once() -> None:
    steps = planned(backup(table=table(status="UPDATING"), mappings=()))
    assert steps == [CreateMapping(NAME, STREAM_ARN)]


def test_plan_when_stream_and_delivery_stream_are_there_maps_from_the_current_stream() -> None:
    assert planned(backup(mappings=())) == [CreateMapping(NAME, STREAM_ARN)]


@pytest.mark.parametrize(
    "status", ["INACCESSIBLE_ENCRYPTION_CREDENTIALS", "ARCHIVING", "ARCHIVED", "REPLICATION_NOT_AUTHORIZED", "NEW"]
)
def test_plan_when_the_table_is_in_an_unusual_state_names_it_and_does_nothing(status: str) -> None:
    steps = planned(backup(table=table(status=status)))
    assert kinds(steps) == ["Problem"]
    assert status in str(steps[0])


def test_plan_when_the_table_is_being_deleted_removes_nothing() -> None:
    assert planned(backup(table=table(status="DELETING"))) == []


def test_plan_when_the_stream_was_switched_off_enables_it_and_keeps_the_mapping_of_the_old_one() -> None:
    off = table(stream=Stream(STREAM_ARN, enabled=False))
    assert planned(backup(table=off)) == [EnableStream(NAME)]


def test_plan_when_the_stream_was_switched_off_and_on_maps_the_new_one_and_lets_the_old_one_drain() -> None:
    draining = mapping(uuid="old", stream_arn=FORMER_ARN)
    assert planned(backup(mappings=(draining,))) == [CreateMapping(NAME, STREAM_ARN)]


def test_plan_when_a_former_stream_is_gone_deletes_its_mapping() -> None:
    gone = mapping(uuid="old", stream_arn=FORMER_ARN, stream_is_gone=True)
    steps = planned(backup(mappings=(mapping(), gone)))
    assert [step.uuid for step in steps if isinstance(step, DeleteMapping)] == ["old"]
    assert len(steps) == 1


def test_plan_when_the_stream_has_another_view_type_reports_it_and_leaves_it_alone() -> None:
    keys_only = table(stream=Stream(STREAM_ARN, "KEYS_ONLY"))
    steps = planned(BackupState(NAME, keys_only))
    assert kinds(steps) == ["Problem"]
    assert "KEYS_ONLY" in str(steps[0])


def test_plan_when_the_view_type_is_wrong_and_replacing_is_configured_disables_then_enables() -> None:
    config = in_account(incompatible_stream="replace")
    keys_only = table(stream=Stream(STREAM_ARN, "KEYS_ONLY"))
    first = planned(backup(table=keys_only, mappings=()), config=config)
    assert first == [DisableStream(NAME, "KEYS_ONLY")]
    off = table(stream=Stream(STREAM_ARN, "", enabled=False))
    assert planned(backup(table=off, mappings=()), config=config) == [EnableStream(NAME)]


@pytest.mark.parametrize(
    ("replicas", "readers", "joins"), [(0, 1, True), (0, 2, False), (2, 0, True), (2, 1, False)]
)
def test_plan_when_others_read_the_stream_joins_only_where_there_is_room(
    replicas: int, readers: int, joins: bool
) -> None:
    steps = planned(backup(table=table(replicas=replicas), mappings=(), other_readers=readers))
    assert kinds(steps) == (["CreateMapping"] if joins else ["Problem"])
    assert joins or "TooManyReaders" in str(steps[0])


def test_plan_when_the_stream_is_busy_and_joining_is_configured_joins() -> None:
    config = in_account(join_busy_streams=True)
    assert kinds(planned(backup(mappings=(), other_readers=2), config=config)) == ["CreateMapping"]


# --- delivery streams ---------------------------------------------------------------------------------


def test_plan_when_a_delivery_stream_of_somebody_elses_has_the_name_reports_it_and_does_nothing() -> None:
    steps = planned(BackupState(NAME, table(stream=None), delivery_stream(tags=SOMEBODY_ELSES)))
    assert kinds(steps) == ["Problem"]
    assert "not ours" in str(steps[0])


def test_plan_when_the_delivery_stream_is_another_tables_reports_it() -> None:
    tags = {**delivery_stream().tags, naming.TABLE_TAG: "Orders-2"}
    steps = planned(backup(delivery_stream=delivery_stream(tags=tags)))
    assert kinds(steps) == ["Problem"]
    assert "Orders-2" in str(steps[0])


def test_plan_when_the_delivery_stream_is_creating_waits_before_it_maps() -> None:
    assert kinds(planned(backup(delivery_stream=delivery_stream(status="CREATING"), mappings=()))) == ["Wait"]


def test_plan_when_the_delivery_stream_is_being_deleted_waits_and_takes_its_mapping_away() -> None:
    leaving = delivery_stream(status="DELETING")
    assert kinds(planned(backup(delivery_stream=leaving))) == ["Wait"]


def test_plan_when_firehose_failed_to_create_it_deletes_it_to_make_it_anew() -> None:
    steps = planned(backup(delivery_stream=delivery_stream(status="CREATING_FAILED"), mappings=()))
    assert kinds(steps) == ["DeleteDeliveryStream"]


def test_plan_when_firehose_failed_to_delete_it_tells_a_person() -> None:
    steps = planned(backup(delivery_stream=delivery_stream(status="DELETING_FAILED"), mappings=()))
    assert kinds(steps) == ["Problem"]


def test_plan_when_the_delivery_stream_is_missing_under_a_mapping_makes_both_anew() -> None:
    """First it has to be there: a mapping given up before could leave the stream unread for good."""
    assert planned(backup(delivery_stream=None)) == [CreateDeliveryStream(NAME, NAME, replaces="mapping-1")]
    made = delivery_stream()
    made = replace(made, tags={**made.tags, naming.REPLACES_TAG: "mapping-1"})
    assert kinds(planned(backup(delivery_stream=replace(made, status="CREATING")))) == ["Wait"]
    assert kinds(planned(backup(delivery_stream=made))) == ["DeleteMapping"]
    assert planned(backup(delivery_stream=made, mappings=(mapping(uuid="mapping-2"),))) == []
    waiting = planned(backup(mappings=(mapping(state="Deleting"),)))
    assert kinds(waiting) == ["Wait"]
    assert planned(backup(mappings=())) == [CreateMapping(NAME, STREAM_ARN)]


@pytest.mark.parametrize(
    "difference",
    [
        {"prefix": "elsewhere/Orders/"},
        {"compression": "UNCOMPRESSED"},
        {"buffer_seconds": 60},
        {"log_group": ""},
        {"role_arn": ACCOUNT.role_arn("somebody")},
        {"kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/1"},
    ],
)
def test_plan_when_the_destination_differs_updates_it(difference: dict[str, object]) -> None:
    destination = replace(want.destination(NAME, CONFIG, ACCOUNT), **difference)
    steps = planned(backup(delivery_stream=delivery_stream(destination=destination)))
    assert steps == [
        UpdateDeliveryStream(
            NAME, NAME, "1", "destinationId-000000000001", want.destination(NAME, CONFIG, ACCOUNT)
        )
    ]


def test_plan_when_a_setting_was_not_told_takes_it_to_be_right() -> None:
    destination = replace(want.destination(NAME, CONFIG, ACCOUNT), file_extension=None)
    assert planned(backup(delivery_stream=delivery_stream(destination=destination))) == []


def test_plan_when_a_delivery_stream_of_somebody_elses_is_being_deleted_waits_for_the_name() -> None:
    leaving = delivery_stream(status="DELETING", tags=SOMEBODY_ELSES)
    assert kinds(planned(backup(delivery_stream=leaving, mappings=()))) == ["Wait"]


def test_plan_when_only_the_lists_were_read_believes_the_tags() -> None:
    listed = delivery_stream(destination=None, encryption=None)
    assert planned(backup(delivery_stream=listed)) == []
    changed = in_account(buffer_seconds=60)
    assert kinds(planned(backup(delivery_stream=listed), config=changed)) == ["UpdateDeliveryStream"]


@pytest.mark.parametrize(
    ("encryption", "expected"),
    [
        (Encryption("AWS_OWNED_CMK", "", "ENABLED"), []),
        (Encryption("AWS_OWNED_CMK", "", "ENABLING"), ["Wait"]),
        (Encryption(), ["EncryptDeliveryStream"]),
        (Encryption("AWS_OWNED_CMK", "", "ENABLING_FAILED"), ["EncryptDeliveryStream"]),
        (Encryption("CUSTOMER_MANAGED_CMK", "arn:aws:kms:…", "ENABLED"), ["EncryptDeliveryStream"]),
    ],
)
def test_plan_when_the_encryption_differs_sets_it(encryption: Encryption, expected: list[str]) -> None:
    assert kinds(planned(backup(delivery_stream=delivery_stream(encryption=encryption)))) == expected


def test_plan_when_a_released_delivery_stream_is_wanted_again_keeps_it() -> None:
    assert planned(backup(delivery_stream=released(10_000))) == [MarkInUse(NAME, NAME)]


def test_plan_when_a_table_came_back_while_the_old_one_drains_keeps_its_delivery_stream() -> None:
    old = mapping(uuid="old", stream_arn=FORMER_ARN)
    steps = planned(BackupState(NAME, table(), released(10_000), mappings=(old,)))
    assert steps == [MarkInUse(NAME, NAME), CreateMapping(NAME, STREAM_ARN)]


@pytest.mark.parametrize("state", ["Creating", "Enabling", "Updating"])
def test_plan_when_a_mapping_cannot_be_deleted_yet_waits_and_then_makes_it_anew(state: str) -> None:
    made = delivery_stream()
    made = replace(made, tags={**made.tags, naming.REPLACES_TAG: "mapping-1"})
    assert kinds(planned(backup(delivery_stream=made, mappings=(mapping(state=state),)))) == ["Wait"]
    assert kinds(planned(backup(delivery_stream=made))) == ["DeleteMapping"]


def test_plan_when_others_have_taken_all_places_keeps_the_mapping_and_says_what_may_be_missing() -> None:
    steps = planned(backup(delivery_stream=None, other_readers=2))
    assert steps == [CreateDeliveryStream(NAME, NAME, buffer_may_be_lost=True)]
    assert planned(backup(other_readers=2)) == []


# --- mappings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "difference",
    [
        {"retry_attempts": 3},
        {"record_age_seconds": -1},
        {"bisects": False},
        {"reports_batch_item_failures": False},
        {"on_failure": ""},
        {"filters": True},
        {"batch_size": 10},
        {"batching_window_seconds": 0},
        {"parallelization_factor": 2},
    ],
)
def test_plan_when_a_setting_of_the_mapping_differs_updates_it(difference: dict[str, object]) -> None:
    settings = replace(want.mapping_settings(CONFIG, ACCOUNT), **difference)
    assert planned(backup(mappings=(mapping(settings=settings),))) == [UpdateMapping(NAME, "mapping-1")]


def test_plan_when_the_mapping_is_disabled_enables_it() -> None:
    assert planned(backup(mappings=(mapping(state="Disabled"),))) == [UpdateMapping(NAME, "mapping-1")]


@pytest.mark.parametrize("state", ["Creating", "Enabling", "Disabling", "Updating", "Deleting"])
def test_plan_when_the_mapping_is_changing_waits(state: str) -> None:
    assert kinds(planned(backup(mappings=(mapping(state=state),)))) == ["Wait"]


def test_plan_when_a_mapping_to_the_forwarder_is_somebody_elses_reports_it() -> None:
    steps = planned(backup(mappings=(mapping(ours=False),)))
    assert kinds(steps) == ["Problem"]
    assert "mapping-1" in str(steps[0])


# --- switching who compresses -------------------------------------------------------------------------


def test_plan_when_compression_is_switched_makes_a_new_delivery_stream_and_then_releases_the_old_one() -> None:
    config = in_account(compression="forwarder")
    old, new = delivery_stream(), delivery_stream(config)
    assert new.name == "Orders.gz"
    first = backup(delivery_stream=None, former_delivery_streams=(old,))
    # The mapping stays: nothing is lost with the old one, so nothing has to be read again.
    assert planned(first, config=config) == [CreateDeliveryStream(NAME, new.name)]
    creating = replace(first, delivery_stream=delivery_stream(config, status="CREATING"))
    assert kinds(planned(creating, config=config)) == ["Wait"]
    both_gone = replace(first, former_delivery_streams=(released(1),))
    assert planned(both_gone, config=config) == [CreateDeliveryStream(NAME, new.name, replaces="mapping-1")]
    both = backup(delivery_stream=new, former_delivery_streams=(old,))
    assert planned(both, config=config) == [MarkReleased(NAME, NAME)]
    # An interrupted deployment: the forwarder may still write to what would be released.
    assert planned(replace(both, forwarder_agrees=False), config=config) == []
    waiting = replace(both, former_delivery_streams=(released(1),))
    assert kinds(planned(waiting, config=config)) == ["Wait"]
    over = replace(both, former_delivery_streams=(released(want.release_seconds(CONFIG, old) + 1),))
    assert kinds(planned(over, config=config)) == ["DeleteDeliveryStream"]


def test_plan_when_the_name_for_the_other_compression_is_somebody_elses_ignores_it() -> None:
    other = delivery_stream(name="Orders.gz", tags=SOMEBODY_ELSES)
    assert planned(backup(former_delivery_streams=(other,))) == []


# --- opting out ---------------------------------------------------------------------------------------


def test_plan_when_the_table_is_opted_out_leaves_it_alone() -> None:
    assert planned(BackupState(NAME, table(stream=None, opted_out=True))) == []


def test_plan_when_a_person_asks_for_an_opted_out_table_opts_it_in_and_wires_it() -> None:
    steps = planned(BackupState(NAME, table(stream=None, opted_out=True)), Wanted.PROVISIONED)
    assert kinds(steps) == ["OptIn", "EnableStream", "CreateDeliveryStream"]


# --- a deleted table ----------------------------------------------------------------------------------


def test_plan_when_the_table_is_gone_and_its_stream_is_not_removes_nothing() -> None:
    assert planned(backup(table=None)) == []


def test_plan_when_the_stream_of_a_deleted_table_is_gone_deletes_the_mapping_alone() -> None:
    steps = planned(backup(table=None, mappings=(mapping(stream_is_gone=True),)))
    assert kinds(steps) == ["DeleteMapping"]


def test_plan_when_the_mapping_of_a_deleted_table_is_gone_gives_the_buffer_its_time() -> None:
    seconds = want.release_seconds(CONFIG, delivery_stream())
    assert planned(backup(table=None, mappings=())) == [MarkReleased(NAME, NAME)]
    early = planned(backup(table=None, mappings=(), delivery_stream=released(seconds - 1)))
    assert [type(step) for step in early] == [Wait]
    assert isinstance(early[0], Wait)
    assert early[0].at_least == pytest.approx(1)
    late = planned(backup(table=None, mappings=(), delivery_stream=released(seconds)))
    assert [type(step) for step in late] == [DeleteDeliveryStream]


def test_plan_when_one_of_two_streams_of_a_deleted_table_is_left_keeps_the_delivery_stream() -> None:
    gone = mapping(uuid="old", stream_arn=FORMER_ARN, stream_is_gone=True)
    steps = planned(backup(table=None, mappings=(mapping(), gone), delivery_stream=released(10_000)))
    assert kinds(steps) == ["MarkInUse", "DeleteMapping"]


SWITCHED = replace(CONFIG, compression="forwarder")
LEFT_OUT = {
    "gone": (Wanted.PROTECTED, None),
    "opted out": (Wanted.PROTECTED, table(opted_out=True)),
    "left out by the filter": (Wanted.KEPT, table()),
    "with its stream off": (Wanted.KEPT, table(stream=Stream(STREAM_ARN, enabled=False))),
}


@pytest.mark.parametrize(("wanted", "left_out"), LEFT_OUT.values(), ids=list(LEFT_OUT))
def test_plan_of_what_is_wired_and_left_out_follows_a_switch_of_compression(wanted, left_out) -> None:
    """Otherwise its changes go to a delivery stream that nobody makes, and are given up after 22 hours."""
    former = (delivery_stream(),)
    state = backup(table=left_out, delivery_stream=None, former_delivery_streams=former)
    assert planned(state, wanted, SWITCHED) == [CreateDeliveryStream(NAME, f"{NAME}.gz")]


@pytest.mark.parametrize(("wanted", "left_out"), LEFT_OUT.values(), ids=list(LEFT_OUT))
def test_plan_of_what_is_wired_and_left_out_follows_the_configuration(wanted, left_out) -> None:
    narrower = replace(CONFIG, batch_size=7, buffer_seconds=60)
    kept = kinds(planned(backup(table=left_out), wanted, narrower))
    assert kept == ["UpdateDeliveryStream", "UpdateMapping"]
    assert planned(backup(table=left_out), wanted) == []
    assert kinds(planned(backup(table=left_out, mappings=(mapping(state="Disabled"),)), wanted)) == [
        "UpdateMapping"
    ]


@pytest.mark.parametrize(("wanted", "left_out"), LEFT_OUT.values(), ids=list(LEFT_OUT))
def test_plan_of_what_is_wired_and_left_out_makes_a_lost_delivery_stream_anew_and_keeps_the_mapping(
    wanted, left_out
) -> None:
    steps = planned(backup(table=left_out, delivery_stream=None), wanted)
    assert steps == [CreateDeliveryStream(NAME, NAME, buffer_may_be_lost=True)]


def test_plan_of_what_is_left_out_and_not_wired_is_empty() -> None:
    assert planned(backup(mappings=(), delivery_stream=None), Wanted.KEPT) == []
    assert planned(BackupState(NAME, table(stream=None)), Wanted.KEPT) == []


def test_plan_when_a_deleted_table_left_nothing_of_ours_is_empty() -> None:
    foreign = delivery_stream(tags=SOMEBODY_ELSES)
    assert planned(BackupState(NAME, None, foreign)) == []


def test_plan_when_its_own_buffer_is_longer_than_the_configured_one_waits_for_that() -> None:
    slow = replace(want.destination(NAME, CONFIG, ACCOUNT), buffer_seconds=900)
    waited = want.release_seconds(CONFIG, delivery_stream())
    assert kinds(planned(backup(table=None, mappings=(), delivery_stream=released(waited, destination=slow)))) == [
        "Wait"
    ]
    longest = 900 + CONFIG.forwarder_timeout_seconds
    assert kinds(
        planned(backup(table=None, mappings=(), delivery_stream=released(longest, destination=slow)))
    ) == ["DeleteDeliveryStream"]


def test_plan_when_a_strangers_mapping_still_feeds_the_delivery_stream_keeps_it() -> None:
    theirs = mapping(uuid="theirs", ours=False)
    fed = backup(mappings=(theirs,), delivery_stream=released(100_000))
    assert kinds(planned(fed, Wanted.RELEASED)) == ["Problem"]
    assert kinds(planned(replace(fed, table=None))) == ["Problem"]


# --- releasing ----------------------------------------------------------------------------------------


def test_plan_when_a_table_is_deprovisioned_opts_it_out_and_takes_the_mapping_first() -> None:
    assert kinds(planned(backup(), Wanted.DEPROVISIONED)) == ["OptOut", "DeleteMapping"]


def test_plan_when_a_table_is_released_does_not_opt_it_out() -> None:
    assert kinds(planned(backup(), Wanted.RELEASED)) == ["DeleteMapping"]


def test_plan_when_the_mapping_is_going_waits_for_it() -> None:
    assert kinds(planned(backup(mappings=(mapping(state="Deleting"),)), Wanted.RELEASED)) == ["Wait"]


def test_plan_when_a_delivery_stream_of_somebody_elses_is_in_the_way_of_releasing_says_so() -> None:
    steps = planned(backup(mappings=(), delivery_stream=delivery_stream(tags=SOMEBODY_ELSES)), Wanted.RELEASED)
    assert [type(step) for step in steps] == [Problem]


def test_plan_when_a_released_table_has_nothing_left_is_empty() -> None:
    assert planned(BackupState(NAME, table(opted_out=True)), Wanted.DEPROVISIONED, now=NOW) == []


def test_plan_of_a_table_called_aws_without_a_prefix_is_a_problem_and_with_one_is_none() -> None:
    """aws/lambda/ at the bucket's root is where Lambda writes what cannot be forwarded."""
    state = BackupState("aws", table(name="aws", stream=Stream(STREAM_ARN.replace("Orders", "aws"))))
    (problem,) = planned(state, config=replace(CONFIG, prefix=""))
    assert isinstance(problem, Problem)
    assert "aws/lambda/" in str(problem)
    assert not [each for each in planned(state) if isinstance(each, Problem)]


@pytest.mark.parametrize("wanted", [Wanted.PROTECTED, Wanted.KEPT, Wanted.RELEASED, Wanted.DEPROVISIONED])
@pytest.mark.parametrize("there", [table(), None], ids=["a table", "gone"])
def test_plan_with_a_strangers_delivery_stream_that_was_given_our_tags_touches_it_never(wanted, there) -> None:
    """Who may set tags could have it deleted, or pointed to our bucket, by the next sweep."""
    forged = released(1_000_000, proved=False)
    for mappings in ((mapping(),), ()):
        steps = planned(backup(table=there, delivery_stream=forged, mappings=mappings), wanted)
        touching = UpdateDeliveryStream | DeleteDeliveryStream | MarkInUse | MarkReleased | EncryptDeliveryStream
        assert not [each for each in steps if isinstance(each, touching)]


def test_plan_with_a_strangers_delivery_stream_that_was_given_our_tags_says_what_to_do() -> None:
    (problem,) = planned(backup(delivery_stream=delivery_stream(proved=False)))
    assert isinstance(problem, Problem)
    assert "has our tags, and neither our delivery role nor our bucket and prefix" in str(problem)
    assert "take the tag dynamodb-continuous-backup away" in problem.hint
