"""LambdaStreamToFirehose: what Lambda calls with a batch of changes of one table's stream."""

import functools
import random
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Aws
from continuous_backup.configuration import config
from continuous_backup.patience import CONNECT_SECONDS, READ_SECONDS, Patience
from continuous_backup.reading_streams import batch_answer
from continuous_backup.streams_to_firehose import choices, request_body
from continuous_backup.streams_to_firehose.forwarding import Surroundings, forward
from continuous_backup.streams_to_firehose.tally import Tally


def handler(event: object, context: Any) -> dict[str, list[dict[str, str]]]:
    """Forwards the batch to the table's delivery stream, and answers from where it has to come again.

    Raises a BackupError where it cannot be forwarded by trying again: Lambda then repeats all of it.
    """
    tally = Tally()
    return batch_answer.answer(event, lambda: _forwarded(event, context, tally), tally, context.aws_request_id)


def _forwarded(event: object, context: Any, tally: Tally) -> str:
    aws, surroundings = _of_cold_start(context.invoked_function_arn)
    tally.metrics = surroundings.config.metrics
    patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000, aws.sleep, random.random)
    return forward(event, surroundings, patience, tally)


@functools.cache
def _of_cold_start(function_arn: str) -> tuple[Aws, Surroundings]:
    """What warm invocations share: the bundled configuration, and clients that leave repeating to us."""
    account = naming.account_of_arn(function_arn)
    aws = Aws(region=account.region, max_attempts=1, connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)
    request_body.write_directly(aws.client("firehose"))
    chosen = config.bundled().in_account(account)
    return aws, Surroundings(chosen, account, aws.client, aws.clock, choices.of_config(chosen))
