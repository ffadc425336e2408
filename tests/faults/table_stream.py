"""The stream of a table on the emulator, read into a shard as Lambda's poller hands its records over."""

from typing import Any

from local.change_log_check import as_text
from tests.faults.event_source_mapping import Shard, StreamRecord

#: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html
_MOST_RECORDS = 1000


class TableStream:
    """What the emulator's stream, which has one shard, has told so far is in `shard`."""

    def __init__(self, streams: Any, stream_arn: str) -> None:
        self.shard = Shard(stream_arn)
        self._streams = streams
        (described,) = streams.describe_stream(StreamArn=stream_arn)["StreamDescription"]["Shards"]
        self._iterator = streams.get_shard_iterator(
            StreamArn=stream_arn, ShardId=described["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    def read_new(self) -> list[StreamRecord]:
        """What has come since, up to the end of the stream."""
        new: list[StreamRecord] = []
        while True:
            answer = self._streams.get_records(ShardIterator=self._iterator, Limit=_MOST_RECORDS)
            self._iterator = answer["NextShardIterator"]
            if not answer["Records"]:
                self.shard.extend(new)
                return new
            new += [_as_lambda_has_it(each, self.shard.stream_arn) for each in answer["Records"]]


def _as_lambda_has_it(told: dict[str, Any], stream_arn: str) -> StreamRecord:
    """With binary values in base64, the time in seconds, and the stream's ARN in each.

    https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
    """
    change = dict(told["dynamodb"])
    created = change["ApproximateCreationDateTime"].timestamp()
    change["ApproximateCreationDateTime"] = int(created)
    record = {**told, "dynamodb": as_text(change), "eventSourceARN": stream_arn}
    return StreamRecord(change["SequenceNumber"], created, record)
