"""AWS for a test, its DynamoDB played by one engine or the other."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from continuous_backup.naming import Account
from local import second_engine
from local.emulator import ROOT, Credentials, Emulator
from local.second_engine import Dynoxide

_DYNAMODB = {"dynamodb", "dynamodbstreams"}


@dataclass(frozen=True)
class Engine:
    """DynamoDB is dynoxide's where there is one; everything else, and otherwise DynamoDB too, is MiniStack's.

    An expected difference from what AWS documents is asserted by `is_dynoxide`, never skipped.
    """

    emulator: Emulator
    dynoxide: Dynoxide | None = None

    @property
    def is_dynoxide(self) -> bool:
        return self.dynoxide is not None

    def client(self, service: str, credentials: Credentials = ROOT, region: str = "") -> Any:
        """boto3's client; dynoxide does not ask whose credentials they are."""
        if self.dynoxide and service in _DYNAMODB:
            return self.dynoxide.client(service, region)
        return self.emulator.client(service, credentials, region)

    def environment(self, credentials: Credentials = ROOT) -> dict[str, str]:
        """Environment variables for a program that is to work in the account."""
        of_dynamodb = self.dynoxide.environment() if self.dynoxide else {}
        return self.emulator.environment(credentials) | of_dynamodb

    @contextmanager
    def as_environment(self, credentials: Credentials = ROOT) -> Iterator[None]:
        """The environment of this process is that of such a program, for a while."""
        with mock.patch.dict(os.environ, self.environment(credentials), clear=True):
            yield

    def account_of_tables(self, account: Account) -> Account:
        """What ARNs of tables name where this account made them: dynoxide knows of one account alone."""
        return second_engine.ACCOUNT if self.is_dynoxide else account


def unique(name: str) -> str:
    """A name that no other test uses."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


def create_table(dynamodb: Any, table: str, keys: tuple[str, ...] = ("id:S",), **more: Any) -> Any:
    """On demand, with key attributes such as "id:S", the partition key first. Answers its description."""
    named = [key.rpartition(":") for key in keys]
    return dynamodb.create_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, _, kind in named],
        KeySchema=[
            {"AttributeName": name, "KeyType": role}
            for (name, _, _), role in zip(named, ("HASH", "RANGE"), strict=False)
        ],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )["TableDescription"]


def create_bucket(s3: Any, bucket: str, region: str, *, versioned: bool = False) -> None:
    """In another region than us-east-1."""
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
