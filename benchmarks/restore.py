"""How much memory and time restore_images.py takes for 1,000 and for 100,000 items, on the emulator.

    .venv/bin/python -m benchmarks --only restore

The images are of one table, as the Lambda function writes them; parts of them are chosen by --key-prefix. Each is
restored into a table of its own, and read back. The memory is the most that the script's process ever had in it
(VmHWM of Linux). The time is the emulator's as much as the script's: it is one Python process, and takes some
milliseconds for each object and item. Not among the benchmarks that run by default: it takes half an hour.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.report import Section, Table, Target
from continuous_backup.item_images import object_names
from continuous_backup.item_images.image import ItemImage, Version
from local.emulator import Emulator

#: By the beginning of their keys, which are five digits: the first hundredth of them, and all.
_PARTS = {"00": 1_000, "": 100_000}
_ITEMS = max(_PARTS.values())
_WRITERS = 8
_TABLE, _BUCKET = "Orders", "images-of-orders"
_STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2026-11-25T10:00:00.000"
#: To hold: how many times the memory of a hundredth of them all may take.
_MOST_TIMES = 1.5


@dataclass(frozen=True)
class Restored:
    items: int
    seconds: float
    peak_mb: float


def section() -> Section:
    with tempfile.TemporaryDirectory() as folder, Emulator(Path(folder)) as emulator:
        _write_images(emulator)
        found = [_restored(emulator, Path(folder), start, items) for start, items in _PARTS.items()]
    rows = [
        [f"{each.items:,}", f"{each.peak_mb:.0f}", f"{each.seconds:,.0f}", f"{each.items / each.seconds:,.0f}"]
        for each in found
    ]
    times = found[-1].peak_mb / found[0].peak_mb
    return Section(
        "restore",
        [Table("Restoring images of items", ("items", "peak MB", "seconds", "items a second"), rows)],
        [Target(f"memory of {_ITEMS:,} items to that of {found[0].items:,}", times, _MOST_TIMES, at_most=True)],
        [asdict(each) for each in found],
    )


def _write_images(emulator: Emulator) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket=_BUCKET, CreateBucketConfiguration={"LocationConstraint": emulator.region})
    s3.put_bucket_versioning(Bucket=_BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def write(number: int) -> None:
        keys = {"id": {"S": f"{number:05}"}}
        item = keys | {"text": {"S": "x" * 300}}
        image = ItemImage(_TABLE, keys, item, "INSERT", Version(_STREAM, number + 1), 1.0)
        s3.put_object(
            Bucket=_BUCKET,
            Key=object_names.of_keys(keys, "", _TABLE),
            Body=image.document(),
            Metadata=image.metadata(),
        )

    with ThreadPoolExecutor(_WRITERS) as pool:
        for _ in pool.map(write, range(_ITEMS)):
            pass


def _restored(emulator: Emulator, folder: Path, start: str, items: int) -> Restored:
    began = time.monotonic()
    command = [sys.executable, str(ROOT / "restore_images.py"), _TABLE, "--bucket", _BUCKET]
    own = ("--to-table", f"{_TABLE}-{items}", "--create", "--yes", "--output", "json")
    pace = ("--writes-per-second", "1000000", "--checkpoint", str(folder / f"{items}.json"))
    part = ("--key-prefix", f"id={start}") if start else ()
    with (folder / f"{items}.out").open("w+") as out, (folder / f"{items}.err").open("w+") as err:
        process = subprocess.Popen(
            [*command, *own, *pace, *part], cwd=folder, env=emulator.environment(), stdout=out, stderr=err
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, _peak_bytes(process.pid))
            time.sleep(0.05)
        if process.returncode:
            raise RuntimeError((folder / f"{items}.err").read_text())
    said: dict[str, Any] = json.loads((folder / f"{items}.out").read_text())
    if (said["written"], said["verified"], said["different"]) != (items, items, 0):
        raise RuntimeError(f"not all was restored: {said}")
    return Restored(items, time.monotonic() - began, peak / 1e6)


def _peak_bytes(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has just ended
        return 0
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
