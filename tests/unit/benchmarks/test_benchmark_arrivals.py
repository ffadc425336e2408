"""How changes become invocations: windows, full batches, and polls."""

import pytest

from benchmarks.arrivals import Burst, bursts, invocations


def _called(arriving, window, batch_size=1_000):
    return [(each.seconds, each.changes) for each in invocations(arriving, window, batch_size)]


def test_invocations_without_a_window_take_what_the_next_poll_finds():
    arriving = [Burst(0.1, 3), Burst(0.2, 1), Burst(0.3, 2), Burst(9.0, 1)]
    assert _called(arriving, window=0) == [(0.25, 4), (0.5, 2), (9.0, 1)]


def test_invocations_with_a_window_wait_from_the_poll_that_finds_the_first_change():
    arriving = [Burst(0.9, 1), Burst(10.9, 1), Burst(11.1, 1)]
    assert _called(arriving, window=10) == [(11.0, 2), (21.25, 1)]


def test_invocations_when_a_batch_is_full_are_called_before_the_window_is_over():
    arriving = [Burst(1.0, 1), Burst(2.0, 1), Burst(3.0, 1)]
    assert _called(arriving, window=30, batch_size=2) == [(2.0, 2), (33.0, 1)]


def test_invocations_when_a_burst_is_larger_than_a_batch_leave_the_rest_to_the_next():
    assert _called([Burst(1.0, 5)], window=10, batch_size=2) == [(1.0, 2), (1.0, 2), (11.0, 1)]


def test_invocations_know_how_long_changes_waited():
    [one] = invocations([Burst(1.0, 2), Burst(4.0, 1)], 10, 100)
    assert one.waited == pytest.approx(2 * 10 + 7)


@pytest.mark.parametrize("window", [0, 5, 30])
@pytest.mark.parametrize("batch_size", [1, 7, 500])
def test_invocations_take_each_change_once(window, batch_size):
    arriving = bursts(500, gap_seconds=0.7, least=1, most=10)
    called = invocations(arriving, window, batch_size)
    assert sum(each.changes for each in called) == sum(burst.changes for burst in arriving)
    assert all(1 <= each.changes <= batch_size for each in called)
    assert all(each.waited >= 0 for each in called)


def test_bursts_are_the_same_in_each_run_and_of_the_size_asked_for():
    found = bursts(1_000, gap_seconds=5, least=1, most=10)
    assert found == bursts(1_000, gap_seconds=5, least=1, most=10)
    assert {burst.changes for burst in found} == set(range(1, 11))
    assert found[-1].seconds / len(found) == pytest.approx(5, rel=0.2)
