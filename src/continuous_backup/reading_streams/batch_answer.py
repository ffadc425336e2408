"""How a function that reads a stream answers Lambda, and what it says of itself in the log."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from continuous_backup import errors
from continuous_backup.errors import BackupError
from continuous_backup.reading_streams import stream_records
from continuous_backup.summary import Fact, summary_line


class Counts(Protocol):
    """What an invocation has counted. `metrics` is the configuration's; "none" until that is read."""

    table: str
    metrics: str

    def facts(self) -> dict[str, Fact]: ...


def answer(
    event: object, read: Callable[[], str], counts: Counts, request_id: str
) -> dict[str, list[dict[str, str]]]:
    """Does the work of an invocation, says in one line what was done, and answers in Lambda's terms.

    `read` gives the sequence number from which the batch has to come again, "" for none. A BackupError of its
    is said and raised again: Lambda then repeats the whole batch.
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
    """
    try:
        first_not_done = read()
    except BackupError as err:
        _say_failed(counts, event, {"requestId": request_id, "reason": err.problem, "hint": err.hint})
        raise
    except Exception as err:
        # Its message may quote an item, and Lambda logs it anyway where it was not ours to prevent.
        _say_failed(counts, event, {"requestId": request_id, "reason": errors.failure(err)})
        raise
    if first_not_done:
        again = {"requestId": request_id, "first_not_accepted": first_not_done}
        _say(counts, "a part of the batch has to come again", "WARNING", again)
        return {"batchItemFailures": [{"itemIdentifier": first_not_done}]}
    _say(counts, "the whole batch is accepted", "INFO", {"requestId": request_id})
    return {"batchItemFailures": []}


def _say_failed(counts: Counts, event: object, why: dict[str, str]) -> None:
    records = event.get("Records") if isinstance(event, dict) else None
    numbers = [stream_records.sequence_number(record) for record in records] if isinstance(records, list) else []
    batch = {"first_sequence_number": numbers[0], "last_sequence_number": numbers[-1]} if numbers else {}
    _say(counts, "nothing of the batch is acknowledged", "ERROR", batch | why)


def _say(counts: Counts, message: str, level: str, extra: Mapping[str, Any]) -> None:
    """Past the logging, which in Lambda's text format would put words before the JSON: no metrics then."""
    line = summary_line(counts.table, counts.facts(), message, level, counts.metrics, time.time(), extra)
    print(line, flush=True)
