"""A script at the root, started with one Python or another."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SCRIPT = """\
import script_environment  # noqa: F401
import sys
import continuous_backup
print(sys.prefix, sys.argv[1:])
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "a check out"
    (root / "src" / "continuous_backup").mkdir(parents=True)
    (root / "src" / "continuous_backup" / "__init__.py").touch()
    shutil.copy(CHECKOUT / "script_environment.py", root)
    (root / "script.py").write_text(SCRIPT)
    return root


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """A Python without any library installed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    return tmp_path / "bare" / "bin" / "python"


def run(python: str | Path, root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [str(python), str(root / "script.py"), *arguments]
    return subprocess.run(
        command, env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=False
    )


def test_script_with_a_python_that_has_the_libraries_runs_in_it(checkout):
    result = run(sys.executable, checkout, "a b")

    assert (result.returncode, result.stdout) == (0, f"{sys.prefix} ['a b']\n")


def test_script_with_a_bare_python_runs_in_the_checkouts_venv(checkout, bare_python):
    (checkout / ".venv").symlink_to(sys.prefix)

    result = run(bare_python, checkout, "--dry-run", "a b")

    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{checkout / '.venv'} ['--dry-run', 'a b']\n"


def test_script_with_a_bare_python_and_no_venv_says_what_to_do(checkout, bare_python):
    result = run(bare_python, checkout)

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == ("Error: Python 3.11 or newer with boto3, hjson, rich is needed\nTry: make install\n")


def test_script_in_a_venv_that_lacks_a_library_ends_and_does_not_start_itself_for_ever(checkout, bare_python):
    (checkout / ".venv").symlink_to(bare_python.parents[1])

    result = run(checkout / ".venv" / "bin" / "python", checkout)

    assert result.returncode == 2
    assert result.stderr.endswith("Try: make install\n")
