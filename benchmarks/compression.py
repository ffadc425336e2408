"""Which compressor, at which level, on how much at once, is cheapest for the forwarder: argued by the bill.

Every way is one that ships wheels for Lambda's platforms (Python 3.13, x86_64 and arm64) or is Python's own.
Of each, the ratio and the CPU-seconds for a GB of lines are measured, and priced together: Firehose's bytes,
Lambda's time, and S3's storage.

    .venv/bin/python -m benchmarks --only compression

zlib-ng is measured where it is installed (pip install zlib-ng==1.1.0).
"""

import gzip
import importlib
import json
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from isal import isal_zlib

from benchmarks import corpus
from benchmarks.billing import GIB, PRICES, billed_bytes, storage_dollars
from benchmarks.measured import MB_OF_A_VCPU
from benchmarks.report import Section, Table
from benchmarks.straightforward import line

MEMBER_BYTES = (64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024)
_ONE_SIZE = (1024 * 1024,)
_GZIP = 31  # zlib's wbits for a gzip header and trailer
_MEMORY_LEVEL = 8
#: The best of so many: what disturbs only ever makes it slower.
_TRIES = 2
_MONTHS = 12

Compress = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Compressed:
    """One way on one corpus. Dollars are for a GiB of lines; storage is for keeping it 12 months."""

    corpus: str
    way: str
    member_bytes: int
    ratio: float
    cpu_seconds_a_gib: float
    firehose: float
    lambda_time: float
    storage_12_months: float

    @property
    def month(self) -> float:
        """Everything, kept for a month."""
        return self.firehose + self.lambda_time + self.storage_12_months / _MONTHS

    @property
    def year(self) -> float:
        return self.firehose + self.lambda_time + self.storage_12_months


def ways() -> dict[str, Compress]:
    found: dict[str, Compress] = {}
    for level in (1, 4, 6, 9):
        found[f"zlib {level}"] = _of_zlib(zlib, level)
    for level in range(4):
        found[f"isal {level}"] = _of_isal(level)
    try:
        zlib_ng = importlib.import_module("zlib_ng.zlib_ng")
    except ImportError:
        return found
    for level in (1, 2, 3, 4, 6, 9):
        found[f"zlib-ng {level}"] = _of_zlib(zlib_ng, level)
    return found


def _of_zlib(module: object, level: int) -> Compress:
    def compress(text: bytes) -> bytes:
        compressor = module.compressobj(level, zlib.DEFLATED, _GZIP, _MEMORY_LEVEL)  # type: ignore[attr-defined]
        return bytes(compressor.compress(text) + compressor.flush())

    return compress


def _of_isal(level: int) -> Compress:
    def compress(text: bytes) -> bytes:
        compressor = isal_zlib.compressobj(level, isal_zlib.DEFLATED, _GZIP)
        return bytes(compressor.compress(text) + compressor.flush())

    return compress


def corpora() -> dict[str, list[bytes]]:
    """Lines, about 4 MiB of each."""
    found = {"1 KB change": [line(record) for record in corpus.changes_of_1_kb(4_000)]}
    for item_bytes, count in zip(corpus.ITEM_BYTES, (4_600, 1_100, 130), strict=True):
        name = f"{item_bytes:,} B item, MODIFY"
        found[name] = [line(record) for record in corpus.changes(count, item_bytes, "MODIFY")]
    return found


def measure() -> list[Compressed]:
    """All sizes of members for changes of 1 KB, and one size for the other corpora."""
    found = []
    for position, (name, lines) in enumerate(corpora().items()):
        for size in MEMBER_BYTES if position == 0 else _ONE_SIZE:
            members = _members(lines, size)
            for way, compress in ways().items():
                found.append(_measured(name, way, size, members, compress))
    return found


def _members(lines: Sequence[bytes], size: int) -> list[bytes]:
    """Whole lines, joined to members of about that size before compression."""
    members, taken, length = [], [], 0
    for each in lines:
        if taken and length + len(each) > size:
            members.append(b"".join(taken))
            taken, length = [], 0
        taken.append(each)
        length += len(each)
    # What is left is a smaller member, which would be compared with whole ones.
    return members or [b"".join(taken)]


def _measured(name: str, way: str, size: int, members: Sequence[bytes], compress: Compress) -> Compressed:
    packed = [compress(member) for member in members]
    if b"".join(map(gzip.decompress, packed)) != b"".join(members):
        raise RuntimeError(f"{way} does not give back what it was given")
    plain, billed = sum(map(len, members)), sum(billed_bytes(len(each)) for each in packed)
    seconds = min(_cpu_seconds(compress, members) for _ in range(_TRIES)) / plain * GIB
    ratio = plain / sum(map(len, packed))
    return Compressed(
        name,
        way,
        size,
        ratio,
        seconds,
        firehose=billed / plain * PRICES.firehose_gib,
        lambda_time=seconds * MB_OF_A_VCPU / 1024 * PRICES.lambda_gb_second,
        storage_12_months=storage_dollars(GIB / ratio, _MONTHS),
    )


def _cpu_seconds(compress: Compress, members: Sequence[bytes]) -> float:
    before = time.process_time()
    for member in members:
        compress(member)
    return time.process_time() - before


def section() -> Section:
    found = measure()
    tables = []
    for name, size in dict.fromkeys((each.corpus, each.member_bytes) for each in found):
        chosen = [each for each in found if (each.corpus, each.member_bytes) == (name, size)]
        tables.append(_table(f"{name}, members of {size // 1024:,} KB of lines: a GiB of lines", chosen))
    return Section("compression", tables, data=[asdict(each) for each in found])


def _table(title: str, found: Sequence[Compressed]) -> Table:
    rows = [
        [
            each.way,
            f"{each.ratio:.2f}",
            f"{each.cpu_seconds_a_gib:.1f}",
            f"{each.firehose:.4f}",
            f"{each.lambda_time:.5f}",
            f"{each.month:.4f}",
            f"{each.year:.4f}",
        ]
        for each in found
    ]
    columns = ("way", "ratio", "CPU-s", "Firehose $", "Lambda $", "all, kept a month $", "all, kept a year $")
    return Table(title, columns, rows)


if __name__ == "__main__":
    print(json.dumps(section().data, indent=2))
