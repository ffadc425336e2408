"""What restore_images.py says of the counts."""

from continuous_backup.operations.images import telling
from continuous_backup.operations.images.tally import Tally

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
