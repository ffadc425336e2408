"""The zips of build.sh, as deploy.py reads them."""

import base64
import hashlib
import zipfile

import built_zips
import pytest
from built_zips import FACTS, FUNCTIONS

from continuous_backup.errors import ExitCode, UsageError
from continuous_backup.operations.deployment import package

CONFIG = "{\n  region: eu-west-1\n}\n"


@pytest.fixture
def dist(tmp_path):
    return built_zips.write_all(tmp_path / "dist", CONFIG)


def refusal(call, *arguments) -> UsageError:
    with pytest.raises(UsageError) as caught:
        call(*arguments)
    assert caught.value.exit_code == ExitCode.USAGE
    return caught.value


def test_packages_are_all_functions_with_what_their_zips_say(dist):
    loaded = package.load(dist)

    assert set(loaded) == set(FUNCTIONS)
    for function, each in loaded.items():
        content = built_zips.zip_in(dist, function).read_bytes()
        assert each.code() == content
        assert each.sha256 == base64.b64encode(hashlib.sha256(content).digest()).decode()
        assert (each.architecture, each.runtime, each.handler) == ("arm64", "python3.13", FACTS["handler"])
        assert each.config_text == CONFIG


@pytest.mark.parametrize("function", FUNCTIONS)
def test_packages_where_one_zip_is_missing_name_it(dist, function):
    path = built_zips.zip_in(dist, function)
    path.unlink()

    error = refusal(package.load, dist)

    assert (error.problem, error.hint) == (f"there is no {path}", "run ./build.sh first")


def test_packages_where_nothing_was_built_name_the_first_zip(tmp_path):
    assert refusal(package.load, tmp_path / "dist").problem.startswith(f"there is no {tmp_path}/dist/Ensure")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut short"])
def test_packages_where_one_is_not_a_zip_name_it(dist, content):
    path = built_zips.zip_in(dist, FUNCTIONS[1])
    path.write_bytes(content)

    error = refusal(package.load, dist)

    assert error.problem.startswith(f"{path} is not a zip of build.sh: ")
    assert error.hint == "run ./build.sh again"


@pytest.mark.parametrize("offset", [40, -60])
def test_packages_where_a_zip_is_damaged_name_it(dist, offset):
    path = dist / "damaged.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("build.json", "x" * 10_000)
    content = bytearray(path.read_bytes())
    content[offset] ^= 0xFF
    built_zips.zip_in(dist, FUNCTIONS[0]).write_bytes(content)

    assert "is not a zip of build.sh" in refusal(package.load, dist).problem


@pytest.mark.parametrize("facts", [None, {}, {"architecture": "arm64"}, [], "text", 5])
def test_packages_where_a_zip_has_not_our_facts_name_it(dist, facts):
    path = built_zips.write(dist, FUNCTIONS[0], CONFIG, facts)

    assert refusal(package.load, dist).problem.startswith(f"{path} is not a zip of build.sh: ")


def test_packages_where_a_zip_has_no_configuration_name_it(dist):
    path = built_zips.zip_in(dist, FUNCTIONS[0])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("build.json", "{}")

    assert refusal(package.load, dist).problem.startswith(f"{path} is not a zip of build.sh: ")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_packages_of_another_version_are_refused(dist, function):
    path = built_zips.write(dist, function, CONFIG, {**FACTS, "version": "0.9.0"})

    error = refusal(package.load, dist)

    assert error.problem == f"{path} was built of version 0.9.0, and this is {FACTS['version']}"
    assert error.hint == "run ./build.sh again"


@pytest.mark.parametrize("facts", [{"architecture": "x86_64"}, {"python": "3.11"}])
def test_packages_built_for_different_machines_are_refused(dist, facts):
    built_zips.write(dist, FUNCTIONS[1], CONFIG, {**FACTS, **facts})

    error = refusal(package.load, dist)

    assert error.problem.startswith(f"the zips in {dist} are of different builds: they are for python3.1")
    assert error.hint == "run ./build.sh again: it writes them all"


def test_packages_with_different_code_of_one_module_are_refused(dist):
    for number, function in enumerate(FUNCTIONS):
        built_zips.write(dist, function, CONFIG, {**FACTS, "handler": function}, {"continuous_backup/aws.py": "a"})
        built_zips.add(dist, function, f"continuous_backup/of_its_own_{number}.py", str(number))
    assert set(package.load(dist)) == set(FUNCTIONS)

    built_zips.write(dist, FUNCTIONS[2], CONFIG, FACTS, {"continuous_backup/aws.py": "b"})

    assert refusal(package.load, dist).problem == (
        f"the zips in {dist} are of different builds: continuous_backup/aws.py is not the same in them"
    )


def test_packages_with_different_configurations_are_refused(dist):
    built_zips.write(dist, FUNCTIONS[0], "{}")

    assert refusal(package.load, dist).problem == f"the zips in {dist} hold different configurations"


# --- people's own functions


@pytest.mark.parametrize(
    ("key", "function"),
    [
        ("optinFunction", "EnsureDynamoBackup"),
        ("transformer", "LambdaStreamToFirehose"),
        ("router", "LambdaStreamToFirehose"),
    ],
)
def test_packages_that_lack_a_file_that_their_configuration_names_are_refused(tmp_path, key, function):
    dist = built_zips.write_all(tmp_path / "dist", f"{{\n  {key}: mine:f\n}}\n")
    path = built_zips.zip_in(dist, function)

    error = refusal(package.load, dist)

    assert error.problem == f"{path} has no mine.py, and {key} is mine:f in its configuration"
    assert error.hint == "run ./build.sh again: it puts the file into the zip"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("mine.py", "def f(it): pass\n")
    assert set(package.load(dist)) == set(FUNCTIONS)


def test_packages_with_a_transformer_that_is_built_in_need_no_file(tmp_path):
    package.load(built_zips.write_all(tmp_path / "dist", "{transformer: plain\n}"))
