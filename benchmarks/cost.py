"""What a million changes cost, in busy and in quiet tables: ours in both modes, and the straightforward design.

    .venv/bin/python -m benchmarks --only cost

A busy table is never empty: every batch is full, or as large as Lambda's payload allows. It is written at
1,000 changes a second, which matters for the number of S3 objects alone. A quiet table has bursts of 1 to 10
changes, every 5 seconds on average, at random: the straightforward design is called for each burst, ours
after its batching window. One shard each. Custom metrics are a month's matter, and in the monthly examples.

Not reached is a fifth of their billed bytes in quiet tables, by default, where a line has 1,000 bytes and more:
the plain lines are more than that themselves, and a longer window changes nothing; only compressing does.
"""

from dataclasses import asdict, replace
from typing import Any

from benchmarks import measured
from benchmarks.billing import PRICES_NOTED, Usage, bill
from benchmarks.measured import DEFAULTS, DESIGNS, Load
from benchmarks.report import Section, Table, Target

_MILLION = 1_000_000
_QUIET = {"gap_seconds": 5.0, "least": 1, "most": 10}

#: To reach: billed bytes against those of the lines, and against the straightforward design's.
BUSY_FIREHOSE_MOST = 1.02
BUSY_FORWARDER_MOST = 1 / 20
QUIET_MOST = 1 / 5

#: Enough changes for some full batches, and not more than takes seconds.
BUSY_LOADS = (
    Load(0, "INSERT", 4 * DEFAULTS.batch_size),
    Load(200, "INSERT", 4 * DEFAULTS.batch_size),
    Load(200, "MODIFY", 4 * DEFAULTS.batch_size),
    Load(1_000, "INSERT", 2 * DEFAULTS.batch_size),
    Load(1_000, "MODIFY", 2 * DEFAULTS.batch_size),
    Load(10_000, "INSERT", 640),
    Load(10_000, "MODIFY", 320),
)
QUIET_LOADS = tuple(replace(load, changes=min(800, load.changes), **_QUIET) for load in BUSY_LOADS)


def section() -> Section:
    usages = {design: measured.measure(design, [*BUSY_LOADS, *QUIET_LOADS]) for design in DESIGNS}
    found: dict[str, dict[str, list[Usage]]] = {"busy": {}, "quiet": {}}
    for design, each in usages.items():
        millions = [replace(one.of_changes(_MILLION), custom_metrics=0) for one in each]
        found["busy"][design] = millions[: len(BUSY_LOADS)]
        found["quiet"][design] = millions[len(BUSY_LOADS) :]
    return Section(
        "cost",
        [_table(kind, found[kind]) for kind in found],
        _targets(found),
        [
            {"kind": kind, "design": design, **_plain(load.name, each)}
            for kind, designs in found.items()
            for design, of in designs.items()
            for load, each in zip(BUSY_LOADS, of, strict=True)
        ],
    )


def _plain(name: str, usage: Usage) -> dict[str, Any]:
    return {
        "changes_of": name,
        "usage": asdict(usage),
        "dollars": asdict(bill(usage)) | {"total": bill(usage).total},
    }


def _table(kind: str, found: dict[str, list[Usage]]) -> Table:
    rows = []
    for position, load in enumerate(BUSY_LOADS):
        for design in DESIGNS:
            usage, theirs = found[design][position], found["straightforward"][position]
            dollars = bill(usage)
            rows.append(
                [
                    f"{load.name}: {design}",
                    f"{usage.line_bytes / usage.changes:,.0f}",
                    f"{usage.firehose_billed_bytes / 1e6:,.0f}",
                    f"{usage.firehose_billed_bytes / usage.line_bytes:.3f}",
                    _share(usage.firehose_billed_bytes, theirs.firehose_billed_bytes),
                    f"{usage.firehose_records:,.0f}",
                    f"{usage.firehose_calls:,.0f}",
                    f"{usage.lambda_requests:,.0f}",
                    f"{usage.lambda_gb_seconds:,.0f}",
                    f"{usage.log_bytes / 1e6:,.1f}",
                    f"{usage.s3_puts:,.0f}",
                    f"{usage.s3_bytes / 1e6:,.0f}",
                    f"{dollars.total:.4f}",
                    _share(dollars.total, bill(theirs).total),
                    f"{dollars.storage_month:.4f}",
                ]
            )
    return Table(
        f"A million changes, {kind} table ({PRICES_NOTED})",
        (
            *("changes: design", "bytes a line", "billed MB", "to lines", "less billed", "records", "calls"),
            *("invocations", "GB-s", "log MB", "PUTs", "S3 MB", "dollars", "cheaper"),
            "+ storage a month",
        ),
        rows,
        "Less billed, cheaper: than the straightforward design, so many times. To lines: billed bytes to "
        "those of the lines themselves. Dollars: Firehose, Lambda, logs and PUTs; Lambda's time is "
        "measured each time, so the last digits differ from table to table. MB are 10^6 bytes, and the "
        "GB that AWS bills are 2^30. Of '1 KB change' the line is 1 KB; the others name the item, and "
        "the line of a MODIFY has two images of it. Metrics are in the monthly examples.",
    )


def _share(ours: float, theirs: float) -> str:
    """How many times more theirs is; nothing to say where it is itself."""
    return "" if ours == theirs else f"{theirs / ours:.1f} ×"


def _targets(found: dict[str, dict[str, list[Usage]]]) -> list[Target]:
    targets = []
    for position, load in enumerate(BUSY_LOADS):
        busy = found["busy"]["firehose"][position]
        ratio = busy.firehose_billed_bytes / busy.line_bytes
        what = f"busy, firehose, {load.name}: billed / lines"
        targets.append(Target(what, ratio, BUSY_FIREHOSE_MOST, at_most=True))
    ours, theirs = found["busy"]["forwarder"][0], found["busy"]["straightforward"][0]
    ratio = ours.firehose_billed_bytes / theirs.firehose_billed_bytes
    targets.append(
        Target("busy, forwarder, 1 KB change: billed / theirs", ratio, BUSY_FORWARDER_MOST, at_most=True)
    )
    for design in ("firehose", "forwarder"):
        for position, load in enumerate(BUSY_LOADS):
            ours, theirs = found["quiet"][design][position], found["quiet"]["straightforward"][position]
            ratio = ours.firehose_billed_bytes / theirs.firehose_billed_bytes
            floor = ours.line_bytes / theirs.firehose_billed_bytes
            said = f"; the plain lines are {floor:.3f}" if design == "firehose" else ""
            what = f"quiet, {design}, {load.name}: billed / theirs{said}"
            targets.append(Target(what, ratio, QUIET_MOST, at_most=True))
    return targets
