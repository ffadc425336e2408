"""`make demo`: the whole product on an emulated account, with real data, and every claim checked."""

import argparse
import json
import sys
import time
from collections import Counter
from typing import Any

from local import airports, change_log_check, load
from local.change_log_check import ChangeLog
from local.demonstration import WORK, Narrator, run
from local.stage import PREFIX, Settings, Stage
from local.waiting import wait_for

TABLE = "Airports"
_ALL_ARRIVED_WITHIN = 120.0


def main() -> int:
    """Runs the demonstration; 0 only if every check held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compression", choices=("firehose", "forwarder"), default="firehose")
    settings = Settings({"firehoseCompression": parser.parse_args().compression})
    return run("demo", settings, _demonstrate)


def _demonstrate(stage: Stage, say: Narrator) -> None:
    say.step(f"An empty AWS account, emulated by MiniStack at {stage.emulator.endpoint_url}, with IAM enforced")
    say.step("./build.sh, then deploy.py")
    stage.build()
    say.tell(stage.deploy().stderr)
    say.check("a second deploy.py changes nothing", "Nothing to do" in stage.deploy().stderr)

    say.step(f"CreateTable {TABLE}, and nothing else")
    stage.create_table(TABLE, airports.KEY)
    mapping = stage.wait_until_wired(TABLE)
    _show_wiring(stage, say, mapping)

    older, newer = (
        airports.items(airports.airports(version, WORK / "data")) for version in (airports.OLDER, airports.NEWER)
    )
    difference = airports.difference(older, newer)
    say.step(f"airportsdata {airports.OLDER} goes in: {len(older):,} airports")
    dynamodb = stage.emulator.client("dynamodb")
    say.timed(lambda: load.put(dynamodb, TABLE, older.values()), len(older))
    edits = len(difference.puts) + len(difference.updates) + len(difference.deletes)
    say.step(
        f"then what changed up to {airports.NEWER}: {len(difference.updates):,} updates, "
        f"{len(difference.puts):,} new, {len(difference.deletes):,} gone"
    )
    say.timed(lambda: load.apply(dynamodb, TABLE, difference), edits)

    expected = Counter(INSERT=len(older) + len(difference.puts), MODIFY=len(difference.updates))
    expected["REMOVE"] = len(difference.deletes)
    log = _wait_for_all(stage, say, expected.total())
    _check_log(stage, say, log, expected)
    _delete_table(stage, say, log)


def _wait_for_all(stage: Stage, say: Narrator, count: int) -> ChangeLog:
    say.step(f"Waiting until all {count:,} changes are on S3")
    log = ChangeLog(stage.emulator.client("s3"), stage.bucket, PREFIX, TABLE)
    before = time.monotonic()
    wait_for(lambda: len(log.read_new()) >= count, f"{count:,} changes to arrive", _ALL_ARRIVED_WITHIN, every=0.5)
    say.tell(f"all there {time.monotonic() - before:.1f} s after the last write")
    return log


def _check_log(stage: Stage, say: Narrator, log: ChangeLog, expected: Counter[str]) -> None:
    say.step("Checking the change log")
    changes = log.read_new()
    seen = Counter(change.event_name for change in changes)
    say.check(f"every change is there, once after duplicates are dropped: {dict(seen)}", seen == expected)
    say.check(
        f"all {len(log.objects):,} objects are JSON lines in the documented format, at documented paths",
        bool(log.objects),
    )
    table = change_log_check.scan(stage.emulator.client("dynamodb"), TABLE)
    folded = change_log_check.fold(changes)
    say.check(f"the fold of the log equals a scan of the table: {len(table):,} items", folded == table)
    _check_compression(stage, say, log)
    say.tell(f"{len(log.objects):,} objects, {sum(log.objects.values()):,} bytes, for example:")
    for key in list(log.objects)[:2]:
        say.tell(f"  s3://{stage.bucket}/{key}")
    modified = next(change for change in changes if change.event_name == "MODIFY")
    say.tell("one change in full:")
    say.tell(f"  {log.line(modified)}")


def _check_compression(stage: Stage, say: Narrator, log: ChangeLog) -> None:
    if stage.settings.values["firehoseCompression"] == "forwarder":
        say.check("every object is gzip, of one member a Firehose record", all(log.compressed.values()))
    else:
        say.tell("on AWS, Firehose gzips each object; the emulator leaves that out, so they are plain here")


def _delete_table(stage: Stage, say: Narrator, log: ChangeLog) -> None:
    say.step(f"DeleteTable {TABLE}")
    before = dict(log.objects)
    stage.emulator.client("dynamodb").delete_table(TableName=TABLE)
    wait_for(
        lambda: any(each.call == "DeleteTable" for each in stage.api_events.deliveries),
        "the event of DeleteTable",
        30,
    )
    swept = stage.sweep()
    say.check(
        "the event and a sweep removed nothing: for 24 hours the deleted table's stream can still be read",
        len(stage.mappings(TABLE)) == 1 and _has_delivery_stream(stage) and swept["failed"] == 0,
    )
    say.tell("deprovision_tables.py ends it now: mapping first, then the buffer's time, then the delivery stream")
    whitelist = stage.work / "whitelist.hjson"
    whitelist.write_text(json.dumps({"tableNames": [TABLE]}))
    options = (str(whitelist), "--config-file", str(stage.config_file), "--yes")
    say.tell(stage.script("deprovision_tables.py", *options, credentials=stage.operator("deprovision")).stderr)
    say.check("the wiring is gone", not stage.mappings(TABLE) and not _has_delivery_stream(stage))
    after = ChangeLog(stage.emulator.client("s3"), stage.bucket, PREFIX, TABLE)
    after.read_new()
    say.check(f"the data is not: {len(after.objects):,} objects are as they were", after.objects == before)


def _show_wiring(stage: Stage, say: Narrator, mapping: dict[str, Any]) -> None:
    said = wait_for(lambda: _sentences_if_finished(stage), "EnsureDynamoBackup to say what it did", 30)
    for sentence in said:
        say.tell(sentence)
    facts = ("StartingPosition", "BatchSize", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds")
    say.tell("mapping: " + ", ".join(f"{name} {mapping[name]}" for name in facts))


def _sentences_if_finished(stage: Stage) -> list[str]:
    """The log of EnsureDynamoBackup, once its invocation is over; until then there is none."""
    documents = (json.loads(line) for line in stage.logs("EnsureDynamoBackup") if line.startswith("{"))
    sentences = [each["message"] for each in documents]
    return sentences if any(each.startswith("Processed") for each in sentences) else []


def _has_delivery_stream(stage: Stage) -> bool:
    names = stage.emulator.client("firehose").list_delivery_streams()["DeliveryStreamNames"]
    return bool({TABLE, f"{TABLE}.gz"} & set(names))


if __name__ == "__main__":
    sys.exit(main())
