"""Structured logs of the Lambda functions: one JSON object a line, a sentence and its facts."""

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any

_LOGGER = "continuous_backup"
#: Lambda's levels, in the variable that it sets where a function's level is configured:
#: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
_LEVEL_VARIABLE = "AWS_LAMBDA_LOG_LEVEL"
_LEVELS = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
}
#: At DEBUG these show bodies and the names of objects, which hold what is in items.
_OF_THE_SDK = ("boto3", "botocore", "s3transfer", "urllib3")
#: What every LogRecord has; anything beyond came from `extra` and is a fact to be shown.
_OWN_FIELDS = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _JsonFormatter(logging.Formatter):
    """The shape of Lambda's own JSON log format: timestamp, level, message, and the facts."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            **_facts(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _FactsInTheMessage(logging.Filter):
    """For Lambda's text format, which shows the message alone: on one line, whatever a name in it holds."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not getattr(record, "told", False):
            facts = _facts(record)
            told = f" {json.dumps(facts, default=str)}" if facts else ""
            record.msg = " ".join(record.getMessage().splitlines()) + told
            record.args = None
            record.told = True
        return True


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}


def logger() -> logging.Logger:
    """The logger of this package; facts go into `extra`, for example `extra={"table": "Orders"}`.

    Lambda's runtime installs a handler that writes them in the function's log format. Where there is
    none (another runtime, an emulator), ours writes the same shape to standard error.
    """
    ours = logging.getLogger(_LOGGER)
    if not ours.handlers and not logging.getLogger().handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(_JsonFormatter())
        ours.addHandler(handler)
        ours.propagate = False
    in_lambda = "AWS_LAMBDA_RUNTIME_API" in os.environ and not ours.handlers
    if in_lambda and not ours.filters and os.environ.get("AWS_LAMBDA_LOG_FORMAT") != "JSON":
        ours.addFilter(_FactsInTheMessage())
    ours.setLevel(_LEVELS.get(os.environ.get(_LEVEL_VARIABLE, ""), logging.INFO))
    for name in _OF_THE_SDK:
        logging.getLogger(name).setLevel(logging.WARNING)
    return ours
