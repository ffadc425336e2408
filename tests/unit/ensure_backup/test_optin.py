"""The filter: whatever cannot be decided means that the table is backed up, and the log says why."""

import logging
import sys
from pathlib import Path

import pytest

from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.optin import opt_in_filter

LOG = logging.getLogger("test-optin")


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module of the user's, beside the configuration."""
    name = f"stranger_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(
        "def only_production(table): return table.startswith('prod-')\ndef raises(table): raise KeyError(table)\n"
        "def exits(table): raise SystemExit\n"
    )
    (tmp_path / f"{name}_that_exits.py").write_text("import sys\nsys.exit('not here')\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(name, None)


def test_filter_when_nothing_is_configured_takes_every_table() -> None:
    assert opt_in_filter(Config(), LOG)("Orders")


def test_filter_by_name_matches_from_the_start_of_the_name() -> None:
    matches = opt_in_filter(Config(table_name_match_regex="prod-|Orders$"), LOG)
    assert [matches(name) for name in ("prod-x", "Orders", "Orders2", "my-prod-x")] == [True, True, False, False]


def test_filter_by_a_name_that_is_not_valid_takes_every_table_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert opt_in_filter(Config(table_name_match_regex="prod-("), LOG)("test-x")
    assert "not valid" in caplog.text


def test_filter_by_a_function_asks_it(stranger: str) -> None:
    matches = opt_in_filter(Config(optin_function=f"{stranger}:only_production"), LOG)
    assert [matches("prod-x"), matches("test-x")] == [True, False]


def test_filter_by_both_takes_what_both_take(stranger: str) -> None:
    config = Config(optin_function=f"{stranger}:only_production", table_name_match_regex=".*-x")
    matches = opt_in_filter(config, LOG)
    assert [matches("prod-x"), matches("prod-y"), matches("test-x")] == [True, False, False]


@pytest.mark.parametrize(
    "function", ["no_such_module_anywhere:f", "{}:no_such_function", "{}:raises", "{}:exits", "{}_that_exits:f"]
)
def test_filter_by_a_function_that_fails_takes_the_table_and_says_so(
    stranger: str, function: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert opt_in_filter(Config(optin_function=function.format(stranger)), LOG)("test-x")
    assert "optinFunction" in caplog.text
