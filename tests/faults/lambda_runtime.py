"""What Lambda's runtime does for a function, in a process of its own; run by function_process.py.

Standard library only: what is on the path beside it is the function's zip and boto3. Reads one invocation a
line from standard input and writes one outcome a line to what was standard output; whatever the function
prints goes to standard error.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
"""

import importlib
import json
import os
import sys
import time
import traceback
from typing import Any


class _Clock:
    """Seconds since this process began. With `skips_pauses`, a pause takes no time, but counts as if it did."""

    def __init__(self, skips_pauses: bool) -> None:
        self._skipped = 0.0
        if skips_pauses:
            time.sleep = self._skip  # before the function is imported, which may keep a reference

    def _skip(self, seconds: float) -> None:
        self._skipped += seconds

    def now(self) -> float:
        return time.monotonic() + self._skipped


class _Context:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, function_arn: str, request_id: str, clock: _Clock, seconds: float) -> None:
        self.invoked_function_arn = function_arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.aws_request_id = request_id
        self._clock = clock
        self._deadline = clock.now() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - self._clock.now()) * 1000))


def _outcome(handler: Any, invocation: dict[str, Any], clock: _Clock) -> dict[str, Any]:
    context = _Context(invocation["arn"], invocation["id"], clock, invocation["seconds"])
    try:
        answer = handler(invocation["event"], context)
        # What cannot be marshalled to JSON is an error of the function.
        return {"answer": json.loads(json.dumps(answer))}
    except Exception as err:  # noqa: BLE001  # whatever it is, it is the function's, and is reported
        traceback.print_exc()
        return {"errorType": type(err).__name__, "errorMessage": str(err)}


def main() -> None:
    outcomes = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    clock = _Clock(skips_pauses="--skip-pauses" in sys.argv)
    module, name = os.environ["_HANDLER"].rsplit(".", 1)
    handler = getattr(importlib.import_module(module), name)
    for line in sys.stdin:
        outcome = _outcome(handler, json.loads(line), clock)
        outcomes.write(json.dumps(outcome) + "\n")
        outcomes.flush()


if __name__ == "__main__":
    main()
