"""The configuration: what each key may be, and what is said about each mistake."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from continuous_backup.configuration import config as configuration
from continuous_backup.configuration.config import Config
from continuous_backup.errors import ConfigurationError, ExitCode, UsageError
from continuous_backup.naming import Account

CONFIG_FILE = Path(__file__).resolve().parents[3] / "config.hjson"
KEYS = configuration.keys()
ACCOUNT = Account("123456789012", "eu-west-1")

DEFAULTS = {
    "region": "",
    "cloudWatchRoleArn": "",
    "firehoseDeliveryBucket": "",
    "firehoseDeliveryPrefix": "dynamodb",
    "firehoseDeliveryRoleArn": "",
    "firehoseDeliverySizeMB": 128,
    "firehoseDeliveryIntervalSeconds": 300,
    "lambdaExecRoleArn": "",
    "streamsMaxRecordsBatch": 1000,
    "streamsBatchingWindowSeconds": 30,
    "streamsParallelizationFactor": 1,
    "tableNameMatchRegex": "",
    "optinFunction": "",
    "writableEventTypes": ("INSERT", "MODIFY", "REMOVE"),
    "includeTtlDeletes": True,
    "transformer": "",
    "router": "",
    "routeByAttribute": {},
    "deliveryStreams": {},
    "firehoseCompression": "firehose",
    "kmsKeyArn": "",
    "incompatibleStream": "report",
    "joinBusyStreams": False,
    "sweepIntervalMinutes": 15,
    "architecture": "arm64",
    "ensureMemoryMB": 256,
    "ensureTimeoutSeconds": 900,
    "ensureReservedConcurrency": 1,
    "forwarderMemoryMB": 512,
    "forwarderTimeoutSeconds": 120,
    "forwarderReservedConcurrency": 100,
    "metrics": "function",
    "logRetentionDays": 30,
    "logFormat": "JSON",
    "itemImages": None,
}

BOUNDS = {
    "firehoseDeliverySizeMB": (1, 128),
    "firehoseDeliveryIntervalSeconds": (0, 900),
    "streamsMaxRecordsBatch": (1, 10_000),
    "streamsBatchingWindowSeconds": (0, 300),
    "streamsParallelizationFactor": (1, 10),
    "sweepIntervalMinutes": (1, 1440),
    "ensureMemoryMB": (128, 10_240),
    "ensureTimeoutSeconds": (30, 900),
    "ensureReservedConcurrency": (0, 1000),
    "forwarderMemoryMB": (128, 10_240),
    "forwarderTimeoutSeconds": (15, 900),
    "forwarderReservedConcurrency": (0, 10_000),
}

CHOICES = {
    "firehoseCompression": ["firehose", "forwarder"],
    "incompatibleStream": ["report", "replace"],
    "architecture": ["arm64", "x86_64"],
    "logFormat": ["JSON", "Text"],
    "metrics": ["none", "function", "table"],
    "logRetentionDays": [1, 30, 365, 3653],
}

ROLE = "arn:aws:iam::123456789012:role/service-role/backup"
GOOD_TEXTS = {
    "region": ["eu-west-1", "us-gov-west-1", "cn-north-1", ""],
    "cloudWatchRoleArn": [ROLE, "arn:aws-cn:iam::123456789012:role/r"],
    "firehoseDeliveryBucket": ["abc", "my.bucket-1", "a" * 63],
    "firehoseDeliveryPrefix": ["dynamodb", "backups/dynamodb", "team=a/v1.0_x"],
    "firehoseDeliveryRoleArn": [ROLE],
    "lambdaExecRoleArn": [ROLE],
    "tableNameMatchRegex": ["prod-", "^(?!test).*", "(", "(?P<team>a|b)-"],
    "optinFunction": ["my_filter:is_production"],
    "transformer": ["plain", "my_lines:without_secrets"],
    "router": ["my_router:by_country"],
    "kmsKeyArn": ["arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"],
}
BAD_TEXTS = {
    "region": ["Ireland", "eu-west-1a", "EU-WEST-1"],
    "cloudWatchRoleArn": ["my-role", "arn:aws:iam::123:role/r", "arn:aws:iam::123456789012:user/u"],
    "firehoseDeliveryBucket": ["ab", "a" * 64, "s3://bucket", "Bucket", "bucket/", "-bucket"],
    "firehoseDeliveryPrefix": ["/dynamodb", "dynamodb/", "a//b", "a b", "!{timestamp:yyyy}"],
    "firehoseDeliveryRoleArn": ["my-role"],
    "lambdaExecRoleArn": ["my-role"],
    "optinFunction": ["my_filter", "my_filter.is_production", "my-filter:f", ":f"],
    "transformer": ["Plain", "json", "my_lines", "my_lines.py:f", "package.my_lines:f", "my_lines:"],
    "router": ["plain", "my_router", "my_router.by_country", "my_router:by:country"],
    "kmsKeyArn": ["alias/backup", "arn:aws:kms:eu-west-1:123456789012:alias/backup"],
}


def parsed(values: object, environment: dict[str, str] | None = None) -> Config:
    return configuration.parse(values, environment or {})


def value_of(config: Config, key: str) -> object:
    return getattr(config, KEYS[key].name)


def problems(values: object, environment: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parsed(values, environment)
    assert caught.value.exit_code == ExitCode.USAGE
    return caught.value.problems


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my config.hjson"


# --- each key


def test_keys_without_anything_set_have_their_defaults():
    config = parsed({})

    assert {key: value_of(config, key) for key in KEYS} == DEFAULTS


def test_keys_are_as_many_as_the_fields_and_each_says_what_it_means():
    assert len(KEYS) == len(fields(Config))
    assert all(key.metadata["meaning"].endswith(".") for key in KEYS.values())


def test_bounds_are_on_every_number_that_is_not_chosen_from_a_list():
    numbers = {name for name, default in DEFAULTS.items() if type(default) is int}

    assert numbers == set(BOUNDS) | {"logRetentionDays"}


@pytest.mark.parametrize(("key", "bounds"), BOUNDS.items())
def test_number_at_its_bounds_is_taken(key, bounds):
    assert [value_of(parsed({key: bound}), key) for bound in bounds] == list(bounds)


@pytest.mark.parametrize(("key", "bounds"), BOUNDS.items())
def test_number_beyond_its_bounds_is_refused_with_the_bounds(key, bounds):
    least, most = bounds

    for beyond in (least - 1, most + 1):
        assert problems({key: beyond}) == [f"{key}: {beyond} is not between {least} and {most}"]


@pytest.mark.parametrize("key", [key for key, default in DEFAULTS.items() if type(default) is int])
@pytest.mark.parametrize(
    ("value", "described"),
    [("64", '"64"'), (1.5, "1.5"), (True, "true"), ([64], "a list"), ({"MB": 64}, "a group in braces")],
)
def test_number_of_another_type_is_refused(key, value, described):
    assert problems({key: value}) == [f"{key}: {described} is not a whole number"]


@pytest.mark.parametrize("key", [key for key, default in DEFAULTS.items() if type(default) is str])
@pytest.mark.parametrize(
    ("value", "described"), [(5, "5"), (False, "false"), (["a"], "a list"), ({}, "a group in braces")]
)
def test_text_of_another_type_is_refused(key, value, described):
    assert problems({key: value}) == [f"{key}: {described} is not a text"]


@pytest.mark.parametrize("key", [key for key, default in DEFAULTS.items() if type(default) is bool])
@pytest.mark.parametrize(("value", "described"), [("yes", '"yes"'), (1, "1"), ("true", '"true"'), ([], "a list")])
def test_yes_or_no_of_another_type_is_refused(key, value, described):
    assert problems({key: value}) == [f"{key}: {described} is not true or false"]


@pytest.mark.parametrize("key", DEFAULTS)
def test_key_without_a_value_is_refused(key):
    assert problems({key: None}) == [f"{key}: it has no value; leave the key out to have the default"]


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in CHOICES.items() for value in values])
def test_choice_that_there_is_is_taken(key, value):
    assert value_of(parsed({key: value}), key) == value


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("firehoseCompression", "gzip", '"gzip" is none of firehose, forwarder'),
        ("incompatibleStream", "", '"" is none of report, replace'),
        ("architecture", "ARM64", '"ARM64" is none of arm64, x86_64'),
        ("logFormat", "json", '"json" is none of JSON, Text'),
    ],
)
def test_choice_that_there_is_not_is_refused_with_the_choices(key, value, message):
    assert problems({key: value}) == [f"{key}: {message}"]


def test_retention_that_cloudwatch_does_not_know_is_refused():
    assert problems({"logRetentionDays": 31})[0].startswith("logRetentionDays: 31 is none of 1, 3, 5, 7, 14, 30,")


@pytest.mark.parametrize(("key", "value"), [(key, text) for key, texts in GOOD_TEXTS.items() for text in texts])
def test_text_of_the_right_shape_is_taken(key, value):
    assert value_of(parsed({key: value}), key) == value


@pytest.mark.parametrize(("key", "value"), [(key, text) for key, texts in BAD_TEXTS.items() for text in texts])
def test_text_of_another_shape_is_refused_and_told_the_shape(key, value):
    shape = KEYS[key].metadata["shape"]

    assert shape
    assert problems({key: value}) == [f'{key}: "{value}" is not {shape}']


@pytest.mark.parametrize("key", [key for key in GOOD_TEXTS if key != "tableNameMatchRegex"])
def test_placeholder_left_in_is_refused_by_its_name(key):
    value = "arn:aws:iam::<my account number>:role/backup"

    assert problems({key: value}) == [
        f"{key}: the placeholder <my account number> is still there; put your own value in its place"
    ]


# --- a list


@pytest.mark.parametrize(
    "value", [["INSERT"], ["MODIFY", "REMOVE"], ["REMOVE", "INSERT", "MODIFY"], ["INSERT", "MODIFY", "REMOVE"]]
)
def test_event_types_that_there_are_are_taken_as_written(value):
    assert parsed({"writableEventTypes": value}).writable_event_types == tuple(value)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([], ["the list is empty; leave the key out to have all: INSERT, MODIFY, REMOVE"]),
        (["insert"], ['"insert" is none of INSERT, MODIFY, REMOVE']),
        (["INSERT", "INSERT"], ['"INSERT" is there twice']),
        (["INSERT", 5, ["REMOVE"]], [f"{it} is none of INSERT, MODIFY, REMOVE" for it in ("5", "a list")]),
        ("INSERT", ['"INSERT" is not a list in brackets, such as ["INSERT"]']),
        (True, ['true is not a list in brackets, such as ["INSERT"]']),
        ({"INSERT": True}, ['a group in braces is not a list in brackets, such as ["INSERT"]']),
    ],
)
def test_event_types_that_are_wrong_are_told_one_by_one(value, found):
    assert problems({"writableEventTypes": value}) == [f"writableEventTypes: {each}" for each in found]


# --- groups

TABLE_SHAPE = "a table's name: 3 to 255 letters, digits, _ . -"
STREAM_SHAPE = "a delivery stream's name: 1 to 64 letters, digits, _ . -"


@pytest.mark.parametrize(
    "value", [{}, {"Orders": "my-own-stream"}, {"a.b": "s", "t" * 255: "s" * 64, "Or_ders-1": "A.b_c-1"}]
)
def test_delivery_streams_by_table_are_taken_as_written(value):
    assert parsed({"deliveryStreams": value}).delivery_streams == value


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"Or": "s"}, [f': "Or" is not {TABLE_SHAPE}']),
        ({"t" * 256: "s"}, [f': "{"t" * 256}" is not {TABLE_SHAPE}']),
        ({"Orders/1": "s"}, [f': "Orders/1" is not {TABLE_SHAPE}']),
        ({"Orders": "s" * 65}, [f'.Orders: "{"s" * 65}" is not {STREAM_SHAPE}']),
        ({"Orders": ""}, [f'.Orders: "" is not {STREAM_SHAPE}']),
        ({"Orders": 5}, [f".Orders: 5 is not {STREAM_SHAPE}; put quotes around a text"]),
        ({"Orders": None}, [".Orders: it has no value"]),
        ({"Orders": ["s"]}, [f".Orders: a list is not {STREAM_SHAPE}; put quotes around a text"]),
        (
            {"Orders": "<name>"},
            [".Orders: the placeholder <name> is still there; put your own value in its place"],
        ),
        ({"Or": "a b", "Carts": "s"}, [f': "Or" is not {TABLE_SHAPE}', f'.Or: "a b" is not {STREAM_SHAPE}']),
        (["Orders"], [': a list is not a group in braces, such as { table: "delivery stream" }']),
        ("Orders", [': "Orders" is not a group in braces, such as { table: "delivery stream" }']),
    ],
)
def test_delivery_streams_that_are_wrong_are_told_one_by_one(value, found):
    assert problems({"deliveryStreams": value}) == [f"deliveryStreams{each}" for each in found]


def test_delivery_stream_with_a_comma_or_comment_behind_it_is_told_to_be_put_in_quotes(file):
    file.write_text("{ deliveryStreams: {\n Orders: my-own-stream, // ours\n Carts: another,\n } }")

    with pytest.raises(ConfigurationError) as caught:
        configuration.load(file, {})

    assert [
        each.partition(" ends in what looks like a comment or a comma")[0] for each in caught.value.problems
    ] == [
        'deliveryStreams.Orders: "my-own-stream, // ours"',
        'deliveryStreams.Carts: "another,"',
    ]


ROUTES = {"status": {"PAID": "paid-orders", "1": "ones"}, "kind of": {"ü <b>": "umlauts"}}


def test_routes_by_attribute_are_taken_as_written():
    assert parsed({"routeByAttribute": ROUTES}).route_by_attribute == ROUTES


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"status": "paid"}, ['.status: "paid" is not a group in braces']),
        ({"status": {}}, [".status: the group is empty; leave it out, or name something in it"]),
        ({"": {"a": "s"}}, [': "" is not an attribute\'s name']),
        ({"status": {"": "s"}}, ['.status: "" is not an attribute\'s value']),
        ({"status": {"PAID": "a b"}}, [f'.status.PAID: "a b" is not {STREAM_SHAPE}']),
        (
            {"status": {"PAID": 1, "LATE": "s", "GONE": "!"}, "kind": None},
            [
                f".status.PAID: 1 is not {STREAM_SHAPE}; put quotes around a text",
                f'.status.GONE: "!" is not {STREAM_SHAPE}',
                ".kind: None is not a group in braces",
            ],
        ),
        ("status", [': "status" is not a group in braces, such as { attribute: { value: "delivery stream" } }']),
    ],
)
def test_routes_by_attribute_that_are_wrong_are_told_one_by_one(value, found):
    assert problems({"routeByAttribute": value}) == [f"routeByAttribute{each}" for each in found]


@pytest.mark.parametrize(
    "named", [{"deliveryStreams": {"Orders": "Carts.gz"}}, {"routeByAttribute": {"status": {"PAID": "Carts.gz"}}}]
)
def test_names_of_delivery_streams_that_end_as_our_compressed_ones_do_are_refused_where_we_compress(named):
    """Plain lines in such a one make an object that readers stop in."""
    (problem,) = problems(named | {"firehoseCompression": "forwarder"})
    assert problem.startswith(
        '"Carts.gz": with firehoseCompression: forwarder, names that end in .gz are those of'
    )
    assert parsed(named).delivery_streams_named == ("Carts.gz",)


def test_table_whose_delivery_stream_is_named_for_another_is_not_restorable():
    config = parsed({"deliveryStreams": {"Carts": "Orders"}})
    assert config.why_not_restorable("Orders") == config.why_not_restorable("Carts") == ("deliveryStreams",)
    assert config.why_not_restorable("Customers") == ()


def test_item_images_are_off_and_a_group_of_their_own():
    assert parsed({}).item_images is None
    assert parsed({"itemImages": {}}).item_images == configuration.ItemImages()
    images = parsed({"itemImages": {"prefix": "a/b", "storageClass": "STANDARD_IA", "writers": 8}}).item_images
    assert images == configuration.ItemImages(prefix="a/b", storage_class="STANDARD_IA", writers=8)
    assert parsed({}, {"itemImages": "{writers: 9}"}).item_images == configuration.ItemImages(writers=9)


def test_item_images_have_a_bucket_of_their_own_in_each_account():
    config = parsed({"itemImages": {}}).in_account(Account("123456789012", "eu-west-1"))
    assert config.item_images.bucket == "dynamodb-item-images-123456789012-eu-west-1"
    assert config.bucket != config.item_images.bucket
    assert parsed({}).in_account(Account("123456789012", "eu-west-1")).item_images is None


REPLICA = {"replicaAccountId": "444455556666", "replicaRegion": "eu-central-1"}
KEY = "arn:aws:kms:eu-central-1:444455556666:key/0f3b2c1d"


def test_item_images_have_a_replica_where_its_account_and_region_are_named():
    assert parsed({"itemImages": {}}).item_images.replica_bucket_name == ""
    named = parsed({"itemImages": REPLICA}).item_images
    assert named.replica_bucket_name == "dynamodb-item-images-replica-444455556666-eu-central-1"
    assert parsed({"itemImages": {**REPLICA, "replicaBucket": "there"}}).item_images.replica_bucket_name == "there"
    both = {"itemImages": {**REPLICA, "replicaKmsKeyArn": KEY}, "kmsKeyArn": KEY}
    assert parsed(both).item_images.replica_kms_key_arn == KEY


def test_item_images_of_a_bucket_with_a_key_are_not_replicated_without_one():
    (told,) = problems({"itemImages": REPLICA, "kmsKeyArn": KEY})
    assert told.startswith("itemImages.replicaKmsKeyArn: images that have a KMS key are replicated with a key of")


def test_item_images_where_the_change_log_is_are_refused():
    log = {"firehoseDeliveryBucket": "mine", "firehoseDeliveryPrefix": "a/b"}
    (told,) = problems({**log, "itemImages": {"bucket": "mine", "prefix": "a/b"}})
    assert told.startswith("itemImages.prefix: images would lie where the change log of their table does")
    assert parsed({**log, "itemImages": {"bucket": "mine", "prefix": "a"}}).item_images.prefix == "a"


@pytest.mark.parametrize("length", [600, 601])
def test_prefix_of_item_images_leaves_room_for_a_table_and_a_key(length: int):
    images = {"itemImages": {"prefix": "a" * length}}
    if length == 600:
        assert parsed(images).item_images.prefix == "a" * 600
    else:
        (told,) = problems(images)
        assert "600 characters at most" in told


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (True, ["itemImages: true is not a group in braces"]),
        ("on", ['itemImages: "on" is not a group in braces']),
        ({"bukcet": "x"}, ["itemImages.bukcet: there is no such key; did you mean bucket?"]),
        (
            {"writers": 0, "storageClass": "GLACIER"},
            [
                "itemImages.writers: 0 is not between 1 and 256",
                'itemImages.storageClass: "GLACIER" is none of STANDARD, STANDARD_IA, INTELLIGENT_TIERING,',
            ],
        ),
        (
            {"bucket": "s3://mine"},
            ['itemImages.bucket: "s3://mine" is not a bucket name (3 to 63 of a-z, 0-9, dot'],
        ),
        (
            {"replicaAccountId": "444455556666"},
            ["itemImages.replicaRegion: it is not set"],
        ),
        ({"replicaRegion": "eu-west-1"}, ["itemImages.replicaAccountId: it is not set, and replicaR"]),
        (
            {"replicaBucket": "there"},
            ["itemImages.replicaAccountId: it is not set", "itemImages.replicaRegion: it is not set"],
        ),
        (
            {"replicaAccountId": 444455556666, "replicaRegion": "Frankfurt"},
            [
                "itemImages.replicaAccountId: 444455556666 is ",
                'itemImages.replicaRegion: "Frankfurt" is not a region such as eu-west-1',
            ],
        ),
        (
            {**REPLICA, "bucket": "mine"},
            ["itemImages.replicaAccountId: replication is set up for the bucket"],
        ),
        ({**REPLICA, "replicaKmsKeyArn": KEY}, ["itemImages.replicaKmsKeyArn: images that have a KMS key"]),
    ],
)
def test_item_images_that_are_wrong_are_told_key_by_key(value, found):
    told = problems({"itemImages": value})
    assert len(told) == len(found)
    assert all(each.startswith(expected) for each, expected in zip(told, found, strict=True)), told


@pytest.mark.parametrize(
    ("pattern", "table", "kept"),
    [
        ("", "Orders", True),
        ("prod-", "prod-Orders", True),
        ("prod-", "my-prod-Orders", False),
        ("(", "Orders", True),
    ],
)
def test_item_images_are_kept_of_tables_whose_name_matches_from_its_start(pattern, table, kept):
    images = configuration.ItemImages(table_name_match_regex=pattern)
    assert images.are_kept_of(table) == kept
    assert bool(images.name_filter_problem) == (pattern == "(")


def test_router_and_routes_by_attribute_together_are_refused():
    both = "router, routeByAttribute: both are set, and one alone can decide; leave one of them out"

    assert problems({"router": "my_router:f", "routeByAttribute": ROUTES}) == [both]
    assert problems({"routeByAttribute": ROUTES}, {"router": "my_router:f"}) == [both]
    assert problems({"router": "my_router:f", "routeByAttribute": ROUTES, "region": 5}) == [
        "region: 5 is not a text",
        both,
    ]
    assert parsed({"router": "my_router:f", "routeByAttribute": {}}).router


# --- all problems at once


def test_mistakes_of_every_kind_are_reported_together():
    found = problems(
        {
            "firehoseDeliveryBuckets": "b",
            "nonsense": 1,
            "region": "<my region>",
            "firehoseDeliverySizeMB": "lots",
            "streamsMaxRecordsBatch": 0,
            "writableEventTypes": ["INSERTS"],
            "deliveryStreams": {"Or": 1},
            "logFormat": None,
        }
    )

    assert found == [
        "firehoseDeliveryBuckets: there is no such key; did you mean firehoseDeliveryBucket?",
        "nonsense: there is no such key",
        "region: the placeholder <my region> is still there; put your own value in its place",
        'firehoseDeliverySizeMB: "lots" is not a whole number',
        "streamsMaxRecordsBatch: 0 is not between 1 and 10000",
        'writableEventTypes: "INSERTS" is none of INSERT, MODIFY, REMOVE',
        f'deliveryStreams: "Or" is not {TABLE_SHAPE}',
        f"deliveryStreams.Or: 1 is not {STREAM_SHAPE}; put quotes around a text",
        "logFormat: it has no value; leave the key out to have the default",
    ]


def test_message_of_many_problems_counts_them_and_names_the_source(file):
    file.write_text("{ nonsense: 1\n more: 2 }")

    with pytest.raises(ConfigurationError) as caught:
        configuration.load(file, {})

    assert str(caught.value) == (
        f"2 problems in {file}:\n  - nonsense: there is no such key\n  - more: there is no such key"
    )
    assert caught.value.hint == "the README and docs/choices.md explain each key"


def test_message_of_one_problem_is_in_the_singular():
    with pytest.raises(ConfigurationError, match=r"^a problem in config:\n  - nonsense: there is no such key$"):
        parsed({"nonsense": 1})


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Region", "region"),
        ("lambdaExecutionRoleArn", "lambdaExecRoleArn"),
        ("firehosedeliveryprefix", "firehoseDeliveryPrefix"),
        ("streamsMaxRecordBatch", "streamsMaxRecordsBatch"),
        ("optInFunction", "optinFunction"),
        ("tableNameRegex", "tableNameMatchRegex"),
        ("cloudwatchRole", "cloudWatchRoleArn"),
        ("WRITABLE_EVENT_TYPES", "writableEventTypes"),
        ("deliveryStream", "deliveryStreams"),
    ],
)
def test_key_that_there_is_not_is_told_the_nearest_that_there_is(wrong, right):
    assert problems({wrong: "x"}) == [f"{wrong}: there is no such key; did you mean {right}?"]


@pytest.mark.parametrize(
    ("values", "described"), [([1, 2], "a list"), ("text", '"text"'), (5, "5"), (None, "None"), (True, "true")]
)
def test_configuration_that_is_not_a_group_is_refused(values, described):
    assert problems(values) == [f"it must hold keys and values in braces, not {described}"]


# --- files


def test_file_that_is_not_there_is_named_with_what_to_do(tmp_path):
    with pytest.raises(UsageError, match=r"^there is no configuration file .*/nowhere.hjson$") as caught:
        configuration.load(tmp_path / "nowhere.hjson", {})

    assert "config.hjson" in caught.value.hint


def test_file_that_is_a_folder_is_refused(tmp_path):
    with pytest.raises(UsageError, match=f"^the configuration file {re.escape(str(tmp_path))} cannot be read: "):
        configuration.load(tmp_path, {})


def test_file_that_is_not_utf8_is_refused(file):
    file.write_bytes(b'{ region: "\xff\xfe" }')

    with pytest.raises(UsageError, match="cannot be read"):
        configuration.load(file, {})


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ('{\n  region: eu-west-1\n  logFormat: "JSON\n}', 4, 1, "Invalid control character"),
        ("{\n  region: eu-west-1\n  logFormat\n}", 3, 3, "Found '}' where a key name was expected (check"),
        ("{ region: 'eu-west-1'\n", 2, 1, "Bad key name (eof)"),
        ("{ region: 'eu-west-1", 1, 11, "Unterminated string starting"),
    ],
)
def test_file_that_does_not_parse_is_told_the_line_and_column(file, text, line, column, reason):
    file.write_text(text)

    with pytest.raises(UsageError) as caught:
        configuration.load(file, {})

    assert str(caught.value).startswith(f"{file}, line {line}, column {column}: this is not HJSON: {reason}")
    assert "%" not in str(caught.value)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.hint


def test_file_that_holds_a_list_is_refused_by_name(file):
    file.write_text("[ 'region', 'eu-west-1' ]")

    with pytest.raises(ConfigurationError, match=f"^a problem in {re.escape(str(file))}:.*\n.*not a list$"):
        configuration.load(file, {})


@pytest.mark.parametrize("text", ["", "{}", "\n// nothing but a comment\n"])
def test_file_that_says_nothing_has_all_defaults(file, text):
    file.write_text(text)

    assert configuration.load(file, {}) == Config()


def test_file_with_a_byte_order_mark_is_read(file):
    file.write_text("\ufeff{ region: 'eu-west-1' }", encoding="utf-8")

    assert configuration.load(file, {}).region == "eu-west-1"


def test_file_from_another_system_with_its_line_ends_is_read(file):
    file.write_bytes(b"{\r\n  region: eu-west-1\r\n  logFormat: Text\r\n}\r\n")

    assert configuration.load(file, {}) == Config(region="eu-west-1", log_format="Text")


def test_file_as_the_first_version_had_it_is_read(file):
    file.write_text(
        """{
          "region": "eu-west-1",
          "cloudWatchRoleArn": "arn:aws:iam::123456789012:role/CloudWatchEventRole",
          "firehoseDeliveryBucket": "my-bucket",
          "firehoseDeliveryPrefix": "ddb-backup",
          "firehoseDeliveryRoleArn": "arn:aws:iam::123456789012:role/firehose_delivery_role",
          "firehoseDeliverySizeMB": 128,
          "firehoseDeliveryIntervalSeconds": 60,
          "lambdaExecRoleArn": "arn:aws:iam::123456789012:role/LambdaExecRole",
          "streamsMaxRecordsBatch": 1000,
          "tableNameMatchRegex": "^prod.*"
        }"""
    )

    config = configuration.load(file, {})

    assert (config.bucket, config.prefix, config.buffer_seconds) == ("my-bucket", "ddb-backup", 60)
    assert (config.batch_size, config.table_name_match_regex) == (1000, "^prod.*")
    assert not config.needs_roles_stack


# --- the environment


def test_environment_fills_what_the_file_leaves_out():
    config = parsed(
        {"region": "eu-west-1"},
        {"firehoseDeliveryBucket": "from-environment", "tableNameMatchRegex": "prod-", "PATH": "/bin"},
    )

    assert (config.region, config.bucket, config.table_name_match_regex) == (
        "eu-west-1",
        "from-environment",
        "prod-",
    )


def test_environment_that_says_otherwise_than_the_file_is_not_asked():
    assert parsed({"region": "eu-west-1"}, {"region": "us-east-1"}).region == "eu-west-1"


def test_environment_that_says_otherwise_than_a_wrong_file_does_not_hide_the_mistake():
    assert problems({"streamsMaxRecordsBatch": 0}, {"streamsMaxRecordsBatch": "10"}) == [
        "streamsMaxRecordsBatch: 0 is not between 1 and 10000"
    ]


def test_environment_that_is_empty_leaves_the_default():
    assert parsed({}, {"firehoseDeliveryPrefix": ""}).prefix == "dynamodb"


@pytest.mark.parametrize(("text", "value"), [("64", 64), (" 64 ", 64), ("+64", None), ("6_4", None)])
def test_environment_with_a_number_is_read_as_one(text, value):
    environment = {"firehoseDeliverySizeMB": text}

    if value:
        assert parsed({}, environment).buffer_mb == value
    else:
        assert problems({}, environment)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("false", False), (" FALSE ", False)])
def test_environment_with_true_or_false_is_read_as_such(text, value):
    assert parsed({}, {"joinBusyStreams": text}).join_busy_streams is value


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("joinBusyStreams", "yes", '"yes" is not true or false'),
        ("firehoseDeliverySizeMB", "1.5", '"1.5" is not a whole number'),
        ("firehoseDeliverySizeMB", "-1", "-1 is not between 1 and 128"),
        ("logFormat", "xml", '"xml" is none of JSON, Text'),
    ],
)
def test_environment_that_is_wrong_is_named(key, text, message):
    assert problems({}, {key: text}) == [f"{key}: {message} (from the environment variable {key})"]


@pytest.mark.parametrize("variable", ["writableEventTypes", "WRITABLE_EVENT_TYPES"])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("INSERT", ("INSERT",)),
        ("INSERT,REMOVE", ("INSERT", "REMOVE")),
        (" REMOVE , MODIFY ", ("REMOVE", "MODIFY")),
    ],
)
def test_environment_with_event_types_is_read_as_a_list_with_commas(variable, text, value):
    assert parsed({}, {variable: text}).writable_event_types == value


def test_environment_with_event_types_under_both_names_takes_the_keys_own():
    both = {"writableEventTypes": "INSERT", "WRITABLE_EVENT_TYPES": "REMOVE"}

    assert parsed({}, both).writable_event_types == ("INSERT",)
    assert parsed({}, both | {"writableEventTypes": ""}).writable_event_types == ("REMOVE",)
    assert parsed({"writableEventTypes": ["MODIFY"]}, both).writable_event_types == ("MODIFY",)


@pytest.mark.parametrize("text", ["INSERT,", "INSERT;REMOVE", "INSERT,INSERT", '["INSERT"]', "insert"])
@pytest.mark.parametrize("variable", ["writableEventTypes", "WRITABLE_EVENT_TYPES"])
def test_environment_with_event_types_that_are_wrong_is_named(variable, text):
    (problem,) = problems({}, {variable: text})

    assert problem.startswith("writableEventTypes: ")
    assert problem.endswith(f" (from the environment variable {variable})")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        ("Orders: my-own-stream", {"Orders": "my-own-stream"}),
        ('{ "Orders": "my-own-stream", "Carts": "another" }', {"Orders": "my-own-stream", "Carts": "another"}),
    ],
)
def test_environment_with_a_group_is_read_as_hjson(text, value):
    assert parsed({}, {"deliveryStreams": text}).delivery_streams == value


def test_environment_with_a_group_of_groups_is_read_as_hjson():
    text = '{ status: { PAID: "paid-orders" } }'

    assert parsed({}, {"routeByAttribute": text}).route_by_attribute == {"status": {"PAID": "paid-orders"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ Orders: ", "deliveryStreams, line 1, column 11: this is not HJSON: "),
        ("{ Orders: a\n Orders: b\n }", "deliveryStreams: Orders is there twice"),
        ("Orders", '"Orders" is not a group in braces, such as { table: "delivery stream" }'),
        ("Orders: a b", f'"a b" is not {STREAM_SHAPE}'),
    ],
)
def test_environment_with_a_group_that_is_wrong_is_named_and_hides_no_other_mistake(text, message):
    found = problems({"region": 5}, {"deliveryStreams": text})

    assert found[0] == "region: 5 is not a text"
    assert message in found[1]
    assert found[1].startswith("deliveryStreams")
    assert found[1].endswith(" (from the environment variable deliveryStreams)")
    assert len(found) == 2


def test_parse_of_nothing_takes_everything_from_the_environment():
    config = configuration.parse({}, {"region": "eu-west-1", "streamsMaxRecordsBatch": "10"})

    assert config == Config(region="eu-west-1", batch_size=10)


def test_bundled_in_a_function_reads_its_zip_and_its_environment(tmp_path, monkeypatch):
    (tmp_path / "config.hjson").write_text("{ firehoseDeliveryBucket: 'in-zip' }")
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    monkeypatch.setenv("firehoseDeliveryPrefix", "from/environment")

    config = configuration.bundled()

    assert (config.bucket, config.prefix) == ("in-zip", "from/environment")


# --- what follows from it


def test_in_account_with_nothing_set_fills_every_default():
    config = Config().in_account(ACCOUNT)

    assert config.region == "eu-west-1"
    assert config.bucket == "dynamodb-continuous-backup-123456789012-eu-west-1"
    roles = (config.events_role_arn, config.delivery_role_arn, config.lambda_role_arn)
    assert roles == tuple(
        f"arn:aws:iam::123456789012:role/DynamoDBContinuousBackup-eu-west-1-{purpose}"
        for purpose in ("Events", "Delivery", "Lambda")
    )


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


# --- the repository's own file


def test_repositorys_config_parses_as_it_is_to_the_defaults():
    assert configuration.load(CONFIG_FILE, {}) == Config()


def shown_in_the_repositorys_config() -> dict[str, tuple[bool, str]]:
    """By key: whether it is set, and not only commented out, and the line without the comment sign."""
    lines = CONFIG_FILE.read_text().splitlines()
    matches = (re.fullmatch(r"\s*(// )?((\w+): (\S.*))", line) for line in lines)
    return {match[3]: (not match[1], match[2]) for match in matches if match and match[3] in KEYS}


@pytest.mark.parametrize("key", DEFAULTS)
def test_repositorys_config_shows_the_key_with_its_real_default(key):
    in_file = configuration.parse_hjson(CONFIG_FILE.read_text(), "config.hjson")
    is_set, _ = shown_in_the_repositorys_config()[key]

    default = DEFAULTS[key]
    assert is_set == (key in in_file) == (default not in ("", {}, None)), (
        "what has no fixed default is commented out"
    )
    assert not is_set or in_file[key] == (list(default) if isinstance(default, tuple) else default)


def test_repositorys_config_with_every_comment_sign_taken_away_parses():
    """Two keys exclude each other; the file says so beside them."""
    text = re.sub(r"^( *)// (?=[a-zA-Z]+: [^ ]|  \w+: |}$)", r"\1", CONFIG_FILE.read_text(), flags=re.MULTILINE)
    values = configuration.parse_hjson(text, "config.hjson")
    assert set(values) == set(KEYS)

    by_attribute = parsed({key: value for key, value in values.items() if key != "router"})
    by_function = parsed({key: value for key, value in values.items() if key != "routeByAttribute"})

    assert by_attribute.bucket == "my-backup-bucket"
    assert by_attribute.route_by_attribute == {"status": {"PAID": "paid-orders", "CANCELLED": "cancelled-orders"}}
    assert by_attribute.delivery_streams == {"Orders": "my-own-stream"}
    assert by_function.router == "my_router:by_country"
    assert all(value_of(by_function, key) not in ("", None) for key in KEYS)


def test_parse_hjson_where_a_key_is_there_twice_says_which():
    with pytest.raises(UsageError, match=r"config\.hjson: region is there twice"):
        configuration.parse_hjson("{\n region: eu-west-1\n region: us-east-1\n}", "config.hjson")


@pytest.mark.parametrize("text", ["prod- // only production", "prod-,", "prod- # note", "prod- /* note */"])
def test_parse_where_a_comment_or_comma_went_into_a_text_says_so(text):
    """HJSON takes it for a part of the text; as a regular expression it would match no table, silently."""
    with pytest.raises(ConfigurationError, match="put quotes around it"):
        configuration.parse({"tableNameMatchRegex": text}, {})


def test_parse_where_a_role_has_a_comment_behind_it_refuses():
    arn = "arn:aws:iam::123456789012:role/mine"
    assert configuration.parse({"lambdaExecRoleArn": arn}, {}).lambda_role_arn == arn
    with pytest.raises(ConfigurationError):
        configuration.parse({"lambdaExecRoleArn": f"{arn} the role"}, {})
