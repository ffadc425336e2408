"""How the tables are seen to be wired, before what is deployed changes."""

import pytest
from deployments import ACCOUNT, FORWARDER, WANTED

from continuous_backup.configuration.config import Config
from continuous_backup.operations.deployment.state import Place, Surroundings, Wiring
from continuous_backup.operations.deployment.wiring import look, notes_on
from continuous_backup.operations.notes import Note
from tests.unit.operations.deployment.planning import NOTHING, planned

CONFIG = Config().in_account(ACCOUNT)


@pytest.fixture
def wired(stub):
    """Tables with a mapping to the forwarder."""

    def of(*tables: str) -> None:
        mappings = [{"EventSourceArn": f"{ACCOUNT.table_arn(table)}/stream/2026"} for table in tables]
        answer = {"EventSourceMappings": mappings}
        stub("lambda").add_response("list_event_source_mappings", answer, {"FunctionName": FORWARDER})

    return of


@pytest.fixture
def writing_to(stub):
    """The answer of Firehose for a delivery stream; none where there is no such delivery stream."""

    def of(name: str, bucket: str = "", prefix: str = "") -> None:
        asked = {"DeliveryStreamName": name}
        if not bucket:
            stub("firehose").add_client_error(
                "describe_delivery_stream", "ResourceNotFoundException", expected_params=asked
            )
            return
        destination = {
            "RoleARN": "arn:aws:iam::123456789012:role/mine",
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "Prefix": prefix,
            "BufferingHints": {},
            "CompressionFormat": "GZIP",
            "EncryptionConfiguration": {},
        }
        described = {
            "DeliveryStreamName": name,
            "DeliveryStreamARN": ACCOUNT.delivery_stream_arn(name),
            "DeliveryStreamStatus": "ACTIVE",
            "DeliveryStreamType": "DirectPut",
            "VersionId": "1",
            "HasMoreDestinations": False,
            "Destinations": [{"DestinationId": "d", "ExtendedS3DestinationDescription": destination}],
        }
        stub("firehose").add_response("describe_delivery_stream", {"DeliveryStreamDescription": described}, asked)

    return of


def test_wiring_where_nothing_is_deployed_is_none(aws, stub):
    stub("lambda").add_client_error("list_event_source_mappings", "ResourceNotFoundException")

    assert look(aws, CONFIG) == Wiring()


@pytest.mark.parametrize("prefix", ["logs", "a/b", ""])
def test_wiring_of_a_table_tells_where_its_log_is(aws, wired, writing_to, prefix):
    wired("Customers", "Customers")
    writing_to("Customers", "mine", f"{prefix}/Customers/".lstrip("/"))

    assert look(aws, CONFIG).log == Place("mine", prefix)


def test_wiring_where_the_first_table_has_no_delivery_stream_looks_at_the_last(aws, wired, writing_to):
    wired("Orders", "Customers", "Invoices")
    writing_to("Customers")
    writing_to("Customers.gz")
    writing_to("Orders", "mine", "dynamodb/Orders/")

    assert look(aws, CONFIG).log == Place("mine", "dynamodb")


def test_wiring_of_a_delivery_stream_with_another_prefix_than_ours_tells_no_place(aws, wired, writing_to):
    wired("Orders")
    writing_to("Orders", "theirs", "theirs/MyOrders/")

    assert look(aws, CONFIG).log is None


def test_wiring_of_tables_with_delivery_streams_of_somebody_elses_tells_no_place(aws, wired):
    wired("Orders")

    assert look(aws, Config(delivery_streams={"Orders": "theirs"}).in_account(ACCOUNT)).log is None


def test_wiring_that_may_not_be_looked_at_is_not_known(aws, wired, stub):
    wired("Orders")
    stub("firehose").add_client_error("describe_delivery_stream", "AccessDeniedException")

    assert look(aws, CONFIG) is None


# --- a switch of compression

SWITCHED = Config(compression="forwarder").in_account(ACCOUNT)


def test_wiring_where_compression_is_as_it_was_waits_for_nothing(aws, wired, writing_to):
    wired("Customers", "Invoices", "Orders")
    writing_to("Customers.gz", "mine", "dynamodb/Customers/")
    writing_to("Orders.gz", "mine", "dynamodb/Orders/")

    assert look(aws, SWITCHED) == Wiring(Place("mine", "dynamodb"), waiting=0)


def test_wiring_where_compression_is_switched_waits_for_as_many_as_are_wired(aws, wired, writing_to):
    wired("Customers", "Invoices", "Orders")
    for table in ("Customers", "Orders"):
        writing_to(f"{table}.gz")
        writing_to(table, "mine", f"dynamodb/{table}/")

    assert look(aws, SWITCHED) == Wiring(Place("mine", "dynamodb"), waiting=3)


def test_wiring_where_a_switch_has_come_to_the_first_tables_alone_still_waits(aws, wired, writing_to):
    wired("Customers", "Orders")
    writing_to("Customers.gz", "mine", "dynamodb/Customers/")
    writing_to("Orders.gz")
    writing_to("Orders", "mine", "dynamodb/Orders/")

    assert look(aws, SWITCHED).waiting == 2


def test_wiring_of_tables_that_never_had_a_delivery_stream_is_no_switch(aws, wired, writing_to):
    wired("Orders")
    writing_to("Orders.gz")
    writing_to("Orders")

    assert look(aws, SWITCHED) == Wiring()


def test_switch_is_told_loudly_with_the_tables_that_it_is_about_and_what_to_run():
    (note,) = planned(WANTED, around=Surroundings(wiring=Wiring(waiting=35)))

    assert note.loud
    assert "firehoseCompression is switched, so changes of the 35 tables that are wired wait" in str(note)
    assert "./provision_tables.py whitelist.hjson, with provisionAll: true" in str(note)
    assert "changes of the table that is wired wait" in str(notes_on(Wiring(waiting=1), deployed=True))


def test_wiring_that_is_not_known_is_said_where_something_is_deployed():
    unknown = Surroundings(wiring=None)

    (note,) = planned(WANTED, around=unknown)
    assert "how the tables are wired could not be found out" in str(note)
    assert not any(isinstance(each, Note) for each in planned(NOTHING, around=unknown))
