"""An outage of Firehose does not take the account down: 2,000 shards, simulated, with the forwarder's own code."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from statistics import median

import pytest

from continuous_backup.configuration.config import Config
from continuous_backup.naming import FORWARDER_FUNCTION
from continuous_backup.patience import RETRYING_SECONDS, SECONDS_OF_A_CALL
from tests.faults.concurrency import (
    ALWAYS_UNRESERVED,
    EAGER,
    OTHER_FUNCTION,
    PATIENT,
    QUOTA,
    Concurrency,
    Fault,
    Outage,
    Retrying,
    SimulatedAccount,
    Try,
    Workload,
)

DEFAULT = Config()
RESERVED = DEFAULT.forwarder_reserved_concurrency
NOTHING_RESERVED = replace(DEFAULT, forwarder_reserved_concurrency=0)

WRITING = Workload(seconds_of_writing=360)
FORWARDER_ALONE = replace(WRITING, other_concurrency=0)
OUTAGE = Outage(begins=60, ends=260)
#: With time for the mappings' longest pause, the batching window and the queue for the executions.
CAUGHT_UP_SECONDS = 180
#: Every mapping asks again at times of its own, so turns are a matter of chance. Most come much sooner: this is
#: for the last of 2,000, with mappings as eager as can be. It is short against the 22 hours after which a change
#: is no longer tried.
ALL_HAD_A_TURN_SECONDS = 3 * 3_600

OUTAGES = pytest.mark.parametrize(
    ("fault", "retrying"),
    [(Fault.FAILS, EAGER), (Fault.THROTTLES, PATIENT), (Fault.IS_SILENT, EAGER)],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    """Tens of thousands of lines otherwise."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@cache
def after_an_outage(fault: Fault, retrying: Retrying) -> SimulatedAccount:
    """With the default configuration: before, during and until all is well again."""
    account = SimulatedAccount(DEFAULT, replace(OUTAGE, fault=fault), retrying, WRITING)
    account.run(until=4 * 3_600)
    return account


@cache
def when_all_is_well() -> SimulatedAccount:
    account = SimulatedAccount(DEFAULT, workload=FORWARDER_ALONE)
    account.run(until=4 * 3_600)
    return account


def begun_in(outage: Outage, account: SimulatedAccount) -> list[Try]:
    return [each for each in account.tries if outage.begins <= each.begins < outage.ends]


def most_at_once(tries: list[Try]) -> int:
    """Counted from what ran, and not by who let it run; what ends as another begins leaves its place first."""
    steps = sorted([(each.ends, -1) for each in tries] + [(each.begins, 1) for each in tries])
    most = running = 0
    for _, step in steps:
        running += step
        most = max(most, running)
    return most


# Lambda, as it is played here.


def test_concurrency_when_a_reservation_is_used_up_expects_throttling_though_the_account_has_room():
    concurrency = Concurrency(QUOTA, {"a": 2})

    assert [concurrency.started_one("a") for _ in range(3)] == [True, True, False]
    assert concurrency.started_one("b")
    concurrency.ended_one("a")
    assert concurrency.started_one("a")
    assert (concurrency.running["a"], concurrency.most_running["a"], concurrency.throttled["a"]) == (2, 2, 1)


def test_concurrency_when_others_use_up_the_rest_expects_the_reservation_to_be_there():
    concurrency = Concurrency(QUOTA, {"a": 300, "b": 0})

    assert sum(concurrency.started_one("b" if number % 2 else "c") for number in range(QUOTA)) == 700
    assert sum(concurrency.started_one("a") for _ in range(QUOTA)) == 300


def test_concurrency_when_too_little_would_stay_unreserved_expects_an_error():
    Concurrency(QUOTA, {"a": QUOTA - ALWAYS_UNRESERVED})

    with pytest.raises(ValueError, match="99 of 1000 stay unreserved"):
        Concurrency(QUOTA, {"a": QUOTA - ALWAYS_UNRESERVED + 1})


@OUTAGES
def test_mapping_when_batches_come_again_expects_one_of_a_shard_at_a_time(fault: Fault, retrying: Retrying):
    ended: dict[str, float] = {}
    for each in after_an_outage(fault, retrying).tries:
        assert each.begins >= ended.get(each.table, 0)
        ended[each.table] = each.ends


# The account.


@OUTAGES
def test_other_function_when_firehose_is_out_expects_all_that_it_needs(fault: Fault, retrying: Retrying):
    account = after_an_outage(fault, retrying)

    assert account.other_throttled == []
    assert account.concurrency.most_running[OTHER_FUNCTION] > WRITING.other_concurrency
    # There was something to be protected from: the forwarder wanted more than it has.
    assert account.concurrency.throttled[FORWARDER_FUNCTION] > 0
    assert most_at_once(account.tries) == RESERVED


def test_other_function_when_it_needs_nearly_all_that_is_left_expects_it_during_an_outage():
    workload = replace(WRITING, other_concurrency=750)
    account = SimulatedAccount(DEFAULT, OUTAGE, EAGER, workload)

    account.run(until=OUTAGE.begins + 120)

    assert account.other_throttled == []
    assert account.concurrency.most_running[OTHER_FUNCTION] > workload.other_concurrency
    assert account.concurrency.running[FORWARDER_FUNCTION] == RESERVED


def test_other_function_when_nothing_is_reserved_and_firehose_is_out_expects_it_to_be_starved():
    account = SimulatedAccount(NOTHING_RESERVED, OUTAGE, EAGER, WRITING)

    account.run(until=OUTAGE.begins)
    assert account.other_throttled == []
    started = account.concurrency.started[OTHER_FUNCTION]

    account.run(until=OUTAGE.begins + 120)
    started = account.concurrency.started[OTHER_FUNCTION] - started
    assert len(account.other_throttled) > started / 2


def test_forwarder_when_the_other_function_wants_the_whole_account_expects_its_own_share():
    workload = Workload(seconds_of_writing=120, other_concurrency=2 * QUOTA)
    account = SimulatedAccount(DEFAULT, workload=workload)

    account.run(until=4 * 3_600)

    assert account.other_throttled
    assert account.concurrency.throttled[FORWARDER_FUNCTION] == 0
    assert max(map(max, account.delays().values())) < DEFAULT.batching_window_seconds + 1


# The shards.


@OUTAGES
def test_invocation_when_firehose_is_out_expects_no_more_retrying_than_the_cap(fault: Fault, retrying: Retrying):
    account = after_an_outage(fault, retrying)

    assert account.timed_out == 0
    assert max(each.calls for each in begun_in(OUTAGE, account)) > 1
    assert max(each.seconds for each in account.tries) < RETRYING_SECONDS + SECONDS_OF_A_CALL


def test_invocation_when_its_time_out_is_long_expects_the_same_cap():
    config = replace(DEFAULT, forwarder_timeout_seconds=900)
    account = SimulatedAccount(config, OUTAGE, EAGER, FORWARDER_ALONE)

    account.run(until=OUTAGE.ends)

    assert max(each.seconds for each in account.tries) < RETRYING_SECONDS + SECONDS_OF_A_CALL


def test_invocation_when_its_time_out_is_shorter_than_the_cap_expects_an_answer_in_time():
    config = replace(DEFAULT, forwarder_timeout_seconds=15)
    account = SimulatedAccount(config, replace(OUTAGE, fault=Fault.IS_SILENT), EAGER, FORWARDER_ALONE)

    account.run(until=OUTAGE.ends)

    assert account.timed_out == 0


def test_shards_when_firehose_is_silent_for_long_expects_each_to_have_its_turn():
    outage = Outage(begins=0, ends=ALL_HAD_A_TURN_SECONDS, fault=Fault.IS_SILENT)
    workload = Workload(seconds_of_writing=60, other_concurrency=0)
    account = SimulatedAccount(DEFAULT, outage, EAGER, workload)

    tried: set[str] = set()
    for time in range(60, ALL_HAD_A_TURN_SECONDS, 60):
        account.run(until=time)
        tried = {each.table for each in account.tries}
        if len(tried) == workload.shards:
            break

    assert not account.done
    assert len(tried) == workload.shards


@OUTAGES
def test_changes_when_firehose_was_out_expects_each_there_and_none_invented(fault: Fault, retrying: Retrying):
    account = after_an_outage(fault, retrying)

    assert account.done
    delays = account.delays()
    assert sum(map(len, delays.values())) == account.changes_made
    assert max(map(max, delays.values())) < OUTAGE.ends - OUTAGE.begins + CAUGHT_UP_SECONDS
    # Where answers were lost, some are there twice: at least once, and here not more without need.
    assert (account.lines_accepted > account.changes_made) == (fault is Fault.IS_SILENT)


def test_other_tables_when_one_delivery_stream_is_out_expects_their_delay_as_ever():
    calm = when_all_is_well().delays()
    out = WRITING.tables[7]
    account = SimulatedAccount(DEFAULT, replace(OUTAGE, tables=frozenset([out])), EAGER, FORWARDER_ALONE)

    account.run(until=4 * 3_600)

    delays = account.delays()
    delays_of_the_one = delays.pop(out)
    calm.pop(out)
    assert max(map(max, delays.values())) < max(map(max, calm.values())) + 1
    assert (
        OUTAGE.ends - OUTAGE.begins - 60 < max(delays_of_the_one) < OUTAGE.ends - OUTAGE.begins + CAUGHT_UP_SECONDS
    )


def test_other_tables_when_more_delivery_streams_are_out_than_are_reserved_expects_most_not_to_notice():
    calm = [delay for delays in when_all_is_well().delays().values() for delay in delays]
    out = frozenset(WRITING.tables[::10])
    assert len(out) > RESERVED
    account = SimulatedAccount(DEFAULT, replace(OUTAGE, tables=out), EAGER, FORWARDER_ALONE)

    account.run(until=4 * 3_600)

    others = [delay for table, delays in account.delays().items() if table not in out for delay in delays]
    assert median(others) < median(calm) + 5
