"""Zips that are not what build.sh would write now, as deploy.py tells them."""

import re

import built_zips
import pytest
from built_zips import FACTS, FUNCTIONS

from continuous_backup.errors import ExitCode, UsageError
from continuous_backup.operations.building import functions
from continuous_backup.operations.deployment import freshness, package

CONFIG = "{\n  region: eu-west-1\n}\n"
CODE = {"continuous_backup/aws.py": "now\n", "hjson/hjson.py": "a library's\n", "mine.py": "somebody's\n"}


@pytest.fixture
def dist(tmp_path):
    return built_zips.write_all(tmp_path / "dist", CONFIG)


@pytest.fixture
def src(tmp_path):
    (tmp_path / "src/continuous_backup").mkdir(parents=True)
    (tmp_path / "src/continuous_backup/aws.py").write_text("now\n")
    return tmp_path / "src"


def refusal(call, *arguments) -> UsageError:
    with pytest.raises(UsageError) as caught:
        call(*arguments)
    assert caught.value.exit_code == ExitCode.USAGE
    return caught.value


# --- the configuration


@pytest.mark.parametrize("text", [CONFIG, CONFIG.replace("\n", "\r\n"), "\ufeff" + CONFIG, "{}\n// Ärger\n"])
def test_packages_built_with_the_file_are_taken(tmp_path, text):
    file = tmp_path / "mine.hjson"
    file.write_bytes(text.encode())

    freshness.require_config(package.load(built_zips.write_all(tmp_path / "dist", text.encode())), file)


def test_packages_built_with_another_file_are_refused(dist, tmp_path):
    file = tmp_path / "mine.hjson"
    file.write_text(CONFIG + "// and more\n")

    error = refusal(freshness.require_config, package.load(dist), file)

    assert re.fullmatch(f"the zips in {dist} were built with another configuration than {file}", error.problem)
    assert f"./build.sh {file}" in error.hint


def test_configuration_that_the_zips_were_built_from_is_found(dist, tmp_path):
    file = tmp_path / "mine.hjson"
    file.write_text(CONFIG)
    (dist / functions.BUILT_FROM).write_bytes(functions.built_from(file))

    assert freshness.built_from(dist) == file


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"configFile": 5}', '{"configFile": "/nowhere/at/all"}'])
def test_configuration_that_the_zips_were_built_from_is_not_known_on_another_machine(dist, text):
    if text is not None:
        (dist / functions.BUILT_FROM).write_text(text)

    assert freshness.built_from(dist) is None


# --- people's own functions


@pytest.mark.parametrize(
    ("key", "function"),
    [
        ("optinFunction", "EnsureDynamoBackup"),
        ("transformer", "LambdaStreamToFirehose"),
        ("router", "LambdaStreamToFirehose"),
    ],
)
def test_packages_built_with_another_python_file_are_refused(tmp_path, key, function):
    text = f"{{\n  {key}: mine:f\n}}\n"
    file, beside = tmp_path / "mine.hjson", tmp_path / "mine.py"
    file.write_text(text)
    dist = built_zips.write_all(tmp_path / "dist", text)
    built_zips.add(dist, function, "mine.py", "def f(it): return True\n")
    packages = package.load(dist)

    freshness.require_config(packages, file)  # not beside it: nothing to compare with
    beside.write_text("def f(it): return True\n")
    freshness.require_config(packages, file)
    beside.write_text("def f(it): return False\n")
    error = refusal(freshness.require_config, packages, file)

    path = built_zips.zip_in(dist, function)
    assert error.problem == f"{path} was built with another mine.py than {beside}, and {key} is mine:f"
    assert error.hint == f"run ./build.sh {file}, so that the function has it too"


# --- our code


def test_packages_with_the_code_of_the_checkout_have_nothing_said_of_them(dist, src):
    built_zips.write(dist, FUNCTIONS[0], CONFIG, FACTS, CODE)

    assert freshness.notes_on_code(package.load(dist), src, None) == []


def test_packages_with_other_code_than_the_checkout_are_said_loudly(dist, src, tmp_path):
    built_zips.write(dist, FUNCTIONS[0], CONFIG, FACTS, CODE | {"continuous_backup/gone.py": "", "a.py": ""})
    (src / "continuous_backup/aws.py").write_text("changed\n")
    packages = package.load(dist)

    (note,) = freshness.notes_on_code(packages, src, None)
    (of_mine,) = freshness.notes_on_code(packages, src, tmp_path / "mine.hjson")

    assert note.loud
    assert str(note) == (
        "the zips hold other code than this checkout, and are deployed as they are: continuous_backup/aws.py, "
        "continuous_backup/gone.py. Run ./build.sh and ./deploy.py, so that the functions have it too"
    )
    assert f"Run ./build.sh {tmp_path}/mine.hjson and ./deploy.py" in str(of_mine)
