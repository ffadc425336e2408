"""What an account costs a month: examples for docs/cost.md, in both modes and in the straightforward design.

    .venv/bin/python -m benchmarks --only months

Changes of 1 KB, one shard a table, arriving singly and at random. Everything that is billed is in the sums:
Firehose, Lambda, logs, PUTs, the sweeps, the metrics of the setting `metrics`, and a month of storage of a
month's changes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from benchmarks import measured
from benchmarks.billing import PRICES_NOTED, SECONDS_A_MONTH, Bill, Usage, bill
from benchmarks.measured import DEFAULTS, DESIGNS, Load
from benchmarks.report import Section, Table

METRICS = ("none", "function", "table")
#: Changes a second that a table has, and how many are tried.
_TRIED = {10.0: 3_000, 1.0: 900, 0.1: 300, 1 / 600: 60}


@dataclass(frozen=True)
class Account:
    """So many tables of each number of changes a second; those not named have no changes at all."""

    name: str
    tables: int
    of_rate: Mapping[float, int]
    #: Assumed: what a sweep takes.
    sweep_seconds: float

    @property
    def changing(self) -> int:
        return sum(self.of_rate.values())

    @property
    def changes_a_month(self) -> float:
        return sum(rate * count for rate, count in self.of_rate.items()) * SECONDS_A_MONTH


ACCOUNTS = (
    Account("100 tables", 100, {10.0: 2, 1.0: 8, 0.1: 30, 1 / 600: 60}, sweep_seconds=20),
    Account("2,500 tables", 2_500, {10.0: 10, 1.0: 90, 0.1: 400, 1 / 600: 1_000}, sweep_seconds=300),
)


def section() -> Section:
    rows, data = [], []
    rates = {}
    for design in DESIGNS:
        settings = METRICS if design != "straightforward" else METRICS[:1]
        loads = [
            Load(0, "INSERT", tried, gap_seconds=1 / rate, metrics=metrics)
            for metrics in settings
            for rate, tried in _TRIED.items()
        ]
        found = iter(measured.measure(design, loads))
        for metrics in settings:
            rates[design, metrics] = {rate: next(found).of_seconds(SECONDS_A_MONTH) for rate in _TRIED}
    for account in ACCOUNTS:
        for (design, metrics), of_rate in rates.items():
            usage = of_account(account, of_rate, metrics, sweeps=design != "straightforward")
            dollars = bill(usage)
            rows.append(_row(account, design, metrics, usage, dollars))
            data.append(
                {
                    **{"account": account.name, "design": design, "metrics": metrics, "usage": asdict(usage)},
                    "dollars": asdict(dollars) | {"total": dollars.total + dollars.storage_month},
                }
            )
    note = "; ".join(
        f"{account.name}: "
        + ", ".join(f"{count:,} with {_rate(rate)}" for rate, count in account.of_rate.items())
        + f", {account.tables - account.changing:,} with none; "
        + f"{account.changes_a_month / 1e6:,.0f} million changes"
        for account in ACCOUNTS
    )
    columns = (
        *("account: design, metrics", "Firehose", "Lambda requests", "Lambda time", "logs", "custom metrics"),
        *("metrics", "PUTs", "storage", "sum"),
    )
    return Section("months", [Table(f"Dollars a month ({PRICES_NOTED})", columns, rows, note)], data=data)


def of_account(account: Account, of_rate: Mapping[float, Usage], metrics: str, sweeps: bool) -> Usage:
    """A month of the account, of a month of a table of each rate.

    With metrics of the function, the tables share them; with those of each table, they have their own beside.
    """
    total = Usage()
    shared = 0.0
    for rate, count in account.of_rate.items():
        one = of_rate[rate]
        # The metrics of a table come in two sets of dimensions: the function's, and its own.
        own = one.custom_metrics / 2 if metrics == "table" else 0
        shared = max(shared, one.custom_metrics - own)
        total += Usage(**{**asdict(one.of_tables(count)), "custom_metrics": own * count})
    return total + Usage(custom_metrics=shared) + (_sweeps(account) if sweeps else Usage())


def _sweeps(account: Account) -> Usage:
    count = SECONDS_A_MONTH / 60 / DEFAULTS.sweep_minutes
    gigabytes = DEFAULTS.ensure_memory_mb / 1024
    return Usage(lambda_requests=count, lambda_gb_seconds=count * account.sweep_seconds * gigabytes)


def _row(account: Account, design: str, metrics: str, usage: Usage, dollars: Bill) -> list[str]:
    ours = f", {metrics}" if design != "straightforward" else ""
    return [
        f"{account.name}: {design}{ours}",
        f"{dollars.firehose:,.2f}",
        f"{dollars.lambda_requests:,.2f}",
        f"{dollars.lambda_time:,.2f}",
        f"{dollars.logs:,.2f}",
        f"{usage.custom_metrics:,.0f}",
        f"{dollars.metrics:,.2f}",
        f"{dollars.s3_puts:,.2f}",
        f"{dollars.storage_month:,.2f}",
        f"{dollars.total + dollars.storage_month:,.2f}",
    ]


def _rate(rate: float) -> str:
    return f"{rate:g} a second" if rate >= 0.1 else f"one in {1 / rate / 60:g} minutes"
