"""What people may choose: which changes are kept, what their lines are, and where these go."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from continuous_backup.configuration.config import Config
from continuous_backup.reading_streams import stream_records
from continuous_backup.reading_streams.stream_records import StreamRecord
from continuous_backup.strangers import Failed, Stranger
from continuous_backup.streams_to_firehose import changes, custom, item_change, plain_json
from continuous_backup.streams_to_firehose.changes import NoLine
from continuous_backup.streams_to_firehose.item_change import ItemChange, TypedItem

_PLAIN = "plain"
#: https://docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
_DELIVERY_STREAM = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_COMPRESSED_BY_FORWARDER = ".gz"

Line = Callable[[StreamRecord], bytes | None]
Route = Callable[[StreamRecord], str]


class NoRoute(Exception):
    """The router gave no usable answer. The text says why, and never quotes what is in the item."""


@dataclass(frozen=True)
class Choices:
    """`drops` and `route` are None where everything is kept, and goes to the table's own delivery stream.

    `line` answers None for a change to be dropped, and raises NoLine where there is no line of it. `route`
    answers "" for the table's own delivery stream, and raises NoRoute.
    """

    drops: Callable[[StreamRecord], bool] | None = None
    line: Line = changes.line
    route: Route | None = None


def of_config(config: Config) -> Choices:
    """Raises ConfigurationError for a transformer or a router that cannot be loaded."""
    return Choices(_drops(config), _line(config), _route(config))


def _drops(config: Config) -> Callable[[StreamRecord], bool] | None:
    kept = frozenset(config.writable_event_types)
    if config.include_ttl_deletes:
        return None if kept >= stream_records.EVENT_NAMES else lambda record: record["eventName"] not in kept
    return lambda record: record["eventName"] not in kept or stream_records.is_ttl_delete(record)


def _line(config: Config) -> Line:
    if not config.transformer:
        return changes.line
    if config.transformer == _PLAIN:
        return lambda record: changes.json_line(plain_json.transform(item_change.of_record(record)))
    transformer = Stranger("the transformer", custom.function("transformer", config.transformer))

    def transformed(record: StreamRecord) -> bytes | None:
        try:
            made = transformer.ask(item_change.of_record(record))
        except Failed as err:
            raise NoLine(str(err)) from err
        return None if made is None else _line_made(made)

    return transformed


def _line_made(made: Any) -> bytes:
    """What a transformer made, as one line that ends in a newline."""
    if isinstance(made, dict):
        return changes.json_line(made)
    if isinstance(made, str):
        try:
            made = made.encode()
        except UnicodeEncodeError as err:
            raise NoLine("the transformer made a text that UTF-8 cannot say") from err
    if not isinstance(made, bytes):
        raise NoLine(f"the transformer made a {type(made).__name__}, and not a line or None")
    text = made.removesuffix(b"\n")
    if not text:
        raise NoLine("the transformer made an empty text: None is what drops a change")
    if b"\n" in text:
        raise NoLine("the transformer made a text with a newline in it, which would be several lines")
    return text + b"\n"


def _route(config: Config) -> Route | None:
    if config.route_by_attribute:
        return _by_attribute(config)
    if not config.router:
        return None
    router = Stranger("the router", custom.function("router", config.router))

    def routed(record: StreamRecord) -> str:
        try:
            name = router.ask(item_change.of_record(record))
        except Failed as err:
            raise NoRoute(str(err)) from err
        return _usable(name, config)

    return routed


def _usable(name: Any, config: Config) -> str:
    if name is None:
        return ""
    if not isinstance(name, str) or not _DELIVERY_STREAM.fullmatch(name):
        raise NoRoute("the router did not answer with the name of a delivery stream, or None")
    if config.forwarder_compresses and name.endswith(_COMPRESSED_BY_FORWARDER):
        # Lines between the gzip members of a table's own would spoil its objects.
        raise NoRoute("the router answered with the delivery stream of a table, which holds gzip members")
    return name


def _by_attribute(config: Config) -> Route:
    """By the first of the configured attributes whose value is listed: in the new image, or else the old."""

    def routed(record: StreamRecord) -> str:
        change: ItemChange = item_change.of_record(record)
        image = change.new_image or change.old_image or change.keys
        for attribute, names in config.route_by_attribute.items():
            name = names.get(_text_of(image, attribute))
            if name:
                return name
        return ""

    return routed


def _text_of(image: TypedItem, attribute: str) -> str:
    """The value of a text, number or boolean as the configuration writes it; "" for anything else."""
    typed = image.get(attribute)
    if not isinstance(typed, dict):
        return ""
    value = typed.get("S", typed.get("N", typed.get("BOOL", "")))
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ""
