"""Whose stream a batch is of: only tables of the function's own account and region are written."""

from collections.abc import Sequence
from typing import Any

from continuous_backup.errors import MalformedEvent
from continuous_backup.naming import Account

#: More than the longest ARN of a stream: a table's name has at most 255 characters.
_MOST_SAID = 400


def require_own(records: Sequence[Any], account: Account) -> None:
    """Raises MalformedEvent where a record names a stream that is not of a table of this account and region.

    Somebody who may invoke the function could otherwise write changes of another account's table into the log,
    or over the images, of ours of the same name. What names no stream at all is not judged here: it is no change
    of any table, and kept whole; nor is a text that is no ARN, which makes no change either.
    """
    own = account.table_arn("")
    for arn in _stream_arns(records):
        if not arn.startswith(own) and arn.startswith("arn:"):
            raise MalformedEvent(
                f"a record is of {arn[:_MOST_SAID]!r}, which is no stream of a table of account {account.id} in "
                f"{account.region}: nothing of the batch is written",
                "see who may invoke this function, and to which streams it is mapped: it reads those of its own "
                "account and region alone",
            )


def _stream_arns(records: Sequence[Any]) -> set[str]:
    """Each of them once: a batch of Lambda's is of one stream, and this is done for every batch."""
    try:
        arns = {record["eventSourceARN"] for record in records}
    except (KeyError, TypeError):
        found = (record.get("eventSourceARN") for record in records if isinstance(record, dict))
        return {arn for arn in found if isinstance(arn, str)}
    return {arn for arn in arns if isinstance(arn, str)}
