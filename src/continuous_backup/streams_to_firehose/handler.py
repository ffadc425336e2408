"""LambdaStreamToFirehose: what Lambda calls with a batch of changes of one table's stream."""

import functools
import random
import time
from typing import Any

from continuous_backup import config, naming
from continuous_backup.aws import Aws
from continuous_backup.errors import BackupError
from continuous_backup.patience import CONNECT_SECONDS, READ_SECONDS, Patience
from continuous_backup.streams_to_firehose import choices, request_body
from continuous_backup.streams_to_firehose.forwarding import Surroundings, forward
from continuous_backup.streams_to_firehose.tally import Tally, summary_line


def handler(event: object, context: Any) -> dict[str, list[dict[str, str]]]:
    """Forwards the batch to the table's delivery stream, and answers from where it has to come again.

    Raises a BackupError where it cannot be forwarded by trying again: Lambda then repeats all of it.
    """
    tally, metrics = Tally(), "none"
    try:
        aws, surroundings = _of_cold_start(context.invoked_function_arn)
        metrics = surroundings.config.metrics
        patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000, aws.sleep, random.random)
        first_not_accepted = forward(event, surroundings, patience, tally)
    except BackupError as err:
        why = {"reason": err.problem, "hint": err.hint}
        _say(summary_line(tally, "nothing of the batch is acknowledged", "ERROR", metrics, time.time(), why))
        raise
    if first_not_accepted:
        again = {"first_not_accepted": first_not_accepted}
        _say(summary_line(tally, "a part of the batch has to come again", "WARNING", metrics, time.time(), again))
        return {"batchItemFailures": [{"itemIdentifier": first_not_accepted}]}
    _say(summary_line(tally, "the whole batch is accepted", "INFO", metrics, time.time()))
    return {"batchItemFailures": []}


def _say(line: str) -> None:
    """Past the logging, which in Lambda's text format would put words before the JSON: no metrics then."""
    print(line, flush=True)


@functools.cache
def _of_cold_start(function_arn: str) -> tuple[Aws, Surroundings]:
    """What warm invocations share: the bundled configuration, and clients that leave repeating to us."""
    account = naming.account_of_arn(function_arn)
    aws = Aws(region=account.region, max_attempts=1, connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)
    request_body.write_directly(aws.client("firehose"))
    chosen = config.bundled().in_account(account)
    return aws, Surroundings(chosen, account, aws.client, aws.clock, choices.of_config(chosen))
