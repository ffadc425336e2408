"""How many images of items a second one invocation writes, against one after the other, at 20 ms a PUT.

    .venv/bin/python -m benchmarks --only images

Each change is the first of its item, so that an image is one PUT. Both ways are the same code with another number
of writers, in the same run, into the same sink. The processor time of a PUT is what bounds the writers, the more
so with 512 MB, which have 0.29 of a vCPU: through boto3's own methods it is some 4.7 ms, and 32 writers reach 6
times what one does.
"""

import os
import random
import time
from dataclasses import asdict, dataclass

from benchmarks import sink
from benchmarks.report import Section, Table, Target
from continuous_backup.aws import Aws
from continuous_backup.configuration.item_images import ItemImages
from continuous_backup.item_images.keeping import Surroundings, keep_latest
from continuous_backup.item_images.tally import Tally
from continuous_backup.item_images.writing import Place
from continuous_backup.naming import Account
from continuous_backup.patience import Patience

#: To reach: how many times the objects a second of one after the other.
LEAST_TIMES = 10.0
SECONDS_A_PUT = 0.020
_ONE_AFTER_THE_OTHER = 1
_OBJECTS = {_ONE_AFTER_THE_OTHER: 150, ItemImages().writers: 1500}
_ACCOUNT = Account("123456789012", "eu-west-1")
_STREAM = "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders/stream/2026-11-25T10:00:00.000"


@dataclass(frozen=True)
class Written:
    writers: int
    objects: int
    objects_a_second: float
    cpu_ms_an_object: float


def section() -> Section:
    with sink.running(seconds_a_put=SECONDS_A_PUT) as s3:
        found = [_written(s3.url, writers, objects) for writers, objects in _OBJECTS.items()]
    one, several = found
    times = several.objects_a_second / one.objects_a_second
    rows = [[f"{each.writers}", f"{each.objects_a_second:,.0f}", f"{each.cpu_ms_an_object:.1f}"] for each in found]
    return Section(
        "images",
        [Table("Images of items, at 20 ms a PUT", ("writers", "objects a second", "CPU ms an object"), rows)],
        [Target(f"{several.writers} writers to one", times, LEAST_TIMES, at_most=False)],
        [asdict(each) for each in found],
    )


def _written(url: str, writers: int, objects: int) -> Written:
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    aws = Aws(region=_ACCOUNT.region, endpoint_url=url, connections=writers, max_attempts=1)
    around = Surroundings(
        Place("images", writers=writers),
        _ACCOUNT,
        aws.lean_s3(),
        lambda: Patience(lambda: 900.0, time.sleep, random.random),
        time.time,
    )
    keep_latest({"Records": [_change(number) for number in range(writers)]}, around, Tally())  # warms it up
    records = [_change(number) for number in range(objects)]
    began, cpu = time.perf_counter(), time.process_time()
    tally = Tally()
    if keep_latest({"Records": records}, around, tally) or tally.images != objects:
        raise RuntimeError(f"not all images were written: {tally}")
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    return Written(writers, objects, objects / seconds, 1000 * cpu_seconds / objects)


def _change(number: int) -> dict[str, object]:
    keys = {"id": {"S": f"item-{number}"}}
    return {
        "eventSource": "aws:dynamodb",
        "eventName": "INSERT",
        "eventSourceARN": _STREAM,
        "dynamodb": {
            "Keys": keys,
            "NewImage": {**keys, "text": {"S": "x" * 1000}},
            "SequenceNumber": str(10**20 + number),
            "ApproximateCreationDateTime": 1_730_974_800,
        },
    }
