"""The lean client of S3 sends what the SDK sends, and raises what the SDK raises."""

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.session import Session
from urllib3 import HTTPHeaderDict

from continuous_backup.aws import ClientError, HTTPClientError, error_code
from continuous_backup.aws_s3 import LeanS3, lean_s3

#: What differs from call to call, and what the SDK tells of its own attempts. It also waits for S3 to say that a
#: body may come, which is one more time across the network.
_OF_EACH_CALL = {"authorization", "x-amz-date", "amz-sdk-invocation-id", "amz-sdk-request", "expect"}
PUT: dict[str, Any] = {
    "Bucket": "images",
    "Key": "a b/Orders/id.S.a!2Fé~!/image.json",
    "ExpectedBucketOwner": "123456789012",
    "IfNoneMatch": "*",
    "StorageClass": "STANDARD_IA",
    "Body": json.dumps({"text": "é" * 100}).encode(),
    "ContentType": "application/json",
    "Metadata": {"sequence-number": "1", "stream-arn": "arn:aws:dynamodb:eu-west-1:1:table/Orders/stream/x"},
    "Tagging": "dynamodb-continuous-backup-image=tombstone",
}
HEAD = {name: PUT[name] for name in ("Bucket", "Key", "ExpectedBucketOwner")}


class Answer:
    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.status_code = status
        self.content = body
        self.headers = HTTPHeaderDict(headers)


class Connection:
    """In the place of the connections: answers, or raises, and keeps what was sent; later with `then`."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.then: Answer | None = None
        self.sent: list[AWSPreparedRequest] = []

    def send(self, request: AWSPreparedRequest) -> Answer:
        self.sent.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.then if self.then and len(self.sent) > 1 else self.answer


def both(answer: Answer | Exception) -> tuple[Any, LeanS3, Connection]:
    """The SDK's client and ours, on one connection."""
    session = Session()
    session.set_credentials("AKIDEXAMPLE", "secret", "token")
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, user_agent="backup")
    # Without TLS the SDK signs the body and puts the checksum into a header, as we always do; with TLS it does so
    # in a trailer, for bodies whose length it need not know.
    url = "http://s3.eu-west-1.example.com"
    client = session.create_client("s3", region_name="eu-west-1", endpoint_url=url, config=config)
    client._endpoint.http_session = connection = Connection(answer)
    return client, lean_s3(client, session.get_credentials()), connection


def told(request: AWSPreparedRequest) -> tuple[str, str, bytes, dict[str, str]]:
    headers = {
        name.lower(): its.decode() if isinstance(its, bytes) else str(its) for name, its in request.headers.items()
    }
    body = request.body or b""
    kept = {name: its for name, its in headers.items() if name not in _OF_EACH_CALL}
    return request.method, request.url, body if isinstance(body, bytes) else body.read(), kept


@pytest.mark.parametrize("arguments", [PUT, {**HEAD, "IfMatch": '"abc"', "Body": b""}], ids=["all", "few"])
def test_put_object_sends_what_the_sdk_sends(arguments: dict[str, Any]):
    sdk, lean, connection = both(Answer(200, b"", {"ETag": '"abc"'}))
    assert sdk.put_object(**arguments)["ETag"] == lean.put_object(**arguments)["ETag"] == '"abc"'
    sdks, ours = connection.sent
    assert told(ours) == told(sdks)
    assert "Credential=AKIDEXAMPLE/" in str(ours.headers["Authorization"])


def test_head_object_sends_what_the_sdk_sends_and_answers_alike():
    headers = {"ETag": '"abc"', "x-amz-meta-sequence-number": "7", "x-amz-meta-stream-arn": "arn:x"}
    sdk, lean, connection = both(Answer(200, b"", headers))
    found, ours = sdk.head_object(**HEAD), lean.head_object(**HEAD)
    assert (ours["ETag"], ours["Metadata"]) == (found["ETag"], found["Metadata"])
    sdks, own = connection.sent
    assert told(own) == told(sdks)


def xml(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>why</Message></Error>".encode()


@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        ("put_object", 403, xml("AccessDenied")),
        ("put_object", 404, xml("NoSuchBucket")),
        ("put_object", 409, xml("ConditionalRequestConflict")),
        ("put_object", 412, xml("PreconditionFailed")),
        ("put_object", 500, xml("InternalError")),
        ("put_object", 503, xml("SlowDown")),
        ("put_object", 502, b"<html>not S3's</html>"),
        ("head_object", 403, b""),
        ("head_object", 404, b""),
        ("head_object", 503, b""),
    ],
)
def test_call_that_s3_refuses_raises_what_the_sdk_raises(operation: str, status: int, body: bytes):
    sdk, lean, _ = both(Answer(status, body, {"x-amz-request-id": "1"}))
    arguments = PUT if operation == "put_object" else HEAD
    raised = []
    for client in (sdk, lean):
        with pytest.raises(ClientError) as refused:
            getattr(client, operation)(**arguments)
        raised.append(refused.value)
    sdks, ours = raised
    assert error_code(ours) == error_code(sdks) != ""
    assert ours.response["Error"] == sdks.response["Error"]
    assert ours.operation_name == sdks.operation_name


@pytest.mark.parametrize("status", [301, 307, 400])
@pytest.mark.parametrize(("call", "arguments"), [("put_object", PUT), ("head_object", HEAD)], ids=["put", "head"])
def test_call_that_s3_sends_elsewhere_is_the_sdks_to_make(status: int, call: str, arguments: dict[str, Any]):
    _, lean, connection = both(Answer(status, b"", {}))
    connection.then = Answer(200, b"", {"ETag": '"abc"'})
    assert getattr(lean, call)(**arguments)["ETag"] == '"abc"'
    assert len(connection.sent) == 2


def test_call_without_an_answer_raises_what_the_connection_raises():
    _, lean, _ = both(HTTPClientError(error="gone"))
    with pytest.raises(HTTPClientError):
        lean.put_object(**PUT)


def test_call_with_other_arguments_is_the_sdks_own():
    _, lean, connection = both(Answer(200, b"", {"ETag": '"abc"'}))
    lean.put_object(Bucket="images", Key="a", Body=b"x", ServerSideEncryption="aws:kms")
    lean.delete_object(Bucket="images", Key="a")
    assert connection.sent[0].headers["x-amz-server-side-encryption"] in (b"aws:kms", "aws:kms")
    assert connection.sent[1].method == "DELETE"


@pytest.mark.parametrize("more", [{"use_fips_endpoint": True}, {"use_dualstack_endpoint": True}, {}], ids=str)
@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1", "cn-north-1"])
def test_lean_client_is_made_where_the_way_to_a_bucket_is_plain(region: str, more: dict[str, bool]):
    session = Session()
    session.set_credentials("AKIDEXAMPLE", "secret")
    client = session.create_client("s3", region_name=region, config=Config(**more))
    made = lean_s3(client, session.get_credentials())
    assert isinstance(made, LeanS3) == (not more)
    assert lean_s3(client, None) is client


def test_lean_client_is_not_made_of_an_sdk_that_is_otherwise_inside():
    session = Session()
    session.set_credentials("AKIDEXAMPLE", "secret")
    client = session.create_client("s3", region_name="eu-west-1")
    del client._endpoint.http_session
    assert lean_s3(client, session.get_credentials()) is client
