"""Stages for what people may choose: a delivery stream of somebody else's, and what can be seen of choices."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from continuous_backup import naming
from local.stage import PREFIX, Settings, Stage

THEIRS = "my-own-stream"
THEIR_PREFIX = f"{PREFIX}/theirs/"


def with_theirs(work: Path, **settings: object) -> Iterator[Stage]:
    """For a fixture: deployed with these keys of the configuration; somebody else has a delivery stream."""
    with Stage(work) as stage:
        redeploy(stage, **settings)
        make_theirs(stage)
        yield stage


def redeploy(stage: Stage, **settings: object) -> str:
    """Builds and deploys a configuration, where it is another; gives what deploy.py said."""
    if stage.dist.exists() and stage.settings == Settings(settings):
        return ""
    stage.settings = Settings(settings)
    stage.build()
    return stage.deploy().stderr


def make_theirs(stage: Stage) -> None:
    role = naming.Account(stage.emulator.account_id, "").role_arn(naming.delivery_role(stage.emulator.region))
    stage.emulator.client("firehose").create_delivery_stream(
        DeliveryStreamName=THEIRS,
        ExtendedS3DestinationConfiguration={
            "BucketARN": f"arn:aws:s3:::{stage.bucket}",
            "RoleARN": role,
            "Prefix": THEIR_PREFIX,
            "ErrorOutputPrefix": "their-errors/",
            "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 60},
        },
        Tags=[{"Key": "team", "Value": "payments"}],
    )


def theirs(stage: Stage) -> tuple[Any, Any]:
    """All that can be seen of somebody else's delivery stream."""
    firehose = stage.emulator.client("firehose")
    described = firehose.describe_delivery_stream(DeliveryStreamName=THEIRS)["DeliveryStreamDescription"]
    return described, firehose.list_tags_for_delivery_stream(DeliveryStreamName=THEIRS)["Tags"]


def forwarder(stage: Stage) -> tuple[str, str]:
    found = stage.emulator.client("lambda").get_function(FunctionName=naming.FORWARDER_FUNCTION)["Configuration"]
    return found["CodeSha256"], found["Description"]


def lines_under(stage: Stage, prefix: str) -> list[dict[str, Any]]:
    s3 = stage.emulator.client("s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=stage.bucket, Prefix=prefix)
    keys = [each["Key"] for page in pages for each in page.get("Contents", [])]
    bodies = [s3.get_object(Bucket=stage.bucket, Key=key)["Body"].read() for key in keys]
    texts = [gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body for body in bodies]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def marks(stage: Stage, table: str) -> list[str | None]:
    """What the mappings of a table are tagged with as lacking."""
    functions, account = stage.emulator.client("lambda"), naming.Account(stage.emulator.account_id, "eu-west-1")
    arns = [account.mapping_arn(each["UUID"]) for each in stage.mappings(table)]
    return [functions.list_tags(Resource=arn)["Tags"].get(naming.NOT_RESTORABLE_TAG) for arn in arns]


def said(stage: Stage, sentence: str) -> bool:
    return any(sentence in line for line in stage.logs(naming.ENSURE_FUNCTION))
