"""What people may choose, through the forwarder: which changes, which lines, and where they go."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from continuous_backup.configuration.config import Config
from continuous_backup.errors import ConfigurationError
from continuous_backup.streams_to_firehose import changes, choices
from tests.unit.streams_to_firehose.fakes import (
    THROTTLED,
    Backup,
    FakeFirehose,
    Raises,
    Time,
    account_of,
    event_of_file,
    lines_in,
    sequence_number,
    stream_record,
)

Write = Callable[[str], str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a module as build.sh bundles it, and gives its name."""
    monkeypatch.syspath_prepend(tmp_path)
    written: list[str] = []

    def write(text: str) -> str:
        name = f"chosen_{len(written)}_{tmp_path.name.replace('-', '_')}"
        (tmp_path / f"{name}.py").write_text(text)
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


def of_kind(number: int, event_name: str, **more: Any) -> dict[str, Any]:
    return {**stream_record(number), "eventName": event_name, **more}


def with_status(number: int, status: Any, event_name: str = "MODIFY") -> dict[str, Any]:
    record = of_kind(number, event_name)
    images = ("OldImage",) if event_name == "REMOVE" else ("NewImage",)
    for image in ("NewImage", "OldImage"):
        if image in images:
            record["dynamodb"][image]["status"] = status
        else:
            del record["dynamodb"][image]
    return record


def numbers(lines: list[bytes]) -> list[str]:
    return [json.loads(line)["SequenceNumber"] for line in lines]


ONE_OF_EACH = [of_kind(n, name) for n, name in enumerate(["INSERT", "MODIFY", "REMOVE"])]
EXPIRED = of_kind(3, "REMOVE", userIdentity={"type": "Service", "principalId": "dynamodb.amazonaws.com"})


# --- which changes -------------------------------------------------------------------------------------


def test_choices_when_nothing_is_chosen_expects_nothing_asked_of_a_change():
    assert choices.of_config(Config()) == choices.Choices(None, changes.line, None)


def test_writable_event_types_when_one_is_left_out_expects_its_changes_dropped_and_done_with():
    backup = Backup(Config(writable_event_types=("INSERT", "REMOVE")))
    answer = backup.invoke(ONE_OF_EACH)
    assert numbers(backup.lines()) == [sequence_number(0), sequence_number(2)]
    assert (answer.first_not_accepted, answer.tally.dropped, answer.tally.forwarded) == ("", 1, 2)


def test_writable_event_types_when_all_are_dropped_expects_no_call_and_the_table_told():
    backup = Backup(Config(writable_event_types=("INSERT",)))
    answer = backup.invoke(ONE_OF_EACH[1:])
    assert (answer.first_not_accepted, answer.tally.table, answer.tally.dropped) == ("", "Orders", 2)
    assert backup.firehose.calls == []


def test_writable_event_types_when_firehose_refuses_expects_no_dropped_change_reported():
    backup = Backup(Config(writable_event_types=("MODIFY",)), FakeFirehose([Raises(THROTTLED)] * 99))
    assert backup.invoke(ONE_OF_EACH, Time(left=1)).first_not_accepted == sequence_number(1)


def test_include_ttl_deletes_when_false_expects_only_expired_items_dropped():
    backup = Backup(Config(include_ttl_deletes=False))
    answer = backup.invoke([*ONE_OF_EACH, EXPIRED])
    assert numbers(backup.lines()) == [sequence_number(n) for n in range(3)]
    assert answer.tally.dropped == 1


def test_writable_event_types_when_a_record_is_no_change_expects_it_kept_all_the_same():
    backup = Backup(Config(writable_event_types=("INSERT",)))
    assert backup.invoke([of_kind(1, "RENAME")]).tally.failed == 1


# --- which lines ---------------------------------------------------------------------------------------


def test_transformer_when_plain_expects_values_without_types():
    backup = Backup(Config(transformer="plain"))
    record = stream_record(1)
    record["dynamodb"]["NewImage"] = {
        "text": {"S": 'a "quoted" text'},
        "number": {"N": "12345678901234567890.123456789012345678"},
        "binary": {"B": "AAEC"},
        "yes": {"BOOL": True},
        "nothing": {"NULL": True},
        "map": {"M": {"inner": {"L": [{"N": "-1"}, {"S": "x"}]}}},
        "texts": {"SS": ["a", "b"]},
        "numbers": {"NS": ["1.50", "2E+3"]},
        "binaries": {"BS": ["AA=="]},
    }
    backup.invoke([record])
    (line,) = backup.lines()
    assert b'"number":12345678901234567890.123456789012345678' in line
    assert b'"numbers":[1.50,2E+3]' in line
    read = json.loads(line)
    assert read["NewImage"] == {
        "text": 'a "quoted" text',
        "number": 12345678901234567890.123456789012345678,
        "binary": "AAEC",
        "yes": True,
        "nothing": None,
        "map": {"inner": [-1, "x"]},
        "texts": ["a", "b"],
        "numbers": [1.5, 2000],
        "binaries": ["AA=="],
    }
    assert read["Keys"] == {"Id": 0}
    assert list(read) == list(json.loads(changes.line(record)))


def test_transformer_when_plain_and_given_real_events_expects_a_line_of_each():
    for file in ("insert-modify-remove", "ttl-delete", "binary-and-sets"):
        event = event_of_file(f"dynamodb-{file}.json")
        answer = Backup(Config(transformer="plain"), account=account_of(event)).invoke(event["Records"])
        assert (answer.tally.failed, answer.first_not_accepted) == (0, "")


@pytest.mark.parametrize(
    "value", [{"N": "1_0"}, {"N": "NaN"}, {"N": "1,"}, {"N": 1}, {"X": "secret"}, {}, "secret"]
)
def test_transformer_when_plain_and_a_value_is_of_no_type_expects_the_record_kept_whole(value: Any):
    backup = Backup(Config(transformer="plain"))
    bad = stream_record(1)
    bad["dynamodb"]["NewImage"]["Text"] = value
    answer = backup.invoke([bad, stream_record(2)])
    assert (answer.tally.failed, answer.tally.forwarded, answer.first_not_accepted) == (1, 1, "")
    assert [json.loads(line) for line in backup.s3.lines()] == [bad]


def test_transformer_when_it_makes_lines_expects_those_instead(module: Write):
    name = module(
        "def short(change):\n"
        "    key = change.keys['Id']['N']\n"
        "    return {'INSERT': key, 'MODIFY': key.encode() + b'\\n', 'REMOVE': {'gone': key}}[change.event_name]\n"
    )
    backup = Backup(Config(transformer=f"{name}:short"))
    answer = backup.invoke(ONE_OF_EACH)
    assert backup.lines() == [b"0\n", b"0\n", b'{"gone":"0"}\n']
    assert (answer.tally.forwarded, answer.first_not_accepted) == (3, "")


def test_transformer_when_it_reads_all_of_a_change_expects_what_the_record_holds(module: Write):
    name = module(
        "def all_of_it(change):\n"
        "    names = ['table', 'event_name', 'keys', 'new_image', 'old_image', 'sequence_number', 'time']\n"
        "    names += ['size_bytes', 'stream_arn', 'user_identity', 'is_ttl_delete']\n"
        "    return {name: getattr(change, name) for name in names}\n"
    )
    backup = Backup(Config(transformer=f"{name}:all_of_it"))
    (record,) = event_of_file("dynamodb-ttl-delete.json")["Records"]
    backup.invoke([record])
    (line,) = backup.lines("Sessions")
    assert json.loads(line) == {
        "table": "Sessions",
        "event_name": "REMOVE",
        "keys": record["dynamodb"]["Keys"],
        "new_image": None,
        "old_image": record["dynamodb"]["OldImage"],
        "sequence_number": record["dynamodb"]["SequenceNumber"],
        "time": record["dynamodb"]["ApproximateCreationDateTime"],
        "size_bytes": record["dynamodb"]["SizeBytes"],
        "stream_arn": record["eventSourceARN"],
        "user_identity": record["userIdentity"],
        "is_ttl_delete": True,
    }


def test_transformer_when_it_answers_with_the_documented_line_or_none_expects_it_kept_or_dropped(module: Write):
    name = module("def odd(change):\n    return change.line if int(change.sequence_number) % 2 else None\n")
    backup = Backup(Config(transformer=f"{name}:odd"))
    records = [stream_record(n) for n in range(10)]
    answer = backup.invoke(records)
    odd = [record for record in records if int(record["dynamodb"]["SequenceNumber"]) % 2]
    assert backup.lines() == [changes.line(record) for record in odd]
    assert (answer.tally.dropped, answer.first_not_accepted) == (5, "")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise ValueError(change.keys)", "the transformer raised ValueError in broken, line 3"),
        ("return change.keys['missing']", "KeyError"),
        ("raise SystemExit", "the transformer raised SystemExit in broken, line 3"),
        ("import time; time.sleep(60)", "the transformer did not answer within 2 s"),
        ("return 7", "made a int"),
        ("return True", "made a bool"),
        ("return [change.line]", "made a list"),
        ("return ''", "made an empty text"),
        ("return b'\\n'", "made an empty text"),
        ("return 'one\\ntwo'", "with a newline in it"),
        ("return 'half \\ud800'", "UTF-8"),
        ("return {'keys': object()}", "cannot be written as a line"),
        ("import decimal; return {'total': decimal.Decimal('1.50')}", "cannot be written as a line"),
    ],
)
def test_transformer_when_it_fails_for_one_change_expects_that_kept_whole_and_the_others_forwarded(
    module: Write, caplog: pytest.LogCaptureFixture, body: str, reason: str
):
    name = module(
        f"def broken(change):\n    if change.new_image['Text']['S'] == 'secret':\n        {body}\n    return 'x'\n"
    )
    backup = Backup(Config(transformer=f"{name}:broken"))
    bad = stream_record(2, text="secret")
    answer = backup.invoke([stream_record(1), bad, stream_record(3)])
    assert backup.firehose.lines() == [b"x\n", b"x\n"]
    ((key, kept),) = backup.s3.objects.items()
    assert key.startswith("dynamodb/Orders/_failed/2024/11/07/08/")
    assert [json.loads(line) for line in lines_in(kept)] == [bad]
    assert (answer.first_not_accepted, answer.tally.failed, answer.tally.forwarded) == ("", 1, 2)
    (said,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert reason in said.reason  # type: ignore[attr-defined]
    assert "secret" not in repr(vars(said))


def test_transformer_when_it_fails_for_all_expects_them_in_one_object(module: Write):
    name = module("def broken(change):\n    raise RuntimeError\n")
    backup = Backup(Config(transformer=f"{name}:broken"))
    answer = backup.invoke([stream_record(n) for n in range(1000)])
    assert (len(backup.s3.puts), answer.tally.failed, answer.first_not_accepted) == (1, 1000, "")


def test_transformer_when_it_fails_behind_a_refusal_expects_nothing_written_of_what_comes_again(module: Write):
    text = "def odd(change):\n    if change.sequence_number == '%s': raise RuntimeError\n    return change.line\n"
    name = module(text % sequence_number(5))
    backup = Backup(Config(transformer=f"{name}:odd"), FakeFirehose([Raises(THROTTLED)] * 99))
    answer = backup.invoke([stream_record(n) for n in range(10)], Time(left=1))
    assert (answer.first_not_accepted, backup.s3.puts) == (sequence_number(0), [])


@pytest.mark.parametrize("key", ["transformer", "router"])
@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("nowhere_at_all:f", "ModuleNotFoundError"),
        ("{module}:missing", "AttributeError"),
        ("{module}:NUMBER", "is no function"),
        ("{raising}:f", "ZeroDivisionError"),
        ("{exiting}:f", "SystemExit"),
    ],
)
def test_function_when_it_cannot_be_had_expects_an_error_that_names_the_key(
    module: Write, key: str, path: str, reason: str
):
    modules = {"module": "NUMBER = 7\n", "raising": "1 / 0\n", "exiting": "raise SystemExit\n"}
    named = path.format(**{name: module(text) for name, text in modules.items()})
    with pytest.raises(ConfigurationError, match=f"{key} is {named}.*{reason}"):
        choices.of_config(Config(**{key: named}))


# --- where they go -------------------------------------------------------------------------------------

BY_STATUS = {"status": {"PAID": "stream-a", "7": "stream-b", "true": "stream-c"}}


@pytest.mark.parametrize(
    ("status", "delivery_stream"),
    [
        ({"S": "PAID"}, "stream-a"),
        ({"N": "7"}, "stream-b"),
        ({"BOOL": True}, "stream-c"),
        ({"BOOL": False}, "Orders"),
        ({"S": "NEW"}, "Orders"),
        ({"SS": ["PAID"]}, "Orders"),
        ({"NULL": True}, "Orders"),
    ],
)
@pytest.mark.parametrize("event_name", ["INSERT", "MODIFY", "REMOVE"])
def test_route_by_attribute_when_a_value_is_listed_expects_its_delivery_stream(
    status: Any, delivery_stream: str, event_name: str
):
    backup = Backup(Config(route_by_attribute=BY_STATUS))
    record = with_status(1, status, event_name)
    assert backup.invoke([record]).first_not_accepted == ""
    assert {name: lines_in(data[0]) for name, data in backup.firehose.accepted.items()} == {
        delivery_stream: [changes.line(record)]
    }


def test_route_by_attribute_when_the_item_changes_its_value_expects_the_new_one_to_decide():
    record = with_status(1, {"S": "PAID"})
    record["dynamodb"]["OldImage"] = {"status": {"N": "7"}}
    backup = Backup(Config(route_by_attribute=BY_STATUS))
    backup.invoke([record])
    assert list(backup.firehose.accepted) == ["stream-a"]


def test_router_when_changes_go_to_several_expects_each_once_and_only_our_own_compressed(module: Write):
    name = module("def by_number(change):\n    return [None, 'one', 'two'][int(change.sequence_number) % 3]\n")
    backup = Backup(Config(compression="forwarder", router=f"{name}:by_number"))
    records = [stream_record(n) for n in range(30)]
    answer = backup.invoke(records)
    assert (answer.first_not_accepted, answer.tally.forwarded) == ("", 30)
    assert set(backup.firehose.accepted) == {"one", "two", "Orders.gz"}
    for place, delivery_stream in enumerate(["Orders.gz", "one", "two"]):
        expected = [record for record in records if int(record["dynamodb"]["SequenceNumber"]) % 3 == place]
        assert backup.firehose.lines(delivery_stream) == [changes.line(record) for record in expected]
    assert all(data.startswith(b"{") for data in backup.firehose.accepted["one"])
    assert all(data.startswith(b"\x1f\x8b") for data in backup.firehose.accepted["Orders.gz"])


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError(change.keys)",
        "return 7",
        "return ''",
        "return 'not a name'",
        "return 'n' * 65",
        "return 'Users.gz'",
    ],
)
def test_router_when_it_fails_expects_the_tables_own_delivery_stream(
    module: Write, caplog: pytest.LogCaptureFixture, body: str
):
    name = module(f"def broken(change):\n    {body}\n")
    backup = Backup(Config(compression="forwarder", router=f"{name}:broken"))
    records = [stream_record(n, text="secret") for n in range(3)]
    answer = backup.invoke(records)
    assert list(backup.firehose.accepted) == ["Orders.gz"]
    assert (answer.tally.unrouted, answer.tally.forwarded, answer.first_not_accepted) == (3, 3, "")
    (said,) = (record for record in caplog.records if record.levelname == "WARNING")
    assert said.changes == 3  # type: ignore[attr-defined]
    assert "secret" not in repr(vars(said))


def test_router_when_one_delivery_stream_is_missing_expects_the_first_change_for_it_reported(module: Write):
    name = module("def by_number(change):\n    return 'gone' if change.sequence_number[-1] == '1' else None\n")
    backup = Backup(Config(router=f"{name}:by_number"), FakeFirehose(missing=["gone"]))
    records = [stream_record(n) for n in range(30)]
    first = next(number for number in numbers([changes.line(record) for record in records]) if number[-1] == "1")
    answer = backup.invoke(records)
    assert answer.first_not_accepted == first
    before = [record for record in records if int(record["dynamodb"]["SequenceNumber"]) < int(first)]
    assert set(map(changes.line, before)) <= set(backup.lines())


def test_delivery_streams_when_a_table_has_somebody_elses_expects_plain_lines_in_it():
    backup = Backup(Config(compression="forwarder", delivery_streams={"Orders": "my-own-stream"}))
    records = [stream_record(1), stream_record(2, "Users")]
    backup.invoke(records)
    assert set(backup.firehose.accepted) == {"my-own-stream", "Users.gz"}
    assert backup.firehose.accepted["my-own-stream"] == [changes.line(records[0])]
