"""What is kept of a table's items on S3, compared with its stream: the newest of each, and never an older one."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.faults.endpoint import Endpoint, lines_of
from tests.faults.event_source_mapping import StreamRecord
from tests.faults.kept import Expectation, Whole
from tests.faults.object_store import StoredObject

PREFIX = "latest"
TOMBSTONE = "dynamodb-continuous-backup-image=tombstone"

_IMAGE = re.compile(rf"{PREFIX}/[^/]+/Id\.N\.\d+/image\.json")
_FAILED = re.compile(rf"{PREFIX}/(?P<table>[^/]+)/_failed/\d{{4}}/\d\d/\d\d/\d\d/[^/]+")
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
_TABLE = re.compile(r"arn:aws:dynamodb:[^:]+:\d+:table/([a-zA-Z0-9_.-]{3,255})/stream/.+")


def every_change_an_image(record: Any) -> Any:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html"""
    change = record["dynamodb"]
    what = {"deleted": True} if record["eventName"] == "REMOVE" else {"Image": change["NewImage"]}
    return {
        "Keys": change["Keys"],
        **what,
        "SequenceNumber": change["SequenceNumber"],
        "ApproximateCreationDateTime": change["ApproximateCreationDateTime"],
        "eventName": record["eventName"],
        "eventSourceARN": record["eventSourceARN"],
    }


def key_of(record: Any) -> str:
    """The object of the item of a change, whose key is a whole number: see docs/item-images.md."""
    found = _TABLE.fullmatch(record["eventSourceARN"])
    assert found
    return f"{PREFIX}/{found[1]}/Id.N.{record['dynamodb']['Keys']['Id']['N']}/image.json"


def object_of(record: Any) -> StoredObject:
    """What one of the writers of images puts for a change."""
    document = every_change_an_image(record)
    metadata = {f"x-amz-meta-{name}": value for name, value in _metadata_of(document).items()}
    body = json.dumps(document).encode()
    return StoredObject(key_of(record), body, metadata, TOMBSTONE if "deleted" in document else "")


def number_of(stored: StoredObject) -> int:
    return int(json.loads(stored.body)["SequenceNumber"])


class KeptImages:
    """Watches the images of one stream as they are put on S3; `versions` are all that there were, in order."""

    def __init__(self, endpoint: Endpoint, expectation: Expectation = every_change_an_image) -> None:
        self.versions: list[StoredObject] = []
        self._endpoint = endpoint
        self._expectation = expectation
        self._newest: dict[str, int] = {}
        self._backwards: list[str] = []
        endpoint.store.witness = self._see

    def check_acknowledged(self, records: Iterable[StreamRecord]) -> None:
        """Of whatever the stream will not bring again, the item's object is of that change, or of a later one."""
        failed = self.failed()
        missing = [each.sequence_number for each in records if not self._has(each.record, failed)]
        assert not missing, f"acknowledged, but nowhere: {missing[:10]} and {len(missing)} in all"

    def check_all(self, records: Iterable[StreamRecord]) -> None:
        """The bucket is the fold of the stream, and nothing else; no image was ever replaced by an older one."""
        newest: dict[str, Any] = {}
        whole: list[str] = []
        for each in records:
            expected = self._expectation(each.record)
            if expected is Whole:
                whole.append(_text(each.record))
            else:
                newest[key_of(each.record)] = expected
        objects = list(self._endpoint.objects.values())
        images = {each.key: json.loads(each.body) for each in objects if _IMAGE.fullmatch(each.key)}
        assert images == newest
        assert self.failed() == set(whole), "under _failed/ is something that does not belong there"
        others = [each.key for each in objects if each.key not in images and not _FAILED.fullmatch(each.key)]
        assert not others, "nothing belongs there"
        assert not self._backwards
        assert not self._endpoint.unknown_requests
        for each in self.versions:
            _check_what_s3_knows(each)

    def failed(self) -> set[str]:
        """The records that are kept whole, as text."""
        found: set[str] = set()
        for stored in list(self._endpoint.objects.values()):
            if under := _FAILED.fullmatch(stored.key):
                records = [json.loads(line) for line in lines_of(stored.body)]
                assert {_table_of(each) for each in records} == {under["table"]}, stored.key
                found |= {_text(each) for each in records}
        return found

    def _has(self, record: Any, failed: set[str]) -> bool:
        if self._expectation(record) is Whole:
            return _text(record) in failed
        stored = self._endpoint.objects.get(key_of(record))
        return stored is not None and number_of(stored) >= int(record["dynamodb"]["SequenceNumber"])

    def _see(self, stored: StoredObject) -> None:
        if not _IMAGE.fullmatch(stored.key):
            return
        self.versions.append(stored)
        before, now = self._newest.get(stored.key, -1), number_of(stored)
        if now <= before:
            self._backwards.append(f"{stored.key}: {now} was written over {before}")
        self._newest[stored.key] = max(before, now)


def _check_what_s3_knows(stored: StoredObject) -> None:
    """An image says in its metadata what it says in its body, but for keys and image."""
    document = json.loads(stored.body)
    assert stored.metadata == _metadata_of(document)
    assert stored.tags == (TOMBSTONE if "deleted" in document else "")


def _metadata_of(document: Mapping[str, Any]) -> dict[str, str]:
    return {
        "sequence-number": document["SequenceNumber"],
        "stream-arn": document["eventSourceARN"],
        "time": str(document["ApproximateCreationDateTime"]),
        "event": document["eventName"],
        **({"deleted": "true"} if "deleted" in document else {}),
    }


def _table_of(record: Any) -> str:
    found = _TABLE.fullmatch(str(record.get("eventSourceARN"))) if isinstance(record, dict) else None
    return found[1] if found else "_"


def _text(document: Any) -> str:
    return json.dumps(document, sort_keys=True)
