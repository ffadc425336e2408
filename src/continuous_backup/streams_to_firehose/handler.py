"""LambdaStreamToFirehose: what Lambda calls with a batch of changes of one table's stream."""

import functools
import random
from typing import Any

from continuous_backup import config, naming
from continuous_backup.aws import Aws
from continuous_backup.errors import BackupError
from continuous_backup.logs import logger
from continuous_backup.streams_to_firehose.forwarding import Surroundings, Tally, forward
from continuous_backup.streams_to_firehose.patience import CONNECT_SECONDS, READ_SECONDS, Patience


def handler(event: object, context: Any) -> dict[str, list[dict[str, str]]]:
    """Forwards the batch to the table's delivery stream, and answers from where it has to come again.

    Raises a BackupError where it cannot be forwarded by trying again: Lambda then repeats all of it.
    """
    tally = Tally()
    try:
        aws, surroundings = _of_cold_start(context.invoked_function_arn)
        patience = Patience(lambda: context.get_remaining_time_in_millis() / 1000, aws.sleep, random.random)
        first_not_accepted = forward(event, surroundings, patience, tally)
    except BackupError as err:
        facts = {**tally.facts(), "reason": err.problem, "hint": err.hint}
        logger().error("nothing of the batch is acknowledged", extra=facts)
        raise
    if first_not_accepted:
        facts = {**tally.facts(), "first_not_accepted": first_not_accepted}
        logger().warning("a part of the batch has to come again", extra=facts)
        return {"batchItemFailures": [{"itemIdentifier": first_not_accepted}]}
    logger().info("the whole batch is accepted", extra=tally.facts())
    return {"batchItemFailures": []}


@functools.cache
def _of_cold_start(function_arn: str) -> tuple[Aws, Surroundings]:
    """What warm invocations share: the bundled configuration, and clients that leave repeating to us."""
    account = naming.account_of_arn(function_arn)
    aws = Aws(region=account.region, max_attempts=1, connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)
    return aws, Surroundings(config.bundled().in_account(account), account, aws.client, aws.clock)
