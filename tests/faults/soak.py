"""A table that is written to all the time, under random faults, and its change log compared with it as it grows.

    make soak MINUTES=30
    .venv/bin/python -m tests.faults.soak --minutes 30 --seed 7

The table and its stream are the emulator's. Our driver of an event source mapping reads the stream and invokes
the built forwarder, whose calls go through microburst to an endpoint that plays Firehose and S3. Every 30
seconds the table is scanned, with the writing held for as long as that takes; once the mapping has acknowledged
the last change before, the fold of the log has to equal the scan.
"""

import script_environment  # noqa: F401, I001  finds our package and its libraries

import argparse
import logging
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from continuous_backup.errors import ExitCode
from local.change_log_check import Item, Wrong, scan
from local.emulator import Emulator
from tests.faults.built_zip import COMPRESSIONS, built_zip
from tests.faults.endpoint import Server
from tests.faults.event_source_mapping import EventSourceMapping
from tests.faults.growing_log import GrowingLog
from tests.faults.pipeline import Pipeline
from tests.faults.random_faults import RandomFaults
from tests.faults.table_stream import TableStream
from tests.faults.table_writer import TableWriter

TABLE = "Soaked"
CHANGES_A_SECOND = 200
COMPARE_EVERY_SECONDS = 30.0
#: After which a comparison that could not be made is a failure. No fault lasts for more than some seconds.
_CATCHES_UP_WITHIN = 120.0
_STREAM_TELLS_WITHIN = 30.0
_IDLE_SECONDS = 0.05


class SoakFailed(AssertionError):
    """The log is not what it has to be."""


@dataclass(frozen=True)
class Moment:
    """What the table held, and the number of the last change before."""

    items: dict[str, Item]
    number: int


class Soak:
    """A table, a forwarder and all between them, for one run."""

    def __init__(self, work: Path, seed: int, compression: str) -> None:
        self.compared = 0
        self.changes = 0
        self.invocations = 0
        self._work = work
        self._seed = seed
        self._compression = compression
        self._acknowledged = self._last_in_stream = -1
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            emulator = stack.enter_context(Emulator(self._work / "emulator"))
            self._dynamodb = emulator.client("dynamodb")
            self._stream = TableStream(emulator.client("dynamodbstreams"), _create_table(self._dynamodb))
            server = stack.enter_context(Server())
            a_zip = built_zip(self._work / "build", {"firehoseCompression": self._compression})
            self._it = stack.enter_context(
                Pipeline(a_zip, self._work / "function", server, timeout=60.0, skips_pauses=False)
            )
            self._log = GrowingLog(self._it.endpoint)
            self._mapping = EventSourceMapping(
                self._stream.shard, self._it.function.invoke, time.time, self._it.settings
            )
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def run(self, seconds: float, compare_every: float = COMPARE_EVERY_SECONDS) -> None:
        """Returns when the time is over and all is compared. Raises what is wrong as soon as it is seen."""
        ends = time.monotonic() + seconds
        writer = TableWriter(self._dynamodb, TABLE, CHANGES_A_SECOND, self._seed)
        with RandomFaults(self._it, self._seed) as faults, writer:
            while time.monotonic() < ends:
                self._forward_until(min(time.monotonic() + compare_every, ends), writer)
                with writer.held():
                    moment = self._moment(writer.changes)
                self._compare(moment)
                print(f"{self}; {dict(faults.done.most_common())}", file=sys.stderr, flush=True)
        self._compare(self._moment(writer.changes))
        if self._log.not_folded:
            raise SoakFailed(f"{self._log.not_folded} changes are in the log that nobody made")

    def __str__(self) -> str:
        return (
            f"{self.changes:,} changes, {self.compared} times equal; {self.invocations:,} invocations, "
            f"{self._it.function.cold_starts} cold starts, {self._log.copies:,} lines twice, "
            f"{self._log.oversize} objects straight to S3"
        )

    def _forward_until(self, time_: float, writer: TableWriter) -> None:
        while time.monotonic() < time_:
            self._forward_or_wait()
            writer.check()

    def _moment(self, changes: int) -> Moment:
        """So many changes have been made, and no other is: the stream has all of them soon."""
        items = scan(self._dynamodb, TABLE)
        deadline = time.monotonic() + _STREAM_TELLS_WITHIN
        while self.changes < changes:
            if time.monotonic() > deadline:
                raise SoakFailed(f"the stream tells of {self.changes} changes, and {changes} were made")
            self._read_stream()
        if self.changes > changes:
            raise SoakFailed(f"the stream tells of {self.changes} changes, and only {changes} were made")
        return Moment(items, self._last_in_stream)

    def _compare(self, moment: Moment) -> None:
        deadline = time.monotonic() + _CATCHES_UP_WITHIN
        while self._acknowledged < moment.number:
            if time.monotonic() > deadline:
                raise SoakFailed(f"change {moment.number} is not acknowledged in {_CATCHES_UP_WITHIN:.0f} s")
            self._forward_or_wait()
        folded = self._log.items_after(moment.number)
        if folded != moment.items:
            wrong = [
                key for key in folded.keys() | moment.items.keys() if folded.get(key) != moment.items.get(key)
            ]
            raise SoakFailed(
                f"after change {moment.number}, log and table differ in {len(wrong)} items: {wrong[:5]}"
            )
        self._stream.shard.forget(moment.number)
        self.compared += 1

    def _forward_or_wait(self) -> None:
        self._read_stream()
        invocation = self._mapping.invoke_next()
        if invocation is None:
            time.sleep(_IDLE_SECONDS)
            return
        self.invocations += 1
        if invocation.acknowledged:
            self._acknowledged = invocation.acknowledged[-1].number
            if missing := self._log.missing(invocation.acknowledged):
                raise SoakFailed(f"{len(missing)} changes were acknowledged, and are nowhere: {missing[0]}")

    def _read_stream(self) -> None:
        new = self._stream.read_new()
        self._log.expect(new)
        self.changes += len(new)
        if new:
            self._last_in_stream = new[-1].number


def _create_table(dynamodb: Any) -> str:
    """The ARN of its stream."""
    described = dynamodb.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    dynamodb.get_waiter("table_exists").wait(TableName=TABLE)
    arn: str = described["LatestStreamArn"]
    return arn


def main() -> ExitCode:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument(
        "--seed", type=int, default=None, help="of the writes and the faults; default: another each time"
    )
    parser.add_argument("--compression", choices=COMPRESSIONS, default=COMPRESSIONS[0])
    chosen = parser.parse_args()
    # It would show a stack for each connection that is reset, which is what is wanted.
    for noisy in ("aiohttp.server", "microburst"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    seed = random.randrange(10**6) if chosen.seed is None else chosen.seed
    print(
        f"{chosen.minutes:g} min of writes, with faults on the way to Firehose and S3, --seed {seed}",
        file=sys.stderr,
    )
    with tempfile.TemporaryDirectory(prefix="soak-") as work, Soak(Path(work), seed, chosen.compression) as soak:
        try:
            soak.run(chosen.minutes * 60)
        except (SoakFailed, Wrong) as err:
            print(f"Error: {err}\nTry: --seed {seed} again", file=sys.stderr)
            return ExitCode.FAILED
        print(f"Every comparison held: {soak}")
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main())
