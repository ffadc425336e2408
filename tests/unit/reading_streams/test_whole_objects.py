import gzip
import json
import time

import pytest

from continuous_backup.configuration.config import Config
from continuous_backup.errors import AwsError
from continuous_backup.patience import Patience
from continuous_backup.reading_streams.stream_records import StreamRecord
from continuous_backup.reading_streams.whole_objects import (
    WholeObject,
    of_failed,
    of_oversize,
    put_object,
)
from continuous_backup.streams_to_firehose import changes
from tests.unit.streams_to_firehose.fakes import ACCOUNT, NOW, FakeS3, Time, client_error, stream_record

HOUR = 3600
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
WHOLE = WholeObject("backups/Orders/2024/11/07/08/a.gz", b"body")


RECORD = stream_record(1)
RENAMED = {**RECORD, "eventName": "RENAME"}


def oversize(record: StreamRecord = RECORD, prefix: str = "backups", now: float = NOW) -> WholeObject:
    return of_oversize(record, changes.line(record), prefix, now)


def put(s3: FakeS3, patience: Patience | None = None, kms_key_arn: str = "") -> str:
    config = Config(kms_key_arn=kms_key_arn).in_account(ACCOUNT)
    return put_object(s3, WHOLE, config.bucket, config.kms_key_arn, ACCOUNT, patience or Time().patience())


def test_of_oversize_when_written_expects_the_hour_of_the_change_in_the_change_log():
    whole = oversize(prefix="backups/all")
    assert whole.key == ("backups/all/Orders/2024/11/07/08/oversize-99999999999999999999-a7c86bf5db457685.gz")
    assert gzip.decompress(whole.body) == changes.line(RECORD)


def test_of_oversize_when_the_process_is_in_another_time_zone_expects_utc(monkeypatch: pytest.MonkeyPatch):
    key = oversize().key
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert oversize().key == key
    finally:
        monkeypatch.undo()
        time.tzset()


def test_of_oversize_when_the_batch_is_repeated_later_expects_the_same_object():
    assert oversize() == oversize(now=NOW + 20 * HOUR)


def test_of_oversize_when_the_number_is_that_of_another_stream_expects_another_object():
    other = {**RECORD, "eventSourceARN": RECORD["eventSourceARN"] + "1"}
    assert oversize().key != oversize(other).key


def test_of_oversize_when_the_change_has_no_time_expects_the_hour_of_arrival():
    timeless = {**RECORD["dynamodb"], "ApproximateCreationDateTime": None}
    assert "/Orders/2024/11/07/10/" in oversize({**RECORD, "dynamodb": timeless}).key


def test_of_failed_when_the_table_is_told_expects_it_beside_its_change_log():
    whole = of_failed("Orders", [RENAMED], "backups", NOW)
    assert whole.key.startswith("backups/Orders/_failed/2024/11/07/08/99999999999999999999-")
    assert whole.key.endswith(".gz")


def test_of_failed_when_the_table_is_not_told_expects_it_where_no_table_can_be():
    whole = of_failed("", [{"who": "knows"}], "backups", NOW)
    assert whole.key.startswith("backups/_/_failed/2024/11/07/10/unnumbered-")
    assert gzip.decompress(whole.body) == b'{"who":"knows"}\n'


def test_of_failed_when_the_record_comes_again_in_another_order_expects_the_same_object():
    turned = dict(reversed(RENAMED.items()))
    assert of_failed("Orders", [RENAMED], "backups", NOW) == of_failed("Orders", [turned], "backups", NOW + HOUR)


def test_of_failed_when_two_records_have_no_number_expects_two_objects():
    first, second = ({"who": "knows"}, {"who": "cares"})
    assert of_failed("", [first], "backups", NOW).key != of_failed("", [second], "backups", NOW).key


def test_of_failed_when_there_are_several_records_expects_a_line_for_each_and_the_first_one_in_the_key():
    whole = of_failed("Orders", [RENAMED, {"who": "knows"}], "backups", NOW)
    assert [json.loads(line) for line in gzip.decompress(whole.body).splitlines()] == [RENAMED, {"who": "knows"}]
    assert "/99999999999999999999-" in whole.key


def test_of_failed_when_other_records_follow_the_first_expects_another_object():
    alone, together = ([RENAMED], [RENAMED, {"who": "knows"}])
    assert of_failed("Orders", alone, "backups", NOW).key != of_failed("Orders", together, "backups", NOW).key


def test_put_object_when_no_key_is_set_expects_the_buckets_own_encryption_and_the_owner_checked():
    s3 = FakeS3()
    assert put(s3) == ""
    assert s3.puts == [
        {
            "Bucket": "dynamodb-continuous-backup-123456789012-eu-west-1",
            "Key": WHOLE.key,
            "Body": b"body",
            "ExpectedBucketOwner": "123456789012",
        }
    ]


def test_put_object_when_a_key_is_set_expects_it_used():
    s3 = FakeS3()
    put(s3, kms_key_arn=KEY_ARN)
    assert s3.puts[0]["ServerSideEncryption"] == "aws:kms"
    assert s3.puts[0]["SSEKMSKeyId"] == KEY_ARN


def test_put_object_when_s3_is_busy_expects_it_tried_again():
    s3, patience = FakeS3([client_error("SlowDown", 503, "PutObject")] * 3), Time().patience()
    assert put(s3, patience) == ""
    assert s3.objects == {WHOLE.key: b"body"}
    assert patience.retries == 3


def test_put_object_when_s3_stays_busy_expects_the_reason():
    assert put(FakeS3([client_error("SlowDown", 503, "PutObject")] * 1000)) == "SlowDown"


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket"])
def test_put_object_when_s3_refuses_expects_an_error_that_names_bucket_and_key(code: str):
    s3 = FakeS3([client_error(code, 403, "PutObject")])
    with pytest.raises(AwsError, match=f"s3://dynamodb-continuous-backup-123456789012-eu-west-1/{WHOLE.key}"):
        put(s3)
