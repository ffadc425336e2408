"""What a backup has kept, compared with what was changed: nothing missing, nothing invented."""

import json
import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import orjson

from continuous_backup import naming
from continuous_backup.reading_streams import stream_records
from tests.faults.endpoint import Endpoint, lines_of
from tests.faults.event_source_mapping import StreamRecord
from tests.faults.stream_changes import expected_line

_OVERSIZE = re.compile(r"dynamodb/(?P<table>[^/]+)/\d{4}/\d\d/\d\d/\d\d/[^/]+")
_FAILED = re.compile(r"dynamodb/(?P<table>[^/]+)/_failed/\d{4}/\d\d/\d\d/\d\d/[^/]+")

#: Whether a record is to be kept whole under `_failed/`, and else the document that is to be its line, or
#: None where it is dropped by choice.
Expectation = Callable[[Any], Any]


class Whole:
    """What an Expectation answers for a record that is to be under `_failed/`, as it came."""


def every_change_a_line(record: Any) -> Any:
    return expected_line(record)


class Kept:
    """Reads what an endpoint has accepted, as it grows. Lines and whole records are compared as documents."""

    def __init__(
        self,
        endpoint: Endpoint,
        expectation: Expectation = every_change_a_line,
        may_go_to: Collection[str] = (),
    ) -> None:
        self.lines: dict[str, Any] = {}
        self.failed: set[str] = set()
        #: Which delivery stream, or which object, has a line; one of them, where there are several.
        self.place: dict[str, str] = {}
        #: How many lines there are, repeated ones counted.
        self.copies = 0
        self._endpoint = endpoint
        self._expectation = expectation
        self._may_go_to = set(may_go_to)
        self._records_read = 0
        self._objects_read: set[str] = set()

    def check_acknowledged(self, records: Iterable[StreamRecord]) -> None:
        """Whatever the stream will not bring again has been accepted by Firehose or S3 by now."""
        self._read_new()
        missing = [each.sequence_number for each in records if not self._has(each.record)]
        assert not missing, f"acknowledged, but nowhere: {missing[:10]} and {len(missing)} in all"

    def check_all(self, records: Iterable[StreamRecord]) -> None:
        """Every record is kept, at least once, and nothing else is; no limit of Firehose's was broken."""
        made = list(records)
        self.check_acknowledged(made)
        expected = [self._expectation(each.record) for each in made]
        lines = {_text(each) for each in expected if each is not None and each is not Whole}
        invented = set(self.lines) - lines
        assert not invented, f"nobody made the changes of {len(invented)} lines: {min(invented)[:500]}"
        whole = {_text(each.record) for each, what in zip(made, expected, strict=True) if what is Whole}
        assert self.failed == whole, "under _failed/ is something that does not belong there"
        assert not self._endpoint.broken_limits
        assert not self._endpoint.unknown_requests
        if self._expectation is every_change_a_line:
            self._check_order(made)

    def _check_order(self, made: list[StreamRecord]) -> None:
        """By sequence numbers alone, the changes of each item come out in the order in which they were made."""
        by_item: dict[str, list[Any]] = {}
        for line in sorted(self.lines.values(), key=lambda line: int(line["SequenceNumber"])):
            by_item.setdefault(_text(line["Keys"]), []).append(line)
        in_order: dict[str, list[Any]] = {}
        for each in made:
            line = expected_line(each.record)
            in_order.setdefault(_text(line["Keys"]), []).append(line)
        assert by_item == in_order

    def _has(self, record: Any) -> bool:
        expected = self._expectation(record)
        if expected is None:
            return True
        if expected is Whole:
            return _text(record) in self.failed
        return _text(expected) in self.lines

    def _read_new(self) -> None:
        new = self._endpoint.accepted[self._records_read :]
        self._records_read += len(new)
        for delivery_stream, data in new:
            compressed = data.startswith(b"\x1f\x8b")
            assert compressed == delivery_stream.endswith(".gz"), f"{delivery_stream} got the other kind of record"
            self._take(lines_of(data), delivery_stream, delivery_stream.removesuffix(".gz"))
        for key in self._endpoint.objects.keys() - self._objects_read:
            self._objects_read.add(key)
            lines = lines_of(self._endpoint.objects[key].body)
            if under := _FAILED.fullmatch(key):
                documents = [json.loads(line) for line in lines]
                assert {stream_records.table(each) or "_" for each in documents} == {under["table"]}, key
                self.failed |= {_text(each) for each in documents}
            else:
                under = _OVERSIZE.fullmatch(key)
                assert under, f"nothing belongs at {key}"
                self._take(lines, key, under["table"])

    def _take(self, lines: list[bytes], place: str, table: str) -> None:
        """Each line where its table belongs, or where a route may have sent it. Names here are not shortened."""
        for line in lines:
            document = json.loads(line)
            own = naming.table_of_arn(document.get("eventSourceARN", table))  # a transformer may leave it out
            assert table in {own, *self._may_go_to}, f"a change of {own} is in {place}"
            text = _text(document)
            self.lines[text] = document
            self.place[text] = place
            self.copies += 1


def _text(document: Any) -> str:
    """The same for the same document, whatever the order of its names."""
    try:
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode()  # megabytes are compared
    except orjson.JSONEncodeError:  # half of a surrogate pair, which some malformed records have
        return json.dumps(document, sort_keys=True)
