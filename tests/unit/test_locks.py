"""The locks are whole: what pyproject.toml asks for, all that this needs, with hashes, and nothing else."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from continuous_backup.operations.building import packages
from continuous_backup.operations.building.functions import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OPERATING = PROJECT["project"]["dependencies"]
GROUPS = PROJECT["dependency-groups"]
UPDATE = "update it with: make lock"


@dataclass(frozen=True)
class Lock:
    """A lock, what it is made of, and the Python of the environment that it is installed in."""

    file: str
    asked_for: tuple[str, ...]
    python: Path

    @property
    def text(self) -> str:
        return (ROOT / self.file).read_text(encoding="utf-8")

    @property
    def lines(self) -> list[tuple[Requirement, list[str]]]:
        """What is pinned, under which condition, with which hashes."""
        found = []
        for line in re.findall(r"^\w.*", self.text.replace("\\\n", " "), re.MULTILINE):
            pinned, *hashes = line.split("--hash=")
            found.append((Requirement(pinned.strip()), [each.strip() for each in hashes]))
        return found

    @property
    def pins(self) -> dict[str, str]:
        """The versions for this machine and its Python, by name."""
        here = [each for each, _ in self.lines if not each.marker or each.marker.evaluate()]
        assert len(here) == len({each.name for each in here})
        return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in here}


LOCKS = (
    Lock("requirements.txt", tuple(OPERATING), Path(sys.executable)),
    Lock("requirements-dev.txt", (*OPERATING, *GROUPS["dev"]), Path(sys.executable)),
    Lock("requirements-emulator.txt", tuple(GROUPS["emulator"]), ROOT / ".venv-emulator" / "bin" / "python"),
    Lock("requirements-readers.txt", tuple(GROUPS["readers"]), ROOT / ".venv-readers" / "bin" / "python"),
)
every_lock = pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.file)

_INSTALLED = """
import json
from importlib import metadata
there = {each.metadata["Name"]: [each.version, each.requires or []] for each in metadata.distributions()}
print(json.dumps(there))
"""


def installed(python: Path) -> dict[str, tuple[str, list[str]]]:
    """By name, the version and what it requires."""
    done = subprocess.run([str(python), "-P", "-c", _INSTALLED], capture_output=True, text=True, check=True)
    return {canonicalize_name(name): (its[0], its[1]) for name, its in json.loads(done.stdout).items()}


def needed(asked_for: Iterable[str], there: dict[str, tuple[str, list[str]]]) -> dict[str, list[Requirement]]:
    """All that these requirements need on this machine, with each requirement of it; what is missing too."""
    found: dict[str, list[Requirement]] = {}
    due = [(Requirement(each), frozenset[str]()) for each in asked_for]
    seen: set[tuple[str, frozenset[str]]] = set()
    while due:
        requirement, extras_of_whoever_asks = due.pop()
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in extras_of_whoever_asks or {""}):
            continue
        name = canonicalize_name(requirement.name)
        found.setdefault(name, []).append(requirement)
        extras = frozenset({"", *requirement.extras})
        if name in there and (name, extras) not in seen:
            seen.add((name, extras))
            due += [(Requirement(each), extras) for each in there[name][1]]
    return found


@every_lock
def test_lock_has_all_that_is_needed_at_versions_that_fit_and_nothing_that_is_not(lock: Lock):
    its = needed(lock.asked_for, installed(lock.python))

    assert its.keys() - lock.pins.keys() == set(), UPDATE
    for name, requirements in its.items():
        version = lock.pins[name]
        assert all(each.specifier.contains(version, prereleases=True) for each in requirements), (name, UPDATE)
    assert lock.pins.keys() - its.keys() == set(), UPDATE


@every_lock
def test_lock_has_hashes_for_everything_and_names_no_place_to_fetch_it_from(lock: Lock):
    assert lock.lines
    assert [str(pinned) for pinned, hashes in lock.lines if not hashes] == []
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for _, hashes in lock.lines for each in hashes)
    options = [line for line in lock.text.splitlines() if line.startswith(("-", "--"))]
    assert options == []
    assert not re.search(r"://| @ ", lock.text)
    assert "make lock" in lock.text.splitlines()[1]


@every_lock
def test_environment_has_the_locked_versions(lock: Lock):
    there = installed(lock.python)
    differing = {
        name: (there[name][0], version)
        for name, version in lock.pins.items()
        if name in there and Version(there[name][0]) != Version(version)
    }
    assert differing == {}, "update it with: make install-dev"


def test_locks_of_one_environment_agree():
    operating, developing, *_ = (lock.pins for lock in LOCKS)
    assert operating.items() <= developing.items()


def test_lock_of_what_is_in_the_zips_is_one_for_every_python_and_has_hashes_for_every_processor():
    """Those who build are on another machine than Lambda's, and often on another Python."""
    in_zips = {name for each in FUNCTIONS for name in packages.imports_of(each.package, ROOT / "src").libraries}
    assert {"hjson", "orjson", "isal", "pybase64"} == in_zips
    lines = {canonicalize_name(each.name): (each, hashes) for each, hashes in LOCKS[0].lines}
    for name in in_zips:
        pinned, hashes = lines[name]
        assert pinned.marker is None
        # A wheel that is compiled is there once for each Python, system and processor.
        compiled = any(each.suffix == ".so" for each in metadata.files(name) or [])
        assert len(hashes) > (20 if compiled else 1), UPDATE


def test_lock_of_the_second_engine_has_its_checksum_and_names_no_place_to_fetch_it_from():
    asked_for = json.loads((ROOT / "local/dynoxide/package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "local/dynoxide/package-lock.json").read_text(encoding="utf-8"))
    found = {name: its for name, its in lock["packages"].items() if name}
    assert lock["packages"][""]["optionalDependencies"] == asked_for["optionalDependencies"]
    assert {name.removeprefix("node_modules/"): its["version"] for name, its in found.items()} == (
        asked_for["optionalDependencies"]
    )
    assert all(its["integrity"].startswith("sha512-") and "resolved" not in its for its in found.values())


def imported_by(*folders: str) -> set[str]:
    """The top packages that the code imports, ours and Python's own left out."""
    tops = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            tops |= set(re.findall(r"^\s*(?:import|from) (\w+)", text, re.MULTILINE))
    return tops


def test_every_library_that_pyproject_asks_for_is_used():
    """By an import, or by a command that the Makefile runs."""
    modules = metadata.packages_distributions()
    imported = {
        canonicalize_name(each)
        for top in imported_by("src", "local", "tests", "benchmarks")
        for each in modules.get(top, [])
    }
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for asked_for in (*OPERATING, *GROUPS["dev"]):
        name = canonicalize_name(Requirement(asked_for).name)
        by_the_makefile = re.search(rf"\$\(BIN\)/(python -m )?{name}\b", makefile)
        assert name in imported or by_the_makefile or name == "pytest-xdist", asked_for
    assert "-n " in makefile  # pytest-xdist's
