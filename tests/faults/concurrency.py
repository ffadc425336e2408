"""The concurrency of one account, simulated: thousands of shards, the forwarder, and another function.

What is real is the forwarder's code: each invocation runs it, with a clock that stands still except where it
sleeps or calls Firehose. So how long an invocation lasts, how often it calls and what it reports is its own
doing. What is played is Lambda, by what it documents:

- The account has a quota. What is reserved for a function is both what it always gets and the most that it
  gets; all other functions share the rest. Who finds nothing left is throttled.
  https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
- Of one shard, one batch at a time is with the function (a parallelization factor of 1), and none after it
  before it is done. https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
- A batch whose invocation was throttled comes again, and so does one that failed, from the number on that
  the function reported. https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html and
  https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html

After how long they come again is not documented. It is a parameter, `Pauses`, and a claim about the account
has to hold for an eager mapping and for a patient one. Left out is what no run here is long enough for: the
age at which a record expires.
"""

import heapq
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any

from botocore.exceptions import ReadTimeoutError

from continuous_backup.configuration.config import Config
from continuous_backup.errors import BackupError
from continuous_backup.naming import ENSURE_FUNCTION, FORWARDER_FUNCTION
from continuous_backup.patience import READ_SECONDS, Patience
from continuous_backup.streams_to_firehose.forwarding import Surroundings, forward
from continuous_backup.streams_to_firehose.tally import Tally
from tests.unit.streams_to_firehose.fakes import ACCOUNT, NOW, client_error, sequence_number, stream_record

#: Of an account, by default: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
QUOTA = 1_000
#: What cannot be reserved: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
ALWAYS_UNRESERVED = 100
OTHER_FUNCTION = "SomebodyElses"

#: What an invocation takes beside its calls, and a call of PutRecordBatch that is answered.
_SECONDS_OF_AN_INVOCATION = 0.05
_SECONDS_OF_A_CALL = 0.05
_SECONDS_OF_ANOTHER_INVOCATION = 10.0


class Concurrency:
    """Who runs how often at this moment, who may start, and who was throttled how often."""

    def __init__(self, quota: int, reserved: Mapping[str, int]) -> None:
        """`reserved` has the functions for which some is reserved; 0 reserves none, as in our configuration."""
        self._reserved = {function: most for function, most in reserved.items() if most}
        self._shared = quota - sum(self._reserved.values())
        if self._shared < ALWAYS_UNRESERVED:
            raise ValueError(f"{self._shared} of {quota} stay unreserved: Lambda wants {ALWAYS_UNRESERVED}")
        self._shared_running = 0
        self.running: Counter[str] = Counter()
        self.most_running: Counter[str] = Counter()
        self.started: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()

    def started_one(self, function: str) -> bool:
        """Whether an invocation of the function could start; it is counted as throttled where not."""
        if function in self._reserved:
            free = self.running[function] < self._reserved[function]
        else:
            free = self._shared_running < self._shared
        if not free:
            self.throttled[function] += 1
            return False
        self._shared_running += function not in self._reserved
        self.started[function] += 1
        self.running[function] += 1
        self.most_running[function] = max(self.most_running[function], self.running[function])
        return True

    def ended_one(self, function: str) -> None:
        self.running[function] -= 1
        self._shared_running -= function not in self._reserved


class Timeline:
    """What happens, in the order of its time; at the same time, in the order in which it was planned."""

    def __init__(self) -> None:
        self.now = 0.0
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def at(self, time: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._planned, (time, next(self._order), do))

    def run(self, until: float) -> None:
        """Until nothing is planned any more, or that time has come."""
        while self._planned and self._planned[0][0] <= until:
            self.now, _, do = heapq.heappop(self._planned)
            do()


@dataclass(frozen=True)
class Pauses:
    """How long a mapping waits before it tries a batch again: doubled from the first to the longest, jittered."""

    first: float
    longest: float

    def before_try(self, number: int, random: Random) -> float:
        """`number` counts the tries that came to nothing, from 1."""
        return random.uniform(0.5, 1.0) * min(self.longest, self.first * 2 ** min(number - 1, 30))


@dataclass(frozen=True)
class Retrying:
    """The pauses of a mapping, after an invocation that was throttled and after one that accepted not all."""

    throttled: Pauses
    refused: Pauses


#: Four times a second is how often Lambda asks a shard for records:
#: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
EAGER = Retrying(throttled=Pauses(1, 60), refused=Pauses(0.25, 0.25))
PATIENT = Retrying(throttled=Pauses(1, 60), refused=Pauses(1, 60))


class Fault(Enum):
    """How Firehose is out."""

    FAILS = "answers 503"
    THROTTLES = "refuses every record"
    IS_SILENT = "does not answer in time, although half of the calls take effect"


@dataclass(frozen=True)
class Outage:
    """From `begins` up to `ends`, in seconds; of the tables named, or of all where none is."""

    begins: float
    ends: float
    fault: Fault = Fault.FAILS
    tables: frozenset[str] = frozenset()

    def hits(self, table: str, time: float) -> bool:
        return self.begins <= time < self.ends and (not self.tables or table in self.tables)


class _TimedOut(BaseException):
    """Lambda ends the invocation: nothing in the function can catch that."""


@dataclass
class _Invocation:
    """The time of one invocation: it passes in its pauses and calls only."""

    begins: float
    now: float
    deadline: float
    calls: int = 0

    def seconds_left(self) -> float:
        return self.deadline - self.now

    def spend(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.deadline:
            self.now = self.deadline
            raise _TimedOut


@dataclass(frozen=True)
class _Firehose:
    """PutRecordBatch as one invocation sees it."""

    account: "SimulatedAccount"
    invocation: _Invocation
    table: str

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:  # noqa: N803
        fault = self.account.fault_of(self.table, self.invocation.now)
        self.invocation.calls += 1
        data = [each["Data"] for each in Records]
        if fault is Fault.IS_SILENT:
            if self.account.random.random() < 0.5:
                self.account.accept(DeliveryStreamName, data, self.invocation.now)
            self.invocation.spend(READ_SECONDS)
            raise ReadTimeoutError(endpoint_url="https://firehose.eu-west-1.amazonaws.com/")
        self.invocation.spend(_SECONDS_OF_A_CALL)
        if fault is Fault.FAILS:
            raise client_error("ServiceUnavailableException", 503)
        if fault is Fault.THROTTLES:
            refused = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
            return {"FailedPutCount": len(data), "RequestResponses": [refused] * len(data)}
        self.account.accept(DeliveryStreamName, data, self.invocation.now)
        return {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "id"}] * len(data)}


def _first_not_accepted(event: object, surroundings: Surroundings, invocation: _Invocation, random: Random) -> str:
    """Runs the forwarder; the only place here that knows how its handler calls it."""
    patience = Patience(invocation.seconds_left, invocation.spend, random.random)
    return forward(event, surroundings, patience, Tally())


@dataclass(frozen=True)
class Workload:
    """Each of the shards is of a table of its own, and gets a change every so many seconds.

    `other_concurrency` is how many invocations of the other function are wanted at once, on average: calls
    come at random, each for itself.
    """

    shards: int = 2_000
    seconds_of_writing: float = 900.0
    seconds_between_changes: float = 60.0
    other_concurrency: int = 400

    @property
    def tables(self) -> list[str]:
        return [f"Table{number:04}" for number in range(self.shards)]


@dataclass(frozen=True)
class Try:
    """An invocation of the forwarder with a batch of one shard, in seconds since the beginning."""

    table: str
    begins: float
    ends: float
    calls: int

    @property
    def seconds(self) -> float:
        return self.ends - self.begins


@dataclass
class _Shard:
    """A table's stream and its mapping."""

    account: "SimulatedAccount"
    table: str
    first_change: float
    changes: int
    position: int = 0
    throttled: int = 0
    refused: int = 0

    def made_at(self, change: int) -> float:
        return self.first_change + change * self.account.workload.seconds_between_changes

    def gather(self) -> None:
        """Until the batching window has passed, from the first change on, or the batch is full."""
        if self.position == self.changes:
            self.account.one_shard_done()
            return
        config, timeline = self.account.config, self.account.timeline
        window_ends = max(timeline.now, self.made_at(self.position)) + config.batching_window_seconds
        full = max(timeline.now, self.made_at(self.position + config.batch_size - 1))
        timeline.at(min(window_ends, full), self._try_new_batch)

    def _try_new_batch(self) -> None:
        between = self.account.workload.seconds_between_changes
        made = int((self.account.timeline.now - self.first_change) / between) + 1
        self._try(min(made, self.changes, self.position + self.account.config.batch_size))

    def _try(self, end: int) -> None:
        """The changes from the checkpoint up to `end`, which is not among them."""
        account = self.account
        if not account.concurrency.started_one(FORWARDER_FUNCTION):
            self.throttled += 1
            self._try_again(end, account.retrying.throttled.before_try(self.throttled, account.random))
            return
        self.throttled = 0
        checkpoint, ends = account.invoke(self.table, self.position, end)
        account.timeline.at(ends, lambda: self._done(checkpoint, end))

    def _done(self, checkpoint: int, end: int) -> None:
        self.account.concurrency.ended_one(FORWARDER_FUNCTION)
        self.position = checkpoint
        if checkpoint == end:
            self.refused = 0
            self.gather()
        else:
            self.refused += 1
            self._try_again(end, self.account.retrying.refused.before_try(self.refused, self.account.random))

    def _try_again(self, end: int, pause: float) -> None:
        self.account.timeline.at(self.account.timeline.now + pause, lambda: self._try(end))


@dataclass
class SimulatedAccount:
    """An account in which everything is deployed; `run` lets its time pass, and the rest is what came of it.

    The same arguments give the same run. `tries` are the forwarder's invocations, in the order of their
    beginnings. `other_throttled` has the times at which callers of the other function were turned away.
    `timed_out` counts invocations that Lambda had to end.
    """

    config: Config = field(default_factory=Config)
    outage: Outage | None = None
    retrying: Retrying = EAGER
    workload: Workload = field(default_factory=Workload)
    seed: int = 1

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.timeline = Timeline()
        reserved = {
            FORWARDER_FUNCTION: self.config.forwarder_reserved_concurrency,
            ENSURE_FUNCTION: self.config.ensure_reserved_concurrency,
        }
        self.concurrency = Concurrency(QUOTA, reserved)
        self.tries: list[Try] = []
        self.timed_out = 0
        self._shards_done = 0
        self.other_throttled: list[float] = []
        self._in_account = self.config.in_account(ACCOUNT)
        self._accepted: dict[str, list[tuple[float, bytes]]] = defaultdict(list)
        between = self.workload.seconds_between_changes
        self._shards = [
            _Shard(self, table, begins, int((self.workload.seconds_of_writing - begins) / between) + 1)
            for table in self.workload.tables
            for begins in [self.random.uniform(0, between)]
        ]
        for shard in self._shards:
            shard.gather()
        if self.workload.other_concurrency:
            self._call_other_function()

    def run(self, until: float) -> None:
        """Up to that time, in seconds since the beginning, or until every change is forwarded.

        Called again, it goes on from there.
        """
        self.timeline.run(until)

    @property
    def done(self) -> bool:
        """Whether every change is forwarded, as the mappings know."""
        return self._shards_done == len(self._shards)

    def one_shard_done(self) -> None:
        self._shards_done += 1

    def fault_of(self, table: str, time: float) -> Fault | None:
        return self.outage.fault if self.outage and self.outage.hits(table, time) else None

    def accept(self, delivery_stream: str, records: list[bytes], time: float) -> None:
        self._accepted[delivery_stream].extend((time, record) for record in records)

    def invoke(self, table: str, first: int, end: int) -> tuple[int, float]:
        """The mapping's next checkpoint, and when the invocation ends."""
        begins = self.timeline.now
        deadline = begins + self.config.forwarder_timeout_seconds
        invocation = _Invocation(begins, begins + _SECONDS_OF_AN_INVOCATION, deadline)
        clients = {"firehose": _Firehose(self, invocation, table)}
        surroundings = Surroundings(self._in_account, ACCOUNT, clients.__getitem__, lambda: NOW + invocation.now)
        event = {"Records": [stream_record(number, table) for number in range(first, end)]}
        try:
            reported = _first_not_accepted(event, surroundings, invocation, self.random)
        except BackupError:
            checkpoint = first
        except _TimedOut:
            self.timed_out += 1
            checkpoint = first
        else:
            numbers = {sequence_number(number): number for number in range(first, end)}
            checkpoint = numbers[reported] if reported else end
        self.tries.append(Try(table, begins, invocation.now, invocation.calls))
        return checkpoint, invocation.now

    def delays(self) -> dict[str, list[float]]:
        """For each table, the seconds from each of its changes until Firehose first had it.

        Fails where a change is not there, or what is there was never made.
        """
        delays = {}
        for shard in self._shards:
            accepted = self._accepted_at(shard.table)
            made = {sequence_number(number): shard.made_at(number) for number in range(shard.changes)}
            assert accepted.keys() == made.keys(), f"{shard.table}: not what was made"
            delays[shard.table] = [accepted[number] - time for number, time in made.items()]
            assert min(delays[shard.table]) >= 0, f"{shard.table}: there before it was made"
        known = {self._in_account.delivery_stream_name(shard.table) for shard in self._shards}
        assert self._accepted.keys() <= known, "sent to delivery streams that are nobody's"
        return delays

    @property
    def lines_accepted(self) -> int:
        """With those that are there twice."""
        return sum(record.count(b"\n") for records in self._accepted.values() for _, record in records)

    @property
    def changes_made(self) -> int:
        return sum(shard.changes for shard in self._shards)

    def _accepted_at(self, table: str) -> dict[str, float]:
        """When Firehose first had each of a table's changes, by sequence number."""
        first: dict[str, float] = {}
        for time, record in self._accepted[self._in_account.delivery_stream_name(table)]:
            for line in map(json.loads, record.splitlines()):
                assert f":table/{table}/" in line["eventSourceARN"], f"{table}: a line of another table"
                number = line["SequenceNumber"]
                first[number] = min(time, first.get(number, time))
        return first

    def _call_other_function(self) -> None:
        """Until all is forwarded. Who is throttled goes away, and others come all the same."""
        if self.done:
            return
        if self.concurrency.started_one(OTHER_FUNCTION):
            ends = self.timeline.now + _SECONDS_OF_ANOTHER_INVOCATION
            self.timeline.at(ends, lambda: self.concurrency.ended_one(OTHER_FUNCTION))
        else:
            self.other_throttled.append(self.timeline.now)
        a_second = self.workload.other_concurrency / _SECONDS_OF_ANOTHER_INVOCATION
        self.timeline.at(self.timeline.now + self.random.expovariate(a_second), self._call_other_function)
