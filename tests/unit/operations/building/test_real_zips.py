"""The zips of this checkout: they hold what they import, and start."""

import ast
import json
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.unit.operations.building.builds import CHECKOUT, ENSURE, FORWARDER, IMAGES, ours_in, read, run_build


@pytest.fixture(scope="module")
def real_zips(tmp_path_factory) -> Path:
    """Both zips of this checkout, for the Python and the machine that run the tests."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "config.hjson").write_text('{firehoseDeliveryBucket: "a-bucket"}')
    arguments = [str(folder / "config.hjson"), "--this-machine", "--dist", str(folder / "dist")]
    result = run_build(CHECKOUT, *arguments)
    assert result.returncode == 0, result.stderr
    return folder / "dist"


@pytest.fixture(scope="module")
def lambda_runtime(tmp_path_factory) -> Path:
    """A folder with what Lambda's own runtime has, and no other library."""
    folder = tmp_path_factory.mktemp("runtime")
    for library in ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six"):
        origin = Path(find_spec(library).origin)
        installed = origin.parent if origin.name == "__init__.py" else origin
        (folder / installed.name).symlink_to(installed)
    return folder


@pytest.mark.parametrize("name", [ENSURE, FORWARDER, IMAGES])
def test_real_zip_unpacked_alone_imports_its_handler(real_zips, lambda_runtime, tmp_path, name):
    with zipfile.ZipFile(real_zips / name) as archive:
        archive.extractall(tmp_path)
    facts = json.loads((tmp_path / "build.json").read_text())
    module, function = facts["handler"].rsplit(".", 1)
    program = f"import {module} as it; print(it.__file__); assert callable(it.{function})"

    result = subprocess.run(
        [sys.executable, "-S", "-P", "-W", "error", "-c", program],
        env={
            "PYTHONPATH": f"{tmp_path}:{lambda_runtime}",
            "LAMBDA_TASK_ROOT": str(tmp_path),
            "AWS_REGION": "eu-west-1",
            "AWS_LAMBDA_FUNCTION_NAME": name.split("-")[0],
        },
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(tmp_path))
    assert facts["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"


def test_real_zips_hold_neither_each_others_package_nor_the_operators_side(real_zips):
    packages = {name: {path.split("/")[0] for path in ours_in(real_zips / name)} for name in (ENSURE, FORWARDER)}

    assert "ensure_backup" in packages[ENSURE]
    assert "streams_to_firehose" in packages[FORWARDER]
    elsewhere = {"item_images", "change_log", "operations"}
    assert not packages[ENSURE] & {"streams_to_firehose", *elsewhere}
    assert not packages[FORWARDER] & {"ensure_backup", "snapshots", *elsewhere}


def test_real_zips_hold_every_module_of_ours_that_they_import(real_zips):
    for name in (ENSURE, FORWARDER):
        modules = ours_in(real_zips / name)
        for path in modules:
            tree = ast.parse(read(real_zips / name, f"continuous_backup/{path}"))
            imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
            for node in [each for each in imports if each.module and each.module.startswith("continuous_backup.")]:
                wanted = node.module.removeprefix("continuous_backup.").replace(".", "/")
                assert {f"{wanted}.py", f"{wanted}/__init__.py"} & modules, f"{name}: {path} imports {node.module}"
