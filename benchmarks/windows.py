"""What the batching window earns and costs, so that its default can be chosen: bytes, dollars, and delay.

    .venv/bin/python -m benchmarks --only windows

Single changes of 1 KB arrive at random in one shard. Also: what the batch size does in a busy table.
"""

from dataclasses import asdict, replace

from benchmarks import measured
from benchmarks.billing import SECONDS_A_MONTH, Usage, bill
from benchmarks.measured import DEFAULTS, Load, Measured
from benchmarks.report import Section, Table

WINDOWS = (0, 5, 10, 30, 60, 120, 300)
RATES = (0.1, 1, 10)
BATCH_SIZES = (500, 1_000, 10_000)
#: Changes that are tried: some windows of them, within reason.
_LEAST, _MOST, _WINDOWS_TRIED = 250, 4_000, 4


def section() -> Section:
    rates = [Load(0, "INSERT", _LEAST, gap_seconds=1 / rate) for rate in RATES]
    loads = [
        replace(load, window_seconds=window, changes=max(_LEAST, min(_MOST, int(rate * window * _WINDOWS_TRIED))))
        for rate, load in zip(RATES, rates, strict=True)
        for window in WINDOWS
    ]
    busy = [Load(0, "INSERT", 10_000, batch_size=size) for size in BATCH_SIZES]
    found = {design: measured.measure(design, [*loads, *busy]) for design in ("firehose", "forwarder")}
    theirs = measured.measure("straightforward", [*rates, busy[0]])
    names = [(rate, window) for rate in RATES for window in WINDOWS]
    return Section(
        "windows",
        [_windows(names, found, theirs), _batch_sizes(found, theirs[-1], len(loads))],
        data=[
            {
                "design": design,
                "rate": rate,
                "window": window,
                "delay": one.delay_seconds,
                "month": asdict(_month(one)),
            }
            for design, each in found.items()
            for (rate, window), one in zip(names, each, strict=False)
        ],
    )


def _month(one: Measured) -> Usage:
    return replace(one.of_seconds(SECONDS_A_MONTH), custom_metrics=0)


def _windows(names: list[tuple[float, int]], found: dict[str, list[Measured]], theirs: list[Measured]) -> Table:
    rows = []
    for position, (rate, window) in enumerate(names):
        other = theirs[RATES.index(rate)]
        row = [f"{rate:g} a second, {window} s"]
        for design in found:
            one = found[design][position]
            usage = one.of_changes(1_000_000)
            share = usage.firehose_billed_bytes / other.of_changes(1_000_000).firehose_billed_bytes
            row += [f"{1 / share:.1f} ×", f"{bill(_month(one)).total:.3f}"]
        row += [f"{bill(_month(other)).total:.3f}", f"{found['firehose'][position].delay_seconds:.1f}"]
        rows.append(row)
    return Table(
        "The batching window: a shard's changes of 1 KB, dollars a month",
        (
            "changes, window",
            *(title for design in found for title in (f"{design}: less billed", f"{design}: $ a month")),
            *("straightforward: $ a month", "mean wait, s"),
        ),
        rows,
        "Less billed: than the straightforward design, so many times. Without a window ours is dearer: "
        "each invocation logs a line of some 700 bytes more. Dollars: Firehose, Lambda, logs and PUTs of "
        "one shard. The longest wait is the window, or until "
        f"{DEFAULTS.batch_size:,} changes have come.",
    )


def _batch_sizes(found: dict[str, list[Measured]], theirs: Measured, first: int) -> Table:
    rows = []
    for position, size in enumerate(BATCH_SIZES):
        row = [f"{size:,}"]
        for design in found:
            usage = replace(found[design][first + position].of_changes(1_000_000), custom_metrics=0)
            row += [
                f"{usage.firehose_billed_bytes / usage.line_bytes:.4f}",
                f"{usage.lambda_requests:,.0f}",
                f"{bill(usage).total:.4f}",
            ]
        rows.append([*row, f"{bill(theirs.of_changes(1_000_000)).total:.4f}"])
    titles = ("billed to lines", "invocations", "dollars")
    return Table(
        "The batch size: a million changes of 1 KB in a busy table",
        ("at most", *(f"{design}: {title}" for design in found for title in titles), "straightforward: dollars"),
        rows,
        "Lambda's payload of 6 MB holds about 5,000 of these, whatever the batch size.",
    )
