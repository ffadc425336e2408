"""What the forwarder costs in time, memory and money, against the straightforward design."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: The code that is measured: of this checkout, or of another version of it.
SOURCE = Path(os.environ.get("BENCHMARK_SOURCE") or ROOT / "src")

if str(SOURCE) not in sys.path:
    sys.path.insert(0, str(SOURCE))
