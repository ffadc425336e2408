"""The soak, short: `make soak MINUTES=60` is the same for as long as one likes."""

import random
from pathlib import Path

import pytest

from tests.faults.built_zip import COMPRESSIONS
from tests.faults.soak import CHANGES_A_SECOND, Soak

pytestmark = pytest.mark.emulator

_SECONDS = 60.0
#: As many comparisons as in two minutes of the long one.
_COMPARE_EVERY_SECONDS = 15.0


def test_soak_under_random_faults_expects_the_fold_of_the_log_to_equal_the_table_again_and_again(
    tmp_path: Path,
):
    seed = random.randrange(10**6)
    compression = COMPRESSIONS[seed % 2]
    print(f"python -m tests.faults.soak --minutes 1 --seed {seed} --compression {compression}")
    with Soak(tmp_path, seed, compression) as soak:
        soak.run(_SECONDS, _COMPARE_EVERY_SECONDS)
        print(soak)
    assert soak.compared >= _SECONDS / _COMPARE_EVERY_SECONDS
    # On a busy machine there are fewer, and never hardly any.
    assert soak.changes > CHANGES_A_SECOND * _SECONDS / 4
