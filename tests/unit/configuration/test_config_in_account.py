"""What follows from a configuration: the account's names, delivery streams, what is restorable."""

import pytest

from continuous_backup.configuration.config import Config
from tests.unit.configuration.values import ACCOUNT, BOUNDS, DEFAULTS, GOOD_TEXTS, KEYS, ROLE, ROUTES, parsed


def test_in_account_with_nothing_set_fills_every_default():
    config = Config().in_account(ACCOUNT)

    assert config.region == "eu-west-1"
    assert config.bucket == "dynamodb-continuous-backup-123456789012-eu-west-1"
    roles = (
        config.events_role_arn,
        config.delivery_role_arn,
        config.function_role_arn("LambdaStreamToFirehose", ACCOUNT),
        config.function_role_arn("EnsureDynamoBackup", ACCOUNT),
        config.function_role_arn("LambdaStreamToItemImages", ACCOUNT),
    )
    assert roles == tuple(
        f"arn:aws:iam::123456789012:role/DynamoDBContinuousBackup-eu-west-1-{purpose}"
        for purpose in ("Events", "Delivery", "Lambda", "Ensure", "Images")
    )


@pytest.mark.parametrize("function", ["LambdaStreamToFirehose", "EnsureDynamoBackup", "LambdaStreamToItemImages"])
def test_function_role_where_one_is_named_is_that_one_for_all(function):
    assert Config(lambda_role_arn=ROLE).in_account(ACCOUNT).function_role_arn(function, ACCOUNT) == ROLE


def test_in_account_with_everything_set_keeps_it():
    config = Config(
        region="eu-west-1",
        bucket="mine",
        events_role_arn=f"{ROLE}-1",
        delivery_role_arn=f"{ROLE}-2",
        lambda_role_arn=f"{ROLE}-3",
    )

    assert config.in_account(ACCOUNT) == config


@pytest.mark.parametrize("left_out", ["events_role_arn", "delivery_role_arn", "lambda_role_arn"])
def test_roles_stack_where_one_role_is_not_named_is_needed(left_out):
    named = dict.fromkeys(("events_role_arn", "delivery_role_arn", "lambda_role_arn"), ROLE)

    assert not Config(**named).needs_roles_stack
    assert Config(**{**named, left_out: ""}).needs_roles_stack


NAMED = Config(delivery_streams={"Orders": "my-own-stream", "Carts": "Carts"})


def test_delivery_stream_names_with_each_compression_are_each_others_former():
    by_firehose, by_forwarder = Config(), Config(compression="forwarder")

    assert (by_firehose.delivery_stream_name("Orders"),) == by_forwarder.former_delivery_stream_names("Orders")
    assert by_firehose.former_delivery_stream_names("Orders") == (by_forwarder.delivery_stream_name("Orders"),)
    assert by_forwarder.delivery_stream_name("Orders") == "Orders.gz"


def test_delivery_stream_of_somebody_elses_is_the_tables_and_both_of_ours_are_former():
    assert (NAMED.delivery_stream_name("Orders"), NAMED.is_ours("Orders")) == ("my-own-stream", False)
    assert NAMED.former_delivery_stream_names("Orders") == ("Orders", "Orders.gz")
    assert (NAMED.delivery_stream_name("Customers"), NAMED.is_ours("Customers")) == ("Customers", True)
    assert NAMED.former_delivery_stream_names("Customers") == ("Customers.gz",)


def test_delivery_stream_of_somebody_elses_that_has_the_name_of_ours_is_no_former_one():
    assert NAMED.former_delivery_stream_names("Carts") == ("Carts.gz",)


@pytest.mark.parametrize(
    ("table", "delivery_stream", "compressed"),
    [
        ("Customers", "Customers.gz", True),
        ("Customers", "routed-elsewhere", False),
        ("Customers", "Orders.gz", False),
        ("Orders", "my-own-stream", False),
        ("Orders", "Orders.gz", False),
    ],
)
def test_forwarder_compresses_only_for_the_tables_own_delivery_stream(table, delivery_stream, compressed):
    by_forwarder = Config(compression="forwarder", delivery_streams=NAMED.delivery_streams)
    by_firehose = Config(delivery_streams=NAMED.delivery_streams)

    assert by_forwarder.forwarder_compresses_for(table, delivery_stream) is compressed
    assert not by_firehose.forwarder_compresses_for(table, delivery_stream)


LESS = {
    "writableEventTypes": {"writable_event_types": ("INSERT", "MODIFY")},
    "includeTtlDeletes": {"include_ttl_deletes": False},
    "transformer": {"transformer": "plain"},
    "router": {"router": "my_router:f"},
    "routeByAttribute": {"route_by_attribute": ROUTES},
    "deliveryStreams": {"delivery_streams": {"Orders": "my-own-stream"}},
}


@pytest.mark.parametrize(("key", "settings"), LESS.items())
def test_why_not_restorable_names_the_key_that_makes_the_log_less(key, settings):
    assert Config(**settings).why_not_restorable("Orders") == (key,)


def test_why_not_restorable_names_all_keys_in_the_order_of_the_file():
    everything = Config(**{name: value for settings in LESS.values() for name, value in settings.items()})

    assert everything.why_not_restorable("Orders") == tuple(LESS)
    assert everything.why_not_restorable("Carts") == tuple(LESS)[:-1]
    assert list(LESS) == [key for key in KEYS if key in LESS]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"compression": "forwarder"},
        {"writable_event_types": ("REMOVE", "INSERT", "MODIFY")},
        {"delivery_streams": {"Carts": "my-own-stream"}},
        {"metrics": "table"},
    ],
)
def test_why_not_restorable_of_a_whole_log_is_nothing(settings):
    assert Config(**settings).why_not_restorable("Orders") == ()


OF_FUNCTIONS = {
    *("cloudWatchRoleArn", "lambdaExecRoleArn", "sweepIntervalMinutes", "architecture", "metrics"),
    *(f"ensure{what}" for what in ("MemoryMB", "TimeoutSeconds", "ReservedConcurrency")),
    *(f"forwarder{what}" for what in ("MemoryMB", "TimeoutSeconds", "ReservedConcurrency")),
    *("logRetentionDays", "logFormat"),
}
ANOTHER = {
    "region": "us-east-1",
    "firehoseDeliveryBucket": "another",
    "firehoseDeliveryPrefix": "another",
    "tableNameMatchRegex": "another",
    "optinFunction": "another:f",
    "transformer": "plain",
    "router": "another:f",
    "routeByAttribute": ROUTES,
    "deliveryStreams": {"Orders": "another"},
    "writableEventTypes": ["INSERT"],
    "firehoseCompression": "forwarder",
    "incompatibleStream": "replace",
    "architecture": "x86_64",
    "logFormat": "Text",
    "logRetentionDays": 7,
    "metrics": "table",
    "itemImages": {},
    "kmsKeyArn": GOOD_TEXTS["kmsKeyArn"][0],
    **dict.fromkeys(("cloudWatchRoleArn", "firehoseDeliveryRoleArn", "lambdaExecRoleArn"), ROLE),
    **{key: least if DEFAULTS[key] != least else most for key, (least, most) in BOUNDS.items()},
    **{key: not default for key, default in DEFAULTS.items() if isinstance(default, bool)},
}


@pytest.mark.parametrize("key", DEFAULTS)
def test_fingerprint_changes_with_what_is_wired_and_written_and_with_nothing_else(key):
    """By it, what is deployed is told from what is configured, before anything is released."""
    config = parsed({key: ANOTHER[key]})

    assert config != Config()
    assert (config.fingerprint == Config().fingerprint) == (key in OF_FUNCTIONS)


def test_fingerprint_changes_with_the_order_of_attributes_of_which_the_first_decides():
    turned = dict(reversed(ROUTES.items()))

    assert parsed({"routeByAttribute": turned}).fingerprint != parsed({"routeByAttribute": ROUTES}).fingerprint


def test_config_with_groups_in_it_is_equal_to_its_like_and_can_be_hashed():
    one, other = (parsed({"deliveryStreams": {"Orders": "s"}, "routeByAttribute": ROUTES}) for _ in range(2))

    assert one == other
    assert hash(one) == hash(other)
    assert one != Config()
