"""Which tables provisioning and deprovisioning plan for, and what comes of each."""

from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

import pytest

from continuous_backup import naming
from continuous_backup.configuration.config import Config
from continuous_backup.ensure_backup import wanted as want
from continuous_backup.ensure_backup.actions import (
    CreateDeliveryStream,
    DeleteMapping,
    EnableStream,
    OptIn,
    OptOut,
    Problem,
    Wait,
)
from continuous_backup.ensure_backup.wanted import Wanted
from continuous_backup.operations.deployment.wanted import description
from continuous_backup.operations.tables.provisioning import (
    Provisioning,
    TablePlan,
)
from continuous_backup.operations.tables.results import Standing, TableResult
from continuous_backup.operations.tables.whitelist import Whitelist
from tests.unit.operations.tables.provisionings import ACCOUNT, CONFIG, EVERYTHING, LOG, provisioning


def stream_arn(table: str) -> str:
    return f"{ACCOUNT.table_arn(table)}/stream/2026-11-22T08:00:00.000"


def listed(stub, *, config=CONFIG, tables=(), wired=(), unmapped=(), delivery_streams=(), opted_out=()) -> None:
    """The lists of an account.

    Each of `wired` is a table with a mapping and a delivery stream of ours, of `unmapped` one with the
    latter alone; the tagging API tells nothing of the further `delivery_streams`.
    """
    settings = want.mapping_settings(CONFIG, ACCOUNT)
    stub("lambda").add_response(
        "list_event_source_mappings",
        {
            "EventSourceMappings": [
                {
                    "UUID": str(uuid5(NAMESPACE_URL, table)),
                    "EventSourceArn": stream_arn(table),
                    "State": "Enabled",
                    "BatchSize": settings.batch_size,
                    "MaximumBatchingWindowInSeconds": settings.batching_window_seconds,
                    "ParallelizationFactor": settings.parallelization_factor,
                    "MaximumRetryAttempts": settings.retry_attempts,
                    "MaximumRecordAgeInSeconds": settings.record_age_seconds,
                    "BisectBatchOnFunctionError": True,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                    "DestinationConfig": {"OnFailure": {"Destination": settings.on_failure}},
                }
                for table in wired
            ]
        },
        {"FunctionName": naming.FORWARDER_FUNCTION},
    )
    stub("lambda").add_client_error("list_event_source_mappings", "ResourceNotFoundException")
    stub("lambda").add_response("get_function_configuration", {"Description": description(config)})
    stub("firehose").add_response(
        "list_delivery_streams",
        {"DeliveryStreamNames": [*wired, *unmapped, *delivery_streams], "HasMoreDeliveryStreams": False},
    )
    stub("dynamodb").add_response("list_tables", {"TableNames": list(tables)})
    tagged = [
        {
            "ResourceARN": ACCOUNT.delivery_stream_arn(table),
            "Tags": [
                {"Key": key, "Value": value}
                for key, value in want.delivery_stream_tags(table, CONFIG, ACCOUNT).items()
            ],
        }
        for table in (*wired, *unmapped)
    ] + [
        {
            "ResourceARN": ACCOUNT.table_arn(table),
            "Tags": [{"Key": naming.MANAGED_TAG, "Value": naming.OPTED_OUT_TAG_VALUE}],
        }
        for table in opted_out
    ]
    stub("resourcegroupstaggingapi").add_response("get_resources", {"ResourceTagMappingList": tagged})


def described(stub, table: str, *, streaming: bool) -> None:
    stream = {
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        "LatestStreamArn": stream_arn(table),
    }
    answer = {"TableStatus": "ACTIVE", **(stream if streaming else {})}
    stub("dynamodb").add_response("describe_table", {"Table": answer}, {"TableName": table})


def described_delivery_stream(stub, name: str, tags: dict[str, str]) -> None:
    stub("firehose").add_response(
        "describe_delivery_stream",
        {
            "DeliveryStreamDescription": {
                "DeliveryStreamName": name,
                "DeliveryStreamARN": ACCOUNT.delivery_stream_arn(name),
                "DeliveryStreamStatus": "ACTIVE",
                "DeliveryStreamType": "DirectPut",
                "VersionId": "1",
                "Destinations": [
                    {
                        "DestinationId": "1",
                        "ExtendedS3DestinationDescription": {
                            "RoleARN": CONFIG.delivery_role_arn,
                            "BucketARN": ACCOUNT.bucket_arn(CONFIG.bucket),
                            "BufferingHints": {},
                            "CompressionFormat": "GZIP",
                            "EncryptionConfiguration": {},
                        },
                    }
                ],
                "HasMoreDestinations": False,
            }
        },
        {"DeliveryStreamName": name},
    )
    stub("firehose").add_response(
        "list_tags_for_delivery_stream",
        {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()], "HasMoreTags": False},
    )


def observed_without_anything(stub, table: str) -> None:
    """A close look at a table that has neither a stream nor a delivery stream."""
    described(stub, table, streaming=False)
    stub("dynamodb").add_response("list_tags_of_resource", {})
    stub("firehose").add_client_error("describe_delivery_stream", "ResourceNotFoundException")


# --- what is planned


def test_provisioning_of_all_plans_each_table_and_what_looks_right_is_not_looked_at_closely(aws, stub):
    listed(stub, tables=["Orders", "Carts"], wired=["Orders"])
    described(stub, "Carts", streaming=False)
    observed_without_anything(stub, "Carts")
    described(stub, "Orders", streaming=True)

    carts, orders = provisioning(aws).plan_provisioning(EVERYTHING)

    assert (carts.table, orders) == ("Carts", TablePlan("Orders"))
    assert EnableStream("Carts") in carts.actions


def test_provisioning_of_named_tables_plans_for_no_other(aws, stub):
    listed(stub, tables=["Orders", "Carts", "Customers"], wired=["Orders"])
    described(stub, "Orders", streaming=True)

    plans = provisioning(aws).plan_provisioning(Whitelist(False, ("Orders",)))

    assert plans == [TablePlan("Orders")]


def test_provisioning_of_a_table_that_is_not_there_refuses_that_one_alone(aws, stub):
    listed(stub, tables=["Orders"], wired=["Orders"])
    described(stub, "Orders", streaming=True)

    plans = provisioning(aws).plan_provisioning(Whitelist(False, ("Ordres", "Orders")))

    assert plans == [
        TablePlan("Ordres", refusal="there is no such table in this account and region; did you mean Orders?"),
        TablePlan("Orders"),
    ]


def test_provisioning_of_all_leaves_alone_what_opted_out_and_says_how_to_opt_it_in(aws, stub):
    listed(stub, tables=["Carts"], opted_out=["Carts"])
    described(stub, "Carts", streaming=False)

    (left_alone,) = provisioning(aws).plan_provisioning(EVERYTHING)

    assert (left_alone.standing, left_alone.by_choice) == (Standing.OPTED_OUT, False)
    assert "--opt-in" in left_alone.refusal
    assert not left_alone.actions


@pytest.mark.parametrize(("whitelist", "opt_in"), [(Whitelist(False, ("Carts",)), False), (EVERYTHING, True)])
def test_provisioning_of_what_is_named_or_of_all_with_opt_in_opts_it_in(aws, stub, whitelist, opt_in):
    listed(stub, tables=["Carts"], opted_out=["Carts"])
    described(stub, "Carts", streaming=False)
    described(stub, "Carts", streaming=False)
    tags = [{"Key": naming.MANAGED_TAG, "Value": naming.OPTED_OUT_TAG_VALUE}]
    stub("dynamodb").add_response("list_tags_of_resource", {"Tags": tags})
    stub("firehose").add_client_error("describe_delivery_stream", "ResourceNotFoundException")

    (opted_in,) = provisioning(aws).plan_provisioning(whitelist, opt_in=opt_in)

    assert opted_in.actions[0] == OptIn("Carts")


@pytest.mark.parametrize(("whitelist", "fine"), [(EVERYTHING, True), (Whitelist(False, ("Carts",)), False)])
def test_provisioning_of_a_table_that_the_filter_leaves_out_is_a_mistake_only_where_it_was_named(
    aws, stub, whitelist, fine
):
    listed(stub, tables=["Carts"])

    (plan,) = provisioning(aws, lambda table: table != "Carts").plan_provisioning(whitelist)

    assert plan == TablePlan(
        "Carts", refusal="the filter leaves it out", standing=Standing.LEFT_OUT, by_choice=fine
    )


def test_provisioning_of_a_wired_table_that_the_filter_leaves_out_says_that_it_goes_on(aws, stub):
    listed(stub, tables=["Carts"], wired=["Carts"])
    described(stub, "Carts", streaming=True)

    (plan,) = provisioning(aws, lambda table: table != "Carts").plan_provisioning(EVERYTHING)

    assert plan.refusal == "the filter leaves it out; wired before, it goes on being backed up"
    assert (plan.standing, plan.by_choice, plan.steps) == (Standing.LEFT_OUT, True, ())


def test_provisioning_of_a_table_that_the_filter_lets_through_plans_it(aws, stub):
    listed(stub, tables=["Orders"], wired=["Orders"])
    described(stub, "Orders", streaming=True)

    assert provisioning(aws, lambda table: table == "Orders").plan_provisioning(EVERYTHING) == [
        TablePlan("Orders")
    ]


def test_provisioning_of_a_table_that_cannot_be_described_refuses_it_and_plans_the_others(aws, stub):
    listed(stub, tables=["Carts", "Orders"], wired=["Orders"])
    stub("dynamodb").add_client_error("describe_table", "AccessDeniedException", "not you")
    described(stub, "Orders", streaming=True)

    assert provisioning(aws).plan_provisioning(EVERYTHING) == [
        TablePlan("Carts", refusal="failed: DescribeTable: not you"),
        TablePlan("Orders"),
    ]


def test_deprovisioning_of_a_table_that_cannot_be_described_refuses_it_and_plans_the_others(aws, stub):
    listed(stub, tables=["Carts", "Orders"])
    stub("dynamodb").add_client_error("describe_table", "InternalServerError", "later")
    observed_without_anything(stub, "Orders")

    carts, orders = provisioning(aws).plan_deprovisioning(EVERYTHING)

    assert carts == TablePlan("Carts", refusal="failed: DescribeTable: later (InternalServerError)")
    assert carts.standing is Standing.PROBLEM, "it is no success"
    assert orders.actions == (OptOut("Orders"),)


def test_deprovisioning_of_a_table_of_which_nothing_is_left_refuses_it(aws, stub):
    listed(stub)

    assert provisioning(aws).plan_deprovisioning(Whitelist(False, ("Orders",))) == [
        TablePlan("Orders", refusal="there is no such table, and nothing is left of its wiring")
    ]


def test_deprovisioning_of_a_table_that_is_not_wired_opts_it_out(aws, stub):
    listed(stub, tables=["Orders"])
    observed_without_anything(stub, "Orders")

    (plan,) = provisioning(aws).plan_deprovisioning(EVERYTHING)

    assert plan.actions == (OptOut("Orders"),)


# --- what is wired


def test_wired_tables_are_those_with_a_mapping_or_a_delivery_stream_of_ours_deleted_ones_included(aws, stub):
    listed(stub, tables=["Carts"], wired=["Orders"], unmapped=["Draining"], delivery_streams=["theirs", "untold"])
    for name, tags in (
        ("theirs", {"team": "x"}),
        ("untold", {naming.MANAGED_TAG: "managed", naming.TABLE_TAG: "Deleted"}),
    ):
        described_delivery_stream(stub, name, tags)

    assert provisioning(aws).wired_tables() == {"Orders", "Draining", "Deleted"}


# --- what comes of it


def test_carry_out_of_plans_without_steps_asks_aws_for_nothing_and_tells_each(aws, no_aws_settings):
    plans = [
        TablePlan("Orders"),
        TablePlan("Gone", refusal="there is no such table"),
        TablePlan("Test", refusal="the filter leaves it out", standing=Standing.LEFT_OUT, by_choice=True),
    ]
    told: list[TableResult] = []

    results = provisioning(aws).carry_out(plans, Wanted.PROVISIONED, told.append)

    assert results == told
    assert results == [
        TableResult("Orders", "was as wanted already"),
        TableResult("Gone", "there is no such table", Standing.PROBLEM),
        TableResult("Test", "the filter leaves it out", Standing.LEFT_OUT, by_choice=True),
    ]


def test_carry_out_opts_a_table_out_and_says_what_was_done(aws, stub):
    opted_out = {"Key": naming.MANAGED_TAG, "Value": naming.OPTED_OUT_TAG_VALUE}
    for tags in ([], [opted_out]):
        stub("lambda").add_response("list_event_source_mappings", {})
        stub("lambda").add_response("list_event_source_mappings", {})
        stub("lambda").add_response("get_function_configuration", {"Description": description(CONFIG)})
        stub("firehose").add_response(
            "list_delivery_streams", {"DeliveryStreamNames": [], "HasMoreDeliveryStreams": False}
        )
        stub("firehose").add_client_error("describe_delivery_stream", "ResourceNotFoundException")
        described(stub, "Orders", streaming=False)
        stub("dynamodb").add_response("list_tags_of_resource", {"Tags": tags})
        if not tags:
            stub("dynamodb").add_response(
                "tag_resource", {}, {"ResourceArn": ACCOUNT.table_arn("Orders"), "Tags": [opted_out]}
            )

    (result,) = provisioning(aws).carry_out([TablePlan("Orders", (OptOut("Orders"),))], Wanted.DEPROVISIONED)

    assert result == TableResult(
        "Orders",
        "deprovisioned",
        details=[str(OptOut("Orders"))],
        steps=(str(OptOut("Orders")),),
    )


def test_carry_out_of_a_table_that_fails_goes_on_with_the_others_and_says_why(aws, stub):
    stub("lambda").add_response("list_event_source_mappings", {})
    stub("lambda").add_response("list_event_source_mappings", {})
    stub("lambda").add_response("get_function_configuration", {"Description": description(CONFIG)})
    stub("firehose").add_response(
        "list_delivery_streams", {"DeliveryStreamNames": [], "HasMoreDeliveryStreams": False}
    )
    stub("dynamodb").add_client_error("describe_table", "AccessDeniedException", "not you")
    described(stub, "Orders", streaming=False)
    off = {"Key": naming.MANAGED_TAG, "Value": naming.OPTED_OUT_TAG_VALUE}
    stub("dynamodb").add_response("list_tags_of_resource", {"Tags": [off]})
    stub("firehose").add_client_error("describe_delivery_stream", "ResourceNotFoundException")
    plans = [TablePlan(name, (OptOut(name),)) for name in ("Carts", "Orders")]

    carts, orders = provisioning(aws).carry_out(plans, Wanted.DEPROVISIONED)

    assert (carts.result, carts.ok) == ("failed: Carts: DescribeTable: not you", False)
    assert "docs/iam.md" in carts.details[-1]
    assert (orders.result, orders.ok) == ("was as wanted already", True)


def test_carry_out_when_firehose_cannot_assume_its_role_until_the_time_is_up_calls_the_table_failed(aws, stub):
    stub("lambda").add_response("list_event_source_mappings", {})
    stub("lambda").add_response("list_event_source_mappings", {})
    stub("lambda").add_response("get_function_configuration", {"Description": description(CONFIG)})
    stub("lambda").add_response("list_event_source_mappings", {}, {"EventSourceArn": stream_arn("Orders")})
    stub("pipes").add_response("list_pipes", {"Pipes": []})
    stub("firehose").add_response(
        "list_delivery_streams", {"DeliveryStreamNames": [], "HasMoreDeliveryStreams": False}
    )
    described(stub, "Orders", streaming=True)
    stub("dynamodb").add_response("list_tags_of_resource", {"Tags": []})
    stub("firehose").add_client_error("describe_delivery_stream", "ResourceNotFoundException")
    stub("logs").add_client_error("create_log_stream", "ResourceAlreadyExistsException")
    said = "Firehose is unable to assume role x. Please check the role provided."
    stub("firehose").add_client_error("create_delivery_stream", "InvalidArgumentException", said)
    plan = TablePlan("Orders", (CreateDeliveryStream("Orders", "Orders"),))

    (result,) = provisioning(aws).carry_out([plan], Wanted.PROVISIONED, patience=1)

    assert (result.ok, result.standing) == (False, Standing.PROBLEM)
    assert result.result == (
        f"failed: Firehose cannot assume role {CONFIG.delivery_role_arn}, so Orders has no delivery stream: "
        f"{said} (InvalidArgumentException)"
    )
    assert "trust firehose.amazonaws.com" in result.details[-1]


def test_table_plan_tells_actions_from_problems_and_waits():
    steps = (EnableStream("Orders"), Wait("the table"), Problem("p"), DeleteMapping("Orders", "u", "why"))
    plan = TablePlan("Orders", steps)

    assert plan.actions == (steps[0], steps[3])
    assert plan.problems == (steps[2],)


# --- what people may choose

NAMED = replace(CONFIG, delivery_streams={"Orders": "my-own-stream"})


def choosing(aws, config: Config) -> Provisioning:
    return Provisioning(aws, config, ACCOUNT, LOG)


def marked(stub, *keys: str) -> None:
    tags = {naming.MANAGED_TAG: naming.MANAGED_TAG_VALUE} | (
        {naming.NOT_RESTORABLE_TAG: " ".join(keys)} if keys else {}
    )
    stub("lambda").add_response("list_tags", {"Tags": tags})


def test_provisioning_of_a_table_whose_log_lacks_something_says_so_where_nothing_is_to_do_too(aws, stub):
    config = replace(CONFIG, transformer="plain")
    listed(stub, config=config, tables=["Orders"], wired=["Orders"])
    described(stub, "Orders", streaming=True)
    marked(stub, "transformer")

    (plan,) = choosing(aws, config).plan_provisioning(EVERYTHING)

    assert plan == TablePlan("Orders", not_restorable=("transformer",))
    (result,) = choosing(aws, config).carry_out([plan], Wanted.PROVISIONED)
    assert result == TableResult("Orders", "was as wanted already", not_restorable=("transformer",))
    assert result.in_words == "was as wanted already; not restorable: transformer"


def test_provisioning_of_a_table_with_somebody_elses_delivery_stream_leaves_it_and_releases_ours(aws, stub):
    listed(stub, config=NAMED, tables=["Orders"], unmapped=["Orders"], delivery_streams=["my-own-stream"])
    described(stub, "Orders", streaming=False)
    described(stub, "Orders", streaming=False)
    stub("dynamodb").add_response("list_tags_of_resource", {})
    for name, tags in (
        ("my-own-stream", {"team": "payments"}),
        ("Orders", want.delivery_stream_tags("Orders", CONFIG, ACCOUNT)),
    ):
        described_delivery_stream(stub, name, tags)

    (plan,) = choosing(aws, NAMED).plan_provisioning(EVERYTHING)

    assert plan.actions == (EnableStream("Orders"),), "ours is released once the table is mapped to theirs"
    assert (plan.somebody_elses, plan.not_restorable) == ("my-own-stream", ("deliveryStreams",))


def test_deprovisioning_of_a_table_with_somebody_elses_delivery_stream_says_that_it_stays(aws, stub):
    listed(stub, config=NAMED, tables=["Orders"], delivery_streams=["my-own-stream"])
    described(stub, "Orders", streaming=False)
    stub("dynamodb").add_response("list_tags_of_resource", {})
    for _ in ("what is wired", "what is to be done"):
        described_delivery_stream(stub, "my-own-stream", {"team": "payments"})

    (plan,) = choosing(aws, NAMED).plan_deprovisioning(Whitelist(False, ("Orders",)))

    assert (plan.actions, plan.problems) == ((OptOut("Orders"),), ())
    assert plan.somebody_elses == "my-own-stream"


def test_deprovisioning_of_a_table_of_which_only_somebody_elses_delivery_stream_is_left_refuses_it(aws, stub):
    listed(stub, config=NAMED, delivery_streams=["my-own-stream"])
    described_delivery_stream(stub, "my-own-stream", {"team": "payments"})

    (plan,) = choosing(aws, NAMED).plan_deprovisioning(Whitelist(False, ("Orders",)))

    assert plan.refusal == "there is no such table, and nothing is left of its wiring"


def test_wired_tables_do_not_take_in_those_of_which_only_somebody_elses_delivery_stream_is_left(aws, stub):
    listed(stub, config=NAMED, tables=["Orders"], delivery_streams=["my-own-stream"])
    described_delivery_stream(stub, "my-own-stream", {"team": "payments"})

    assert choosing(aws, NAMED).wired_tables() == set()
