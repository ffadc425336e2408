"""The arithmetic behind the benchmarks' dollars: rounding, prices times quantities, and sums of accounts."""

import pytest

from benchmarks import billing, months
from benchmarks.billing import GIB, PRICES, Prices, Usage
from benchmarks.measured import PAYLOAD_BYTES, batches
from benchmarks.months import Account


@pytest.mark.parametrize(
    ("record_bytes", "billed"),
    [(1, 5_120), (5_120, 5_120), (5_121, 10_240), (12 * 1024, 15 * 1024), (1_024_000, 1_024_000)],
)
def test_billed_bytes_of_a_record_are_rounded_up_to_5_kb(record_bytes, billed):
    assert billing.billed_bytes(record_bytes) == billed


def test_gb_seconds_when_milliseconds_are_broken_counts_the_next_whole_one():
    assert billing.gb_seconds(512, 100.0) == pytest.approx(0.05)
    assert billing.gb_seconds(512, 100.1) == pytest.approx(0.0505)


def test_bill_is_each_quantity_times_its_price():
    prices = Prices(
        firehose_gib=2,
        lambda_request=3,
        lambda_gb_second=5,
        log_gib=7,
        custom_metric_month=11,
        s3_put=13,
        s3_gib_month=17,
    )
    usage = Usage(
        firehose_billed_bytes=GIB,
        lambda_requests=10,
        lambda_gb_seconds=100,
        log_bytes=2 * GIB,
        custom_metrics=3,
        s3_puts=4,
        s3_bytes=GIB / 2,
    )
    bill = billing.bill(usage, prices)
    assert (bill.firehose, bill.lambda_requests, bill.lambda_time) == (2, 30, 500)
    assert (bill.logs, bill.metrics, bill.s3_puts, bill.storage_month) == (14, 33, 52, 8.5)
    assert bill.total == 2 + 30 + 500 + 14 + 33 + 52, "storage is beside the sum"


def test_bill_of_a_million_single_records_of_1_kb_is_that_of_5_kb_each():
    dollars = billing.bill(Usage(firehose_billed_bytes=1_000_000 * billing.billed_bytes(1_050)))
    assert dollars.firehose == pytest.approx(5_120_000_000 / 2**30 * 0.029)


def test_storage_for_a_year_is_twelve_months():
    assert billing.storage_dollars(GIB, 12) == pytest.approx(12 * PRICES.s3_gib_month)


def test_usage_times_leaves_the_number_of_custom_metrics():
    more = Usage(changes=10, log_bytes=5, custom_metrics=7).times(3)
    assert (more.changes, more.log_bytes, more.custom_metrics) == (30, 15, 7)


def test_usage_of_tables_gives_each_its_own_metrics():
    assert Usage(s3_puts=2, custom_metrics=7).of_tables(3) == Usage(s3_puts=6, custom_metrics=21)


@pytest.mark.parametrize(
    ("seconds", "deliveries", "bytes_", "expected"),
    [
        pytest.param(3_000, 3_000, 0, 10, id="a delivery a second fills an interval"),
        pytest.param(6_000, 10, 0, 10, id="deliveries further apart than an interval are objects of their own"),
        pytest.param(3_600, 18, 0, 3_600 / 400, id="an object begins with the next delivery after the interval"),
        pytest.param(300, 300, 10 * 128 * 2**20, 10, id="so many bytes fill objects before the interval does"),
    ],
)
def test_objects_of_firehose(seconds, deliveries, bytes_, expected):
    found = billing.objects(seconds, deliveries, bytes_, buffer_seconds=300, buffer_mb=128)
    assert found == pytest.approx(expected)


def test_batches_when_the_payload_is_full_are_split_and_lose_nothing():
    records = [{"number": number, "text": "x" * 1_000_000} for number in range(14)]
    found = list(batches(records, [13, 1]))
    assert [len(batch) for batch in found] == [6, 6, 1, 1]
    assert [record for batch in found for record in batch] == records
    assert all(sum(len(each["text"]) for each in batch) < PAYLOAD_BYTES for batch in found)


ACCOUNT = Account("two kinds", 5, {1.0: 2, 0.1: 3}, sweep_seconds=10)
OF_RATE = {1.0: Usage(changes=100, custom_metrics=14), 0.1: Usage(changes=10, custom_metrics=12)}


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        pytest.param("function", 14, id="all tables share those of the function"),
        pytest.param("table", 7 + 2 * 7 + 3 * 6, id="each table has its own beside"),
    ],
)
def test_account_counts_custom_metrics(metrics, expected):
    assert months.of_account(ACCOUNT, OF_RATE, metrics, sweeps=False).custom_metrics == expected


def test_account_sums_its_tables_and_sweeps():
    usage = months.of_account(ACCOUNT, OF_RATE, "function", sweeps=True)
    sweeps = 30 * 24 * 4
    assert usage.changes == 2 * 100 + 3 * 10
    assert usage.lambda_requests == sweeps
    assert usage.lambda_gb_seconds == pytest.approx(sweeps * 10 * 0.25)
