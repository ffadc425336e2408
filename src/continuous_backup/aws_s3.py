"""PutObject and HeadObject of S3 by the SDK's own parts, without what the SDK does around them.

Most of a call's time through boto3 goes into what differs between services and is the same each time here: which
endpoint, which parameters, how they are written, which hooks are called. A function that writes an object for each
changed item does little else, and has 0.29 of a vCPU with 512 MB. The parts that matter are the SDK's: credentials
and their renewal, Signature Version 4, connections with their certificates, proxies and time-outs, and errors.
benchmarks/images.py has what it earns.
"""

import base64
import re
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser

#: Arguments of the client's methods that are a header each.
#: https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
_HEADERS = {
    "ContentType": "Content-Type",
    "ExpectedBucketOwner": "x-amz-expected-bucket-owner",
    "IfMatch": "If-Match",
    "IfNoneMatch": "If-None-Match",
    "StorageClass": "x-amz-storage-class",
    "Tagging": "x-amz-tagging",
}
_METADATA = "x-amz-meta-"
_PLACE = {"Bucket", "Key"}
_FAILED = 300
#: What S3 answers where a bucket is in another region, and the SDK asks there:
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
_ELSEWHERE = {301, 307, 400}


def lean_s3(client: Any, credentials: Any) -> Any:
    """A LeanS3 of a client of S3, or the client itself where only that knows the way.

    That is without credentials, with FIPS or dual-stack endpoints, which the SDK makes anew for each call, and
    with an SDK whose inside is another one: Lambda's is renewed without us.
    """
    session = getattr(getattr(client, "_endpoint", None), "http_session", None)
    if not credentials or session is None or re.search("fips|dualstack|global", client.meta.endpoint_url):
        return client
    return LeanS3(client, credentials, session)


class LeanS3:
    """A client of S3 whose `put_object` and `head_object` are as boto3's, for the arguments named above.

    Other arguments and other methods go to the client itself. Nothing is repeated: as with one attempt. Answers
    have what is asked of them here: ETag and Metadata. Threads may share it.
    """

    def __init__(self, client: Any, credentials: Any, session: Any) -> None:
        self._client = client
        self._credentials = credentials
        # The SDK has no public way to it. It has the client's connections, and all that is configured for them.
        self._session = session
        self._region = client.meta.region_name
        self._endpoint = client.meta.endpoint_url.rstrip("/")
        self._user_agent = client.meta.config.user_agent
        self._model = client.meta.service_model
        self._parser = create_parser(self._model.metadata["protocol"])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        """As boto3's, with the CRC32 that it adds. Raises ClientError, or what says that no answer came."""
        body, metadata = arguments.pop("Body", b""), arguments.pop("Metadata", {})
        if not isinstance(body, bytes) or not arguments.keys() <= _HEADERS.keys() | _PLACE:
            return dict(self._client.put_object(**arguments, Body=body, Metadata=metadata))
        headers = {f"{_METADATA}{name}": value for name, value in metadata.items()}
        headers["x-amz-checksum-crc32"] = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
        headers["x-amz-sdk-checksum-algorithm"] = "CRC32"
        answered = self._answered("PutObject", "PUT", arguments, headers, body)
        if answered is None:
            return dict(self._client.put_object(**arguments, Body=body, Metadata=metadata))
        return {"ETag": answered.get("etag", "")}

    def head_object(self, **arguments: Any) -> dict[str, Any]:
        """As boto3's. Raises ClientError, whose code is the status, or what says that no answer came."""
        if not arguments.keys() <= _HEADERS.keys() | _PLACE:
            return dict(self._client.head_object(**arguments))
        answered = self._answered("HeadObject", "HEAD", arguments, {}, b"")
        if answered is None:
            return dict(self._client.head_object(**arguments))
        metadata = {
            name[len(_METADATA) :]: value for name, value in answered.items() if name.startswith(_METADATA)
        }
        return {"ETag": answered["etag"], "Metadata": metadata}

    def _answered(
        self, operation: str, method: str, arguments: Mapping[str, Any], headers: dict[str, str], body: bytes
    ) -> dict[str, str] | None:
        """The headers of the answer, in small letters; None where the client has to find the way to the bucket."""
        place = f"{quote(arguments['Bucket'], safe='')}/{quote(arguments['Key'], safe='/~')}"
        headers |= {_HEADERS[name]: value for name, value in arguments.items() if name not in _PLACE}
        headers["User-Agent"] = self._user_agent
        request = AWSRequest(method, f"{self._endpoint}/{place}", headers, body)
        S3SigV4Auth(self._credentials.get_frozen_credentials(), "s3", self._region).add_auth(request)
        response = self._session.send(request.prepare())
        if response.status_code in _ELSEWHERE:
            return None
        if response.status_code >= _FAILED:
            raise self._error(operation, response)
        return {name.lower(): value for name, value in response.headers.items()}

    def _error(self, operation: str, response: Any) -> ClientError:
        shape = self._model.operation_model(operation).output_shape
        answer = {"status_code": response.status_code, "headers": response.headers, "body": response.content}
        return ClientError(self._parser.parse(answer, shape), operation)
