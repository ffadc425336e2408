"""What a package of ours imports, read from its source: our own modules, and third-party libraries."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from continuous_backup.errors import BackupError

OURS = "continuous_backup"
#: Lambda's runtime brings these: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
FROM_THE_RUNTIME = frozenset({"boto3", "botocore"})


@dataclass(frozen=True)
class Imports:
    """Modules are paths below `src`, in order; libraries are names as the code imports them, in order."""

    modules: tuple[Path, ...]
    libraries: tuple[str, ...]


@dataclass(frozen=True)
class Pin:
    """A release of a library, and the SHA-256 of each of its files, for any machine, that may be taken."""

    name: str
    version: str
    sha256: frozenset[str]

    def __str__(self) -> str:
        return f"{self.name}=={self.version}"


def imports_of(package: str, src: Path) -> Imports:
    """Everything that running any module of a package needs, found by following imports.

    The package's own modules are all taken. Of other packages of ours, those modules that are imported,
    wherever in a file the import stands; imports for type checkers alone do not count. What is imported
    by a name made at run time is not seen.
    """
    folder = src.joinpath(*package.split("."))
    due = sorted(folder.rglob("*.py"))
    if not due:
        raise BackupError(f"there is no package {package} in {src}", "check that the checkout is complete")
    modules: set[Path] = set()
    libraries: set[str] = set()
    while due:
        module = due.pop()
        if module in modules:
            continue
        modules.add(module)
        due += [each for each in _packages_above(module, src) if each not in modules]
        for name in _names_imported(module, src):
            if name.split(".")[0] == OURS:
                due += _files_of(name, src)
            elif name.split(".")[0] not in sys.stdlib_module_names:
                libraries.add(name.split(".")[0])
    return Imports(
        tuple(sorted(module.relative_to(src) for module in modules)),
        tuple(sorted(libraries - FROM_THE_RUNTIME)),
    )


def pins(lock: Path) -> dict[str, Pin]:
    """What a lock, as `make lock` writes it, pins with ==, by the libraries' normalised names."""
    logical = lock.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    found = ((re.match(r"([A-Za-z0-9._-]+)==([^\s;#]+)", line), line) for line in logical)
    return {
        normalised(pin[1]): Pin(pin[1], pin[2], frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line)))
        for pin, line in found
        if pin
    }


def normalised(name: str) -> str:
    """A library's name as a wheel's file name spells it."""
    return re.sub(r"[-_.]+", "_", name).lower()


def _packages_above(module: Path, src: Path) -> list[Path]:
    """The `__init__.py` of every package that a module is in: importing the module runs them."""
    folders = [folder for folder in module.parents if folder.is_relative_to(src) and folder != src]
    return [init for folder in folders if (init := folder / "__init__.py").is_file()]


def _files_of(name: str, src: Path) -> list[Path]:
    """The file of one of our modules or packages; none where the name is something inside a module."""
    path = src.joinpath(*name.split("."))
    candidates = (path.with_name(path.name + ".py"), path / "__init__.py")
    return [candidate for candidate in candidates if candidate.is_file()]


def _names_imported(module: Path, src: Path) -> Iterator[str]:
    """Full names, `package.module` and `package.module.thing` alike: only files tell them apart."""
    tree = ast.parse(module.read_bytes(), str(module))
    for node in nodes_that_run(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, module.relative_to(src))
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def nodes_that_run(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree but those under `if TYPE_CHECKING:`, which no import but a type checker's reaches."""
    yield node
    skipped: list[ast.stmt] = []
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        skipped = node.body
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from nodes_that_run(child)


def _origin(node: ast.ImportFrom, module: Path) -> str:
    """The full name of the module after `from`, relative ones included."""
    above = module.parts[: len(module.parts) - node.level] if node.level else ()
    return ".".join([*above, *([node.module] if node.module else [])])
