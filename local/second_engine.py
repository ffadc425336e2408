"""dynoxide, a second engine of DynamoDB, as a process of our own: on loopback, in memory, and gone when it ends.

It answers 2 of 1,000 checks of the public DynamoDB Parity Suite otherwise than AWS, MiniStack 7 of 100. So
what depends on DynamoDB's own behaviour is tested with both. Streams are MiniStack's: of dynoxide's, one that
is switched on again, or is of a table made anew, begins with old records.
"""

import platform
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from botocore.config import Config

from continuous_backup.naming import Account
from local.emulator import ENVIRONMENT, ROOT, free_port, session_without_settings

BINARY = ENVIRONMENT / "dynoxide" / "node_modules" / "@dynoxide" / "linux-x64" / "dynoxide"
#: What it writes into every ARN, whatever the credentials and the region of a call.
ACCOUNT = Account("000000000000", "dynoxide")
_HOST = "127.0.0.1"
_LISTENING = b"listening on"
_TAKEN = (b"already in use", b"failed to bind")
_STARTS_WITHIN = 20.0
_POLL = 0.02
_ANSWERS_WITHIN = 2.0
_ATTEMPTS = 3
_CONNECTIONS = 32


class EngineError(Exception):
    """The engine did not start; the message ends in what it said, or in what to do."""


def why_not_here() -> str:
    """Why this machine has no dynoxide, or an empty text: it is published for Linux on x86-64 alone."""
    system, machine = sys.platform, platform.machine()
    if system == "linux" and machine in {"x86_64", "AMD64"}:
        return ""
    return f"dynoxide is published for Linux on x86-64, and this is {system} on {machine}"


class Dynoxide:
    """DynamoDB, empty at first, for as long as the `with` block lasts. Its log is `work`/dynoxide.log.

    Everybody may do everything, and sees the same tables whatever the account and the region of the call.
    """

    def __init__(self, work: Path, *, region: str = "eu-west-1", binary: Path = BINARY) -> None:
        self.region = region
        self.log = work.absolute() / "dynoxide.log"
        self._binary = binary
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[tuple[str, str], Any] = {}

    @property
    def endpoint_url(self) -> str:
        return f"http://{_HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """Its process. Raises EngineError where there is none."""
        if self._process is None:
            raise EngineError("dynoxide is not running")
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers. Raises EngineError where it is not there, ends, or does not answer in time."""
        if not self._binary.exists():
            raise EngineError(f"there is no {self._binary}. Try: make install-dev")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, _ATTEMPTS + 1):
            self._port = free_port()
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    [str(self._binary), "serve", "--host", _HOST, "--port", str(self._port)],
                    cwd=self.log.parent,
                    env={"HOME": str(self.log.parent)},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            try:
                self._wait_until_it_answers(self._process)
            except BaseException:
                # Somebody may have taken the port since it was free: then another one is tried.
                port_taken = any(each in self.log.read_bytes() for each in _TAKEN)
                self.stop()
                if not port_taken or attempt == _ATTEMPTS:
                    raise
            else:
                return

    def stop(self) -> None:
        """Returns when it has ended. Safe to call again."""
        process, self._process = self._process, None
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if process is None:
            return
        # At once: all it has is in memory, and asked to end it waits for whoever holds a connection.
        process.kill()
        process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """What makes the SDK of a program find DynamoDB here, whatever else its environment says of AWS."""
        return {
            "AWS_ENDPOINT_URL_DYNAMODB": self.endpoint_url,
            "AWS_ENDPOINT_URL_DYNAMODB_STREAMS": self.endpoint_url,
        }

    def client(self, service: str, region: str = "") -> Any:
        """boto3's client of "dynamodb" or "dynamodbstreams"; one of each is made, for all threads."""
        region = region or self.region
        if (service, region) not in self._clients:
            self._clients[service, region] = session_without_settings().client(
                service,
                region_name=region,
                endpoint_url=self.endpoint_url,
                aws_access_key_id=ROOT.access_key_id,
                aws_secret_access_key=ROOT.secret_access_key,
                config=Config(
                    max_pool_connections=_CONNECTIONS,
                    proxies={},
                    retries={"mode": "standard", "total_max_attempts": 5},
                ),
            )
        return self._clients[service, region]

    def _wait_until_it_answers(self, process: "subprocess.Popen[bytes]") -> None:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + _STARTS_WITHIN
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EngineError(f"dynoxide ended with status {process.returncode}:\n{self._said()}")
            # It says so when the port is its own: before, another program's answer could be taken for its.
            if _LISTENING in self.log.read_bytes():
                try:
                    with direct.open(self.endpoint_url, timeout=_ANSWERS_WITHIN):
                        return
                except (urllib.error.URLError, ConnectionError, TimeoutError):
                    pass
            time.sleep(_POLL)
        raise EngineError(
            f"dynoxide does not answer at {self.endpoint_url} after {_STARTS_WITHIN:.0f} s:\n{self._said()}"
        )

    def _said(self) -> str:
        return self.log.read_text(errors="replace").strip()
