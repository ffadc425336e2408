"""What has arrived on S3 of the changes that were written."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from local.change_log_check import Change, ChangeLog, Wrong, as_text, fold, key_text, scan
from local.waiting import NotInTime
from tests.smoke import workload
from tests.smoke.report import Report, Skipped
from tests.smoke.subject import Subject

#: Beyond what the configuration makes every change wait: a new mapping begins to read after a minute or two.
_MARGIN_SECONDS = 420.0
_SETS = {"SS", "BS", "NS"}

Items = dict[str, Any]


class Backup:
    """The change log of the table, and what it must hold."""

    def __init__(self, subject: Subject) -> None:
        self.expected: Counter[str] = Counter()
        self.log = ChangeLog(
            subject.client("s3"), subject.config.bucket, subject.config.prefix.strip("/"), subject.table
        )
        self._subject = subject
        self._items: Items = {}

    def write(self) -> str:
        """Changes of every kind, and what the table holds after them."""
        dynamodb, table = self._subject.client("dynamodb"), self._subject.table
        self.expected = workload.write_everything(dynamodb, table)
        self._items = _comparable_items(scan(dynamodb, table))
        return f"{self.expected.total()} changes: {dict(self.expected)}"

    def write_last(self) -> str:
        """Changes that nobody can have read yet when the table is deleted."""
        dynamodb, table = self._subject.client("dynamodb"), self._subject.table
        try:
            for item in workload.last_items():
                dynamodb.put_item(TableName=table, Item=item)
                self.expected["INSERT"] += 1
                self._items[key_text({"id": item["id"]})] = _comparable(item)
        finally:
            dynamodb.delete_table(TableName=table)
        return f"{len(workload.last_items())} changes, then DeleteTable at once"

    def wait_until_all_are_there(self) -> str:
        """How long it took. Raises Wrong where some are missing, or a line or path is not as documented."""
        began, count, config = time.monotonic(), self.expected.total(), self._subject.config
        within = config.batching_window_seconds + config.buffer_seconds + _MARGIN_SECONDS
        try:
            arrived = self._subject.wait_for(
                lambda: changes if len(changes := self.log.read_new()) >= count else None,
                f"{count} changes to be on S3",
                within,
            )
        except NotInTime as err:
            there = len(self.log.read_new())
            raise Wrong(f"{there} of {count} are there after {time.monotonic() - began:.0f} s") from err
        waited = config.batching_window_seconds + config.buffer_seconds
        return f"{len(arrived)} after {time.monotonic() - began:.0f} s, of which {waited} s as configured"

    def check(self, report: Report) -> None:
        """What the objects are, and what their changes make."""
        report.check("every change is there, and no other", self._counts)
        report.check("every object is gzip, and its name says so", self._gzip)
        report.check("a change too large for Firehose has an object of its own", self._oversize)
        report.check("numbers, sets, binary and unicode are as they were written", self._odd_items)
        report.check("the fold of the change log equals a scan of the table", self.require_fold)
        report.check("nothing failed: no object under _failed/ or _errors/", self._failures)

    def require_fold(self) -> str:
        """Raises Wrong where the changes do not make what the table held."""
        folded = self._folded()
        different = sorted(
            key for key in folded.keys() | self._items.keys() if folded.get(key) != self._items.get(key)
        )
        if different:
            raise Wrong(f"{len(different)} items differ, the first is {different[0]}")
        return f"{len(folded)} items"

    def require_data(self) -> str:
        """Raises Wrong where an object that was read is gone."""
        there = {each["Key"] for each in self._objects()}
        gone = self.log.objects.keys() - there
        if gone:
            raise Wrong(f"{len(gone)} objects are gone, among them {min(gone)}")
        return f"{len(self.log.objects)} objects, {sum(self.log.objects.values()):,} bytes"

    def _counts(self) -> str:
        seen = Counter(change.event_name for change in self.log.read_new())
        if seen != self.expected:
            raise Wrong(f"{dict(seen)}, not {dict(self.expected)}")
        return f"in {len(self.log.objects)} objects"

    def _gzip(self) -> str:
        wrong = [key for key, gzip in self.log.compressed.items() if not gzip or not key.endswith(".gz")]
        if wrong:
            raise Wrong(f"{len(wrong)} of {len(self.log.objects)} objects are not, among them {wrong[0]}")
        return f"{len(self.log.objects)} objects"

    def _oversize(self) -> str:
        if self._subject.config.forwarder_compresses:
            raise Skipped("compressed by the forwarder, it fits into a record")
        found = [key for key in self.log.objects if "/oversize-" in key]
        if len(found) != 1:
            raise Wrong(f"there are {len(found)} such objects, not one")
        return found[0]

    def _odd_items(self) -> str:
        folded = self._folded()
        by_key = {item["id"]["S"]: item for item in folded.values()}
        for item in workload.odd_items():
            name = item["id"]["S"]
            if by_key.get(name) != _comparable(item):
                raise Wrong(f"{name} is {str(by_key.get(name))[:200]}")
        return ""

    def _failures(self) -> str:
        found = [each["Key"] for each in self._objects() if "/_" in each["Key"]]
        if found:
            raise Wrong(f"{len(found)}, among them {found[0]}")
        return ""

    def _folded(self) -> Items:
        return fold(map(_comparable_change, self.log.read_new()))

    def _objects(self) -> list[dict[str, Any]]:
        return self._subject.aws.pages(
            "s3",
            "list_objects_v2",
            "Contents",
            Bucket=self._subject.config.bucket,
            Prefix=self._subject.prefix,
        )


def _comparable_change(change: Change) -> Change:
    return replace(
        change,
        new_image=change.new_image and _comparable(change.new_image),
        old_image=change.old_image and _comparable(change.old_image),
    )


def _comparable_items(items: Items) -> Items:
    return {key: _comparable(item) for key, item in items.items()}


def _comparable(item: dict[str, Any]) -> dict[str, Any]:
    """An item whose equality is that of its values: a set has no order, a number is more than its text."""
    return {name: _value(value) for name, value in as_text(item).items()}


def _value(typed: dict[str, Any]) -> dict[str, Any]:
    ((kind, value),) = typed.items()
    if kind == "N":
        return {kind: Decimal(value)}
    if kind in _SETS:
        return {kind: frozenset(_members(kind, value))}
    if kind == "L":
        return {kind: [_value(each) for each in value]}
    return {kind: _comparable(value)} if kind == "M" else {kind: value}


def _members(kind: str, members: Iterable[str]) -> Iterable[Any]:
    return map(Decimal, members) if kind == "NS" else members
