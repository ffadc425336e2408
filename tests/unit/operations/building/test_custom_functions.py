"""People's own functions: what is found wrong with them before anything is built."""

from pathlib import Path

import pytest

from continuous_backup.configuration.config import Config
from continuous_backup.errors import ExitCode, UsageError
from continuous_backup.operations.building import custom_functions

LINES = Config(transformer="my_lines:shown")
RUN_BY_THE_FORWARDER = ("transformer", "router")


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return tmp_path / "my config.hjson"


def files(config_file: Path, settings: Config, keys: tuple[str, ...] = RUN_BY_THE_FORWARDER) -> list[str]:
    return [path.name for path in custom_functions.files(keys, settings, config_file, {"orjson", "hjson"})]


def problem_with(config_file: Path, source: str | None, settings: Config = LINES) -> str:
    """What is said of a file my_lines.py with this source, after what the key says."""
    if source is not None:
        (config_file.parent / "my_lines.py").write_text(source)
    with pytest.raises(UsageError) as caught:
        files(config_file, settings)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.hint
    begin = "transformer is my_lines:shown, but "
    assert caught.value.problem.startswith(begin)
    return caught.value.problem.removeprefix(begin)


TAKES_ONE = [
    "def shown(change): return None",
    "def shown(change, /): return None",
    "def shown(change=None): return None",
    "def shown(change, more=1, *rest, also=2, **named): return None",
    "def shown(*changes): return None",
    "class Shown: pass\ndef other(): pass\ndef shown(change): return None",
    "shown = lambda change: None",
    "shown: object = lambda change: None",
    "from json import dumps as shown",
    "import json\nshown = json.dumps",
    "import functools\nshown = functools.partial(print, 1)",
    "def twice(f): return f\n@twice\ndef shown(): return None",
    "class shown:\n    def __init__(self, change): pass",
    "def shown(): pass\nshown = print",
    "try:\n    import nothing_like_it\nexcept ImportError:\n    def shown(change): pass\n",
    "import sys\nif sys.version_info > (3,):\n    def shown(change): pass\nelse:\n    def shown(): pass\n",
    "def shown(change):\n    def inner():\n        yield 1\n    return list(inner())",
    "def shown(change):\n    return [one for one in [change]]",
    "shown, other = print, print",
    "for shown in (print,): pass",
    "def shown(): pass\nfrom json import dumps as shown",
    "def shown(): pass\nclass shown:\n    def __init__(self, change): pass",
    "def shown(): pass\nshown, other = print, print",
    "try:\n    def shown(): pass\nexcept OSError:\n    def shown(change): pass",
]
TAKES_NOT = {
    "def shown(): return None": "line 1, cannot be called with one argument",
    "\n\ndef shown(change, context): return None": "line 3, cannot be called with one argument",
    "def shown(*, change): return None": "line 1, cannot be called with one argument",
    "def shown(change, *, context): return None": "line 1, cannot be called with one argument",
    "def shown(**change): return None": "line 1, cannot be called with one argument",
    "def shown(): pass\nprint(shown)": "line 1, cannot be called with one argument",
    "def shown(): pass\nif True:\n    other = shown()": "line 1, cannot be called with one argument",
    "def shown(): pass\nfrom json import shown as other": "line 1, cannot be called with one argument",
    "shown = lambda: None": "line 1, cannot be called with one argument",
    "shown: object = lambda a, b: None": "line 1, cannot be called with one argument",
    "if True:\n    def shown(): pass\n": "line 2, cannot be called with one argument",
    "try:\n    def shown(): pass\nfinally:\n    pass\n": "line 2, cannot be called with one argument",
    "with open('x'):\n    def shown(): pass\n": "line 2, cannot be called with one argument",
    "async def shown(change): return None": (
        "line 1, is a coroutine, which answers nothing where it is called: define it without async"
    ),
    "shown = 1": "line 1, is no function",
    "shown = {'a', 'b'}": "line 1, is no function",
    "shown: dict = {}": "line 1, is no function",
    "shown = [each for each in ()]": "line 1, is no function",
    "def shown(change):\n    yield change": "line 1, is a generator, which answers nothing where it is called",
    "def shown(change):\n    if change:\n        yield from [change]": (
        "line 1, is a generator, which answers nothing where it is called"
    ),
}


@pytest.mark.parametrize("source", TAKES_ONE)
def test_function_that_can_take_one_argument_or_of_which_that_cannot_be_told_is_taken(config_file, source):
    (config_file.parent / "my_lines.py").write_text(source)

    assert files(config_file, LINES) == ["my_lines.py"]


@pytest.mark.parametrize(("source", "said"), TAKES_NOT.items())
def test_function_that_cannot_take_one_argument_or_answers_later_is_refused(config_file, source, said):
    file = config_file.parent / "my_lines.py"

    assert problem_with(config_file, source) == f"shown in {file}, {said}"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (None, "there is no file "),
        ("def shown(change:\n", "my_lines.py does not compile: "),
        ("def shown(change): return\x00None", "my_lines.py does not compile: "),
        ("def another(change): return None", "my_lines.py has no shown"),
        ("print(shown)", "my_lines.py has no shown"),
        ("def inner():\n    def shown(change): pass\n", "my_lines.py has no shown"),
        ("import numpy\ndef shown(change): pass", "my_lines.py imports numpy, which is not in the zip"),
        (
            "def shown(change):\n    from my_other.part import one",
            "my_lines.py imports my_other, which is not in ",
        ),
        ("from . import others\ndef shown(change): pass", "my_lines.py imports ., which is not in the zip"),
        ("import b_lib, a_lib\ndef shown(change): pass", "my_lines.py imports a_lib, b_lib, which is not in "),
    ],
)
def test_function_that_is_not_there_or_cannot_be_loaded_is_refused(config_file, source, said):
    assert said in problem_with(config_file, source)


def test_file_that_is_not_utf8_is_refused(config_file):
    (config_file.parent / "my_lines.py").write_bytes(b"# \xff\xfe\ndef shown(change): pass")

    assert "does not compile" in problem_with(config_file, None)


@pytest.mark.parametrize(
    "source",
    [
        "import json, os.path, boto3, botocore.session, orjson, urllib3\ndef shown(change): pass",
        "from continuous_backup.streams_to_firehose.item_change import ItemChange\ndef shown(change): pass",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import numpy\ndef shown(change): pass",
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None\ndef shown(change): pass",
    ],
)
def test_imports_of_what_is_in_the_zip_or_can_be_done_without_are_taken(config_file, source):
    (config_file.parent / "my_lines.py").write_text(source)

    assert files(config_file, LINES) == ["my_lines.py"]


@pytest.mark.parametrize("module", ["json", "boto3", "urllib3", "orjson", "continuous_backup", "bootstrap"])
@pytest.mark.parametrize(("key", "name"), [("transformer", "transformer"), ("optinFunction", "optin_function")])
def test_file_that_would_hide_a_library_is_refused(config_file, key, name, module):
    (config_file.parent / f"{module}.py").write_text("def f(it): pass")

    with pytest.raises(UsageError, match=f"^{key} is {module}:f, but {module} is the name of a library too$"):
        files(config_file, Config(**{name: f"{module}:f"}), (key,))


def test_two_functions_of_one_file_need_it_once_and_of_two_each_its_own(config_file):
    (config_file.parent / "mine.py").write_text("def a(change): pass\ndef b(change): pass")
    (config_file.parent / "more.py").write_text("import mine\ndef b(change): pass")

    assert files(config_file, Config(transformer="mine:a", router="mine:b")) == ["mine.py"]
    assert files(config_file, Config(transformer="mine:a", router="more:b")) == ["mine.py", "more.py"]
    with pytest.raises(UsageError, match=r"more\.py imports mine, which is not in the zip"):
        files(config_file, Config(router="more:b"))


@pytest.mark.parametrize("settings", [Config(), Config(transformer="plain"), Config(optin_function="another:f")])
def test_what_is_built_in_or_run_elsewhere_needs_no_file(config_file, settings):
    assert files(config_file, settings) == []


@pytest.mark.parametrize("source", ["def shown(): pass", "import numpy\ndef shown(a, b): pass"])
def test_opt_in_function_is_not_asked_what_it_takes_since_it_may_fail(config_file, source):
    """The table is backed up then."""
    (config_file.parent / "my_lines.py").write_text(source)

    assert files(config_file, Config(optin_function="my_lines:shown"), ("optinFunction",)) == ["my_lines.py"]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"transformer": "a:b"}, "a:b"),
        ({"transformer": "plain"}, ""),
        ({"transformer": ["a:b"]}, ""),
        ({}, ""),
        (["a:b"], ""),
        (None, ""),
    ],
)
def test_path_of_a_configuration_that_may_be_wrong_is_what_it_names(values, path):
    assert custom_functions.path_in("transformer", values) == path
