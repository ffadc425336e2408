"""How many tables the filter takes, and that what it leaves out and is wired is named."""

import logging

import pytest

from continuous_backup import naming
from continuous_backup.naming import Account
from continuous_backup.operations.tables.matching import Matching, look, notes_on

ACCOUNT = Account("123456789012", "eu-west-1")
LOG = logging.getLogger("test-matching")


def mapping_of(table: str) -> dict[str, str]:
    return {
        "UUID": "58298ec1-ec3c-43a5-895d-e89af3d9e3f9",
        "EventSourceArn": f"{ACCOUNT.table_arn(table)}/stream/x",
    }


def opted_out(stub, *tables: str) -> None:
    tagged = [{"ResourceARN": ACCOUNT.table_arn(table)} for table in tables]
    asked = {
        "ResourceTypeFilters": ["dynamodb:table"],
        "TagFilters": [{"Key": "dynamodb-continuous-backup", "Values": ["off"]}],
    }
    stub("resourcegroupstaggingapi").add_response("get_resources", {"ResourceTagMappingList": tagged}, asked)


def is_production(table: str) -> bool:
    return table.startswith("prod-")


def test_look_counts_what_the_filter_takes_and_names_what_is_wired_all_the_same(aws, stub):
    stub("dynamodb").add_response(
        "list_tables", {"TableNames": ["prod-a", "test-b"], "LastEvaluatedTableName": "test-b"}
    )
    stub("dynamodb").add_response("list_tables", {"TableNames": ["test-c"]})
    stub("lambda").add_response(
        "list_event_source_mappings",
        {"EventSourceMappings": [mapping_of("prod-a"), mapping_of("test-c"), mapping_of("gone")]},
        {"FunctionName": naming.FORWARDER_FUNCTION},
    )
    opted_out(stub)
    assert look(aws, is_production, LOG) == Matching(3, 1, ("test-c",))


def test_look_counts_those_that_a_tag_opts_out_of_what_the_filter_takes(aws, stub):
    stub("dynamodb").add_response("list_tables", {"TableNames": ["prod-a", "prod-b", "test-b"]})
    stub("lambda").add_response("list_event_source_mappings", {"EventSourceMappings": []})
    opted_out(stub, "prod-b", "test-b", "of-another-life")
    assert look(aws, is_production, LOG) == Matching(3, 2, opted_out=1)


def test_look_where_the_tags_are_not_told_knows_the_rest(aws, stub, caplog):
    stub("dynamodb").add_response("list_tables", {"TableNames": ["prod-a"]})
    stub("resourcegroupstaggingapi").add_client_error("get_resources", "AccessDeniedException")
    assert look(aws, is_production, LOG) == Matching(1, 1, opted_out=None)
    assert "how many tables a tag opts out is not known" in caplog.text


def test_look_where_the_filter_leaves_nothing_out_asks_for_no_mappings(aws, stub):
    stub("dynamodb").add_response("list_tables", {"TableNames": ["prod-a"]})
    opted_out(stub)
    assert look(aws, is_production, LOG) == Matching(1, 1)


def test_look_where_nothing_is_deployed_yet_finds_nothing_wired(aws, stub):
    stub("dynamodb").add_response("list_tables", {"TableNames": ["test-b"]})
    stub("lambda").add_client_error("list_event_source_mappings", "ResourceNotFoundException")
    opted_out(stub)
    assert look(aws, is_production, LOG) == Matching(1, 0)


def test_look_that_is_refused_is_unknown_and_warns(aws, stub, caplog):
    stub("dynamodb").add_client_error("list_tables", "AccessDeniedException", "not you")
    assert look(aws, is_production, LOG) is None
    assert "how many tables match is not known" in caplog.text


@pytest.mark.parametrize(
    ("found", "begins", "loud"),
    [
        (Matching(3, 3, opted_out=3), "all tables that the filter takes are opted out by the tag", True),
        (Matching(3, 3, opted_out=2), "2 tables are opted out by the tag", False),
    ],
)
def test_notes_tell_of_tables_that_a_tag_opts_out_and_how_to_take_them_in(found, begins, loud):
    (note,) = notes_on(found)
    assert str(note).startswith(begins)
    assert "./provision_tables.py whitelist.hjson --opt-in" in str(note)
    assert note.loud is loud


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Matching(0, 0), []),
        (Matching(3, 1), []),
        (Matching(3, 0), ["the filter leaves out every one of the 3 tables there are"]),
        (
            Matching(3, 1, ("test-b", "test-c")),
            [
                "the filter leaves out 2 tables that are wired, and they go on being backed up until "
                "deprovision_tables.py ends it: test-b, test-c"
            ],
        ),
    ],
)
def test_notes_warn_of_a_filter_that_takes_none_and_name_what_goes_on(found: Matching, said: list[str]):
    assert [str(each) for each in notes_on(found)] == said
    assert [each.loud for each in notes_on(found)] == [found.taken == 0] * len(said)
