"""The product on one machine: an emulator of AWS, what it lacks, real data, and a referee."""

import sys
from pathlib import Path

_SOURCE = str(Path(__file__).resolve().parents[1] / "src")

# Names and ARNs are the product's own. Behind what is there: benchmarks may measure another version of it.
if _SOURCE not in sys.path:
    sys.path.append(_SOURCE)
