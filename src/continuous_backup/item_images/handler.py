"""LambdaStreamToItemImages: what Lambda calls with a batch of changes of one table's stream."""

import functools
import random
from typing import Any

from continuous_backup import naming
from continuous_backup.aws import Aws
from continuous_backup.configuration import config
from continuous_backup.errors import UsageError
from continuous_backup.item_images.keeping import Surroundings, keep_latest
from continuous_backup.item_images.tally import Tally
from continuous_backup.item_images.writing import Place
from continuous_backup.patience import CONNECT_SECONDS, READ_SECONDS, Patience
from continuous_backup.reading_streams import batch_answer


def handler(event: object, context: Any) -> dict[str, list[dict[str, str]]]:
    """Writes the latest image of each item in the batch, and answers from where it has to come again.

    Raises a BackupError where trying again does not help by itself: Lambda then repeats all of it.
    """
    tally = Tally()
    return batch_answer.answer(event, lambda: _kept(event, context, tally), tally, context.aws_request_id)


def _kept(event: object, context: Any, tally: Tally) -> str:
    aws, place, account, metrics = _of_cold_start(context.invoked_function_arn)
    tally.metrics = metrics

    def patience() -> Patience:
        return Patience(lambda: context.get_remaining_time_in_millis() / 1000, aws.sleep, random.random)

    return keep_latest(event, Surroundings(place, account, aws.lean_s3(), patience, aws.clock), tally)


@functools.cache
def _of_cold_start(function_arn: str) -> tuple[Aws, Place, naming.Account, str]:
    """What warm invocations share: the bundled configuration, and a client with a connection for each writer."""
    account = naming.account_of_arn(function_arn)
    chosen = config.bundled().in_account(account)
    images = chosen.item_images
    if images is None:
        raise UsageError(
            "this function was deployed, and its configuration has no itemImages",
            "set itemImages, or take the function away; then run ./build.sh and deploy.py",
        )
    aws = Aws(
        region=account.region,
        max_attempts=1,
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        connections=images.writers,
    )
    place = Place(images.bucket, images.prefix, images.storage_class, images.writers)
    return aws, place, account, chosen.metrics
