"""States of a table and its backup, for the tests of what is decided about them."""

from dataclasses import replace

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import Step
from continuous_backup.ensure_backup.planner import plan
from continuous_backup.ensure_backup.state import BackupState, DeliveryStream, Mapping, Stream, Table
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.naming import Account

ACCOUNT = Account("123456789012", "eu-west-1")
CONFIG = Config().in_account(ACCOUNT)
NOW = 1_800_000_000.0
NAME = "Orders"
STREAM_ARN = ACCOUNT.arn("dynamodb", f"table/{NAME}/stream/2026-11-22T08:00:00.000")
FORMER_ARN = ACCOUNT.arn("dynamodb", f"table/{NAME}/stream/2026-11-21T08:00:00.000")


def table(**changes: object) -> Table:
    return replace(Table(NAME, stream=Stream(STREAM_ARN)), **changes)


def delivery_stream(config: Config = CONFIG, **changes: object) -> DeliveryStream:
    """One of ours, as the configuration wants it."""
    name = config.delivery_stream_name(NAME)
    made = DeliveryStream(
        name=name,
        tags=want.delivery_stream_tags(NAME, config, ACCOUNT),
        arn=ACCOUNT.delivery_stream_arn(name),
        version="1",
        destination_id="destinationId-000000000001",
        destination=want.destination(NAME, config, ACCOUNT),
        encryption=want.encryption(config),
    )
    return replace(made, **changes)


def released(seconds_ago: float, **changes: object) -> DeliveryStream:
    found = delivery_stream(**changes)
    return replace(found, tags={**found.tags, naming.RELEASED_AT_TAG: str(NOW - seconds_ago)})


def mapping(**changes: object) -> Mapping:
    made = Mapping("mapping-1", STREAM_ARN, settings=want.mapping_settings(CONFIG, ACCOUNT))
    return replace(made, **changes)


def backup(**changes: object) -> BackupState:
    """A table that is protected, but for the changes."""
    made = BackupState(NAME, table(), delivery_stream(), mappings=(mapping(),))
    return replace(made, **changes)


def planned(
    state: BackupState, wanted: Wanted = Wanted.PROTECTED, config: Config = CONFIG, now: float = NOW
) -> list[Step]:
    return plan(state, wanted, config, ACCOUNT, now)


def kinds(steps: list[Step]) -> list[str]:
    return [type(step).__name__ for step in steps]
