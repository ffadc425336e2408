"""Records per CPU-second of the forwarder's handler, against the straightforward design in the same run.

Both get the same changes of 1 KB, decoded right before, and put them into the same sink on the loopback
interface, by HTTP without TLS. What is counted is the CPU time of the process that calls (all its threads,
user and system): the sink has a process of its own. Ours and theirs take turns, round by round, in several
fresh processes, and of each the fastest round counts. The same code is up to three times slower from one
moment and one process to the next where a machine is shared and its caches are too, and never faster than it
is: so the fastest rounds say most of the code. The median of the rounds' ratios is reported beside.

    .venv/bin/python -m benchmarks.speed                    both modes, batches of 100, 1,000 and 10,000
    .venv/bin/python -m benchmarks.speed --mode firehose --batch 1000 --rounds 9 --processes 1
    .venv/bin/python -m benchmarks.speed --output json
    .venv/bin/python -m benchmarks.speed --profile          where our CPU time goes

To measure another version of the code, name its source folder: BENCHMARK_SOURCE=/tmp/older/src

Not reached are 3.5 times in batches of 100, and 5 times where the forwarder compresses. A call of boto3's takes
1 to 2 ms, which is the same for both, and most of a small batch. In large ones most of the time is reading the
decoded event from memory, which no faster serialiser and no faster compressor does away with.

A batch of 10,000 changes of 1 KB is more than the 6 MB that Lambda hands over at once; it is measured to
see how time and memory grow.
"""

import argparse
import base64
import cProfile
import gc
import gzip
import json
import pstats
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median

from benchmarks import ROOT, corpus, lambda_runtime, sink, straightforward
from benchmarks.report import Section, Table, Target

BATCHES = (100, 1_000, 10_000)
ROUNDS = 6
PROCESSES = 3
#: How many times the straightforward design's records per CPU-second are to be reached.
TO_REACH = {"firehose": 3.5, "forwarder": 5.0}
#: Changes of each measurement: enough that the clock's resolution is nothing.
_CHANGES = 10_000

#: Records per CPU-second in one round: ours and theirs.
Round = tuple[float, float]


@dataclass(frozen=True)
class Speed:
    """Records per CPU-second of the fastest rounds, and their ratio; `median_ratio` is that of all rounds."""

    mode: str
    batch: int
    ours: float
    theirs: float
    median_ratio: float

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def reached(self) -> bool:
        return self.ratio >= TO_REACH[self.mode]


def measure(modes: Sequence[str], batches: Sequence[int], rounds: int, processes: int) -> list[Speed]:
    """Each mode in fresh processes of its own: a function has one configuration for all its life.

    They are given the events as texts, as Lambda's runtime is: making them would leave its traces in the memory.
    """
    records = corpus.changes_of_1_kb(_CHANGES)
    texts = {batch: [json.dumps(event) for event in corpus.events(records, batch)] for batch in batches}
    speeds = []
    for mode in modes:
        found = [_in_a_process(mode, rounds, texts) for _ in range(processes)]
        for place, batch in enumerate(batches):
            pairs = [pair for each in found for pair in each[place]]
            ours, theirs = (max(pair[side] for pair in pairs) for side in (0, 1))
            speeds.append(Speed(mode, batch, ours, theirs, median(mine / other for mine, other in pairs)))
    return speeds


def section() -> Section:
    speeds = measure(lambda_runtime.MODES, BATCHES, ROUNDS, PROCESSES)
    rows = [
        [
            f"{each.mode}, batches of {each.batch:,}",
            f"{each.ours:,.0f}",
            f"{each.theirs:,.0f}",
            f"{each.ratio:.2f}",
            f"{each.median_ratio:.2f}",
        ]
        for each in speeds
    ]
    return Section(
        "speed",
        [
            Table(
                "Changes of 1 KB a CPU-second of the handler",
                ("how", "ours", "straightforward", "ratio", "median ratio"),
                rows,
                f"Of {PROCESSES} processes with {ROUNDS} rounds, in which both take turns, the fastest of each.",
            )
        ],
        [
            Target(f"{each.mode}, batches of {each.batch:,}", each.ratio, TO_REACH[each.mode], at_most=False)
            for each in speeds
        ],
        [asdict(each) | {"ratio": each.ratio} for each in speeds],
    )


def _in_a_process(mode: str, rounds: int, texts: Mapping[int, Sequence[str]]) -> list[list[Round]]:
    command = [sys.executable, "-m", "benchmarks.speed", "--in-this-process", mode, "--rounds", str(rounds)]
    given = json.dumps(list(texts.values()))
    done = subprocess.run(command, cwd=ROOT, input=given, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the measurement of {mode} failed; what it said is above")
    rounds_of_batches: list[list[Round]] = json.loads(done.stdout)
    return rounds_of_batches


def _measure_here(mode: str, rounds: int, batches: list[list[str]]) -> list[list[Round]]:
    with sink.running() as running, lambda_runtime.silent():
        ours = lambda_runtime.handler_of(mode, running.url)
        for handler, how in ((ours, mode), (straightforward.handler, "plain")):
            _check(running, json.loads(batches[0][0])["Records"], handler, how)
        return [[_round(ours, texts, number) for number in range(rounds)] for texts in batches]


def _round(ours: lambda_runtime.Handler, texts: Sequence[str], number: int) -> Round:
    handlers = [ours, straightforward.handler]
    in_turn = handlers if number % 2 else handlers[::-1]
    speeds = {handler: _records_per_cpu_second(handler, texts) for handler in in_turn}
    return speeds[ours], speeds[straightforward.handler]


def _records_per_cpu_second(handler: lambda_runtime.Handler, encoded: Sequence[str]) -> float:
    """Each event is decoded right before its call, as Lambda does, and that is not counted."""
    context = lambda_runtime.Context()
    gc.collect()
    spent, records = 0.0, 0
    for text in encoded:
        event = json.loads(text)
        before = time.process_time()
        answer = handler(event, context)
        spent += time.process_time() - before
        if answer["batchItemFailures"]:
            raise RuntimeError(f"the sink accepts everything, and {handler} answered {answer}")
        records += len(event["Records"])
    return records / spent


def _check(running: sink.Sink, records: list[corpus.Record], handler: lambda_runtime.Handler, how: str) -> None:
    """Before anything is measured: what the sink gets are all the lines, in their order."""
    running.calls()
    expected = b"".join(straightforward.line(record) for record in records)
    handler({"Records": records}, lambda_runtime.Context())
    sent = [base64.b64decode(each["Data"]) for call in running.calls() for each in call["Records"]]
    if b"".join(gzip.decompress(each) if how == "forwarder" else each for each in sent) != expected:
        raise RuntimeError(f"{handler} ({how}) did not send the lines of the changes: nothing to be compared")


def _profile(mode: str, batch: int) -> None:
    records = corpus.changes_of_1_kb(_CHANGES)
    with sink.running() as running:
        with lambda_runtime.silent():
            ours = lambda_runtime.handler_of(mode, running.url)
            _check(running, records, ours, mode)
            decoded = json.loads(json.dumps(corpus.events(records, batch)))
            profile = cProfile.Profile(time.process_time)
            with profile:
                for event in decoded:
                    ours(event, lambda_runtime.Context())
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__.split("\n\n")[0])
    parser.add_argument("--mode", choices=lambda_runtime.MODES, action="append", help="default: both")
    parser.add_argument("--batch", type=int, action="append", help="changes an event; default: 100, 1,000, 10,000")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--processes", type=int, default=PROCESSES)
    parser.add_argument("--output", choices=("table", "json"), default="table")
    parser.add_argument("--profile", action="store_true", help="where the CPU time of our handler goes")
    parser.add_argument("--in-this-process", metavar="MODE", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    chosen = _arguments()
    if chosen.in_this_process:
        json.dump(_measure_here(chosen.in_this_process, chosen.rounds, json.load(sys.stdin)), sys.stdout)
        return
    modes, batches = chosen.mode or list(lambda_runtime.MODES), chosen.batch or list(BATCHES)
    if chosen.profile:
        _profile(modes[0], batches[0] if chosen.batch else 1_000)
        return
    speeds = measure(modes, batches, chosen.rounds, chosen.processes)
    if chosen.output == "json":
        print(
            json.dumps(
                [asdict(each) | {"ratio": each.ratio, "reached": each.reached} for each in speeds], indent=2
            )
        )
        return
    print(f"{'mode':<10}{'batch':>8}{'ours/s':>12}{'theirs/s':>12}{'ratio':>8}{'median':>8}   to reach")
    for each in speeds:
        verdict = "reached" if each.reached else "NOT reached"
        print(
            f"{each.mode:<10}{each.batch:>8,}{each.ours:>12,.0f}{each.theirs:>12,.0f}{each.ratio:>8.2f}"
            f"{each.median_ratio:>8.2f}   {TO_REACH[each.mode]:.1f} {verdict}"
        )


if __name__ == "__main__":
    main()
