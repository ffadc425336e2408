"""The records of a batch by where they go: pure, nothing is sent."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from continuous_backup.configuration.config import Config
from continuous_backup.reading_streams import stream_records
from continuous_backup.streams_to_firehose.choices import Choices, NoRoute


@dataclass(frozen=True)
class Lane:
    """The records, by position, that go to one delivery stream."""

    table: str
    delivery_stream: str
    compressed: bool
    positions: list[int] = field(default_factory=list)


@dataclass
class Lanes:
    """All records of a batch, by position: in a lane each, or `dropped` by choice, or `failed` with the reason.

    `unrouted` has, by the reason, how many changes go to their table's own delivery stream since the router
    failed. `checked` says whether each record in a lane is known to be a change.
    """

    checked: bool
    lanes: list[Lane] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    unrouted: Counter[str] = field(default_factory=Counter)


def sorted_into_lanes(records: Sequence[Any], choices: Choices, config: Config) -> Lanes:
    """By the stream that a record names, and by the router.

    What names no stream has failed. Where nothing is asked of a change here, whoever makes its line finds out
    what is none: then all of a record is read at once, which is faster by a good deal.
    """
    drops, route = choices.drops, choices.route
    found = Lanes(checked=bool(drops or route))
    lanes: dict[tuple[str, str], Lane] = {}
    arn, lane, routed_to = "", None, ""
    for position, record in enumerate(records):
        if found.checked:
            if not stream_records.is_change(record):
                found.failed[position] = stream_records.problem(record)
                continue
            if drops and drops(record):
                found.dropped.append(position)
                continue
            routed_to = _routed(route, record, found.unrouted) if route else ""
        if lane is None or route or not stream_records.is_of_stream(record, arn):
            arn = stream_records.stream_arn(record)
            if not arn:
                found.failed[position] = stream_records.problem(record)
                continue
            lane = _lane(lanes, stream_records.table(record), routed_to, config)
        lane.positions.append(position)
    found.lanes = list(lanes.values())
    return found


def _routed(route: Callable[[Any], str], record: Any, unrouted: Counter[str]) -> str:
    try:
        return route(record)
    except NoRoute as err:
        unrouted[str(err)] += 1
        return ""


def _lane(lanes: dict[tuple[str, str], Lane], table: str, routed_to: str, config: Config) -> Lane:
    """A delivery stream that is not ours always gets plain lines."""
    name = routed_to or config.delivery_stream_name(table)
    if (table, name) not in lanes:
        ours = not routed_to and table not in config.delivery_streams
        lanes[table, name] = Lane(table, name, ours and config.forwarder_compresses)
    return lanes[table, name]
