"""The S3 of the fault tests refuses what the emulator's refuses, and in the same words."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.emulator import Emulator
from tests.faults.endpoint import Endpoint, Server
from tests.integration.engines import create_bucket

pytestmark = pytest.mark.emulator

BUCKET = "conditional-writes"
_WRONG = '"00000000000000000000000000000000"'


@pytest.fixture(params=["the emulator", "the endpoint of the fault tests"])
def s3(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[Any]:
    if request.param == "the emulator":
        s3 = emulator.client("s3")
        create_bucket(s3, BUCKET, emulator.region)
        yield s3
        return
    with Server() as server:
        yield boto3.client(
            "s3",
            region_name=emulator.region,
            endpoint_url=server.serve_handler(Endpoint().handle),
            aws_access_key_id="any",
            aws_secret_access_key="any",
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )


def refused(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as raised:
        call(Bucket=BUCKET, Key="a/key.json", **arguments)
    answer = raised.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_conditional_writes_are_refused_as_s3_documents_it(s3: Any):
    where = {"Bucket": BUCKET, "Key": "a/key.json"}
    assert refused(s3.head_object) == ("404", 404)
    assert refused(s3.put_object, Body=b"0", IfMatch=_WRONG) == ("NoSuchKey", 404)

    first = s3.put_object(**where, Body=b"1", IfNoneMatch="*", Metadata={"sequence-number": "1"})["ETag"]
    assert refused(s3.put_object, Body=b"2", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refused(s3.put_object, Body=b"2", IfMatch=_WRONG) == ("PreconditionFailed", 412)
    there = s3.head_object(**where)
    assert (there["ETag"], there["Metadata"]) == (first, {"sequence-number": "1"})

    second = s3.put_object(**where, Body=b"2", IfMatch=first, Metadata={"sequence-number": "2"})["ETag"]
    assert refused(s3.put_object, Body=b"3", IfMatch=first) == ("PreconditionFailed", 412)
    there = s3.head_object(**where)
    assert (there["ETag"], there["Metadata"]) == (second, {"sequence-number": "2"})
    # Without a condition anything is replaced.
    assert s3.put_object(**where, Body=b"1")["ETag"] == first
    assert s3.head_object(**where)["Metadata"] == {}
