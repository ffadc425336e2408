"""Realistic changes of a table, as Lambda hands them over: the same ones in each run, no two alike.

An item is a flight booking: identifiers and amounts out of a seeded generator, airports from a release of
airportsdata, and remarks of English prose. The prose is the documentation inside botocore, which is pinned,
so the text is real, and no sentence is used twice before all were. What compresses badly in real tables
(identifiers, tokens, amounts) is here in its usual share: about a fifth of the bytes of an item.
"""

import copy
import functools
import gzip
import json
import random
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import botocore

from benchmarks import ROOT
from benchmarks.straightforward import line
from local import airports

Item = dict[str, dict[str, Any]]
Record = dict[str, Any]

TABLE = "FlightBookings"
REGION = "eu-west-1"
STREAM_ARN = f"arn:aws:dynamodb:{REGION}:123456789012:table/{TABLE}/stream/2026-11-16T20:42:48.104"

#: What "a change of 1 KB" means: an INSERT whose line in the log has this many bytes.
LINE_BYTES_OF_1_KB = range(1_000, 1_101)
#: The items of the comparisons, in bytes as DynamoDB counts them.
ITEM_BYTES = (200, 1_000, 10_000)
EVENT_NAMES = ("INSERT", "MODIFY")

_SEED = 20_261_116
_FIRST_SECOND = 1_794_000_000
#: The largest service models, whose documentation is the prose.
_PROSE_OF = ("ec2", "sagemaker", "quicksight", "connect", "glue", "rds", "s3", "iot", "ssm", "bedrock-agent")
_STATUSES = ("REQUESTED", "CONFIRMED", "TICKETED", "CHANGED", "CANCELLED")
_AIRLINES = ("AF", "BA", "DL", "KL", "LH", "SK", "UA")
_CURRENCIES = ("EUR", "USD", "GBP", "SEK", "JPY")


def changes_of_1_kb(count: int) -> list[Record]:
    """Stream records of INSERTs whose lines have 1,000 to 1,100 bytes."""
    makers = _Makers(_SEED)
    return [_insert_with_line_of_1_kb(makers, position) for position in range(count)]


def changes(count: int, item_bytes: int, event_name: str) -> list[Record]:
    """Stream records of changes of items of that size: INSERTs, or MODIFYs with both images."""
    makers = _Makers(_SEED + item_bytes)
    made = []
    for position in range(count):
        item = makers.item(item_bytes)
        old = item if event_name == "MODIFY" else None
        made.append(_record(position, event_name, makers.updated(item) if old else item, old))
    return made


def events(records: Sequence[Record], batch: int) -> list[dict[str, list[Record]]]:
    """The records in events of at most that many."""
    return [{"Records": list(records[first : first + batch])} for first in range(0, len(records), batch)]


def size_bytes(item: Mapping[str, Mapping[str, Any]]) -> int:
    """The size of an item as DynamoDB counts it.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    [(kind, held)] = value.items()
    if kind == "S":
        return len(held.encode())
    if kind == "N":
        return (len(held.strip("-0.").replace(".", "")) + 1) // 2 + 1
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_bytes(each) for name, each in held.items())
    if kind == "L":
        return 3 + sum(1 + _value_bytes(each) for each in held)
    raise ValueError(f"no item here has a {kind}")


class _Makers:
    """Everything that items are made of, in one order that the seed decides."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._airports = _endless(_airports(), self.random)
        self._prose = _endless(_sentences(), self.random)

    def item(self, size: int) -> Item:
        """An item of that size, to the byte, as DynamoDB counts it."""
        return self.filled(lambda item: size - size_bytes(item), lambda leg: 1 + _value_bytes(leg))

    def filled(self, room: Callable[[Item], int], leg_bytes: Callable[[dict[str, Any]], int]) -> Item:
        """An item without room left: parts are added, then legs of a flight, and remarks fill up the rest."""
        item: Item = {
            "bookingId": {"S": self._uuid()},
            "status": {"S": self.random.choice(_STATUSES)},
            "updatedAt": {"N": str(_FIRST_SECOND * 1000 + self.random.randrange(10**9))},
        }
        for part in self._parts():
            if room({**item, **part, "remarks": {"S": ""}}) < 0:
                break
            item |= part
        legs: list[dict[str, Any]] = []
        left = room({**item, "legs": {"L": []}, "remarks": {"S": ""}})
        # Text beside structure, as items have it: a sentence for each leg.
        remarks = next(self._prose)
        while (size := leg_bytes(leg := {"M": self._leg()})) + len(remarks) < left:
            legs.append(leg)
            left -= size
            remarks = f"{remarks} {next(self._prose)}"
        if legs:
            item["legs"] = {"L": legs}
        left = room({**item, "remarks": {"S": ""}})
        while len(remarks) < left:
            remarks = f"{remarks} {next(self._prose)}"
        return {**item, "remarks": {"S": remarks[:left]}}

    def updated(self, item: Item) -> Item:
        """The item after a usual update: another status, time and amount, the same size or nearly."""
        new = copy.deepcopy(item)
        new["status"] = {"S": self.random.choice([each for each in _STATUSES if each != item["status"]["S"]])}
        new["updatedAt"] = {"N": str(int(item["updatedAt"]["N"]) + self.random.randrange(1, 10**8))}
        if "total" in new:
            new["total"] = {"N": self._amount()}
        return new

    def _parts(self) -> Iterator[Item]:
        yield {"total": {"N": self._amount()}, "currency": {"S": self.random.choice(_CURRENCIES)}}
        yield {"customerId": {"S": self._uuid()}, "paid": {"BOOL": self.random.random() < 0.7}}
        yield {
            "locator": {"S": f"{self.random.getrandbits(32):08X}"},
            "passengers": {"N": str(self.random.randint(1, 9))},
        }
        yield {"home": {"M": next(self._airports)}}
        month, day, minute = self.random.randint(1, 12), self.random.randint(1, 28), self.random.randint(10, 59)
        yield {"createdAt": {"S": f"2026-{month:02}-{day:02}T08:{minute}:00Z"}}

    def _leg(self) -> dict[str, Any]:
        origin, destination = next(self._airports), next(self._airports)
        return {
            "from": {"M": origin},
            "to": {"M": destination},
            "flight": {"S": f"{self.random.choice(_AIRLINES)}{self.random.randint(100, 9999)}"},
            "departsAt": {"N": str(_FIRST_SECOND + self.random.randrange(10**7))},
            "seat": {"S": f"{self.random.randint(1, 45)}{self.random.choice('ABCDEF')}"},
            "fare": {"N": self._amount()},
        }

    def _amount(self) -> str:
        return f"{self.random.randint(20, 2500)}.{self.random.randint(1, 9)}{self.random.randint(1, 9)}"

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))


def _insert_with_line_of_1_kb(makers: _Makers, position: int) -> Record:
    # Not quite to the end: SizeBytes gets a digit more when the item is filled.
    wanted = makers.random.randrange(LINE_BYTES_OF_1_KB.start, LINE_BYTES_OF_1_KB.stop - 1)

    def room(item: Item) -> int:
        return wanted - len(line(_record(position, "INSERT", item, None)))

    item = makers.filled(room, lambda leg: len(json.dumps(leg, separators=(",", ":"))) + 1)
    return _record(position, "INSERT", item, None)


def _record(position: int, event_name: str, new: Item, old: Item | None) -> Record:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html has an example of this shape."""
    key = {"bookingId": new["bookingId"]}
    stream_record = {
        "ApproximateCreationDateTime": _FIRST_SECOND + position // 100,
        "Keys": key,
        "NewImage": new,
        **({"OldImage": old} if old else {}),
        "SequenceNumber": f"{130_216_000_000_000_015_968_936_79 + position * 100}",
        "SizeBytes": size_bytes(key) + size_bytes(new) + (size_bytes(old) if old else 0),
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    return {
        "eventID": f"{random.Random(position).getrandbits(128):032x}",
        "eventName": event_name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": stream_record,
        "eventSourceARN": STREAM_ARN,
    }


def _endless(things: Sequence[Any], order: random.Random) -> Iterator[Any]:
    """All of them in another order each time round."""
    while True:
        yield from order.sample(things, len(things))


@functools.cache
def _airports() -> list[Item]:
    rows = airports.airports(airports.NEWER, ROOT / ".local" / "benchmarks")
    return [
        {name: value for name, value in item.items() if value != {"S": ""}}
        for item in airports.items(rows).values()
    ]


@functools.cache
def _sentences() -> list[str]:
    """The sentences of the services' documentation, each once, without its marks of HTML."""
    found: dict[str, None] = {}
    for service in _PROSE_OF:
        for path in sorted((Path(botocore.__file__).parent / "data" / service).glob("*/service-2.json.gz")):
            for text in _documentation(json.loads(gzip.decompress(path.read_bytes()))):
                plain = re.sub(r"<[^>]+>", "", text)
                found |= dict.fromkeys(
                    each for each in re.split(r"(?<=[.!?])\s+", plain) if len(each) > 40 and each.isascii()
                )
    return list(found)


def _documentation(model: Any) -> Iterator[str]:
    if isinstance(model, dict):
        for name, value in model.items():
            if name == "documentation" and isinstance(value, str):
                yield value
            else:
                yield from _documentation(value)
    elif isinstance(model, list):
        for each in model:
            yield from _documentation(each)
