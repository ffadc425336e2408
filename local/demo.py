"""`make demo`: the whole product on an emulated account, with real data, and every claim checked."""

import argparse
import json
import logging
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from rich.console import Console

from local import airports, change_log_check, load
from local.api_events import ApiEvents
from local.change_log_check import ChangeLog
from local.emulator import EmulatorError
from local.stage import PREFIX, REPOSITORY, NotInTime, ScriptFailed, Settings, Stage, wait_for

TABLE = "Airports"
_WORK = REPOSITORY / ".local"
_ALL_ARRIVED_WITHIN = 120.0

_console = Console(highlight=False, soft_wrap=True)
_started = time.monotonic()


class CheckFailed(AssertionError):
    """Something that the product promises did not hold."""


def main() -> int:
    """Runs the demonstration; 0 only if every check held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compression", choices=("firehose", "forwarder"), default="firehose")
    settings = Settings({"firehoseCompression": parser.parse_args().compression})
    logging.getLogger(ApiEvents.__module__).setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work = _WORK / "demo"
    shutil.rmtree(work, ignore_errors=True)
    try:
        with Stage(work, settings) as stage:
            _demonstrate(stage)
    except (CheckFailed, NotInTime, ScriptFailed, EmulatorError, change_log_check.Wrong, load.NotWritten) as err:
        _console.print(f"\nFAILED: {err}", style="bold red", markup=False)
        _console.print(f"The emulator's log is {work / 'emulator' / 'emulator.log'}", markup=False)
        return 1
    except KeyboardInterrupt:
        _console.print("\nInterrupted.")
        return 130
    _console.print(f"\nEvery check held. {time.monotonic() - _started:.0f} seconds.", style="bold green")
    return 0


def _demonstrate(stage: Stage) -> None:
    _step(f"An empty AWS account, emulated by MiniStack at {stage.emulator.endpoint_url}, with IAM enforced")
    _step("./build.sh, then deploy.py")
    stage.build()
    _said(stage.deploy().stderr)
    _check("a second deploy.py changes nothing", "Nothing to do" in stage.deploy().stderr)

    _step(f"CreateTable {TABLE}, and nothing else")
    stage.create_table(TABLE, airports.KEY)
    mapping = stage.wait_until_wired(TABLE)
    _show_wiring(stage, mapping)

    older, newer = (
        airports.items(airports.airports(version, _WORK / "data")) for version in (airports.OLDER, airports.NEWER)
    )
    difference = airports.difference(older, newer)
    _step(f"airportsdata {airports.OLDER} goes in: {len(older):,} airports")
    dynamodb = stage.emulator.client("dynamodb")
    _timed(lambda: load.put(dynamodb, TABLE, older.values()), len(older))
    edits = len(difference.puts) + len(difference.updates) + len(difference.deletes)
    _step(
        f"then what changed up to {airports.NEWER}: {len(difference.updates):,} updates, "
        f"{len(difference.puts):,} new, {len(difference.deletes):,} gone"
    )
    _timed(lambda: load.apply(dynamodb, TABLE, difference), edits)

    expected = Counter(INSERT=len(older) + len(difference.puts), MODIFY=len(difference.updates))
    expected["REMOVE"] = len(difference.deletes)
    log = _wait_for_all(stage, expected.total())
    _check_log(stage, log, expected)
    _delete_table(stage, log)


def _wait_for_all(stage: Stage, count: int) -> ChangeLog:
    _step(f"Waiting until all {count:,} changes are on S3")
    log = ChangeLog(stage.emulator.client("s3"), stage.bucket, PREFIX, TABLE)
    before = time.monotonic()
    wait_for(lambda: len(log.read_new()) >= count, f"{count:,} changes to arrive", _ALL_ARRIVED_WITHIN, every=0.5)
    _console.print(f"  all there {time.monotonic() - before:.1f} s after the last write")
    return log


def _check_log(stage: Stage, log: ChangeLog, expected: Counter[str]) -> None:
    _step("Checking the change log")
    changes = log.read_new()
    seen = Counter(change.event_name for change in changes)
    _check(f"every change is there, once after duplicates are dropped: {dict(seen)}", seen == expected)
    _check(
        f"all {len(log.objects):,} objects are JSON lines in the documented format, at documented paths",
        bool(log.objects),
    )
    table = change_log_check.scan(stage.emulator.client("dynamodb"), TABLE)
    folded = change_log_check.fold(changes)
    _check(f"the fold of the log equals a scan of the table: {len(table):,} items", folded == table)
    _check_compression(stage, log)
    _console.print(f"  {len(log.objects):,} objects, {sum(log.objects.values()):,} bytes, for example:")
    for key in list(log.objects)[:2]:
        _console.print(f"    s3://{stage.bucket}/{key}", markup=False)
    modified = next(change for change in changes if change.event_name == "MODIFY")
    _console.print("  one change in full:")
    _console.print(f"    {log.line(modified)}", markup=False)


def _check_compression(stage: Stage, log: ChangeLog) -> None:
    if stage.settings.values["firehoseCompression"] == "forwarder":
        _check("every object is gzip, of one member a Firehose record", all(log.compressed.values()))
    else:
        _console.print(
            "  on AWS, Firehose gzips each object; the emulator leaves that out, so they are plain here"
        )


def _delete_table(stage: Stage, log: ChangeLog) -> None:
    _step(f"DeleteTable {TABLE}")
    before = dict(log.objects)
    stage.emulator.client("dynamodb").delete_table(TableName=TABLE)
    wait_for(
        lambda: any(each.call == "DeleteTable" for each in stage.api_events.deliveries),
        "the event of DeleteTable",
        30,
    )
    swept = stage.sweep()
    _check(
        "the event and a sweep removed nothing: for 24 hours the deleted table's stream can still be read",
        len(stage.mappings(TABLE)) == 1 and _has_delivery_stream(stage) and swept["failed"] == 0,
    )
    _console.print(
        "  deprovision_tables.py ends it now: mapping first, then the buffer's time, then the delivery stream"
    )
    whitelist = stage.work / "whitelist.hjson"
    whitelist.write_text(json.dumps({"tableNames": [TABLE]}))
    options = (str(whitelist), "--config-file", str(stage.config_file), "--yes")
    _said(stage.script("deprovision_tables.py", *options, credentials=stage.operator("deprovision")).stderr)
    _check("the wiring is gone", not stage.mappings(TABLE) and not _has_delivery_stream(stage))
    after = ChangeLog(stage.emulator.client("s3"), stage.bucket, PREFIX, TABLE)
    after.read_new()
    _check(f"the data is not: {len(after.objects):,} objects are as they were", after.objects == before)


def _show_wiring(stage: Stage, mapping: dict[str, Any]) -> None:
    said = wait_for(lambda: _sentences_if_finished(stage), "EnsureDynamoBackup to say what it did", 30)
    for sentence in said:
        _console.print(f"  {sentence}", markup=False)
    facts = ("StartingPosition", "BatchSize", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds")
    _console.print("  mapping: " + ", ".join(f"{name} {mapping[name]}" for name in facts))


def _sentences_if_finished(stage: Stage) -> list[str]:
    """The log of EnsureDynamoBackup, once its invocation is over; until then there is none."""
    documents = (json.loads(line) for line in stage.logs("EnsureDynamoBackup") if line.startswith("{"))
    sentences = [each["message"] for each in documents]
    return sentences if any(each.startswith("Processed") for each in sentences) else []


def _has_delivery_stream(stage: Stage) -> bool:
    names = stage.emulator.client("firehose").list_delivery_streams()["DeliveryStreamNames"]
    return bool({TABLE, f"{TABLE}.gz"} & set(names))


def _step(what: str) -> None:
    _console.print(f"\n[{time.monotonic() - _started:5.1f} s] {what}", style="bold", markup=False)


def _said(text: str) -> None:
    for line in text.splitlines():
        _console.print(f"  {line}", markup=False)


def _timed(work: Callable[[], object], count: int) -> None:
    before = time.monotonic()
    work()
    seconds = time.monotonic() - before
    _console.print(f"  written in {seconds:.1f} s, {count / seconds:,.0f} a second")


def _check(claim: str, holds: bool) -> None:
    if not holds:
        raise CheckFailed(claim)
    _console.print(f"  ✓ {claim}", style="green", markup=False)


if __name__ == "__main__":
    sys.exit(main())
