"""A built zip run as Lambda runs it: alone in a process, warm between invocations, and killed when time is up."""

import json
import os
import select
import subprocess
import sys
import threading
import time
import uuid
import zipfile
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from continuous_backup.naming import FORWARDER_FUNCTION
from tests.faults.event_source_mapping import FunctionError

REGION = "eu-west-1"
ACCOUNT_ID = "123456789012"
#: What Lambda's own Python runtime has installed: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
_OF_THE_RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
_RUNTIME = Path(__file__).with_name("lambda_runtime.py")
_ENDS_WITHIN = 10.0
_CHUNK = 1 << 16


class FunctionRaised(FunctionError):
    """The handler raised; `kind` is the name of the exception's class."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class FunctionTimedOut(FunctionError):
    """The time-out came before the answer: the process was killed."""


class FunctionDied(FunctionError):
    """The process ended before the answer."""


class FunctionProcess:
    """One execution environment of a function, made at the first invocation and again after it was killed.

    `work` is where the zip is unpacked and where the log is, `log`. Nothing of the user's AWS settings is
    passed on. With `skips_pauses`, the function's pauses take no time but count against its time-out.
    """

    def __init__(
        self,
        a_zip: Path,
        work: Path,
        endpoint_url: str,
        *,
        function: str = FORWARDER_FUNCTION,
        timeout: float = 120.0,
        skips_pauses: bool = False,
    ) -> None:
        self.timeout = timeout
        self.endpoint_url = endpoint_url
        self.access_key_id = "AKIAFAULTTESTS000001"
        self.environment: dict[str, str] = {}
        self.log = work / "function.log"
        self.cold_starts = 0
        self._function = function
        self._arn = f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function}"
        self._skips_pauses = skips_pauses
        self._task_root = work / "task"
        self._libraries = work / "runtime"
        self._process: subprocess.Popen[bytes] | None = None
        self._began_with: dict[str, str] = {}
        self._lock = threading.Lock()
        work.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(a_zip) as archive:
            archive.extractall(self._task_root)
        self._handler = json.loads((self._task_root / "build.json").read_text())["handler"]
        self._libraries.mkdir()
        for library in _OF_THE_RUNTIME:
            spec = find_spec(library)
            assert spec
            assert spec.origin
            origin = Path(spec.origin)
            installed = origin.parent if origin.name == "__init__.py" else origin
            (self._libraries / installed.name).symlink_to(installed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def invoke(self, event: dict[str, Any]) -> Any:
        """The handler's answer. Raises FunctionError where it raises, runs out of time, or dies."""
        process = self._warm_or_cold()
        invocation = {"event": event, "arn": self._arn, "id": str(uuid.uuid4()), "seconds": self.timeout}
        deadline = time.monotonic() + self.timeout
        try:
            _write_line(process, json.dumps(invocation).encode())
            line = _read_line(process, deadline)
        except BrokenPipeError:
            line = b""
        if line is None:
            self.kill()
            raise FunctionTimedOut(f"Task timed out after {self.timeout:.2f} seconds")
        if not line:
            self.kill()
            raise FunctionDied(f"Runtime exited without providing a reason: {self.log_tail()}")
        outcome = json.loads(line)
        if "errorType" in outcome:
            raise FunctionRaised(outcome["errorType"], outcome["errorMessage"])
        return outcome["answer"]

    @property
    def is_as_begun(self) -> bool:
        """Whether its first execution environment is there still, and another one would not differ from it."""
        alive = self._process is not None and self._process.poll() is None
        return alive and self.cold_starts == 1 and self._environment() == self._began_with

    def begin_anew(self, timeout: float) -> None:
        """The same execution environment, and an empty log."""
        self.timeout = timeout
        if self.log.exists():
            os.truncate(self.log, 0)

    def kill(self) -> None:
        """Ends the execution environment at once, also from another thread, in the middle of an invocation."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.wait(_ENDS_WITHIN)

    def close(self) -> None:
        """As kill, where no invocation is running any more."""
        self.kill()
        if self._process is not None:
            _close_pipes(self._process)
            self._process = None

    def log_lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []

    def log_tail(self) -> str:
        return "\n".join(self.log_lines()[-20:])

    def _warm_or_cold(self) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._process is not None and self._process.poll() is not None:
                _close_pipes(self._process)
                self._process = None
            if self._process is None:
                self._process = self._start()
            return self._process

    def _start(self) -> "subprocess.Popen[bytes]":
        self.cold_starts += 1
        self._began_with = self._environment()
        options = ["--skip-pauses"] if self._skips_pauses else []
        # -S: without the site-packages of this Python; -P: without the folder of the script.
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-S", "-P", str(_RUNTIME), *options],
                cwd=self._task_root,
                env=self._began_with,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )

    def _environment(self) -> dict[str, str]:
        """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        ours = {
            "PYTHONPATH": f"{self._task_root}:{self._libraries}",
            "LAMBDA_TASK_ROOT": str(self._task_root),
            "_HANDLER": self._handler,
            "AWS_LAMBDA_FUNCTION_NAME": self._function,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-fault-tests",
            "AWS_SESSION_TOKEN": f"token-of-{self.access_key_id}",
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        return kept | ours | self.environment


def _write_line(process: "subprocess.Popen[bytes]", line: bytes) -> None:
    assert process.stdin
    left = memoryview(line + b"\n")
    while left:
        left = left[os.write(process.stdin.fileno(), left) :]


def _close_pipes(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _read_line(process: "subprocess.Popen[bytes]", deadline: float) -> bytes | None:
    """The next line of its output; b"" where it ended instead, None where the deadline came first."""
    assert process.stdout
    parts: list[bytes] = []
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([process.stdout], [], [], left)
        if not ready:
            break
        part = os.read(process.stdout.fileno(), _CHUNK)
        if not part:
            return b""
        parts.append(part)
        if part.endswith(b"\n"):
            return b"".join(parts)
    return None
