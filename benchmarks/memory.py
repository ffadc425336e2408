"""How much memory the handler takes for a batch, beyond the event that Lambda has decoded for it.

Two ways, each in a fresh process, after a small batch has warmed it up:
- tracemalloc: the peak of what Python's allocator handed out while the handler ran; exact, and blind to
  what C libraries take for themselves.
- RSS: how far the process's resident memory rose above what it was before the call (VmHWM of Linux, set
  back first); with everything in it, and rounded by how the allocator takes and keeps pages.

    .venv/bin/python -m benchmarks.memory [--output json]
"""

import argparse
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import ROOT, corpus, lambda_runtime, sink
from benchmarks.report import Section, Table, Target

BATCH = 10_000
#: How many times the event's size, as JSON, the peak is to stay under.
TO_REACH = 3.0
DESIGNS = (*lambda_runtime.MODES, "straightforward")
_WAYS = ("tracemalloc", "rss")


@dataclass(frozen=True)
class Memory:
    """Bytes. `decoded_bytes` is what the decoded event itself takes; `peak_bytes` is beyond it."""

    design: str
    way: str
    event_bytes: int
    decoded_bytes: int
    peak_bytes: int

    @property
    def ratio(self) -> float:
        return self.peak_bytes / self.event_bytes

    @property
    def reached(self) -> bool:
        return self.ratio < TO_REACH


def measure(designs: Sequence[str] = DESIGNS) -> list[Memory]:
    found = []
    for design in designs:
        for way in _WAYS:
            command = [sys.executable, "-m", "benchmarks.memory", "--in-this-process", design, "--way", way]
            done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"the measurement of {design} failed; what it said is above")
            found.append(Memory(**json.loads(done.stdout)))
    return found


def section() -> Section:
    found = measure()
    rows = [
        [
            f"{each.design}, {each.way}",
            f"{each.event_bytes / 1e6:.1f}",
            f"{each.decoded_bytes / 1e6:.1f}",
            f"{each.peak_bytes / 1e6:.1f}",
            f"{each.ratio:.2f}",
        ]
        for each in found
    ]
    return Section(
        "memory",
        [
            Table(
                f"Peak memory of the handler for {BATCH:,} changes of 1 KB, MB",
                ("how", "event as JSON", "event decoded", "peak beyond that", "to the event as JSON"),
                rows,
                "tracemalloc: what Python's allocator gave out. rss: the rise of the process's resident memory.",
            )
        ],
        [
            Target(f"{each.design}, {each.way}: peak / event", each.ratio, TO_REACH, at_most=True)
            for each in found
            if each.design in lambda_runtime.MODES
        ],
        [asdict(each) for each in found],
    )


def _measure_here(design: str, way: str) -> Memory:
    text = json.dumps({"Records": corpus.changes_of_1_kb(BATCH)}, separators=(",", ":"), ensure_ascii=False)
    context = lambda_runtime.Context()
    with sink.running(keep=1) as running, lambda_runtime.silent():
        handler = lambda_runtime.handler_of(design, running.url)
        handler({"Records": corpus.changes_of_1_kb(100)}, context)
        before_decoding, decoded_at, peak = (_traced if way == "tracemalloc" else _resident)(
            lambda: json.loads(text), lambda event: handler(event, context)
        )
    return Memory(design, way, len(text.encode()), decoded_at - before_decoding, peak - decoded_at)


def _traced(decode: Callable[[], Any], call: Callable[[Any], Any]) -> tuple[int, int, int]:
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    event = decode()
    tracemalloc.reset_peak()
    decoded_at = tracemalloc.get_traced_memory()[0]
    call(event)
    return before, decoded_at, tracemalloc.get_traced_memory()[1]


def _resident(decode: Callable[[], Any], call: Callable[[Any], Any]) -> tuple[int, int, int]:
    before = _status("VmRSS")
    event = decode()
    # https://docs.kernel.org/filesystems/proc.html: 5 sets the peak back to what is resident now.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    decoded_at = _status("VmRSS")
    call(event)
    return before, decoded_at, _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    [line] = [line for line in lines if line.startswith(f"{name}:")]
    return int(line.split()[1]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    parser.add_argument("--in-this-process", metavar="DESIGN", help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=_WAYS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.in_this_process:
        json.dump(asdict(_measure_here(chosen.in_this_process, chosen.way)), sys.stdout)
        return
    found = measure()
    if chosen.output == "json":
        print(json.dumps([asdict(each) | {"ratio": each.ratio, "reached": each.reached} for each in found]))
        return
    for each in found:
        print(
            f"{each.design:<16}{each.way:<12} event {each.event_bytes / 1e6:.1f} MB, decoded "
            f"{each.decoded_bytes / 1e6:.1f} MB, peak beyond it {each.peak_bytes / 1e6:.1f} MB: "
            f"{each.ratio:.2f} times the event"
        )


if __name__ == "__main__":
    main()
