"""What really goes out for a load: each design's handler called as Lambda would call it, and billed.

Nothing here is a formula for sizes: the handlers put their records into the sink, and the sink's bodies,
the lines of the log and the CPU time are counted. What is assumed, since no Lambda runs here, has a name.
"""

import base64
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks import ROOT, corpus, lambda_runtime, sink, straightforward
from benchmarks.arrivals import Burst, Invocation, bursts, invocations
from benchmarks.billing import LOG_EVENT_OVERHEAD, Usage, billed_bytes, gb_seconds, objects
from continuous_backup.configuration.config import Config

DESIGNS = (*lambda_runtime.MODES, "straightforward")
DEFAULTS = Config()

#: Of an event, base64 and JSON included: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
PAYLOAD_BYTES = 6 * 1024 * 1024
#: At so many MB a function has one whole vCPU, and its share below:
#: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MB_OF_A_VCPU = 1_769
#: Assumed: what a call to Firehose takes beside CPU time. No vCPU works, but the time is billed.
SECONDS_OF_A_CALL = 0.02
#: Firehose does not say how hard it compresses: the usual level is assumed.
_FIREHOSE_GZIP_LEVEL = 6

#: Lambda's own lines for an invocation, in its JSON format at its default level:
#: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
_PLATFORM_LINES = (
    '{"time":"2026-11-22T08:30:29.470Z","type":"platform.start","record":{"requestId":'
    '"8e6a3d0c-6f6b-4f0e-9a4b-1f2d3c4b5a69","functionArn":"arn:aws:lambda:eu-west-1:123456789012:function:'
    'LambdaStreamToFirehose","version":"$LATEST"}}',
    '{"time":"2026-11-22T08:30:29.670Z","type":"platform.report","record":{"requestId":'
    '"8e6a3d0c-6f6b-4f0e-9a4b-1f2d3c4b5a69","metrics":{"durationMs":123.96,"billedDurationMs":124,'
    '"memorySizeMB":512,"maxMemoryUsedMB":123},"status":"success"}}',
)
#: What Lambda's formatter adds to a line that goes through Python's logging.
_LOGGED_FIELDS = ',"logger":"continuous_backup","requestId":"8e6a3d0c-6f6b-4f0e-9a4b-1f2d3c4b5a69"'


@dataclass(frozen=True)
class Load:
    """Changes of one shard: which, how many are tried, and how they arrive.

    `item_bytes` of 0 is the change of 1 KB. With `gap_seconds` of 0 the shard is never empty, so that every
    batch is full; `changes_a_second` says how fast it is written then.
    """

    item_bytes: int
    event_name: str
    changes: int
    gap_seconds: float = 0
    least: int = 1
    most: int = 1
    changes_a_second: float = 1_000
    window_seconds: float = DEFAULTS.batching_window_seconds
    batch_size: int = DEFAULTS.batch_size
    metrics: str = DEFAULTS.metrics

    @property
    def name(self) -> str:
        return f"{self.item_bytes:,} B item, {self.event_name}" if self.item_bytes else "1 KB change"

    @property
    def kind(self) -> tuple[int, str]:
        return self.item_bytes, self.event_name

    def records(self) -> list[corpus.Record]:
        if not self.item_bytes:
            return corpus.changes_of_1_kb(self.changes)
        return corpus.changes(self.changes, self.item_bytes, self.event_name)


@dataclass(frozen=True)
class Measured:
    """The use of one shard in `seconds`, and how long a change waited on average until its batch was called."""

    usage: Usage
    seconds: float
    delay_seconds: float

    def of_changes(self, changes: int) -> Usage:
        return self.usage.times(changes / self.usage.changes)

    def of_seconds(self, seconds: float) -> Usage:
        return self.usage.times(seconds / self.seconds)


def measure(design: str, loads: Sequence[Load]) -> list[Measured]:
    """The loads in the order given, in fresh processes: one for each setting of the function."""
    found: dict[int, Measured] = {}
    for metrics in sorted({load.metrics for load in loads}):
        chosen = [position for position, load in enumerate(loads) if load.metrics == metrics]
        command = [sys.executable, "-m", "benchmarks.measured", design, metrics]
        asked = json.dumps([asdict(loads[position]) for position in chosen])
        done = subprocess.run(command, cwd=ROOT, input=asked, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the measurement of {design} failed; what it said is above")
        for position, each in zip(chosen, json.loads(done.stdout), strict=True):
            found[position] = Measured(Usage(**each.pop("usage")), **each)
    return [found[position] for position in range(len(loads))]


def batches(records: Sequence[corpus.Record], counts: Sequence[int]) -> Iterator[list[corpus.Record]]:
    """The records in batches of these counts, where Lambda's payload has room for so many."""
    position = 0
    for count in counts:
        batch: list[corpus.Record] = []
        size = 0
        for record in records[position : position + count]:
            length = len(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()) + 1
            if batch and size + length > PAYLOAD_BYTES:
                yield batch
                batch, size = [], 0
            batch.append(record)
            size += length
        if batch:
            yield batch
        position += count


class _Function:
    """A function with its design's handler in this process, and what it used."""

    def __init__(self, design: str, metrics: str) -> None:
        self._design = design
        self._stack = sink.running(keep=10_000)
        self._sink = self._stack.__enter__()
        settings = {"metrics": metrics} if design in lambda_runtime.MODES else {}
        self._handler = lambda_runtime.handler_of(design, self._sink.url, **settings)
        with _captured():
            self._handler({"Records": corpus.changes_of_1_kb(10)}, lambda_runtime.Context())
        self._sink.calls()
        self._made: dict[tuple[int, str], list[corpus.Record]] = {}

    def run(self, load: Load) -> Measured:
        records = self._records(load)
        planned = _invocations(load, self._design)
        usage = Usage()
        custom_metrics: set[tuple[str, ...]] = set()
        objects_of_firehose: dict[int, list[bytes]] = {}
        parts = list(batches(records, [each.changes for each in planned]))
        seconds = load.changes / load.changes_a_second if not load.gap_seconds else planned[-1].seconds
        for number, batch in enumerate(parts):
            one, put = self._call(batch, custom_metrics)
            usage += one
            place = int(seconds * number / len(parts) // DEFAULTS.buffer_seconds)
            objects_of_firehose.setdefault(place, []).extend(put)
        written = sum(self._object_bytes(put) for put in objects_of_firehose.values())
        sent = sum(len(each) for put in objects_of_firehose.values() for each in put)
        more = Usage(
            custom_metrics=len(custom_metrics),
            s3_puts=objects(seconds, len(parts), sent, DEFAULTS.buffer_seconds, DEFAULTS.buffer_mb),
            s3_bytes=written,
        )
        waited = sum(each.waited for each in planned) / sum(each.changes for each in planned)
        return Measured(usage + more, seconds, waited)

    def _records(self, load: Load) -> list[corpus.Record]:
        """The same changes for loads of the same kind: making them takes longer than forwarding them."""
        made = self._made.setdefault(load.kind, [])
        if len(made) < load.changes:
            made = self._made[load.kind] = load.records()
        return made[: load.changes]

    def _call(self, batch: list[corpus.Record], custom_metrics: set[tuple[str, ...]]) -> tuple[Usage, list[bytes]]:
        text = json.dumps({"Records": batch}, separators=(",", ":"), ensure_ascii=False)
        with _captured() as output:
            before = time.process_time()
            event = json.loads(text)  # the runtime does it, and its time is billed
            self._handler(event, lambda_runtime.Context())
            spent = time.process_time() - before
        calls = self._sink.calls()
        put = [base64.b64decode(record["Data"]) for call in calls for record in call["Records"]]
        custom_metrics |= set(_custom_metrics(output["stdout"]))
        memory = DEFAULTS.forwarder_memory_mb
        seconds = spent / min(1.0, memory / MB_OF_A_VCPU) + len(calls) * SECONDS_OF_A_CALL
        usage = Usage(
            changes=len(batch),
            line_bytes=sum(len(straightforward.line(record)) for record in batch),
            firehose_records=len(put),
            firehose_calls=len(calls),
            firehose_billed_bytes=sum(billed_bytes(len(each)) for each in put),
            lambda_requests=1,
            lambda_gb_seconds=gb_seconds(memory, seconds * 1000),
            log_bytes=_log_bytes(output),
        )
        return usage, put

    def _object_bytes(self, put: list[bytes]) -> int:
        text = b"".join(put)
        return len(text) if self._design == "forwarder" else len(gzip.compress(text, _FIREHOSE_GZIP_LEVEL))


def _invocations(load: Load, design: str) -> list[Invocation]:
    size = load.batch_size if design in lambda_runtime.MODES else straightforward.BATCH_SIZE
    window = load.window_seconds if design in lambda_runtime.MODES else straightforward.BATCHING_WINDOW_SECONDS
    if not load.gap_seconds:
        full = [min(size, load.changes - first) for first in range(0, load.changes, size)]
        return [Invocation(0, count, 0) for count in full]
    arriving = bursts(load.changes, load.gap_seconds, load.least, load.most)
    excess = sum(burst.changes for burst in arriving) - load.changes
    last = arriving.pop()
    if last.changes > excess:
        arriving.append(Burst(last.seconds, last.changes - excess))
    return invocations(arriving, window, size)


def _log_bytes(output: dict[str, bytes]) -> int:
    logged = output["stderr"].splitlines()
    lines = [*output["stdout"].splitlines(), *logged, *_PLATFORM_LINES]
    return sum(map(len, lines)) + len(lines) * LOG_EVENT_OVERHEAD + len(logged) * len(_LOGGED_FIELDS)


def _custom_metrics(stdout: bytes) -> Iterator[tuple[str, ...]]:
    """The metrics that CloudWatch makes of the lines: each name is one for each set of dimensions' values.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    for text in stdout.splitlines():
        line: dict[str, Any] = json.loads(text)
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for dimensions in directive["Dimensions"]:
                values = [f"{name}={line[name]}" for name in dimensions]
                for metric in directive["Metrics"]:
                    yield (directive["Namespace"], metric["Name"], *values)


@contextmanager
def _captured() -> Iterator[dict[str, bytes]]:
    """All that the block writes to the process's standard output and error, whoever holds them."""
    output: dict[str, bytes] = {}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        kept = {1: os.dup(1), 2: os.dup(2)}
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            yield output
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)
            for name, file in (("stdout", out), ("stderr", err)):
                file.seek(0)
                output[name] = file.read()


def main() -> None:
    design, metrics = sys.argv[1:]
    function = _Function(design, metrics)
    json.dump([asdict(function.run(Load(**each))) for each in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
