"""MiniStack, an emulator of AWS, as a process of our own: on loopback, and gone with everything it started."""

import os
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import botocore.session
import trustme
from botocore.config import Config

#: MiniStack's own environment, which `make` sets up: it pins a release of botocore, and we do not.
ENVIRONMENT = Path(__file__).resolve().parents[1] / ".venv-emulator"
_PYTHON = ENVIRONMENT / "bin" / "python"
_HOST = "127.0.0.1"
_STARTS_WITHIN = 60.0
_ENDS_WITHIN = 10.0
_POLL = 0.1
_ANSWERS_WITHIN = 2.0
_ATTEMPTS = 3
_LINES_OF_LOG_SHOWN = 30
_CONNECTIONS = 32
_READ_TIMEOUT = 60
#: An invocation is answered when the function is done, which Lambda allows 900 seconds.
_READ_TIMEOUT_OF_LAMBDA = 960


class EmulatorError(Exception):
    """The emulator did not start; the message ends in what its log says."""


@dataclass(frozen=True)
class Credentials:
    """What AWS's SDKs sign with; `session_token` is empty for a user's own key."""

    access_key_id: str
    secret_access_key: str
    session_token: str = ""


#: The emulator takes the key that it was started with as the account's root, which may do everything.
ROOT = Credentials("emulator-root", "emulator-root-secret")


def root_of(account_id: str) -> Credentials:
    """The root of another account: the emulator takes an access key of twelve digits as that account's."""
    return Credentials(account_id, ROOT.secret_access_key)


class Emulator:
    """An account in one region, empty at first, for as long as the `with` block lasts.

    Everything that it writes is below `work`, its log in `emulator.log`. Requests are authenticated and,
    but for root's, authorized by IAM. CloudTrail records API calls (see api_events.py). Lambda functions
    run as processes of the emulator's Python, with its boto3, as they have a boto3 of Lambda's runtime.
    Nothing of the user's AWS settings is used or passed on.
    """

    def __init__(self, work: Path, *, region: str = "eu-west-1", account_id: str = "123456789012") -> None:
        self.region = region
        self.account_id = account_id
        self.log = work.absolute() / "emulator.log"
        self._work = work.absolute()
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._clients: dict[tuple[str, Credentials, str], Any] = {}

    @property
    def endpoint_url(self) -> str:
        return f"https://{_HOST}:{self._port}"

    @property
    def ca_bundle(self) -> Path:
        """The certificate authority of the emulator's own certificate, made anew each time it starts."""
        return self._work / "ca.pem"

    @property
    def pid(self) -> int:
        """Its process, and its process group: Lambda functions run in the same group."""
        if self._process is None:
            raise EmulatorError("the emulator is not running")
        return self._process.pid

    def start(self) -> None:
        """Returns when it answers. Raises EmulatorError when it ends, or does not answer in a minute."""
        if not _PYTHON.exists():
            raise EmulatorError(f"there is no {ENVIRONMENT}, which the emulator runs in. Try: make install-dev")
        self._work.mkdir(parents=True, exist_ok=True)
        self._make_certificates()
        for attempt in range(1, _ATTEMPTS + 1):
            self._port = free_port()
            with self.log.open("ab") as log:
                # -P: a module in the work folder is not the emulator's.
                self._process = subprocess.Popen(
                    [str(_PYTHON), "-P", "-m", "hypercorn", "ministack.app:app", *self._listening()],
                    cwd=self._work,
                    env=self._own_environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            try:
                self._wait_until_it_answers(self._process)
            except BaseException:
                # Somebody may have taken the port since it was free: then another one is tried.
                port_taken = b"already in use" in self.log.read_bytes()
                self.stop()
                if not port_taken or attempt == _ATTEMPTS:
                    raise
            else:
                return

    def stop(self) -> None:
        """Returns when it and the Lambda functions that it runs have ended. Safe to call again."""
        process, self._process = self._process, None
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if process is None:
            return
        # All of its group: functions hold connections to it, whose end it would wait for.
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(_ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            _signal_group(process.pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def environment(self, credentials: Credentials = ROOT) -> dict[str, str]:
        """Environment variables for a program that is to work in this account: as root, or as another."""
        settings = {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_CA_BUNDLE": str(self.ca_bundle),
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": _HOST,
            "no_proxy": _HOST,
        }
        if credentials.session_token:
            settings["AWS_SESSION_TOKEN"] = credentials.session_token
        return {key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | settings

    def client(self, service: str, credentials: Credentials = ROOT, region: str = "") -> Any:
        """boto3's client of a service, here or in another region; one of each is made, for all threads."""
        region = region or self.region
        if (service, credentials, region) not in self._clients:
            self._clients[service, credentials, region] = session_without_settings().client(
                service,
                region_name=region,
                endpoint_url=self.endpoint_url,
                verify=str(self.ca_bundle),
                aws_access_key_id=credentials.access_key_id,
                aws_secret_access_key=credentials.secret_access_key,
                aws_session_token=credentials.session_token or None,
                config=Config(
                    max_pool_connections=_CONNECTIONS,
                    proxies={},
                    read_timeout=_READ_TIMEOUT_OF_LAMBDA if service == "lambda" else _READ_TIMEOUT,
                    retries={"mode": "standard", "total_max_attempts": 5},
                ),
            )
        return self._clients[service, credentials, region]

    def _listening(self) -> list[str]:
        """Hypercorn's arguments: one process, and not port 443 too, which `ministack` takes with TLS."""
        return [
            *("--bind", f"{_HOST}:{self._port}", "--keep-alive", "75", "--workers", "0"),
            *("--certfile", str(self._work / "server.pem"), "--keyfile", str(self._work / "server.key")),
        ]

    def _make_certificates(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert(_HOST)
        authority.cert_pem.write_to_path(str(self.ca_bundle))
        certificate.private_key_pem.write_to_path(str(self._work / "server.key"))
        for number, part in enumerate(certificate.cert_chain_pems):
            part.write_to_path(str(self._work / "server.pem"), append=number > 0)

    def _own_environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        work = str(self._work)
        return kept | {
            "HOME": work,
            "TMPDIR": work,
            "S3_DATA_DIR": f"{work}/s3",
            "STATE_DIR": f"{work}/state",
            "BIND_HOST": _HOST,
            "GATEWAY_PORT": str(self._port),
            # TLS, since a bucket that deploy.py makes refuses everything else. Lambda functions get the
            # certificate authority from the emulator's environment.
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(self._work / "server.pem"),
            "MINISTACK_SSL_KEY": str(self._work / "server.key"),
            "AWS_CA_BUNDLE": str(self.ca_bundle),
            # These two listen on ports of their own, SFTP on all interfaces.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "AUTH": "true",
            "CLOUDTRAIL_RECORDING": "1",
            "LAMBDA_EXECUTOR": "local",
            "MINISTACK_ACCOUNT_ID": self.account_id,
            "MINISTACK_REGION": self.region,
            "AWS_ACCESS_KEY_ID": ROOT.access_key_id,
            "AWS_SECRET_ACCESS_KEY": ROOT.secret_access_key,
        }

    def _wait_until_it_answers(self, process: "subprocess.Popen[bytes]") -> None:
        trusting = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(self.ca_bundle)))
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusting)
        deadline = time.monotonic() + _STARTS_WITHIN
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise EmulatorError(f"the emulator ended with status {process.returncode}:\n{self._log_tail()}")
            try:
                with direct.open(f"{self.endpoint_url}/_ministack/health", timeout=_ANSWERS_WITHIN):
                    return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(_POLL)
        waited = f"the emulator does not answer at {self.endpoint_url} after {_STARTS_WITHIN:.0f} s"
        raise EmulatorError(f"{waited}:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LINES_OF_LOG_SHOWN:])


def session_without_settings() -> boto3.Session:
    """A session that reads no profile and no file of the user's."""
    nothing = (None, None, None, None)
    no_file = (None, None, os.devnull, None)
    settings = {"profile": nothing, "config_file": no_file, "credentials_file": no_file}
    return boto3.Session(botocore_session=botocore.session.Session(session_vars=settings))


def free_port() -> int:
    """One that was free just now; whoever listens there has to be ready for another who was quicker."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        # Nobody is left of it; macOS says so with the second.
        return
