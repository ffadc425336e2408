"""Change logs of a table `Orders` as they lie on S3, in folders, and a model that says what they hold.

The product's forwarder makes them of stream records. What Firehose does behind it, joining records to objects,
gzipping them where the forwarder has not, and the folder of the hour, is played here.
"""

import base64
import gzip
import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.streams_to_firehose.packing import Limits
from tests.unit.streams_to_firehose.fakes import Backup

Item = dict[str, dict[str, Any]]
Record = dict[str, Any]

#: 2026-11-22 09:40:00 UTC, with which the page's "2026-11-22 10:00:00" is in the middle of the first life.
BEGIN = 1_795_340_400
#: The two lives: their streams' labels, the first sequence number, and when the first change was made. Numbers
#: get a digit more within each, and the second life's are all less than the first one's.
_LIVES = (
    ("2026-11-22T09:37:05.299", 10**39 - 40, BEGIN),
    ("2026-11-23T08:00:00.001", 10**20 - 30, BEGIN + 82_000),
)
_ITEMS = 12
#: So many changes of a life come in one batch of the stream.
_BATCH = 25
#: These of the first life are there once more.
_SENT_TWICE = slice(10, 30)
#: Small enough that each batch makes several Firehose records, and so several gzip members; and that one change
#: is over it, which then goes straight to S3.
_LIMITS = Limits(record_bytes=3000, member_bytes=4000)


def _binary(number: int) -> str:
    return base64.b64encode(number.to_bytes(2, "big")).decode()


#: The key of item `number`, by what the table's key is. 1.5 and -0.25: a number is no integer.
KEYS: dict[str, Callable[[int], Item]] = {
    "text": lambda number: {"id": {"S": str(number)}},
    "number": lambda number: {"id": {"N": str(number) if number else "-0.25"}},
    "binary": lambda number: {"id": {"B": _binary(number)}},
    # Two items with the same first part; and nobody promises that the parts come in the same order each time.
    "composite": lambda number: {"id": {"S": str(number // 2)}, "at": {"N": str(number % 2)}},
}
#: How the page's examples have to name item 1 of a table with such a key: pointer and value.
ITEM_1 = {"text": ("/id/S", "1"), "number": ("/id/N", "1"), "binary": ("/id/B", _binary(1)), "composite": None}
#: Attributes that a reader may trip over: names that differ by case or hold what paths are made of, all types,
#: and numbers that no float holds.
AWKWARD: Item = {
    "Id": {"S": "not the key"},
    "a/b~c.d\"e'f$": {"S": 'line\nbreak, "quotes", \\ and ümläut 🎉'},
    "S": {"M": {"S": {"L": [{"NULL": True}, {"BOOL": False}, {"N": "-1.5"}]}}},
    "price": {"N": "12345678901234567890.123456789012345678"},
    "exact": {"N": "1.10"},
    "tags": {"SS": ["b", "a"]},
    "numbers": {"NS": ["3", "10"]},
    "bytes": {"BS": ["AAE=", "/w=="]},
    "empty": {"M": {}},
    "nothing": {"S": ""},
}


@dataclass(frozen=True)
class Log:
    """A change log in `folder`/Orders/, and its changes, each once, in the order of their streams."""

    folder: Path
    key: str
    changes: Sequence[Record]

    @property
    def streams(self) -> list[str]:
        """The oldest first."""
        return sorted({change["eventSourceARN"] for change in self.changes})

    def lines(self, *, duplicates: bool = False) -> list[dict[str, Any]]:
        """Each change as the line of it says it; with duplicates, as often as it is there."""
        named = ("Keys", "NewImage", "OldImage", "SequenceNumber", "SizeBytes", "ApproximateCreationDateTime")
        return [
            {
                **{name: change["dynamodb"][name] for name in named if name in change["dynamodb"]},
                **{
                    name: change[name]
                    for name in ("eventName", "userIdentity", "eventSourceARN")
                    if name in change
                },
            }
            for change in (*self.changes, *(self.changes[_SENT_TWICE] if duplicates else ()))
        ]

    def history(self, number: int) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["Keys"] == self.key_of(number)]

    def items_at(self, stream: str, moment: float) -> list[Item]:
        """What the changes of a stream that are stamped until then leave."""
        items: dict[str, Item | None] = {}
        for line in self.lines():
            if line["eventSourceARN"] == stream and line["ApproximateCreationDateTime"] <= moment:
                items[json.dumps(line["Keys"], sort_keys=True)] = line.get("NewImage")
        return [item for item in items.values() if item is not None]

    def key_of(self, number: int) -> Item:
        return KEYS[self.key](number)


#: By the kind of key, and by who has compressed.
Logs = Mapping[tuple[str, str], Log]


def in_order(documents: Iterable[Any]) -> list[str]:
    """Documents as texts, the same for the same ones in any order."""
    return sorted(json.dumps(each, sort_keys=True) for each in documents)


def made(folder: Path, key: str, compression: str) -> Log:
    """A table of two lives: items put, changed, deleted, made again; the first life ends without deletions."""
    backup = Backup(Config(compression=compression), limits=_LIMITS)
    changes = [change for life in _LIVES for change in _life(key, *life)]
    for place in range(0, len(changes), _BATCH):
        _forward(backup, folder, changes[place : place + _BATCH])
    # Answered too late, and so sent again an hour after: the same changes in another object.
    _forward(backup, folder, changes[_SENT_TWICE], late=3600)
    _forward(backup, folder, [{**changes[0], "eventName": "UPSERT"}])
    for path, body in backup.s3.objects.items():
        _written(folder, path.removeprefix(f"{backup.config.prefix}/"), body)
    _written(
        folder, "Orders/_errors/AccessDenied/2026/11/22/09/Orders-1-2026", b'{"errorCode":"S3.AccessDenied"}\n'
    )
    return Log(folder, key, changes)


def _forward(backup: Backup, folder: Path, batch: list[Record], *, late: int = 0) -> None:
    backup.firehose.accepted.clear()
    assert backup.invoke(batch).first_not_accepted == ""
    compressed = backup.config.compression == "forwarder"
    name = naming.delivery_stream_name("Orders", compressed_by_forwarder=compressed)
    records = backup.firehose.accepted.get(name, [])
    if not records:
        return
    joined = b"".join(records)
    arrived = datetime.fromtimestamp(batch[0]["dynamodb"]["ApproximateCreationDateTime"] + late, UTC)
    path = f"Orders/{arrived:%Y/%m/%d/%H}/{name}-1-{arrived:%Y-%m-%d-%H-%M-%S}-{batch[0]['eventID']}.gz"
    _written(folder, path, joined if compressed else gzip.compress(joined, mtime=0))


def _written(folder: Path, path: str, body: bytes) -> None:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(body)


def _life(key: str, label: str, first_number: int, begin: int) -> Iterator[Record]:
    random_of_life = random.Random(label)
    items: dict[int, Item] = {}
    number = 1
    for count in range(80):
        if random_of_life.random() < 0.7:
            number = random_of_life.randrange(_ITEMS)
        keys = KEYS[key](number)
        old = items.get(number)
        new: Item | None = {**keys, "status": {"S": f"s{count}"}, **(AWKWARD if number % 3 == 1 else {})}
        if old and random_of_life.random() < 0.4:
            new = None
        if count == 33 and new:
            new["long"] = {"S": random_of_life.randbytes(4000).hex()}
        items.pop(number, None)
        if new:
            items[number] = new
        if len(keys) > 1 and count % 2:
            keys = dict(reversed(keys.items()))
        # Three changes in a second: their time does not tell their order.
        yield _record(keys, new, old, label, first_number + count, begin + count // 3 * 90)


def _record(keys: Item, new: Item | None, old: Item | None, label: str, number: int, time: int) -> Record:
    event = "REMOVE" if new is None else "MODIFY" if old else "INSERT"
    images = {name: image for name, image in (("NewImage", new), ("OldImage", old)) if image}
    by_ttl = {"userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}}
    return {
        "eventID": f"{number:032x}"[-32:],
        "eventName": event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": time,
            "Keys": keys,
            **images,
            "SequenceNumber": str(number),
            "SizeBytes": 45,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        **(by_ttl if event == "REMOVE" and number % 2 else {}),
        "eventSourceARN": f"arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/{label}",
    }
