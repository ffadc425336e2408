"""What each key may be, and what is said about each mistake."""

from dataclasses import fields

import pytest

from continuous_backup.configuration import config as configuration
from continuous_backup.configuration import hjson_text
from continuous_backup.configuration.config import Config
from continuous_backup.errors import ConfigurationError
from continuous_backup.naming import Account
from tests.unit.configuration.values import (
    BAD_TEXTS,
    BOUNDS,
    CHOICES,
    DEFAULTS,
    GOOD_TEXTS,
    KEYS,
    ROUTES,
    STREAM_SHAPE,
    TABLE_SHAPE,
    parsed,
    problems,
    value_of,
)

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
    meant = "; write it without quotes: 64" if value == "64" else ""
    assert problems({key: value}) == [f"{key}: {described} is not a whole number{meant}"]


@pytest.mark.parametrize("key", [key for key, default in DEFAULTS.items() if type(default) is str])
@pytest.mark.parametrize(
    ("value", "described"), [(5, "5"), (False, "false"), (["a"], "a list"), ({}, "a group in braces")]
)
def test_text_of_another_type_is_refused(key, value, described):
    meant = '; put quotes around it: "5"' if value == 5 else ""
    assert problems({key: value}) == [f"{key}: {described} is not a text{meant}"]


@pytest.mark.parametrize("key", [key for key, default in DEFAULTS.items() if type(default) is bool])
@pytest.mark.parametrize(("value", "described"), [("yes", '"yes"'), (1, "1"), ("true", '"true"'), ([], "a list")])
def test_yes_or_no_of_another_type_is_refused(key, value, described):
    meant = "; write it without quotes: true" if value == "true" else ""
    assert problems({key: value}) == [f"{key}: {described} is not true or false{meant}"]


def test_account_without_quotes_is_told_to_be_put_in_quotes():
    (told,) = problems({"itemImages": {"replicaAccountId": 444455556666, "replicaRegion": "eu-central-1"}})
    assert told == 'itemImages.replicaAccountId: 444455556666 is not a text; put quotes around it: "444455556666"'


@pytest.mark.parametrize("invisible", ["\u200b", "\xa0", "\ufeff", "\u202e", "\x00"])
def test_text_with_an_invisible_character_is_refused_and_told_where(invisible):
    (told,) = problems({"firehoseDeliveryBucket": f"my-bucket{invisible}"})
    assert f'U+{ord(invisible):04X} is in it, behind "my-bucket"' in told


@pytest.mark.parametrize("escape", ["b", "f", "n", "r", "t"])
def test_text_with_what_quotes_made_of_a_backslash_is_told_how_it_is_written(escape):
    text = f'{{ tableNameMatchRegex: "prod\\{escape}x" }}'
    (told,) = problems(hjson_text.parse(text, "config.hjson"))
    assert told.endswith(
        f'behind "prod": \\{escape} within quotes is that character; write \\\\{escape} there, or \\{escape} '
        "without quotes, or type it anew"
    )
    right = hjson_text.parse(text.replace("\\", "\\\\"), "config.hjson")
    assert right == {"tableNameMatchRegex": f"prod\\{escape}x"}


@pytest.mark.parametrize("name", ["regi\u200bon", "itemImages"])
def test_key_that_an_invisible_character_makes_another_is_told_with_it(name):
    group = {name: "eu-west-1"} if name != "itemImages" else {name: {"pre\xadfix": "a"}}
    (told,) = problems(group)
    assert told in (
        'region: the invisible character U+200B is in the name of the key, behind "regi"; type it anew',
        'itemImages.prefix: the invisible character U+00AD is in the name of the key, behind "pre"; type it anew',
    )


def test_invisible_characters_in_lists_and_names_of_a_group_are_named():
    (in_list,) = problems({"writableEventTypes": ["INSERT\u200b"]})
    assert 'U+200B is in it, behind "INSERT"' in in_list
    (in_name,) = problems({"deliveryStreams": {"Orders\u200b": "a"}})
    assert 'U+200B is in it, behind "Orders"' in in_name


@pytest.mark.parametrize("prefix", ["..", ".", "a/../b", "a/.", "./a", "a" * 601])
def test_prefix_that_steps_out_or_leaves_no_room_is_refused(prefix):
    (told,) = problems({"firehoseDeliveryPrefix": prefix})
    assert "no . or .. by itself, 600 characters at most" in told


@pytest.mark.parametrize("prefix", [".a", "a..b/c.", "...", "a" * 600])
def test_prefix_with_dots_among_other_letters_is_taken(prefix):
    assert parsed({"firehoseDeliveryPrefix": prefix}).prefix == prefix


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
        'region: 5 is not a text; put quotes around it: "5"',
        both,
    ]
    assert parsed({"router": "my_router:f", "routeByAttribute": {}}).router
