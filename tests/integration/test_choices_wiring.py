"""What people may choose, from the configuration to S3: delivery streams of their own, and lines of their own."""

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from continuous_backup import naming
from local.stage import PREFIX, Settings, Stage, wait_for
from tests.integration.staging import delivery_streams, put, wait_for_changes, wait_until, whitelist

pytestmark = pytest.mark.emulator

THEIRS = "my-own-stream"
THEIR_PREFIX = f"{PREFIX}/theirs/"
MY_LINES = """
def shown(change):
    if "secret" in change.table:
        return None
    return {"table": change.table, "event": change.event_name, "keys": change.keys, "eventSourceARN": "mine"}
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Deployed with one table going to a delivery stream of somebody else's, which is there."""
    with Stage(tmp_path_factory.mktemp("stage")) as running:
        (running.work / "my_lines.py").write_text(MY_LINES)
        redeploy(running, deliveryStreams={"Foreign": THEIRS})
        make_theirs(running)
        yield running


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


def test_table_with_somebody_elses_delivery_stream_goes_there_and_none_is_made(stage: Stage) -> None:
    before = theirs(stage)
    stage.create_table("Foreign")
    stage.wait_until_wired("Foreign")
    put(stage, "Foreign", 1, 2, 3)
    lines = wait_for(
        lambda: found if len(found := lines_under(stage, THEIR_PREFIX)) >= 3 else None, "three lines in theirs"
    )
    assert {line["eventName"] for line in lines} == {"INSERT"}
    assert all(":table/Foreign/stream/" in line["eventSourceARN"] for line in lines)
    assert "Foreign" not in delivery_streams(stage)
    assert marks(stage, "Foreign") == ["deliveryStreams"]
    wait_until(lambda: said(stage, "Foreign is not restorable: deliveryStreams"), "the log to say so")
    stage.sweep()
    assert theirs(stage) == before


def test_table_whose_delivery_stream_of_somebody_elses_is_missing_waits_and_says_so(stage: Stage) -> None:
    told = redeploy(stage, deliveryStreams={"Foreign": THEIRS, "Early": "not-there-yet"})
    assert "delivery stream not-there-yet, which the configuration names, is not there" in told
    assert "Not restorable: Early (to not-there-yet), Foreign (to my-own-stream)" in told
    stage.create_table("Early")
    sentence = "Problem: delivery stream not-there-yet, which deliveryStreams names for Early, is not there"
    wait_until(lambda: said(stage, sentence), "the problem in the log")
    assert stage.mappings("Early") == []
    assert "not-there-yet" not in delivery_streams(stage)


def test_deploy_that_would_mix_two_tables_in_one_delivery_stream_changes_nothing(stage: Stage) -> None:
    redeploy(stage)
    stage.create_table("Orders")
    stage.wait_until_wired("Orders")
    before = forwarder(stage)
    as_it_was = stage.settings
    stage.settings = Settings({"deliveryStreams": {"Foreign": "Orders"}})
    stage.build()
    refused = stage.deploy(expect=1)
    assert "delivery stream Orders, which the configuration names as somebody else's, is ours" in refused.stderr
    assert forwarder(stage) == before
    stage.settings = as_it_was
    stage.build()


def test_table_given_to_somebody_else_and_back_loses_no_change_and_none_of_their_settings(stage: Stage) -> None:
    redeploy(stage)
    before = theirs(stage)
    stage.create_table("Moved")
    mapping = stage.wait_until_wired("Moved")["UUID"]
    put(stage, "Moved", 1)
    wait_for_changes(stage, "Moved", 1)

    redeploy(stage, deliveryStreams={"Moved": THEIRS})
    stage.sweep()
    assert marks(stage, "Moved") == ["deliveryStreams"]
    put(stage, "Moved", 2)

    def in_theirs() -> list[dict[str, Any]]:
        lines = lines_under(stage, THEIR_PREFIX)
        return [each for each in lines if ":table/Moved/" in each["eventSourceARN"]]

    wait_until(lambda: len(in_theirs()) == 1, "the second change in theirs")

    def swept_away() -> bool:
        """Ours is released when the function's time-out and the buffering interval have passed."""
        stage.sweep()
        return "Moved" not in delivery_streams(stage)

    wait_until(swept_away, "our delivery stream to be released", 120)
    assert theirs(stage) == before

    redeploy(stage)
    stage.sweep()
    assert marks(stage, "Moved") == [None]
    put(stage, "Moved", 3)
    log = wait_for_changes(stage, "Moved", 2)
    numbers = {change.new_image["number"]["N"] for change in log.read_new() if change.new_image}
    assert numbers == {"1", "3"}, "the second is in theirs, and was not read again"
    assert len(in_theirs()) == 1
    assert [each["UUID"] for each in stage.mappings("Moved")] == [mapping], "nothing had to be read again"
    assert theirs(stage) == before


def test_deprovisioning_takes_the_mapping_and_leaves_somebody_elses_delivery_stream(stage: Stage) -> None:
    redeploy(stage, deliveryStreams={"Leaving": THEIRS})
    before = theirs(stage)
    stage.create_table("Leaving")
    stage.wait_until_wired("Leaving")
    own = ("--config-file", str(stage.config_file))
    dry = stage.script("deprovision_tables.py", whitelist(stage, "Leaving"), *own, "--dry-run")
    assert "delivery stream my-own-stream is somebody else's: it is used, and stays as it is" in dry.stderr
    assert "delete its delivery stream" not in dry.stderr
    done = stage.script("deprovision_tables.py", whitelist(stage, "Leaving"), *own, "--yes")
    assert done.stdout.split()[-2:] == ["Leaving", "deprovisioned"]
    assert stage.mappings("Leaving") == []
    assert theirs(stage) == before


def test_table_with_lines_of_its_own_is_marked_until_it_has_the_documented_ones_again(stage: Stage) -> None:
    redeploy(stage)
    stage.create_table("Shown")
    stage.wait_until_wired("Shown")
    assert marks(stage, "Shown") == [None]

    told = redeploy(stage, transformer="my_lines:shown", includeTtlDeletes=False)
    assert "Not restorable: every table, because of includeTtlDeletes, transformer" in told
    own = ("--config-file", str(stage.config_file))
    provisioner = stage.operator("provision")
    done = stage.script("provision_tables.py", whitelist(stage, "Shown"), *own, credentials=provisioner)
    assert "provisioned; not restorable: includeTtlDeletes, transformer" in done.stdout
    assert marks(stage, "Shown") == ["includeTtlDeletes transformer"]
    put(stage, "Shown", 1)
    (line,) = wait_for(lambda: lines_under(stage, f"{PREFIX}/Shown/"), "a line")
    assert line == {"table": "Shown", "event": "INSERT", "keys": {"id": {"S": "item-1"}}, "eventSourceARN": "mine"}
    answer = stage.script(
        "provision_tables.py", whitelist(stage, "Shown"), *own, "--output", "json", credentials=provisioner
    )
    (shown,) = json.loads(answer.stdout)["tables"]
    assert (shown["result"], shown["notRestorable"]) == (
        "was as wanted already",
        ["includeTtlDeletes", "transformer"],
    )

    redeploy(stage)
    done = stage.script("provision_tables.py", whitelist(stage, "Shown"), *own, credentials=provisioner)
    assert marks(stage, "Shown") == [None]
    assert "not restorable" not in done.stdout
