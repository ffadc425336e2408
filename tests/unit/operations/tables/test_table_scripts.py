"""What provision_tables.py and deprovision_tables.py show and ask, with a provisioning that only notes."""

import json
import sys

import pytest

from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.actions import DeleteMapping, EnableStream, OptOut, Problem, Wait
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.errors import ExitCode, UsageError
from continuous_backup.operations import cli
from continuous_backup.operations.tables import script as table_scripts
from continuous_backup.operations.tables.provisioning import TablePlan, TableResult

HARMLESS = TablePlan("Orders", (EnableStream("Orders"),))
DESTRUCTIVE = TablePlan("Orders", (DeleteMapping("Orders", "uuid", "it is not wanted"),))
OPTING_OUT = TablePlan("Orders", (OptOut("Orders"),))
NOTHING_TO_DO = TablePlan("Carts")
REFUSED = TablePlan("Gone", refusal="there is no such table")
LEFT_OUT = TablePlan("Test", refusal="the filter leaves it out", refused_on_request=True)
PROBLEM = TablePlan("Logs", (Problem("its stream has view type KEYS_ONLY", "decide"),))


class Provisioning:
    """Notes what it was asked to carry out; tables in `failing` fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.carried_out: list[tuple[list[TablePlan], Wanted]] = []

    def carry_out(self, plans, wanted, on_settled):
        self.carried_out.append((plans, wanted))
        results = [
            TableResult(plan.table, "done", plan.table not in self.failing, not_restorable=plan.not_restorable)
            for plan in plans
        ]
        for each in results:
            on_settled(each)
        return results


def finished(provisioning, plans, *arguments, wanted=Wanted.PROVISIONED):
    return table_scripts.finish(cli.parser("A script.").parse_args(arguments), provisioning, plans, wanted)


@pytest.fixture(autouse=True)
def nobody_to_ask(monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)


def test_finish_shows_the_plan_on_stderr_and_the_results_on_stdout(capsys):
    provisioning = Provisioning()

    assert finished(provisioning, [HARMLESS, NOTHING_TO_DO]) is ExitCode.DONE

    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [
        ["table", "result"],
        ["Orders", "done"],
        ["Carts", "done"],
    ]
    assert err.splitlines() == [
        "Orders:",
        "  - enable the stream of Orders with NEW_AND_OLD_IMAGES",
        "  - then, when both are ready, map the stream",
        "Carts:",
        "  - nothing to do",
        "Orders: done",
        "Carts: done",
        "2 of 2 tables are as asked for.",
    ]
    assert provisioning.carried_out == [([HARMLESS, NOTHING_TO_DO], Wanted.PROVISIONED)]


@pytest.mark.parametrize(
    ("failing", "code"),
    [((), ExitCode.DONE), (("Orders",), ExitCode.PARTLY_DONE), (("Orders", "Carts"), ExitCode.FAILED)],
)
def test_finish_with_tables_that_fail_says_so_by_its_exit_code(failing, code):
    assert finished(Provisioning(*failing), [HARMLESS, NOTHING_TO_DO]) is code


def test_finish_as_json_is_a_document_of_all_results(capsys):
    finished(Provisioning("Carts"), [HARMLESS, NOTHING_TO_DO], "--output", "json")

    assert json.loads(capsys.readouterr().out) == {
        "tables": [
            {"table": "Orders", "result": "done", "ok": True, "details": [], "notRestorable": []},
            {"table": "Carts", "result": "done", "ok": False, "details": [], "notRestorable": []},
        ]
    }


@pytest.mark.parametrize(
    ("plan", "wanted"),
    [
        (DESTRUCTIVE, Wanted.PROVISIONED),
        (DESTRUCTIVE, Wanted.DEPROVISIONED),
        (OPTING_OUT, Wanted.DEPROVISIONED),
    ],
)
def test_finish_that_takes_something_away_refuses_without_a_terminal_and_goes_on_with_yes(plan, wanted):
    provisioning = Provisioning()

    with pytest.raises(UsageError, match="no terminal"):
        finished(provisioning, [plan], wanted=wanted)
    assert provisioning.carried_out == []

    assert finished(provisioning, [plan], "--yes", wanted=wanted) is ExitCode.DONE
    assert len(provisioning.carried_out) == 1


@pytest.mark.parametrize(
    ("plan", "wanted"), [(HARMLESS, Wanted.PROVISIONED), (NOTHING_TO_DO, Wanted.DEPROVISIONED)]
)
def test_finish_that_takes_nothing_away_does_not_ask(plan, wanted):
    assert finished(Provisioning(), [plan], wanted=wanted) is ExitCode.DONE


@pytest.mark.parametrize(
    ("plans", "code"),
    [
        ([HARMLESS, DESTRUCTIVE, LEFT_OUT, NOTHING_TO_DO], ExitCode.DONE),
        ([HARMLESS, REFUSED], ExitCode.PARTLY_DONE),
        ([HARMLESS, PROBLEM], ExitCode.PARTLY_DONE),
        ([REFUSED], ExitCode.FAILED),
        ([TablePlan("Orders", (Wait("the table"),))], ExitCode.DONE),
    ],
)
def test_finish_of_a_dry_run_changes_nothing_and_tells_what_would_go_wrong(capsys, plans, code):
    provisioning = Provisioning()

    assert finished(provisioning, plans, "--dry-run", wanted=Wanted.DEPROVISIONED) is code

    assert provisioning.carried_out == []
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("Nothing was changed: this was a dry run.\n")


def test_finish_of_a_dry_run_as_json_is_the_plan(capsys):
    finished(Provisioning(), [DESTRUCTIVE, REFUSED], "--dry-run", "--output", "json")

    whole = {"notRestorable": [], "somebodyElses": ""}
    assert json.loads(capsys.readouterr().out) == {
        "dryRun": True,
        "tables": [
            {
                "table": "Orders",
                "refusal": "",
                "steps": ["delete mapping uuid of Orders: it is not wanted"],
                **whole,
            },
            {"table": "Gone", "refusal": "there is no such table", "steps": [], **whole},
        ],
    }


# --- what people may choose

LACKING = TablePlan("Orders", not_restorable=("transformer", "deliveryStreams"), somebody_elses="my-own-stream")


def test_finish_of_a_table_that_is_not_restorable_says_so_in_plan_and_result(capsys):
    assert finished(Provisioning(), [LACKING]) is ExitCode.DONE

    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "Orders:",
        "  not restorable: transformer, deliveryStreams",
        "  delivery stream my-own-stream is somebody else's: it is used, and stays as it is",
        "  - nothing to do",
        "Orders: done; not restorable: transformer, deliveryStreams",
        "1 of 1 tables are as asked for.",
    ]
    assert out.splitlines()[-1].split(maxsplit=1) == [
        "Orders",
        "done; not restorable: transformer, deliveryStreams",
    ]


def test_finish_of_a_table_that_is_not_restorable_has_the_keys_in_its_documents(capsys):
    finished(Provisioning(), [LACKING], "--output", "json")
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    finished(Provisioning(), [LACKING], "--output", "json", "--dry-run")
    (planned,) = json.loads(capsys.readouterr().out)["tables"]

    assert (table["result"], table["notRestorable"]) == ("done", ["transformer", "deliveryStreams"])
    assert (planned["notRestorable"], planned["somebodyElses"]) == (
        ["transformer", "deliveryStreams"],
        "my-own-stream",
    )


@pytest.mark.parametrize("theirs", ["", "my-own-stream"])
def test_finish_of_a_deprovisioning_tells_which_delivery_stream_goes_and_which_stays(capsys, theirs):
    plan = TablePlan("Orders", DESTRUCTIVE.steps, somebody_elses=theirs)

    finished(Provisioning(), [plan], "--dry-run", wanted=Wanted.DEPROVISIONED)

    err = capsys.readouterr().err
    assert ("delete its delivery stream" in err) == (not theirs)
    assert ("my-own-stream is somebody else's" in err) == bool(theirs)


# --- the filter


@pytest.fixture
def beside_the_configuration(tmp_path, monkeypatch):
    """A folder with a configuration and an opt-in function, which is not the current one."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "the_filter.py").write_text("def wanted(table): return table == 'Orders'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "the_filter", raising=False)
    yield folder
    sys.modules.pop("the_filter", None)


def test_filter_where_none_is_configured_lets_everything_through_and_looks_for_no_file(tmp_path):
    before = [*sys.path]

    assert table_scripts.filter_of(Config(), tmp_path / "config.hjson")("Orders")
    assert sys.path == before


@pytest.mark.parametrize("relative", [False, True])
def test_filter_of_a_function_is_the_one_beside_the_configuration_file(beside_the_configuration, relative):
    folder = beside_the_configuration
    config_file = (folder.relative_to(folder.parent) if relative else folder) / "config.hjson"

    is_backed_up = table_scripts.filter_of(Config(optin_function="the_filter:wanted"), config_file)

    assert (is_backed_up("Orders"), is_backed_up("Carts")) == (True, False)


@pytest.mark.parametrize(
    ("function", "problem"),
    [("not_there:wanted", "there is no file .*not_there.py"), ("the_filter:other", "has no other")],
)
def test_filter_of_a_function_that_is_not_there_is_refused(beside_the_configuration, function, problem):
    with pytest.raises(UsageError, match=problem) as caught:
        table_scripts.filter_of(Config(optin_function=function), beside_the_configuration / "config.hjson")

    assert caught.value.exit_code is ExitCode.USAGE


def test_filter_that_is_broken_leaves_nothing_out_and_says_so(tmp_path, capsys):
    is_backed_up = table_scripts.filter_of(Config(table_name_match_regex="("), tmp_path / "config.hjson")

    assert is_backed_up("Orders")
    assert "tableNameMatchRegex is not valid" in capsys.readouterr().err


# --- progress


def test_log_of_the_scripts_is_a_line_of_progress_on_stderr(capsys):
    table_scripts.log().info("Orders: %s", "enable the stream")
    table_scripts.log().info("once")

    assert capsys.readouterr() == ("", "  Orders: enable the stream\n  once\n")
