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
    """Of the tables there are: how many the filter takes, and those that it leaves out though they are wired.

    `opted_out` is how many of those that it takes a tag leaves out; None where that is not known.
    """

    tables: int
    taken: int
    wired_and_left_out: tuple[str, ...] = ()
    opted_out: int | None = 0


def look(aws: Aws, is_backed_up: Filter, log: logging.Logger) -> Matching | None:
    """By two lists; None, with a warning, where they are refused."""
    return unless_refused(lambda: _look(aws, is_backed_up, log), None, "how many tables match is not known", log)


def _look(aws: Aws, is_backed_up: Filter, log: logging.Logger) -> Matching:
    tables = [str(name) for name in aws.pages("dynamodb", "list_tables", "TableNames")]
    left_out = {table for table in tables if not is_backed_up(table)}
    wired = {naming.table_of_arn(arn) for arn in streams_read(aws)} if left_out else set()
    unknown = "how many tables a tag opts out is not known"
    opted_out = unless_refused(lambda: _opted_out(aws), None, unknown, log)
    taken = {*tables} - left_out
    return Matching(
        len(tables),
        len(taken),
        tuple(sorted(left_out & wired)),
        None if opted_out is None else len(taken & opted_out),
    )


def _opted_out(aws: Aws) -> set[str]:
    """By one list of the account's tags; a tag that was just set can be missing from it for some time."""
    found = aws.pages(
        "resourcegroupstaggingapi",
        "get_resources",
        "ResourceTagMappingList",
        ResourceTypeFilters=["dynamodb:table"],
        TagFilters=[{"Key": naming.MANAGED_TAG, "Values": [naming.OPTED_OUT_TAG_VALUE]}],
    )
    return {naming.table_of_arn(each["ResourceARN"]) for each in found}


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
    if found.opted_out:
        all_of_them = found.opted_out == found.taken
        many = "all tables that the filter takes are" if all_of_them else f"{found.opted_out} tables are"
        notes.append(
            Note(
                f"{many} opted out by the tag {naming.MANAGED_TAG}={naming.OPTED_OUT_TAG_VALUE}, and not backed "
                "up unless they were wired before. To take them in: ./provision_tables.py whitelist.hjson "
                "--opt-in, with provisionAll: true in that file",
                loud=all_of_them,
            )
        )
    if wired := found.wired_and_left_out:
        named = ", ".join(wired[:_NAMED]) + (", ..." if len(wired) > _NAMED else "")
        notes.append(
            Note(
                f"the filter leaves out {len(wired)} tables that are wired, and they go on being backed up until "
                f"deprovision_tables.py ends it: {named}"
            )
        )
    return notes
