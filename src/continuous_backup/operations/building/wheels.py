"""Third-party libraries for a Lambda function: wheels of pinned versions, and the files in them."""

import hashlib
import platform
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from continuous_backup.errors import BackupError
from continuous_backup.operations.building.packages import Pin, normalised

_MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
#: From Python 3.12 on, Lambda runs on Amazon Linux 2023 with glibc 2.34; before, on glibc 2.26:
#: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_FIRST_MINOR_ON_AMAZON_LINUX_2023 = 12
#: What pip leaves in a wheel's folder of metadata for other installers; licences and METADATA stay.
_NOISE = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "entry_points.txt", "top_level.txt"}
)


@dataclass(frozen=True)
class Target:
    """Where the zip is to run: Lambda's name of the architecture, and Python's version such as 3.13."""

    architecture: str
    python: str
    this_machine: bool = False

    @property
    def name(self) -> str:
        return f"{'this-machine' if self.this_machine else 'lambda'}-{self.architecture}-python{self.python}"

    def pip_options(self) -> list[str]:
        """What makes pip choose wheels for the target; without any, it chooses them for itself."""
        if self.this_machine:
            return []
        modern = int(self.python.split(".")[1]) >= _FIRST_MINOR_ON_AMAZON_LINUX_2023
        levels = (["manylinux_2_28"] if modern else []) + ["manylinux_2_17", "manylinux2014"]
        platforms = [f"--platform={level}_{_MACHINES[self.architecture]}" for level in levels]
        return [*platforms, f"--python-version={self.python}", "--implementation=cp"]


def this_machine() -> Target:
    """The machine and the Python that run this: what a local emulator of Lambda uses."""
    architecture = "arm64" if platform.machine() in ("arm64", "aarch64") else platform.machine()
    return Target(architecture, f"{sys.version_info.major}.{sys.version_info.minor}", this_machine=True)


def wheel(pin: Pin, target: Target, cache: Path) -> Path:
    """The wheel of a library for a target; pip is asked only where the cache does not have it.

    Only wheels are taken, never sources: nothing is compiled and no code of a library is run. And only those
    whose SHA-256 the lock has, from the cache as from anywhere else. Raises BackupError where there is none.
    """
    folder = cache / target.name
    for found in sorted(folder.glob(f"{normalised(pin.name)}-{pin.version}-*.whl")):
        if hashlib.sha256(found.read_bytes()).hexdigest() in pin.sha256:
            return found
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as download:
        _download(pin, target, Path(download))
        (downloaded,) = Path(download).glob("*.whl")
        # pip keeps the file name's case as it was published.
        name, rest = downloaded.name.split("-", 1)
        return downloaded.replace(folder / f"{normalised(name)}-{rest}")


def files_in(a_wheel: Path) -> dict[str, bytes]:
    """What of a wheel belongs into the zip, by path: code and licences, no notes for installers, no tests."""
    with zipfile.ZipFile(a_wheel) as archive:
        return {
            each.filename: archive.read(each)
            for each in archive.infolist()
            if not each.is_dir() and not _is_noise(each.filename)
        }


def _is_noise(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    if folder.endswith(".dist-info"):
        return name in _NOISE
    return "tests" in folder.split("/") or name.endswith((".pyc", ".pyi"))


def _download(pin: Pin, target: Target, folder: Path) -> None:
    lock = folder / "lock.txt"
    lock.write_text(" ".join([str(pin), *(f"--hash=sha256:{each}" for each in sorted(pin.sha256))]) + "\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--no-deps", "--require-hashes", *target.pip_options()]
    command += [f"--dest={folder}", f"--requirement={lock}"]
    pip = subprocess.run(command, capture_output=True, text=True, check=False)
    if pip.returncode:
        reason = _reason(pip)
        hint = "check the network and pip's configuration; once built, wheels come from .local/wheels"
        if "HASHES" in reason:
            hint = "do not use that file: the index has another one than was locked, and somebody should know why"
        raise BackupError(f"no wheel of {pin} for Python {target.python} on {target.architecture}: {reason}", hint)


def _reason(pip: "subprocess.CompletedProcess[str]") -> str:
    """The last of pip's errors, which can go on for lines."""
    said = pip.stderr.strip().splitlines() or [f"pip ended with status {pip.returncode}"]
    errors = [line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: ")]
    return (errors or said)[-1]
