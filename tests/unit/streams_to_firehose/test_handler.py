"""The handler as Lambda calls it, with AWS's real SDK, against a server of our own on the loopback interface."""

import base64
import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from continuous_backup.aws import ClientError
from continuous_backup.errors import AwsError, ConfigurationError, MalformedEvent
from continuous_backup.patience import SECONDS_OF_A_CALL
from continuous_backup.streams_to_firehose import handler as module
from tests.unit.streams_to_firehose.fakes import (
    DENIED,
    FakeFirehose,
    FakeS3,
    Raises,
    Refuses,
    account_of,
    client_error,
    event_of_file,
    lines_in,
    sequence_number,
    stream_arn,
    stream_record,
    without,
)

FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:LambdaStreamToFirehose"
#: Enough for a first try, and for no pause before a second.
LITTLE_TIME = SECONDS_OF_A_CALL


@dataclass
class Context:
    aws_request_id = "request-1"
    seconds: float = 120
    invoked_function_arn: str = FUNCTION_ARN

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@dataclass
class World:
    """Firehose and S3 behind HTTP."""

    firehose: FakeFirehose = field(default_factory=FakeFirehose)
    s3: FakeS3 = field(default_factory=FakeS3)


@pytest.fixture
def world() -> Iterator[World]:
    served = World()

    class Server(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # the SDK waits for its "100 Continue" before it sends an object

        def do_POST(self) -> None:
            asked = json.loads(self.body())
            assert self.headers["X-Amz-Target"] == "Firehose_20150804.PutRecordBatch"
            records = [{"Data": base64.b64decode(each["Data"])} for each in asked["Records"]]
            try:
                answer = served.firehose.put_record_batch(
                    DeliveryStreamName=asked["DeliveryStreamName"], Records=records
                )
                self.answer(200, answer)
            except ClientError as err:
                self.answer(
                    err.response["ResponseMetadata"]["HTTPStatusCode"], {"__type": err.response["Error"]["Code"]}
                )

        def do_PUT(self) -> None:
            bucket, key = self.path.lstrip("/").split("?")[0].split("/", 1)
            owner = self.headers["x-amz-expected-bucket-owner"]
            served.s3.put_object(Bucket=bucket, Key=key, Body=self.body(), ExpectedBucketOwner=owner)
            self.answer(200, {})

        def body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def answer(self, status: int, content: dict[str, Any]) -> None:
            self.send_response(status)
            body = json.dumps(content).encode() if self.command == "POST" else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing: the default writes to standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
            yield served
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cold_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The zip as build.sh makes it, unpacked, in a function that was never called."""
    (tmp_path / "config.hjson").write_text("firehoseDeliveryBucket: the-bucket\nfirehoseDeliveryPrefix: backups\n")
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    module._of_cold_start.cache_clear()
    yield
    module._of_cold_start.cache_clear()


@pytest.fixture
def logged() -> Iterator[list[logging.LogRecord]]:
    records: list[logging.LogRecord] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    ours, kept = logging.getLogger("continuous_backup"), Kept()
    ours.addHandler(kept)
    yield records
    ours.removeHandler(kept)


def event(*numbers: int, text: str = "") -> dict[str, Any]:
    return {"Records": [stream_record(number, text=text) for number in numbers]}


def facts(record: logging.LogRecord) -> dict[str, Any]:
    usual = {*vars(logging.makeLogRecord({})), "message", "asctime"}
    return {name: value for name, value in vars(record).items() if name not in usual}


def summary_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one line that the last invocation wrote at its end, without the time and CloudWatch's directive."""
    (line,) = capsys.readouterr().out.splitlines()
    said = json.loads(line)
    assert said.pop("timestamp").endswith("+00:00")
    said.pop("_aws", None)
    return said


def test_handler_when_invoked_warm_many_times_writes_every_time(world: World):
    for number in range(20):
        assert module.handler(event(number), Context()) == {"batchItemFailures": []}
    numbers = [json.loads(line)["SequenceNumber"] for line in world.firehose.lines()]
    assert numbers == [sequence_number(number) for number in range(20)]


def test_handler_when_invoked_warm_reads_no_configuration_and_makes_no_clients_again(world: World, tmp_path: Path):
    module.handler(event(1), Context())
    (tmp_path / "config.hjson").unlink()
    assert module.handler(event(2), Context()) == {"batchItemFailures": []}


def test_handler_when_an_invocation_failed_expects_the_next_one_untouched_by_it(world: World):
    world.firehose.faults = [Refuses(lambda _: True), Raises(DENIED)]
    assert module.handler(event(1), Context(LITTLE_TIME))["batchItemFailures"]
    with pytest.raises(AwsError):
        module.handler(event(1), Context())
    assert module.handler(event(1, 2), Context()) == {"batchItemFailures": []}
    assert len(world.firehose.lines()) == 2


def test_handler_when_real_events_come_expects_them_forwarded(world: World):
    for file in ("insert-modify-remove", "ttl-delete", "binary-and-sets"):
        event = event_of_file(f"dynamodb-{file}.json")
        function_arn = account_of(event).function_arn("LambdaStreamToFirehose")
        module.handler(event, Context(invoked_function_arn=function_arn))
    assert {name: len(world.firehose.lines(name)) for name in world.firehose.accepted} == {
        "MyDynamoTable": 3,
        "Sessions": 1,
        "with.dots-and_more": 1,
    }


@pytest.mark.parametrize("place", [0, 500, 999])
def test_handler_when_a_record_is_of_another_account_or_region_expects_an_error_and_nothing_written(
    world: World, place: int
):
    """With a change that is too large, and one that is none: neither Firehose nor S3 has anything of the batch."""
    batch = event(*range(1_000), text="x" * 1_000)
    batch["Records"][1] = stream_record(1, text="x" * 1_100_000)
    batch["Records"][2] = without(stream_record(2), "dynamodb", "Keys")
    for own, foreign in (("123456789012", "210987654321"), ("eu-west-1", "eu-west-2")):
        arn = stream_arn().replace(own, foreign)
        batch["Records"][place]["eventSourceARN"] = arn
        with pytest.raises(MalformedEvent, match="account 123456789012 in eu-west-1") as caught:
            module.handler(batch, Context())
        assert arn in str(caught.value)
    assert world.firehose.accepted == {}
    assert world.s3.puts == []


def test_handler_when_a_change_is_too_large_expects_it_in_the_bucket_of_this_account(world: World):
    assert module.handler(event(1, text="x" * 1_100_000), Context()) == {"batchItemFailures": []}
    (put,) = world.s3.puts
    assert (put["Bucket"], put["ExpectedBucketOwner"]) == ("the-bucket", "123456789012")
    assert put["Key"].startswith(f"backups/Orders/2024/11/07/08/oversize-{sequence_number(1)}-")
    assert json.loads(lines_in(put["Body"])[0])["SequenceNumber"] == sequence_number(1)


def test_handler_when_there_are_no_records_expects_nothing_to_come_again(world: World):
    assert module.handler({"Records": []}, Context()) == {"batchItemFailures": []}


def test_handler_when_firehose_refuses_until_time_runs_short_expects_the_first_refused(world: World):
    world.firehose.faults = [Refuses(lambda _: True)]
    assert module.handler(event(1, 2), Context(LITTLE_TIME)) == {
        "batchItemFailures": [{"itemIdentifier": sequence_number(1)}]
    }


@pytest.mark.parametrize(("code", "status"), [("ServiceUnavailableException", 503), ("ThrottlingException", 400)])
def test_handler_when_firehose_is_busy_expects_the_sdk_to_leave_repeating_to_us(
    world: World, code: str, status: int
):
    world.firehose.faults = [Raises(client_error(code, status))] * 3
    assert module.handler(event(1), Context(LITTLE_TIME))["batchItemFailures"]
    assert len(world.firehose.calls) == 1


def test_handler_when_there_is_no_delivery_stream_expects_the_first_change(world: World):
    world.firehose.missing = {"Orders"}
    assert module.handler(event(1, 2), Context()) == {
        "batchItemFailures": [{"itemIdentifier": sequence_number(1)}]
    }


def test_handler_when_nothing_listens_expects_the_first_change(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert module.handler(event(1), Context(LITTLE_TIME)) == {
        "batchItemFailures": [{"itemIdentifier": sequence_number(1)}]
    }


def test_handler_when_access_is_denied_expects_the_invocation_to_fail_and_say_why(
    world: World, capsys: pytest.CaptureFixture[str]
):
    world.firehose.faults = [Raises(DENIED)]
    with pytest.raises(AwsError, match="delivery stream Orders: PutRecordBatch"):
        module.handler(event(1), Context())
    summary = summary_of(capsys)
    assert (summary["level"], summary["message"]) == ("ERROR", "nothing of the batch is acknowledged")
    assert (summary["Table"], summary["ChangesReceived"]) == ("Orders", 1)
    assert "delivery stream Orders" in summary["reason"]
    assert "docs/iam.md" in summary["hint"]
    assert (summary["first_sequence_number"], summary["last_sequence_number"]) == (sequence_number(1),) * 2


def test_handler_when_something_unforeseen_is_raised_expects_it_said_without_its_message(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: Any) -> str:
        raise RuntimeError("what an item holds")

    monkeypatch.setattr(module, "forward", broken)
    with pytest.raises(RuntimeError):
        module.handler(event(1, 2), Context())
    summary = summary_of(capsys)
    assert summary["level"] == "ERROR"
    assert summary["reason"].startswith("RuntimeError in broken, line ")
    assert summary["first_sequence_number"] == sequence_number(1)
    assert summary["last_sequence_number"] == sequence_number(2)


def test_handler_when_its_configuration_is_broken_expects_the_invocation_to_fail_and_say_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "config.hjson").write_text("firehoseDeliveryBuckets: the-bucket")
    with pytest.raises(ConfigurationError):
        module.handler(event(1), Context())
    assert "did you mean firehoseDeliveryBucket?" in summary_of(capsys)["reason"]


def test_handler_when_the_event_is_of_another_kind_expects_the_invocation_to_fail(world: World):
    with pytest.raises(MalformedEvent):
        module.handler({"detail-type": "AWS API Call via CloudTrail"}, Context())


def test_handler_when_all_is_accepted_expects_one_line_with_the_facts_and_nothing_for_zeros(
    world: World, capsys: pytest.CaptureFixture[str], logged: list[logging.LogRecord]
):
    module.handler(event(1, 2, 3), Context())
    summary, size = summary_of(capsys), sum(map(len, world.firehose.lines()))
    assert summary.pop("OldestChangeAge") > 1_000_000
    assert summary == {
        "level": "INFO",
        "message": "the whole batch is accepted",
        "Table": "Orders",
        "ChangesReceived": 3,
        "ChangesForwarded": 3,
        "FirehoseRecords": 1,
        "BytesBeforeCompression": size,
        "BytesToFirehose": size,
        "Calls": 1,
        "requestId": "request-1",
    }
    assert logged == []


def test_handler_when_a_part_has_to_come_again_expects_a_warning_with_the_number(
    world: World, logged: list[logging.LogRecord], capsys: pytest.CaptureFixture[str]
):
    world.firehose.faults = [Refuses(lambda _: True)]
    module.handler(event(7, 8), Context(LITTLE_TIME))
    (reason,) = logged
    assert facts(reason) == {
        "table": "Orders",
        "sequence_number": sequence_number(7),
        "reason": "Orders: ServiceUnavailableException (1)",
    }
    summary = summary_of(capsys)
    assert summary["level"] == "WARNING"
    assert summary["first_not_accepted"] == sequence_number(7)


def test_handler_whatever_happens_expects_no_contents_of_items_in_the_log(
    world: World, logged: list[logging.LogRecord], capsys: pytest.CaptureFixture[str]
):
    secret = "4111-1111-1111-1111"
    good, large = event(1, text=secret), event(2, text=secret * 60_000)
    no_change = {**stream_record(3, text=secret), "eventName": secret}
    unwritable = stream_record(4, text=secret + "\ud800")
    world.firehose.faults = [Refuses(lambda _: True)]
    module.handler(good, Context(LITTLE_TIME))
    module.handler(large, Context())
    module.handler({"Records": [no_change, unwritable]}, Context())
    world.firehose.faults = [Raises(DENIED)]
    with pytest.raises(AwsError):
        module.handler(good, Context())
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 4
    assert secret not in said
    assert len(logged) == 1 + 1 + 2
    assert not [record for record in logged if secret in repr(vars(record))]
    kept = [facts(record) for record in logged if "kept whole" in record.getMessage()]
    assert [each["first_sequence_number"] for each in kept] == [sequence_number(3), sequence_number(4)]
    assert all(each["reason"] and each["key"].startswith("backups/Orders/_failed/") for each in kept)


@pytest.mark.parametrize(("metrics", "dimensions"), [("function", [[]]), ("table", [[], ["Table"]])])
def test_handler_when_metrics_are_chosen_expects_cloudwatch_told_how_to_read_the_line(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], metrics: str, dimensions: list[list[str]]
):
    (tmp_path / "config.hjson").write_text(f"metrics: {metrics}\n")
    module.handler(event(1), Context())
    said = json.loads(capsys.readouterr().out)
    (directive,) = said["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("DynamoDBContinuousBackup", dimensions)
    assert all(isinstance(said[each["Name"]], int | float) for each in directive["Metrics"])
    assert {"Name": "BytesToFirehose", "Unit": "Bytes"} in directive["Metrics"]
    assert "ChangesFailed" not in {each["Name"] for each in directive["Metrics"]}
    assert abs(said["_aws"]["Timestamp"] / 1000 - time.time()) < 60


def test_handler_when_no_metrics_are_chosen_expects_the_line_alone(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "config.hjson").write_text("metrics: none\n")
    module.handler(event(1), Context())
    assert "_aws" not in json.loads(capsys.readouterr().out)
