"""Following the imports of a package."""

from pathlib import Path

import pytest

from continuous_backup.errors import BackupError
from continuous_backup.operations.building.packages import Pin, imports_of, pins


@pytest.fixture
def src(tmp_path: Path) -> Path:
    write(tmp_path, "__init__", "import hjson")
    write(tmp_path, "taken/__init__", "")
    return tmp_path


def write(src: Path, module: str, text: str) -> None:
    path = src / "continuous_backup" / f"{module}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def modules(src: Path) -> set[str]:
    found = imports_of("continuous_backup.taken", src).modules
    return {path.relative_to("continuous_backup").with_suffix("").as_posix() for path in found}


@pytest.mark.parametrize(
    "statement",
    [
        "import continuous_backup.other.inner",
        "from continuous_backup.other.inner import thing",
        "from continuous_backup.other import inner",
        "from ..other import inner as renamed",
        "from ..other.inner import thing",
        "def late():\n    from continuous_backup.other import inner",
        "try:\n    from ..other import inner\nexcept ImportError:\n    pass",
    ],
)
def test_imports_of_a_package_in_any_spelling_are_followed(src, statement):
    write(src, "taken/module", statement)
    write(src, "other/__init__", "")
    write(src, "other/inner", "from . import further\nthing = 1")
    write(src, "other/further", "")
    write(src, "other/left_out", "")

    expected = {"__init__", "taken/__init__", "taken/module", "other/__init__", "other/inner", "other/further"}
    assert modules(src) == expected


def test_imports_for_type_checkers_alone_are_not_followed(src):
    write(
        src,
        "taken/module",
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import rich\n    from ..other import it\nelse:\n    import orjson\n",
    )
    write(src, "other/__init__", "")

    assert modules(src) == {"__init__", "taken/__init__", "taken/module"}
    assert imports_of("continuous_backup.taken", src).libraries == ("hjson", "orjson")


def test_imports_of_libraries_leave_out_the_standard_librarys_and_the_runtimes(src):
    write(src, "taken/module", "import json, boto3, orjson\nfrom botocore.exceptions import ClientError\n")

    assert imports_of("continuous_backup.taken", src).libraries == ("hjson", "orjson")


def test_imports_of_a_package_that_is_not_there_are_an_error(src):
    with pytest.raises(BackupError, match=r"there is no package continuous_backup\.gone"):
        imports_of("continuous_backup.gone", src)


def test_pins_of_a_lock_are_by_normalised_name_with_all_their_hashes(tmp_path):
    one, other = "0" * 64, "f" * 64
    (tmp_path / "requirements.txt").write_text(
        f"# why\norjson==3.13.0 \\\n    --hash=sha256:{one} \\\n    --hash=sha256:{other}\n    # via us\n"
        f"Python-Dateutil==2.9.0.post0 ; sys_platform == 'linux' \\\n    --hash=sha256:{other}\n"
        "plain==1 # this\nboto3>=1\n"
    )

    assert pins(tmp_path / "requirements.txt") == {
        "orjson": Pin("orjson", "3.13.0", frozenset({one, other})),
        "python_dateutil": Pin("Python-Dateutil", "2.9.0.post0", frozenset({other})),
        "plain": Pin("plain", "1", frozenset()),
    }
