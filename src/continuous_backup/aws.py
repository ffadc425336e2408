"""AWS's SDK: the only place that imports it, beside aws_s3.py, and that knows its exceptions."""

import logging
import os
import time
from collections.abc import Callable
from typing import Any, TypeVar

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    UnknownRegionError,
)

from continuous_backup import aws_s3
from continuous_backup.errors import AwsError, BackupError, UsageError
from continuous_backup.naming import Account

__all__ = [
    "UNREACHABLE",
    "Aws",
    "BotoCoreError",
    "ClientError",
    "HTTPClientError",
    "Pace",
    "error_code",
    "explain",
    "unless_refused",
]

T = TypeVar("T")
U = TypeVar("U")

#: A client of one of AWS's services. boto3 makes its classes when it runs, so there is no type to name.
Client = Any

#: What the SDK raises where no answer comes: no connection, a broken one, or a time-out of either kind.
UNREACHABLE = (ConnectionError, HTTPClientError)

#: A whole one: the SDK would make its own anew for each call, which is a sixth of the time of a call.
_USER_AGENT = f"dynamodb-continuous-backup Boto3/{boto3.__version__}"
_MAX_ATTEMPTS = 8
_TIMEOUT_SECONDS = 60  # the SDK's own default
_CONNECTIONS = 10  # and this
#: Services that are only asked for what informs, and that not every region or network has: nobody waits long.
_ONLY_INFORM = {"pipes", "cloudtrail", "cloudwatch", "iam", "resourcegroupstaggingapi"}
_ATTEMPTS_TO_BE_INFORMED = 2
_SECONDS_TO_BE_INFORMED = 10
_THROTTLED = {
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
}
#: That it is not allowed, as most services say it.
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_DENIED_SOMEHOW = DENIED | {"AuthorizationError", "403"}
_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
#: What to do about codes that do not say it.
_HINTS = {
    "InvalidKMSResourceException": "whoever puts records needs kms:GenerateDataKey and kms:Decrypt with the "
    "delivery stream's key, and the key has to be enabled; docs/iam.md has what each key needs",
}


_NOT_LONG = ClientConfig(
    retries={"mode": "standard", "total_max_attempts": _ATTEMPTS_TO_BE_INFORMED},
    connect_timeout=_SECONDS_TO_BE_INFORMED,
    read_timeout=_SECONDS_TO_BE_INFORMED,
)


class Aws:
    """Clients for one set of credentials and one region, made when first asked for.

    Throttled and failed calls are repeated by the SDK with exponential backoff and jitter ("standard"
    mode). `connections` is how many calls a client can make at the same time. `sleep` and `clock` are what
    everything that waits uses, so that tests need not wait.
    """

    def __init__(
        self,
        *,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        max_attempts: int = _MAX_ATTEMPTS,
        connect_timeout: float = _TIMEOUT_SECONDS,
        read_timeout: float = _TIMEOUT_SECONDS,
        connections: int = _CONNECTIONS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.sleep = sleep
        self.clock = clock
        self._endpoint_url = endpoint_url
        self._client_config = ClientConfig(
            retries={"mode": "standard", "total_max_attempts": max_attempts},
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            max_pool_connections=connections,
            user_agent=_USER_AGENT,
        )
        self._clients: dict[tuple[str, bool], Client] = {}
        self._lean_s3: Client | None = None
        self._account: Account | None = None
        try:
            # AWS_REGION is what Lambda and the AWS CLI read; the SDK for Python knows AWS_DEFAULT_REGION alone.
            region = region or os.environ.get("AWS_REGION") or None
            self._session = boto3.Session(profile_name=profile, region_name=region)
        except BotoCoreError as err:
            raise explain(err) from err
        if not self._session.region_name:
            raise UsageError(
                "no AWS region is set",
                "give --region, set region in the configuration file, or set AWS_REGION",
            )
        self.region: str = self._session.region_name

    def client(self, service: str, *, informs: bool = False) -> Client:
        """The client of a service, by the SDK's name for it.

        Where what is asked only `informs`, and goes without an answer, it waits for one 10 seconds, twice. Of
        services that are asked for nothing else, every client is so.
        """
        informs = informs or service in _ONLY_INFORM
        if (service, informs) not in self._clients:
            try:
                config = self._client_config.merge(_NOT_LONG) if informs else self._client_config
                self._clients[service, informs] = self._session.client(
                    service, endpoint_url=self._endpoint_url, config=config
                )
            except InvalidRegionError as err:
                raise explain(err) from err
            except ValueError as err:  # the SDK's way to refuse an endpoint
                raise UsageError(str(err), "an endpoint is a URL, such as http://localhost:4566") from err
        return self._clients[service, informs]

    def lean_s3(self) -> Client:
        """A client of S3 that makes the same calls in less time: see aws_s3.py. It repeats none."""
        if self._lean_s3 is None:
            self._lean_s3 = aws_s3.lean_s3(self.client("s3"), self._session.get_credentials())
        return self._lean_s3

    def account(self) -> Account:
        """Whose credentials these are. Raises UsageError where there are none that work."""
        if self._account is None:
            try:
                self._session.get_partition_for_region(self.region)  # it knows how the names of regions look
                identity = self.client("sts").get_caller_identity()
            except (ClientError, BotoCoreError) as err:
                raise explain(err) from err
            self._account = Account(identity["Account"], self.region, identity["Arn"].split(":")[1])
        return self._account

    def pages(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        """All that a paginated operation lists under `key`, whatever the number of pages."""
        paginator = self.client(service).get_paginator(operation)
        return [each for page in paginator.paginate(**arguments) for each in page.get(key, [])]


def unless_refused(ask: Callable[[], T], otherwise: U, unknown: str, log: logging.Logger) -> T | U:
    """What a call that only informs answers; `otherwise` where AWS refuses it, or cannot be reached.

    The log warns of what is `unknown` then. What decides is never asked for in this way.
    """
    try:
        return ask()
    except (ClientError, BotoCoreError) as err:
        log.warning("%s: %s", unknown, explain(err).problem)
        return otherwise


class Pace:
    """Keeps calls at least `1 / per_second` seconds apart, for limits that AWS does not raise.

    Firehose allows 5 calls a second, an account and region, for each of its control operations:
    https://docs.aws.amazon.com/firehose/latest/dev/limits.html
    """

    def __init__(self, aws: Aws, per_second: float) -> None:
        self._aws = aws
        self._gap = 1 / per_second
        self._next: dict[str, float] = {}

    def wait_for(self, operation: str) -> None:
        """Returns when the next call of this operation may be made."""
        now = self._aws.clock()
        due = self._next.get(operation, now)
        if due > now:
            self._aws.sleep(due - now)
        self._next[operation] = max(due, now) + self._gap


def error_code(err: BaseException) -> str:
    """AWS's own code of an error, or an empty text."""
    if isinstance(err, ClientError):
        return str(err.response.get("Error", {}).get("Code", ""))
    return ""


def explain(err: BaseException, doing: str = "") -> BackupError:
    """What the SDK raised, as an error for people. `doing` says what was being done, with the names."""
    if isinstance(err, BackupError):
        return err
    what = f"{doing}: " if doing else ""
    if isinstance(err, NoCredentialsError | PartialCredentialsError):
        return UsageError(
            f"{what}there are no AWS credentials",
            "run `aws configure` or `aws sso login`, name a --profile, or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY",
        )
    if isinstance(err, ProfileNotFound):
        return UsageError(
            f"{what}there is no AWS profile {err.kwargs['profile']}",
            "`aws configure list-profiles` lists those there are",
        )
    if isinstance(err, InvalidRegionError | UnknownRegionError):
        return UsageError(f"{what}{err.kwargs['region_name']} is not an AWS region", "eu-west-1 is one")
    if isinstance(err, NoRegionError):
        return UsageError(f"{what}no AWS region is set", "give --region, or set AWS_REGION")
    if isinstance(err, UNREACHABLE):
        where = os.environ.get("AWS_ENDPOINT_URL", "")
        hint = (
            f"AWS_ENDPOINT_URL is {where}: is something listening there, and does AWS_CA_BUNDLE belong to it?"
            if where
            else "check the network, and the name of the region"
        )
        return AwsError(f"{what}AWS cannot be reached: {err}", hint)
    if not isinstance(err, ClientError):
        return AwsError(f"{what}{err}")
    code, operation = error_code(err), err.operation_name
    message = err.response.get("Error", {}).get("Message", "") or code
    problem = f"{what}{operation}: {message}"
    if code in _BAD_CREDENTIALS:
        return UsageError(
            f"{what}AWS does not accept these credentials ({code}: {message})",
            "log in again, or name another --profile",
        )
    if code in _DENIED_SOMEHOW and operation == "AssumeRole":
        return AwsError(problem, "the role's trust relationship has to name who assumes it; see docs/iam.md", code)
    if code in _DENIED_SOMEHOW:
        return AwsError(
            problem, f"allow {operation} on it to the role or user that called; docs/iam.md has the policies", code
        )
    if code in _THROTTLED:
        return AwsError(
            f"{problem} (after {_MAX_ATTEMPTS} attempts)", "run it again in a minute: it continues", code
        )
    return AwsError(f"{problem} ({code})", _HINTS.get(code, ""), code)
