"""What the functions' logs look like, with Lambda's own handler and without."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from continuous_backup.logs import logger


class Output(io.StringIO):
    @property
    def lines(self) -> list[str]:
        return self.getvalue().splitlines()


@pytest.fixture
def new_logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., logging.Logger]]:
    """Asks for the package's logger like a new process whose root logger has these handlers.

    Afterwards the loggers are as they were. pytest adds handlers of its own when the test begins, so they
    are taken off only then.
    """
    for name in ("AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    root, ours = logging.getLogger(), logging.getLogger("continuous_backup")
    before = (root.handlers, ours.handlers, ours.filters, ours.propagate, ours.level)

    def asked_for(*handlers: logging.Handler) -> logging.Logger:
        root.handlers, ours.handlers, ours.filters, ours.propagate = [*handlers], [], [], True
        return logger()

    yield asked_for
    root.handlers, ours.handlers, ours.filters, ours.propagate, level = before
    ours.setLevel(level)


@pytest.fixture
def lambdas_text(new_logger, monkeypatch: pytest.MonkeyPatch) -> tuple[Callable[[], logging.Logger], Output]:
    """The logger where Lambda's runtime installed its handler for the text format, and what comes out of it."""
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")
    output = Output()
    handler = logging.StreamHandler(output)
    handler.setFormatter(logging.Formatter("[%(levelname)s]\t%(message)s"))
    return partial(new_logger, handler), output


@pytest.mark.parametrize("log_format", ["Text", ""])
def test_log_in_lambdas_text_format_shows_the_facts_behind_the_sentence(lambdas_text, monkeypatch, log_format):
    log_of, output = lambdas_text
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", log_format)

    log_of().info("Created %s", "Orders", extra={"table": "Orders", "at": 1.5})

    assert output.lines == ['[INFO]\tCreated Orders {"table": "Orders", "at": 1.5}']


def test_log_in_lambdas_text_format_shows_what_json_has_no_form_for(lambdas_text):
    log_of, output = lambdas_text
    log_of().warning("odd", extra={"why": ValueError("x"), "tables": {"a"}})

    assert output.lines == ['[WARNING]\todd {"why": "x", "tables": "{\'a\'}"}']


def test_log_in_lambdas_text_format_of_a_sentence_alone_is_that_sentence(lambdas_text):
    log_of, output = lambdas_text
    log_of().info("Swept %d%% of %s", 100, "it")

    assert output.lines == ["[INFO]\tSwept 100% of it"]


def test_log_in_lambdas_text_format_with_percents_in_the_facts_shows_them(lambdas_text):
    log_of, output = lambdas_text
    log_of().info("Created %s", "a%s", extra={"table": "50%d"})

    assert output.lines == ['[INFO]\tCreated a%s {"table": "50%d"}']


def test_log_that_is_asked_for_again_and_again_shows_the_facts_once(lambdas_text):
    log_of, output = lambdas_text
    log = log_of()
    for _ in range(2):
        log = logger()

    log.info("Created", extra={"table": "Orders"})

    assert output.lines == ['[INFO]\tCreated {"table": "Orders"}']
    assert len(log.filters) == 1


def test_log_in_lambdas_json_format_leaves_the_facts_to_lambdas_handler(lambdas_text, monkeypatch):
    log_of, output = lambdas_text
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")

    log_of().info("Created", extra={"table": "Orders"})

    assert output.lines == ["[INFO]\tCreated"]


@pytest.mark.parametrize("runtime_api", ["", "127.0.0.1:9001"])
def test_log_where_nobody_installed_a_handler_is_json_with_the_facts_as_keys(
    new_logger, monkeypatch, capsys, runtime_api
):
    if runtime_api:
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", runtime_api)

    new_logger().info("Created %s", "Orders", extra={"table": "Orders"})

    line = json.loads(capsys.readouterr().err)
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {"level": "INFO", "message": "Created Orders", "table": "Orders"}


def test_log_of_an_exception_as_json_has_the_traceback(new_logger, capsys):
    try:
        raise ValueError("broken")
    except ValueError:
        new_logger().exception("failed")

    line = json.loads(capsys.readouterr().err)
    assert line["exception"].endswith("ValueError: broken")


def test_log_in_lambdas_text_format_is_one_line_whatever_a_name_holds(lambdas_text):
    log_of, output = lambdas_text

    log_of().warning("Ignored %s", "Orders\n[ERROR]\tall is lost", extra={"table": "a\nb"})

    assert output.lines == ['[WARNING]\tIgnored Orders [ERROR]\tall is lost {"table": "a\\nb"}']


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("", ["INFO", "WARNING", "ERROR"]),
        ("INFO", ["INFO", "WARNING", "ERROR"]),
        ("DEBUG", ["DEBUG", "INFO", "WARNING", "ERROR"]),
        ("WARN", ["WARNING", "ERROR"]),
        ("ERROR", ["ERROR"]),
        ("LOUD", ["INFO", "WARNING", "ERROR"]),
    ],
)
def test_log_shows_what_lambdas_level_asks_for(lambdas_text, monkeypatch, level, shown):
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", level)
    log_of, output = lambdas_text

    for name in ("debug", "info", "warning", "error"):
        getattr(log_of(), name)("x")

    assert [line.partition("]")[0].removeprefix("[") for line in output.lines] == shown


def test_log_at_debug_shows_nothing_of_the_sdks_which_quote_bodies_and_names(lambdas_text, monkeypatch):
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "DEBUG")
    log_of, output = lambdas_text
    log_of()

    for name in ("botocore.endpoint", "urllib3.connectionpool", "boto3.resources", "s3transfer.tasks"):
        logging.getLogger(name).debug("PUT /Orders/id.S.secret")

    assert output.lines == []
