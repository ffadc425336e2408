"""How many tables a configuration's filter takes, and which wired ones it leaves out: told, nothing is changed."""

import logging
from dataclasses import dataclass

from continuous_backup import naming
from continuous_backup.aws import Aws, ClientError, error_code, unless_refused
from continuous_backup.ensure_backup.optin import Filter
from continuous_backup.operations.notes import Note

_NAMED = 10


@dataclass(frozen=True)
class Matching:
    """Of the tables there are: how many the filter takes, and those that it leaves out though they are wired."""

    tables: int
    taken: int
    wired_and_left_out: tuple[str, ...] = ()


def look(aws: Aws, is_backed_up: Filter, log: logging.Logger) -> Matching | None:
    """By two lists; None, with a warning, where they are refused."""
    return unless_refused(lambda: _look(aws, is_backed_up), None, "how many tables match is not known", log)


def _look(aws: Aws, is_backed_up: Filter) -> Matching:
    tables = [str(name) for name in aws.pages("dynamodb", "list_tables", "TableNames")]
    left_out = {table for table in tables if not is_backed_up(table)}
    wired = {naming.table_of_arn(arn) for arn in streams_read(aws)} if left_out else set()
    return Matching(len(tables), len(tables) - len(left_out), tuple(sorted(left_out & wired)))


def streams_read(aws: Aws) -> list[str]:
    """The ARNs of the tables' streams that the forwarder reads; none where nothing is deployed yet."""
    try:
        mappings = aws.pages(
            "lambda",
            "list_event_source_mappings",
            "EventSourceMappings",
            FunctionName=naming.FORWARDER_FUNCTION,
        )
    except ClientError as err:
        if error_code(err) != "ResourceNotFoundException":
            raise
        return []
    return [arn for each in mappings if ":dynamodb:" in (arn := each.get("EventSourceArn", ""))]


def notes_on(found: Matching) -> list[Note]:
    """What a person should know: that nothing is taken, or that something goes on that seems to be left out."""
    notes = []
    if found.tables and not found.taken:
        notes.append(Note(f"the filter leaves out every one of the {found.tables} tables there are", loud=True))
    if wired := found.wired_and_left_out:
        named = ", ".join(wired[:_NAMED]) + (", ..." if len(wired) > _NAMED else "")
        notes.append(
            Note(
                f"the filter leaves out {len(wired)} tables that are wired, and they go on being backed up until "
                f"deprovision_tables.py ends it: {named}"
            )
        )
    return notes
