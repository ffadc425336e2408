"""The configuration as a whole: its file, its environment, and all that is wrong with it at once."""

import re

import pytest

from continuous_backup.configuration import config as configuration
from continuous_backup.configuration import hjson_text
from continuous_backup.configuration.config import Config
from continuous_backup.errors import ConfigurationError, ExitCode, UsageError
from tests.unit.configuration.values import (
    CONFIG_FILE,
    DEFAULTS,
    KEYS,
    STREAM_SHAPE,
    TABLE_SHAPE,
    parsed,
    problems,
    value_of,
)

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
    assert caught.value.hint == "docs/configuration.md and docs/choices.md explain each key"


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
        ("{ Orders: a\n Orders: b\n }", "deliveryStreams, line 2: Orders is there twice, first on line 1"),
        ("Orders", '"Orders" is not a group in braces, such as { table: "delivery stream" }'),
        ("Orders: a b", f'"a b" is not {STREAM_SHAPE}'),
    ],
)
def test_environment_with_a_group_that_is_wrong_is_named_and_hides_no_other_mistake(text, message):
    found = problems({"region": 5}, {"deliveryStreams": text})

    assert found[0].startswith("region: 5 is not a text")
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
    in_file = hjson_text.parse(CONFIG_FILE.read_text(), "config.hjson")
    is_set, _ = shown_in_the_repositorys_config()[key]

    default = DEFAULTS[key]
    assert is_set == (key in in_file) == (default not in ("", {}, None)), (
        "what has no fixed default is commented out"
    )
    assert not is_set or in_file[key] == (list(default) if isinstance(default, tuple) else default)


def test_repositorys_config_with_every_comment_sign_taken_away_parses():
    """Two keys exclude each other; the file says so beside them."""
    text = re.sub(r"^( *)// (?=[a-zA-Z]+: [^ ]|  \w+: |}$)", r"\1", CONFIG_FILE.read_text(), flags=re.MULTILINE)
    values = hjson_text.parse(text, "config.hjson")
    assert set(values) == set(KEYS)

    by_attribute = parsed({key: value for key, value in values.items() if key != "router"})
    by_function = parsed({key: value for key, value in values.items() if key != "routeByAttribute"})

    assert by_attribute.bucket == "my-backup-bucket"
    assert by_attribute.route_by_attribute == {"status": {"PAID": "paid-orders", "CANCELLED": "cancelled-orders"}}
    assert by_attribute.delivery_streams == {"Orders": "my-own-stream"}
    assert by_function.router == "my_router:by_country"
    assert all(value_of(by_function, key) not in ("", None) for key in KEYS)


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
