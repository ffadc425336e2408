"""All tests, in two runs side by side: those that compute fill the pauses of those that wait.

    python -m tests.run

Two runs, since each worker of a run collects all of its tests, and the many that compute take seconds to collect.
The second one is all that the first is not, so that no new folder is forgotten.
"""

import os
import subprocess
import sys
import tempfile

#: A worker that crashes ends its run, which names the test: another in its place can wait for ever.
PYTEST = (sys.executable, "-m", "pytest", "--dist", "loadfile", "--no-loadscope-reorder", "--max-worker-restart=0")
COMPUTING = ("tests/unit", "tests/properties")
WAITING = ("tests", *(f"--ignore={each}" for each in COMPUTING))
#: Where the environment keeps Python from writing bytecode, hundreds of processes would compile the same sources.
_ENVIRONMENT = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}
#: More than there are processors: they wait for an emulator, for the pace of Firehose, for an outage's end.
_WAIT_AT_ONCE = "8"


def main() -> int:
    """The exit status of whichever run failed; what the first says is shown when the second has ended."""
    with tempfile.TemporaryFile() as said:
        computing = subprocess.Popen(
            ["nice", "-n", "10", *PYTEST, "-n", "2", *COMPUTING],
            env=_ENVIRONMENT,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        waiting = subprocess.Popen([*PYTEST, "-n", _WAIT_AT_ONCE, *WAITING], env=_ENVIRONMENT)
        statuses = [_ended(waiting), _ended(computing)]
        said.seek(0)
        sys.stdout.write(said.read().decode(errors="replace"))
    return next(filter(None, statuses), 0)


def _ended(run: "subprocess.Popen[bytes]") -> int:
    """Its status. Ctrl-C reaches the runs themselves: they end what they have started, which is waited for."""
    while True:
        try:
            return run.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main())
