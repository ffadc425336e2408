"""Whose stream a batch is of: only that of this account and region is read."""

from typing import Any

import pytest

from continuous_backup.errors import MalformedEvent
from continuous_backup.naming import Account
from continuous_backup.reading_streams import own_streams
from tests.unit.streams_to_firehose.fakes import ACCOUNT, stream_arn, stream_record, with_value, without

OWN = stream_arn()
FOREIGN = {
    "of another account": OWN.replace("123456789012", "210987654321"),
    "of another region": OWN.replace("eu-west-1", "eu-west-2"),
    "of another partition": OWN.replace("arn:aws:", "arn:aws-cn:"),
    "of another service": OWN.replace(":dynamodb:", ":kinesis:"),
    "of an account whose number begins like ours": OWN.replace("123456789012", "1234567890123"),
    "of no account": OWN.replace("123456789012", ""),
    "that is cut off": "arn:aws:dynamodb",
    "with our account behind another": OWN.replace("arn:aws:dynamodb:", "arn:aws:dynamodb:eu-west-2:1:table/")
    + OWN,
    "with a line break and half of a surrogate pair": "arn:\n\ud800",
}


def of(arn: Any) -> dict[str, Any]:
    return with_value(stream_record(1), arn, "eventSourceARN")


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("arn", FOREIGN.values(), ids=FOREIGN)
def test_require_own_when_one_record_is_of_another_stream_names_it_and_who_we_are(arn: str, place: int) -> None:
    records = [stream_record(1), stream_record(2)]
    records.insert(place, of(arn))
    with pytest.raises(MalformedEvent) as caught:
        own_streams.require_own(records, ACCOUNT)
    assert repr(arn) in caught.value.problem
    assert "account 123456789012" in caught.value.problem
    assert "eu-west-1" in caught.value.problem
    assert "invoke" in caught.value.hint
    caught.value.problem.encode()


def test_require_own_when_an_arn_is_endless_names_its_beginning() -> None:
    with pytest.raises(MalformedEvent) as caught:
        own_streams.require_own([of("arn:aws:dynamodb:" + "x" * 100_000)], ACCOUNT)
    assert len(caught.value.problem) < 1_000


@pytest.mark.parametrize(
    "records",
    [
        [],
        [stream_record(1), stream_record(2)],
        [of(stream_arn("Orders")), of(stream_arn("Carts"))],
        [stream_record(1), None, "x", 7, [], {}, of(7), of(["x"]), of({}), of(None)],
        [without(stream_record(1), "eventSourceARN"), stream_record(1)],
        [of(stream_arn("../x"))],
        [of(7), of(None)],
        [of(""), of("Orders"), of("x")],
    ],
)
def test_require_own_when_no_record_names_another_stream_is_content(records: list[Any]) -> None:
    """What names no stream belongs to no table: it is kept whole beside the logs, like all that is no change."""
    own_streams.require_own(records, ACCOUNT)


@pytest.mark.parametrize("malformed", [None, {}, of(["x"]), without(stream_record(1), "eventSourceARN")])
def test_require_own_when_a_malformed_record_stands_beside_one_of_another_account_sees_it(malformed: Any) -> None:
    with pytest.raises(MalformedEvent):
        own_streams.require_own([malformed, of(FOREIGN["of another account"])], ACCOUNT)


def test_require_own_in_another_partition_takes_its_own_streams() -> None:
    china = Account("123456789012", "cn-north-1", "aws-cn")
    own_streams.require_own([of(china.table_arn("Orders") + "/stream/1")], china)
