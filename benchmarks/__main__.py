"""All benchmarks, or some: `make bench`, or .venv/bin/python -m benchmarks --only speed --only cost.

They take a few minutes, and the machine should have nothing else to do. What is compared are ratios, within
one run; the exit code does not say whether targets were reached, since a loaded machine must not fail anything.
"""

import argparse
import json
import sys
import time

from rich.console import Console

from benchmarks import cold_start, compression, cost, memory, months, report, speed, windows

SECTIONS = {
    "speed": speed.section,
    "memory": memory.section,
    "compression": compression.section,
    "cost": cost.section,
    "windows": windows.section,
    "months": months.section,
    "cold_start": cold_start.section,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", choices=SECTIONS, action="append", help="default: all")
    parser.add_argument("--output", choices=("table", "json", "markdown"), default="table")
    chosen = parser.parse_args()
    sections = []
    for name in chosen.only or SECTIONS:
        began = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        sections.append(SECTIONS[name]())
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if chosen.output == "json":
        print(json.dumps(report.as_json(sections), indent=2))
    elif chosen.output == "markdown":
        print(report.as_markdown(sections))
    else:
        # Where it goes to a file, no line is to be broken.
        report.show(sections, Console(width=None if sys.stdout.isatty() else 240))


if __name__ == "__main__":
    main()
