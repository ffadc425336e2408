"""What restore_images.py says of the counts."""

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from continuous_backup.operations.images import telling
from continuous_backup.operations.images.tally import Tally
from continuous_backup.operations.images.wanted import Wanted
from continuous_backup.operations.writing_items.target import Target

NO_COUNTS = ("names", "partitions", "streams", "differences", "earliest", "all_from")


def test_document_has_every_count_and_the_names():
    tally = Tally(image_bytes=3)
    for number in range(7):
        tally.name("failed_records", f"object-{number}")
    tally.partitions["id.S.a"] = 1
    document = telling.document(tally)
    assert "partitions" not in document
    assert (document["imageBytes"], document["failedRecords"]) == (3, 7)
    assert document["names"] == {"failedRecords": [f"object-{number}" for number in range(5)]}


def test_every_count_is_shown_to_a_person():
    assert set(telling.DONE) == {name for name in vars(Tally()) if name not in NO_COUNTS}


TARGET = Target("Orders", "arn:aws:dynamodb:eu-west-1:123456789012:table/Orders", {"id": "S"}, None)
WANTED = Wanted("images", "", "Orders")
OPTIONS = argparse.Namespace(output="json", condition="newer", no_verify=False)


@pytest.mark.parametrize(("tally", "ok"), [(Tally(written=2, verified=2), True), (Tally(refused=1), False)])
def test_document_of_a_dry_run_and_of_a_real_one_have_one_shape_and_say_whether_all_is_well(capsys, tally, ok):
    telling.answer_dry_run(OPTIONS, WANTED, TARGET, tally)
    planned = json.loads(capsys.readouterr().out)
    telling.answer(OPTIONS, WANTED, TARGET, tally)
    done = json.loads(capsys.readouterr().out)

    assert list(planned) == list(done)
    assert (planned["dryRun"], done["dryRun"]) == (True, False)
    assert (planned["ok"], done["ok"]) == (ok, ok)


def test_document_where_what_was_read_back_differs_is_not_ok(capsys):
    telling.answer(OPTIONS, WANTED, TARGET, Tally(written=1, different=1))

    assert json.loads(capsys.readouterr().out)["ok"] is False


@pytest.mark.parametrize(
    ("tally", "asked"),
    [
        (Tally(written=1), "Write 1 item to table "),
        (Tally(written=1000, overwritten=2, deleted=3), "Write 1,002 items to table "),
    ],
)
def test_question_says_how_many_items_and_where(tally, asked):
    question = telling.question(TARGET, tally)

    assert question.startswith(asked + TARGET.arn)
    assert ("and delete 3" in question) is bool(tally.deleted)


@pytest.mark.parametrize(
    ("tally", "told"),
    [
        (Tally(written=1, verified=1), "Table Orders: 1 item written and read back."),
        (Tally(written=1000, overwritten=2, verified=1002), "Table Orders: 1,002 items written and read back."),
    ],
)
def test_answer_says_how_many_items_were_written(capsys, tally, told):
    telling.answer(OPTIONS, WANTED, TARGET, tally)

    assert told in capsys.readouterr().err.splitlines()


STREAM = f"{TARGET.arn}/stream/2026-11-01T00:00:00.000"


@pytest.mark.parametrize(
    ("made", "warns"),
    [(datetime(2026, 11, 20, tzinfo=UTC), True), (datetime(2026, 10, 20, tzinfo=UTC), False)],
)
def test_answer_where_all_images_are_of_an_earlier_table_of_the_name_warns(capsys, made, warns):
    there = replace(TARGET, created=made)

    telling.answer(OPTIONS, WANTED, there, Tally(written=1, verified=1, streams={STREAM: 1}))

    assert ("of an earlier life of Orders" in capsys.readouterr().err) is warns
