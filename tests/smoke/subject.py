"""The table that is tried, and where it is."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from continuous_backup import naming
from continuous_backup.aws import Aws
from continuous_backup.configuration.config import Config
from continuous_backup.naming import Account
from continuous_backup.operations import cli
from local.waiting import wait_for

_NAME = "continuous-backup-smoke-"
_POLL_SECONDS = 2.0

T = TypeVar("T")


def _new_name() -> str:
    return _NAME + secrets.token_hex(4)


@dataclass(frozen=True)
class Subject:
    """`config` is one `in_account`; nothing is waited for longer than `patience` seconds."""

    aws: Aws
    account: Account
    config: Config
    patience: float
    table: str = field(default_factory=_new_name)

    @property
    def delivery_stream(self) -> str:
        return self.config.delivery_stream_name(self.table)

    @property
    def prefix(self) -> str:
        """Where on S3 the table's data is; ends in a slash."""
        return naming.table_prefix(self.config.prefix, self.table)

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def wait_for(self, condition: Callable[[], T | None], what: str, within: float | None = None) -> T:
        """What the condition gives as soon as that is true. Raises NotInTime."""
        seconds = min(self.patience, within or self.patience)
        cli.tell(f"  ... waiting for {what}, at most {seconds:.0f} s")
        return wait_for(condition, what, seconds, _POLL_SECONDS)

    def mappings(self) -> list[dict[str, Any]]:
        """The event source mappings from the table's streams to the forwarder."""
        found = self.aws.pages(
            "lambda", "list_event_source_mappings", "EventSourceMappings", FunctionName=naming.FORWARDER_FUNCTION
        )
        return [each for each in found if naming.table_of_arn(each.get("EventSourceArn", "")) == self.table]

    def described_delivery_stream(self) -> dict[str, Any]:
        described: dict[str, Any] = self.client("firehose").describe_delivery_stream(
            DeliveryStreamName=self.delivery_stream
        )["DeliveryStreamDescription"]
        return described
