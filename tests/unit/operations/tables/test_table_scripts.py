"""What provision_tables.py and deprovision_tables.py show and ask, with a provisioning that only notes."""

import json
import sys

import pytest

from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup.actions import DeleteMapping, EnableStream, OptIn, OptOut, Problem, Wait
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.errors import ExitCode, UsageError
from continuous_backup.naming import Account
from continuous_backup.operations import cli
from continuous_backup.operations.tables import script as table_scripts
from continuous_backup.operations.tables.images import ImagesResult
from continuous_backup.operations.tables.provisioning import TablePlan
from continuous_backup.operations.tables.results import Standing, TableResult
from continuous_backup.operations.tables.whitelist import Whitelist

ACCOUNT = Account("123456789012", "eu-west-1")
HARMLESS = TablePlan("Orders", (EnableStream("Orders"),))
DESTRUCTIVE = TablePlan("Orders", (DeleteMapping("Orders", "uuid", "it is not wanted"),))
OPTING_OUT = TablePlan("Orders", (OptOut("Orders"),))
NOTHING_TO_DO = TablePlan("Carts")
REFUSED = TablePlan("Gone", refusal="there is no such table")
LEFT_OUT = TablePlan("Test", refusal="the filter leaves it out", standing=Standing.LEFT_OUT, by_choice=True)
OPTED_OUT = TablePlan("Own", refusal="its tag opts it out", standing=Standing.OPTED_OUT)
PROBLEM = TablePlan("Logs", (Problem("its stream has view type KEYS_ONLY", "decide"),))


class Provisioning:
    """Notes what it was asked to carry out; tables in `failing` fail."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.carried_out: list[tuple[list[TablePlan], Wanted]] = []

    def carry_out(self, plans, wanted, on_waiting):
        self.carried_out.append((plans, wanted))
        return [
            TableResult(plan.table, "done", self._standing(plan), not_restorable=plan.not_restorable)
            for plan in plans
        ]

    def _standing(self, plan):
        if plan.refusal:
            return plan.standing
        return Standing.PROBLEM if plan.table in self.failing else Standing.AS_WANTED


def finished(provisioning, plans, *arguments, wanted=Wanted.PROVISIONED, **more):
    parser = cli.parser("A script.")
    parser.add_argument("whitelist")
    options = parser.parse_args(["all.hjson", *arguments])
    return table_scripts.finish(options, ACCOUNT, provisioning, plans, wanted, **more)


@pytest.fixture(autouse=True)
def nobody_to_ask(monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)


def test_finish_shows_the_plan_of_what_is_to_do_on_stderr_and_all_results_on_stdout(capsys):
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
        "2 tables: 2 backed up.",
    ]
    assert provisioning.carried_out == [([HARMLESS, NOTHING_TO_DO], Wanted.PROVISIONED)]


@pytest.mark.parametrize(
    ("failing", "code"),
    [((), ExitCode.DONE), (("Orders",), ExitCode.PARTLY_DONE), (("Orders", "Carts"), ExitCode.FAILED)],
)
def test_finish_with_tables_that_fail_says_so_by_its_exit_code(failing, code):
    assert finished(Provisioning(*failing), [HARMLESS, NOTHING_TO_DO]) is code


def document_of(table, result, *, ok=True, standing="asWanted", steps=()):
    about = {"table": table, "ok": ok, "standing": standing, "result": result, "steps": list(steps)}
    return {**about, "details": [], "notRestorable": [], "somebodyElses": ""}


def test_finish_as_json_is_a_document_of_all_results(capsys):
    finished(Provisioning("Carts"), [HARMLESS, NOTHING_TO_DO, OPTED_OUT], "--output", "json")

    assert json.loads(capsys.readouterr().out) == {
        "dryRun": False,
        "ok": False,
        "account": "123456789012",
        "region": "eu-west-1",
        "counts": {"asWanted": 1, "optedOut": 1, "leftOut": 0, "problem": 1, "waiting": 0},
        "tables": [
            document_of("Orders", "done"),
            document_of("Carts", "done", ok=False, standing="problem"),
            document_of("Own", "done", ok=False, standing="optedOut"),
        ],
        "images": [],
    }


def test_finish_with_tables_that_a_tag_opts_out_is_not_done_and_says_the_way_back(capsys):
    assert finished(Provisioning(), [OPTED_OUT, OPTED_OUT]) is ExitCode.PARTLY_DONE
    assert capsys.readouterr().err.endswith(
        "2 tables: 2 opted out by a tag. To take in again those that a tag opts out: "
        "./provision_tables.py all.hjson --opt-in\n"
    )


def test_finish_with_images_that_fail_is_done_in_part_and_has_them_in_its_document(capsys):
    def images(plans):
        return [ImagesResult(plan.table, "failed: no stream", ok=False) for plan in plans]

    code = finished(Provisioning(), [HARMLESS], "--output", "json", images=images)

    assert code is ExitCode.PARTLY_DONE
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], [each["result"] for each in document["images"]]) == (False, ["failed: no stream"])


EVERYTHING, NAMED = Whitelist(True), Whitelist(False, ("Orders",))
OPTING_IN = TablePlan("Own", (OptIn("Own"),))


def test_question_of_ending_says_of_how_many_tables_and_where():
    plans = [DESTRUCTIVE] * 21
    assert table_scripts.question_of_ending(plans, EVERYTHING, ACCOUNT).startswith(
        "End the backup of ALL 21 tables of account 123456789012, eu-west-1?"
    )
    assert table_scripts.question_of_ending([DESTRUCTIVE], NAMED, ACCOUNT).startswith(
        "End the backup of 1 table of account 123456789012, eu-west-1?"
    )
    assert table_scripts.question_of_ending([NOTHING_TO_DO], EVERYTHING, ACCOUNT) == ""


def test_question_of_opting_in_is_asked_only_where_nobody_named_the_tables():
    asked = table_scripts.question_of_opting_in([OPTING_IN, HARMLESS], EVERYTHING, ACCOUNT)
    assert asked == "Take in 1 table of account 123456789012, eu-west-1 that a tag opts out?"
    assert table_scripts.question_of_opting_in([OPTING_IN], NAMED, ACCOUNT) == ""
    assert table_scripts.question_of_opting_in([HARMLESS], EVERYTHING, ACCOUNT) == ""


def test_finish_with_a_question_asks_it_before_anything_is_done():
    provisioning = Provisioning()
    with pytest.raises(UsageError, match="no terminal"):
        finished(provisioning, [OPTING_IN], question="Take in 1 table?")
    assert provisioning.carried_out == []
    assert finished(provisioning, [OPTING_IN], "--yes", question="Take in 1 table?") is ExitCode.DONE


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
        ([HARMLESS, OPTED_OUT], ExitCode.PARTLY_DONE),
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


def test_finish_of_a_dry_run_as_json_has_the_shape_of_a_real_one(capsys):
    finished(Provisioning(), [DESTRUCTIVE, REFUSED], "--dry-run", "--output", "json")
    planned = json.loads(capsys.readouterr().out)
    finished(Provisioning(), [DESTRUCTIVE, REFUSED], "--yes", "--output", "json")
    real = json.loads(capsys.readouterr().out)

    deleting = "delete mapping uuid of Orders: it is not wanted"
    assert (planned["dryRun"], planned["ok"]) == (True, False)
    assert planned["tables"] == [
        document_of("Orders", deleting, steps=[deleting]),
        document_of("Gone", "there is no such table", ok=False, standing="problem"),
    ]
    assert planned.keys() == real.keys()
    assert planned["tables"][0].keys() == real["tables"][0].keys()


def test_finish_of_a_dry_run_ends_with_the_counts(capsys):
    finished(Provisioning(), [HARMLESS, OPTED_OUT, LEFT_OUT], "--dry-run")
    assert capsys.readouterr().err.splitlines()[-2] == (
        "As planned: 3 tables: 1 backed up, 1 opted out by a tag, 1 left out by the filter. To take in again "
        "those that a tag opts out: ./provision_tables.py all.hjson --opt-in"
    )


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
        "1 table: 1 backed up.",
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


def test_waits_are_told_with_their_reason_and_length_and_of_many_tables_some(capsys):
    wait = Wait("delivery stream Orders to write what it holds (420 s)", at_least=420)
    table_scripts.tell_waits({"Orders": wait})
    table_scripts.tell_waits({f"table-{number}": Wait(f"table-{number} to be ACTIVE") for number in range(5)})
    assert capsys.readouterr().err.splitlines() == [
        "  wait for delivery stream Orders to write what it holds (420 s)",
        "  wait for table-0 to be ACTIVE",
        "  wait for table-1 to be ACTIVE",
        "  wait for table-2 to be ACTIVE",
        "  and for the like of 2 more tables",
    ]
