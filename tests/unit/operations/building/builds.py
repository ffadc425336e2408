"""What building is tested with."""

import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[4]
VERSION = "1.0.0"
ENSURE = f"EnsureDynamoBackup-{VERSION}.zip"
FORWARDER = f"LambdaStreamToFirehose-{VERSION}.zip"
IMAGES = f"LambdaStreamToItemImages-{VERSION}.zip"


def run_build(
    root: Path, *arguments: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    command = [str(root / "build.sh"), *arguments]
    return subprocess.run(
        command, cwd=cwd or root, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


def built(root: Path, *arguments: str, cwd: Path | None = None) -> Path:
    """The dist folder of a build that went well."""
    result = run_build(root, *arguments, cwd=cwd)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return root / "dist"


def names_in(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def read(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def ours_in(path: Path) -> set[str]:
    """Modules of ours in a zip, below continuous_backup."""
    prefix = "continuous_backup/"
    return {name.removeprefix(prefix) for name in names_in(path) if name.startswith(prefix)}
