"""Which record goes to which delivery stream, and which to none."""

from collections import Counter

from continuous_backup.configuration.config import Config
from continuous_backup.streams_to_firehose.choices import Choices, NoRoute
from continuous_backup.streams_to_firehose.lanes import Lane, sorted_into_lanes
from tests.unit.streams_to_firehose.fakes import stream_record, without

COMPRESSED = Config(compression="forwarder")


def no_router(record: object) -> str:
    raise NoRoute("it raised")


def test_lanes_of_a_batch_are_one_a_table_in_the_order_of_their_first_records():
    records = [stream_record(0), stream_record(1, table="Carts"), stream_record(2)]

    found = sorted_into_lanes(records, Choices(), Config())

    assert found.lanes == [Lane("Orders", "Orders", False, [0, 2]), Lane("Carts", "Carts", False, [1])]
    assert (found.dropped, found.failed, found.unrouted) == ([], {}, Counter())


def test_lanes_where_nothing_is_asked_of_changes_leave_it_to_others_to_check_them():
    not_a_change = without(stream_record(1), "dynamodb", "Keys")
    unread = sorted_into_lanes([stream_record(0), not_a_change], Choices(), Config())
    assert (unread.checked, unread.lanes[0].positions, unread.failed) == (False, [0, 1], {})

    read = sorted_into_lanes([stream_record(0), not_a_change], Choices(drops=lambda record: False), Config())
    assert (read.checked, read.lanes[0].positions, list(read.failed)) == (True, [0], [1])


def test_lanes_of_a_record_that_names_no_stream_are_none():
    found = sorted_into_lanes([without(stream_record(0), "eventSourceARN")], Choices(), Config())
    assert (found.lanes, list(found.failed)) == ([], [0])


def test_lanes_of_what_is_dropped_by_choice_are_none():
    found = sorted_into_lanes([stream_record(0), stream_record(1)], Choices(drops=lambda record: True), Config())
    assert (found.lanes, found.dropped) == ([], [0, 1])


def test_lanes_of_a_router_are_its_own_and_get_plain_lines():
    answers = iter(["theirs", "", "theirs"])
    records = [stream_record(number) for number in range(3)]

    found = sorted_into_lanes(records, Choices(route=lambda record: next(answers)), COMPRESSED)

    assert found.lanes == [Lane("Orders", "theirs", False, [0, 2]), Lane("Orders", "Orders.gz", True, [1])]


def test_lanes_where_the_router_fails_are_the_tables_own_and_the_reasons_are_counted():
    records = [stream_record(number) for number in range(2)]

    found = sorted_into_lanes(records, Choices(route=no_router), Config())

    assert found.lanes == [Lane("Orders", "Orders", False, [0, 1])]
    assert found.unrouted == {"it raised": 2}


def test_lanes_of_a_table_whose_delivery_stream_is_somebody_elses_get_plain_lines():
    config = Config(compression="forwarder", delivery_streams={"Orders": "theirs"})
    assert sorted_into_lanes([stream_record(0)], Choices(), config).lanes == [Lane("Orders", "theirs", False, [0])]
