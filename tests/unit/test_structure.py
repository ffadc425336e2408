"""The arrows between the rooms of `src` point down only, and nobody but the wrappers knows the SDK.

The rooms are the packages below `continuous_backup`, those below `operations`, and the single modules of
either. Imports are read from the source, wherever in a file they stand, those for type checkers too.
"""

import ast
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "continuous_backup"
SRC = ROOT / "src" / PACKAGE

#: From the bottom to the top: a room imports from floors below its own, and nothing beside it but what BESIDE
#: names. A new room is put here before it is built.
FLOORS = (
    {"__init__", "naming", "errors", "logs", "summary", "strangers"},
    {"aws", "aws_s3", "patience", "configuration"},
    {"reading_streams", "snapshots"},
    {"ensure_backup", "streams_to_firehose", "item_images", "table_baseline", "log_proof", "change_log"},
    {"operations", "operations.commands", "operations.wording", "operations.notes"},
    {"operations.cli"},
    {"operations.building", "operations.writing_items"},
    {"operations.tables", "operations.images", "operations.recovery", "operations.status"},
    {"operations.deployment"},
)
#: The ground has an order of its own: what waits for AWS asks what AWS said. And a log is proved by reading it.
BESIDE = {("aws", "aws_s3"), ("patience", "aws"), ("strangers", "errors"), ("log_proof", "change_log")}
#: Rooms whose users are named: nobody else imports from them, though their floors would let others.
_OF_OPERATORS = {room for rooms in FLOORS for room in rooms if room.startswith("operations")}
USERS = {
    "snapshots": {"ensure_backup", "table_baseline", "log_proof", "change_log", *_OF_OPERATORS},
    "operations.writing_items": {"operations.images", "operations.recovery", "operations.status"},
    "operations.images": set[str](),
}
#: Who may import the SDK: everything else gets clients from `aws`.
WRAPPERS = {"aws", "aws_s3"}
SDK = {"boto3", "botocore", "s3transfer"}

Arrow = tuple[str, str]


def room(module: str) -> str:
    """`operations.tables` of `operations.tables.script`; `naming` of `naming`."""
    parts = module.split(".")
    deep = parts[0] == "operations" and len(parts) > 1
    return ".".join(parts[:2]) if deep else parts[0]


def modules(src: Path) -> dict[str, Path]:
    """By name below the package, without `.__init__`."""
    found = {
        path.relative_to(src).with_suffix("").as_posix().replace("/", "."): path for path in src.rglob("*.py")
    }
    return {name.removesuffix(".__init__"): path for name, path in found.items()}


def imported(path: Path) -> Iterator[str]:
    """Full names, of modules and of what is in them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports are not read here"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def arrows(src: Path) -> dict[str, set[str]]:
    """For each of our modules, those of ours that it imports."""
    known = modules(src)
    return {
        name: {
            below
            for full in imported(path)
            if full.startswith(f"{PACKAGE}.") and (below := full.removeprefix(f"{PACKAGE}.")) in known
        }
        - {name}
        for name, path in known.items()
    }


def between_rooms(of_modules: dict[str, set[str]]) -> dict[str, set[str]]:
    made: dict[str, set[str]] = {}
    for module, others in of_modules.items():
        made.setdefault(room(module), set()).update(room(each) for each in others)
    return {each: others - {each} for each, others in made.items()}


def floor(of: str) -> int:
    for number, rooms in enumerate(FLOORS):
        if of in rooms:
            return number
    raise AssertionError(f"{of} is on no floor: put it into FLOORS")


def wrong_arrows(rooms: dict[str, set[str]]) -> list[Arrow]:
    """Those that point up or across."""
    every = [(one, other) for one, others in sorted(rooms.items()) for other in sorted(others)]
    up_or_across = {arrow for arrow in every if floor(arrow[0]) <= floor(arrow[1])} - BESIDE
    uninvited = {arrow for arrow in every if arrow[1] in USERS and arrow[0] not in USERS[arrow[1]]}
    return sorted(up_or_across | uninvited)


def circle(graph: dict[str, set[str]]) -> list[str]:
    """One, from a name back to it; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as err:
        return [str(each) for each in err.args[1]]
    return []


def written(src: Path, sources: dict[str, str]) -> Path:
    for name, text in sources.items():
        path = src / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return src


def test_rooms_when_they_import_each_other_do_so_downwards():
    assert wrong_arrows(between_rooms(arrows(SRC))) == []


def test_rooms_have_no_circle():
    assert circle(between_rooms(arrows(SRC))) == []


def test_modules_have_no_circle():
    assert circle(arrows(SRC)) == []


def test_modules_of_a_lambda_function_when_they_import_another_functions_are_seen(tmp_path: Path):
    sources = {
        "ensure_backup/handler": "def f():\n    from continuous_backup.item_images import image\n",
        "item_images/image": "import continuous_backup.naming\n",
        "naming": "",
    }
    found = between_rooms(arrows(written(tmp_path, sources)))
    assert wrong_arrows(found) == [("ensure_backup", "item_images")]


@pytest.mark.parametrize(
    ("module", "imports", "arrow"),
    [
        ("naming", "from continuous_backup import aws", ("naming", "aws")),
        ("aws", "from continuous_backup import patience", ("aws", "patience")),
        (
            "ensure_backup/sweep",
            "from continuous_backup.change_log import windows",
            ("ensure_backup", "change_log"),
        ),
        (
            "streams_to_firehose/lanes",
            "from continuous_backup.snapshots import lives",
            ("streams_to_firehose", "snapshots"),
        ),
        (
            "operations/tables/script",
            "from continuous_backup.operations.writing_items import target",
            ("operations.tables", "operations.writing_items"),
        ),
        (
            "operations/deployment/script",
            "from continuous_backup.operations.images import tally",
            ("operations.deployment", "operations.images"),
        ),
        ("item_images/handler", "import continuous_backup.operations.cli", ("item_images", "operations.cli")),
        (
            "operations/tables/script",
            "from continuous_backup.operations.deployment import planner",
            ("operations.tables", "operations.deployment"),
        ),
        (
            "operations/writing_items/target",
            "from continuous_backup.operations.images import tally",
            ("operations.writing_items", "operations.images"),
        ),
        (
            "operations/images/script",
            "from continuous_backup.operations.tables import script",
            ("operations.images", "operations.tables"),
        ),
    ],
)
def test_arrow_when_it_points_up_or_across_is_seen(tmp_path: Path, module: str, imports: str, arrow: Arrow):
    everything = {
        "operations/cli": "",
        "operations/deployment/planner": "",
        "operations/images/tally": "",
        "operations/tables/script": "",
        "operations/writing_items/target": "",
        "change_log/windows": "",
        "snapshots/lives": "",
        "aws": "",
        "patience": "",
    }
    src = written(tmp_path, everything | {module: imports})
    assert wrong_arrows(between_rooms(arrows(src))) == [arrow]


def test_circle_of_modules_within_a_room_is_seen(tmp_path: Path):
    one, other = (f"from continuous_backup.item_images import {name}\n" for name in ("b", "a"))
    found = circle(arrows(written(tmp_path, {"item_images/a": one, "item_images/b": other})))
    assert set(found) == {"item_images.a", "item_images.b"}


def test_sdk_is_known_to_the_wrappers_alone():
    known_to = {
        room(name)
        for name, path in modules(SRC).items()
        if any(full.partition(".")[0] in SDK for full in imported(path))
    }
    assert known_to == WRAPPERS


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.py")), ids=lambda path: path.name)
def test_script_at_the_root_when_it_imports_takes_our_package_and_what_python_has(path: Path):
    tops = {full.partition(".")[0] for full in imported(path)}
    assert tops - sys.stdlib_module_names <= {PACKAGE, "script_environment"}


@pytest.mark.parametrize("folder", ["src", "local", "benchmarks"])
def test_folder_when_it_is_not_the_tests_does_not_import_them(folder: str):
    allowed = {"src": set(), "local": {PACKAGE}, "benchmarks": {PACKAGE, "local"}}[folder]
    ours = {PACKAGE, "local", "benchmarks", "tests", "docs"}
    for path in sorted((ROOT / folder).rglob("*.py")):
        tops = {full.partition(".")[0] for full in imported(path)} & ours
        assert tops <= allowed | {PACKAGE if folder == "src" else folder}, path
