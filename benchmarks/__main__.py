"""All benchmarks, or some: `make bench`, or .venv/bin/python -m benchmarks --only speed --only cost.

They take a few minutes, and the machine should have nothing else to do. What is compared are ratios, within
one run; the exit code does not say whether targets were reached, since a loaded machine must not fail anything.
"""

import argparse
import json
import sys
import time

from rich.console import Console

from benchmarks import cold_start, compression, cost, images, memory, months, report, restore, speed, windows

SECTIONS = {
    "speed": speed,
    "memory": memory,
    "compression": compression,
    "cost": cost,
    "windows": windows,
    "months": months,
    "cold_start": cold_start,
    "images": images,
    "restore": restore,
}
#: Half an hour: only where it is named.
_LONG = {"restore"}
#: Of docs/benchmarks.md.
_PAGE = """# Benchmarks

Written by `make bench OPTIONS="--output markdown" > docs/benchmarks.md`{}. On another machine the seconds
are others; the ratios, bytes and numbers of things are much the same. Nothing here touched AWS: the handlers
of both designs are called as Lambda calls them and put their records into a sink on the loopback interface,
what they send and log is counted, and list prices do the rest. Assumed are 20 ms for Firehose to answer,
gzip's usual level for what Firehose compresses, and a share of a vCPU in proportion to the memory.

"Straightforward" is the same forwarder in its plainest form: the standard library's json, one Firehose record
for each change, boto3 as it comes, batches of 500, no batching window.

The tables of targets hold what was to be reached. Where it is not, the section says why.

"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n\n")[0])
    parser.add_argument("--only", choices=SECTIONS, action="append", help="default: all but restore")
    parser.add_argument("--output", choices=("table", "json", "markdown"), default="table")
    chosen = parser.parse_args()
    sections = []
    for name in chosen.only or [each for each in SECTIONS if each not in _LONG]:
        began = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        sections.append(SECTIONS[name].section())
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if chosen.output == "json":
        print(json.dumps(report.as_json(sections), indent=2))
    elif chosen.output == "markdown":
        about = {name: _without_commands(module.__doc__ or "") for name, module in SECTIONS.items()}
        print(
            _PAGE.format("" if not chosen.only else " (here: a part)") + report.as_markdown(sections, about),
            end="",
        )
    else:
        # Where it goes to a file, no line is to be broken.
        report.show(sections, Console(width=None if sys.stdout.isatty() else 240))


def _without_commands(docstring: str) -> str:
    """What a module says of itself, but for the indented lines."""
    paragraphs = [each for each in docstring.strip().split("\n\n") if not each.startswith("    ")]
    return "\n\n".join(paragraphs)


if __name__ == "__main__":
    main()
