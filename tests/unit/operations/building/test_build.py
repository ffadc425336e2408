"""build.sh, run as a person runs it: in a small checkout of its own, and on the real tree."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.unit.operations.building.builds import (
    CHECKOUT,
    ENSURE,
    FORWARDER,
    IMAGES,
    VERSION,
    built,
    names_in,
    ours_in,
    read,
    run_build,
)

AARCH64, X86_64 = 183, 62  # e_machine in the header of an ELF file, at byte 18

STUBS = {
    "ensure_backup/__init__.py": "",
    "ensure_backup/handler.py": (
        "import boto3\nfrom continuous_backup.configuration import config\n"
        "from continuous_backup.snapshots.definitions import write\n"
        "def handler(event, context):\n    return config.bundled().bucket\n"
    ),
    "streams_to_firehose/__init__.py": "",
    "streams_to_firehose/handler.py": (
        "import orjson\nfrom continuous_backup.configuration import config\nfrom . import lines\n"
        "def handler(event, context):\n    return lines.of(event)\n"
    ),
    "streams_to_firehose/lines.py": "import orjson\ndef of(event):\n    return orjson.dumps(event).decode()\n",
    "item_images/__init__.py": "",
    "item_images/handler.py": "def handler(event, context):\n    return event\n",
    "snapshots/__init__.py": "",
    "snapshots/definitions.py": "def write(): pass\n",
    "snapshots/baselines.py": "import rich\n",
    "change_log/__init__.py": "",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout under a path with spaces; wheels come from the real one's cache."""
    root = tmp_path / "a check out"
    ours = root / "src" / "continuous_backup"
    ours.mkdir(parents=True)
    for module in (CHECKOUT / "src" / "continuous_backup").glob("*.py"):
        shutil.copy(module, ours)
    for package in ("configuration", "operations"):
        whole = CHECKOUT / "src" / "continuous_backup" / package
        shutil.copytree(whole, ours / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in STUBS.items():
        (ours / name).parent.mkdir(exist_ok=True)
        (ours / name).write_text(text)
    for name in ("build.sh", "requirements.txt"):
        shutil.copy(CHECKOUT / name, root)
    (root / "config.hjson").write_text('{firehoseDeliveryBucket: "a-bucket", architecture: "arm64"}')
    (root / ".venv").symlink_to(sys.prefix)
    wheels = CHECKOUT / ".local" / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    (root / ".local").mkdir()
    (root / ".local" / "wheels").symlink_to(wheels)
    return root


def without_index() -> dict[str, str]:
    """The environment of a pip that can fetch nothing."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    return {**kept, "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}


def test_build_of_a_checkout_writes_what_each_package_imports_and_nothing_else(checkout):
    dist = built(checkout)

    assert sorted(each.name for each in dist.iterdir()) == [ENSURE, FORWARDER, IMAGES, "built-from.json"]
    assert json.loads((dist / "built-from.json").read_bytes()) == {"configFile": str(checkout / "config.hjson")}
    ground = {
        "__init__.py",
        *(
            f"configuration/{name}.py"
            for name in ("__init__", "config", "checks", "hjson_text", "item_images", "keys", "name_pattern")
        ),
        "naming.py",
        "errors.py",
    }
    ensure = {"ensure_backup/__init__.py", "ensure_backup/handler.py"}
    snapshots = {"snapshots/__init__.py", "snapshots/definitions.py"}
    forwarder = {f"streams_to_firehose/{name}.py" for name in ("__init__", "handler", "lines")}
    assert ours_in(dist / ENSURE) == ground | ensure | snapshots
    assert ours_in(dist / FORWARDER) == ground | forwarder


def test_build_bundles_only_the_libraries_that_are_imported_with_their_licences(checkout):
    dist = built(checkout)

    assert {name.split("/")[0] for name in names_in(dist / ENSURE)} == {
        *("continuous_backup", "config.hjson", "build.json", "hjson", "hjson-3.1.0.dist-info"),
    }
    forwarder = names_in(dist / FORWARDER)
    assert {name.split("/")[0] for name in forwarder} >= {"hjson", "orjson", "orjson-3.13.0.dist-info"}
    assert "hjson-3.1.0.dist-info/LICENSE.txt" in forwarder
    assert "orjson-3.13.0.dist-info/licenses/LICENSE-MIT" in forwarder
    assert not [name for name in forwarder if name.endswith(("RECORD", "INSTALLER", ".pyc")) or "/tests/" in name]


def test_build_of_the_same_tree_twice_gives_the_same_bytes(checkout, tmp_path):
    first = {each.name: each.read_bytes() for each in built(checkout).iterdir()}
    for module in (checkout / "src").rglob("*.py"):
        os.utime(module, (1, 1))
        module.chmod(0o600)
    second = {each.name: each.read_bytes() for each in built(checkout).iterdir()}

    assert first == second
    with zipfile.ZipFile(checkout / "dist" / ENSURE) as archive:
        entries = archive.infolist()
    assert [each.filename for each in entries] == sorted(each.filename for each in entries)
    assert {each.external_attr >> 16 for each in entries} == {0o100644}
    assert {each.date_time[0] for each in entries} == {1980}


@pytest.mark.parametrize(
    ("architecture", "machine", "in_the_name"), [("arm64", AARCH64, "aarch64"), ("x86_64", X86_64, "x86_64")]
)
def test_build_for_an_architecture_bundles_its_binaries_for_python_3_13(
    checkout, architecture, machine, in_the_name
):
    forwarder = built(checkout, "--architecture", architecture) / FORWARDER

    (binary,) = [name for name in names_in(forwarder) if name.endswith(".so")]
    assert binary == f"orjson/orjson.cpython-313-{in_the_name}-linux-gnu.so"
    header = read(forwarder, binary)[:20]
    assert int.from_bytes(header[18:20], "little") == machine
    assert json.loads(read(forwarder, "build.json")) == {
        "version": VERSION,
        "architecture": architecture,
        "python": "3.13",
        "handler": "continuous_backup.streams_to_firehose.handler.handler",
    }


def test_build_without_an_architecture_takes_the_configurations(checkout):
    (checkout / "config.hjson").write_text('{architecture: "x86_64"}')

    assert json.loads(read(built(checkout) / ENSURE, "build.json"))["architecture"] == "x86_64"


def test_build_when_the_environment_names_keys_takes_the_file_alone(checkout):
    environment = {**os.environ, "architecture": "x86_64", "firehoseDeliverySizeMB": "nonsense"}

    result = run_build(checkout, environment=environment)

    assert result.returncode == 0, result.stderr
    assert json.loads(read(checkout / "dist" / ENSURE, "build.json"))["architecture"] == "arm64"


def test_build_again_without_an_index_uses_the_wheels_of_the_first(checkout):
    built(checkout)

    assert run_build(checkout, environment=without_index()).returncode == 0


def test_build_when_a_wheel_cannot_be_had_fails_and_leaves_the_old_zips(checkout):
    dist = built(checkout)
    before = {each.name: each.read_bytes() for each in dist.iterdir()}
    (checkout / ".local" / "wheels").unlink()
    (checkout / "config.hjson").write_text('{firehoseDeliveryBucket: "another-bucket"}')

    result = run_build(checkout, environment=without_index())

    assert result.returncode == 1
    assert result.stderr.startswith("Error: no wheel of hjson==3.1.0 for Python 3.13 on arm64: ")
    assert "\nTry: " in result.stderr
    assert {each.name: each.read_bytes() for each in dist.iterdir()} == before


def test_build_with_a_wrong_configuration_says_all_of_it_and_writes_nothing(checkout):
    (checkout / "config.hjson").write_text('{architecture: "sparc", bukket: "x"}')

    result = run_build(checkout)

    assert result.returncode == 2
    assert result.stderr.startswith("Error: 2 problems in ")
    assert "bukket" in result.stderr
    assert "sparc" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (checkout / "dist").exists()


def test_build_with_a_configuration_file_of_another_folder_bundles_it_whole(checkout, tmp_path):
    elsewhere = tmp_path / "some where"
    elsewhere.mkdir()
    (elsewhere / "my config.hjson").write_text("{\n  # ours\n  firehoseDeliveryBucket: mine\n}\n")

    dist = built(checkout, "my config.hjson", cwd=elsewhere)

    expected = (elsewhere / "my config.hjson").read_bytes()
    assert read(dist / ENSURE, "config.hjson") == read(dist / FORWARDER, "config.hjson") == expected
    assert list(elsewhere.iterdir()) == [elsewhere / "my config.hjson"]


def test_build_started_where_modules_shadow_the_standard_librarys_does_not_import_them(checkout, tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")

    built(checkout, cwd=tmp_path)


def test_build_without_a_configuration_file_says_which_is_missing(checkout):
    result = run_build(checkout, "nowhere.hjson")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: there is no configuration file nowhere.hjson\nTry: ")


def test_build_with_an_opt_in_function_bundles_its_file_for_ensure_alone(checkout):
    (checkout / "config.hjson").write_text('{optinFunction: "my_filter:wanted"}')
    (checkout / "my_filter.py").write_text("def wanted(table):\n    return True\n")

    dist = built(checkout)

    assert read(dist / ENSURE, "my_filter.py") == (checkout / "my_filter.py").read_bytes()
    assert "my_filter.py" not in names_in(dist / FORWARDER)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "there is no file "),
        ("def wanted(table:\n", "does not compile"),
        ("def another(table):\n    return True\n", "my_filter.py has no wanted"),
        ("print(wanted)\n", "my_filter.py has no wanted"),
    ],
)
def test_build_when_the_opt_in_function_is_not_there_says_so_and_writes_nothing(checkout, source, said):
    (checkout / "config.hjson").write_text('{optinFunction: "my_filter:wanted"}')
    if source is not None:
        (checkout / "my_filter.py").write_text(source)

    result = run_build(checkout)

    assert result.returncode == 2
    assert result.stderr.startswith("Error: optinFunction is my_filter:wanted, but ")
    assert said in result.stderr
    assert "\nTry: " in result.stderr
    assert not (checkout / "dist").exists()


def test_build_when_the_opt_in_file_would_hide_a_library_refuses(checkout):
    (checkout / "config.hjson").write_text('{optinFunction: "json:wanted"}')
    (checkout / "json.py").write_text("def wanted(table):\n    return True\n")

    result = run_build(checkout)

    assert result.returncode == 2
    assert "json is the name of a library too" in result.stderr


def test_build_with_a_transformer_and_a_router_bundles_their_files_for_the_forwarder_alone(checkout):
    (checkout / "config.hjson").write_text('{transformer: "my_lines:shown", router: "my_router:by_country"}')
    (checkout / "my_lines.py").write_text("def shown(change):\n    return change.line\n")
    (checkout / "my_router.py").write_text("def by_country(change):\n    return None\n")

    dist = built(checkout)

    for name in ("my_lines.py", "my_router.py"):
        assert read(dist / FORWARDER, name) == (checkout / name).read_bytes()
        assert name not in names_in(dist / ENSURE)


def test_build_with_functions_of_one_file_in_both_zips_bundles_it_once_in_each(checkout):
    (checkout / "config.hjson").write_text('{transformer: "mine:a", router: "mine:b", optinFunction: "mine:a"}')
    (checkout / "mine.py").write_text("def a(it): return None\ndef b(it): return None\n")

    dist = built(checkout)

    assert [names_in(dist / each).count("mine.py") for each in (ENSURE, FORWARDER)] == [1, 1]


def test_build_with_the_transformer_that_is_built_in_bundles_no_file_for_it(checkout):
    (checkout / "config.hjson").write_text('{transformer: "plain"}')

    names = names_in(built(checkout) / FORWARDER)
    assert {name for name in names if "/" not in name} == {"config.hjson", "build.json"}


@pytest.mark.parametrize("key", ["transformer", "router"])
@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "there is no file "),
        ("def wanted(change:\n", "does not compile"),
        ("def another(change):\n    return None\n", "mine.py has no wanted"),
        ("def wanted():\n    return None\n", "line 1, cannot be called with one argument"),
        ("import numpy\ndef wanted(change):\n    return None\n", "imports numpy, which is not in the zip"),
    ],
)
def test_build_when_a_transformer_or_router_is_wrong_says_so_and_writes_nothing(checkout, key, source, said):
    (checkout / "config.hjson").write_text(f'{{{key}: "mine:wanted"}}')
    if source is not None:
        (checkout / "mine.py").write_text(source)

    result = run_build(checkout)

    assert result.returncode == 2
    assert result.stderr.startswith(f"Error: {key} is mine:wanted, but ")
    assert said in result.stderr
    assert "\nTry: " in result.stderr
    assert not (checkout / "dist").exists()


def test_build_when_a_wheel_is_not_the_locked_one_takes_neither_the_cached_nor_a_downloaded_one(checkout):
    built(checkout)
    before = {each.name: each.read_bytes() for each in (checkout / "dist").iterdir()}
    lock = checkout / "requirements.txt"
    (pinned,) = [each for each in re.split(r"\n(?=\S)", lock.read_text()) if each.startswith("hjson==")]
    lock.write_text(lock.read_text().replace(pinned, re.sub(r"sha256:\w{64}", "sha256:" + "0" * 64, pinned)))

    result = run_build(checkout)

    assert result.returncode == 1
    assert result.stderr.startswith(
        "Error: no wheel of hjson==3.1.0 for Python 3.13 on arm64: THESE PACKAGES DO NOT"
    )
    assert {each.name: each.read_bytes() for each in (checkout / "dist").iterdir()} == before


def test_build_when_a_library_is_pinned_without_a_hash_asks_for_the_lock(checkout):
    (checkout / "requirements.txt").write_text("hjson==3.1.0\n")

    result = run_build(checkout)

    assert result.returncode == 1
    assert "imports hjson, which requirements.txt does not pin with a hash" in result.stderr
    assert result.stderr.endswith("run: make lock\n")


def test_build_when_dist_cannot_be_written_says_so(checkout):
    (checkout / "dist").write_text("in the way")

    result = run_build(checkout)

    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: {checkout}/dist cannot be written: ")
    assert (checkout / "dist").read_text() == "in the way"


def test_build_when_a_module_imports_what_is_not_pinned_fails(checkout):
    (checkout / "src/continuous_backup/streams_to_firehose/more.py").write_text("import numpy\n")

    result = run_build(checkout)

    assert result.returncode == 1
    assert (
        "continuous_backup.streams_to_firehose imports numpy, which requirements.txt does not pin" in result.stderr
    )
    assert not (checkout / "dist").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--architecture", "sparc"),
        ("--python", "3.9"),
        ("--python", "4"),
        ("--this-machine", "--python", "3.13"),
        ("one.hjson", "two.hjson"),
    ],
)
def test_build_with_wrong_arguments_ends_with_usage(checkout, arguments):
    result = run_build(checkout, *arguments)

    assert result.returncode == 2
    assert result.stderr.startswith("Error: ")
    assert result.stderr.endswith("Try: ./build.sh --help\n")


def test_build_when_the_name_filter_is_not_valid_warns_and_builds(checkout):
    (checkout / "config.hjson").write_text('{\n  tableNameMatchRegex: "prod-("\n}\n')

    result = run_build(checkout)

    assert result.returncode == 0
    assert result.stderr.startswith("Warning: tableNameMatchRegex is not valid")


def test_build_prints_every_zip_with_its_size_and_digest(checkout):
    lines = run_build(checkout).stdout.splitlines()

    sums = subprocess.run(
        ["sha256sum", *[str(checkout / "dist" / name) for name in (ENSURE, FORWARDER, IMAGES)]],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert [line.split()[-1] for line in lines] == [line.split()[0] for line in sums]
    assert f"{(checkout / 'dist' / ENSURE).stat().st_size:,} bytes" in lines[0]


def test_build_without_a_venv_or_a_fitting_python_says_what_to_do(checkout, tmp_path):
    (checkout / ".venv").unlink()
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname", "env"):
        (tools / tool).symlink_to(shutil.which(tool))

    result = run_build(checkout, environment={"PATH": str(tools)})

    assert result.returncode == 2
    assert result.stderr == "Error: building needs Python 3.11 or newer with pip and hjson\nTry: make install\n"


def test_build_without_a_venv_uses_a_fitting_python_of_the_path(checkout, tmp_path):
    (checkout / ".venv").unlink()
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tools / "python3").chmod(0o755)

    result = run_build(checkout, environment={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})

    assert result.returncode == 0, result.stderr
