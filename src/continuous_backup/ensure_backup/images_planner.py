"""What the images of a table's items take: a mapping of its stream to LambdaStreamToItemImages. Pure."""

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import (
    CreateMapping,
    DeleteMapping,
    Problem,
    Step,
    UpdateMapping,
    Wait,
)
from continuous_backup.ensure_backup.state import BackupState, Mapping, Table
from continuous_backup.naming import Account

#: Of a stream that is not a global table's:
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
_MOST_READERS = 2
_CHANGES = {"Creating", "Enabling", "Disabling", "Updating", "Deleting"}
_DRAINED = "its stream is gone, all that it held has been read or expired"


def keep(state: BackupState, table: Table, config: Config, account: Account) -> list[Step]:
    """What is to be done for a table that is protected, so that its items have images, or have none any more.

    The change log comes first: it keeps its place at the stream, and images take the second where it is free.
    """
    images = config.item_images
    if images is None or not images.are_kept_of(table.name):
        return release(state, "itemImages leaves the table out", force=True)
    if table.replicas:
        return [
            Problem(
                f"{table.name} is a global table, and has no images of items: its stream has a reader of its own "
                "and one of ours, and a third could throttle them",
                "leave it out of itemImages.tableNameMatchRegex; its replicas are in other regions already",
            ),
            *release(state, "a global table has no room for a third reader", force=True),
        ]
    stream = table.stream
    if stream is None or not stream.enabled:
        return []
    current = next((each for each in state.image_mappings if each.stream_arn == stream.arn), None)
    drained = _drained(state, current)
    if current is None:
        log_is_read = any(each.stream_arn == stream.arn for each in state.mappings)
        return [*(_joined(state, table, stream.arn, config) if log_is_read else []), *drained]
    if not current.ours:
        return [_not_ours(current, table.name), *drained]
    if current.state in _CHANGES:
        return [Wait(f"mapping {current.uuid} of {table.name}, which is {current.state}"), *drained]
    as_wanted = current.settings == want.image_mapping_settings(images, config, account)
    if current.state != "Enabled" or not as_wanted:
        return [UpdateMapping(table.name, current.uuid, naming.ITEM_IMAGES_FUNCTION), *drained]
    return drained


def stay(state: BackupState, config: Config, account: Account) -> list[Step]:
    """What keeps the mappings whole of a table that is gone, opted out or left out; none is made.

    Without itemImages the function has no place to write to: then they are taken away.
    """
    images = config.item_images
    if images is None:
        return release(state, "itemImages is switched off", force=True)
    wanted = want.image_mapping_settings(images, config, account)
    steps: list[Step] = []
    for each in state.image_mappings:
        if not each.ours or each.stream_is_gone or each.state == "Deleting":
            continue
        if each.state in _CHANGES:
            steps.append(Wait(f"mapping {each.uuid} of {state.name}, which is {each.state}"))
        elif each.state != "Enabled" or each.settings != wanted:
            steps.append(UpdateMapping(state.name, each.uuid, naming.ITEM_IMAGES_FUNCTION))
    return steps


def release(state: BackupState, why: str, *, force: bool) -> list[Step]:
    """What takes the mappings away; without `force` only those whose stream cannot be read any more."""
    steps: list[Step] = []
    for each in state.image_mappings:
        if not each.ours:
            steps += [_not_ours(each, state.name)] if force else []
        elif each.state == "Deleting":
            steps.append(Wait(f"mapping {each.uuid} of {state.name} to be deleted"))
        elif force or each.stream_is_gone:
            steps.append(DeleteMapping(state.name, each.uuid, why if force else _DRAINED))
    return steps


def _joined(state: BackupState, table: Table, stream_arn: str, config: Config) -> list[Step]:
    if state.other_readers + 1 >= _MOST_READERS and not config.join_busy_streams:
        return [
            Problem(
                f"TooManyReaders: the stream of {table.name} has {state.other_readers} other readers beside the "
                "forwarder, so that there is no place for images of its items",
                "remove one, leave the table out of itemImages.tableNameMatchRegex, or set joinBusyStreams: true",
            )
        ]
    return [CreateMapping(table.name, stream_arn, naming.ITEM_IMAGES_FUNCTION)]


def _drained(state: BackupState, current: Mapping | None) -> list[Step]:
    return [
        DeleteMapping(state.name, each.uuid, _DRAINED)
        for each in state.image_mappings
        if each is not current and each.ours and each.stream_is_gone and each.state != "Deleting"
    ]


def _not_ours(mapping: Mapping, table: str) -> Problem:
    return Problem(
        f"mapping {mapping.uuid} from {table} to {naming.ITEM_IMAGES_FUNCTION} is not ours",
        f"delete it, or tag it {naming.MANAGED_TAG}={naming.MANAGED_TAG_VALUE} to hand it over",
    )
