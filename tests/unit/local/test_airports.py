"""Airports as items, and the difference of two releases."""

from hypothesis import given
from hypothesis import strategies as some

from local.airports import Difference, Update, difference, items

ATTRIBUTES = some.dictionaries(
    some.sampled_from(["name", "lat", "lon"]), some.text(max_size=3).map(lambda t: {"S": t})
)
ITEMS = some.dictionaries(some.sampled_from("ABCDEFGH"), ATTRIBUTES).map(
    lambda rows: {key: {"icao": {"S": key}, "name": {"S": ""}, **row} for key, row in rows.items()}
)


def test_items_of_rows_keep_every_digit_and_empty_texts():
    row = {"icao": "00AA", "iata": "", "elevation": 3435.0, "lat": 38.704022, "lon": -101.473911}

    assert items({"00AA": row})["00AA"] == {
        "icao": {"S": "00AA"},
        "iata": {"S": ""},
        "elevation": {"N": "3435"},
        "lat": {"N": "38.704022"},
        "lon": {"N": "-101.473911"},
    }


def test_items_of_extreme_numbers_are_written_as_dynamodb_gives_them_back():
    row = {"tiny": 1e-05, "large": 1e20, "zero": 0.0, "below zero": -0.0, "tens": -30.0}

    assert [value["N"] for value in items({"it": row})["it"].values()] == [
        *("0.00001", "100000000000000000000", "0", "0", "-30")
    ]


def test_difference_of_two_releases_is_puts_updates_of_what_changed_and_deletes():
    older = items({"A": {"icao": "A", "lat": 1.0, "name": "a"}, "B": {"icao": "B"}, "C": {"icao": "C"}})
    newer = items({"A": {"icao": "A", "lat": 2.0, "name": "a"}, "C": {"icao": "C"}, "D": {"icao": "D"}})

    assert difference(older, newer) == Difference(
        puts=[{"icao": {"S": "D"}}],
        updates=[Update({"icao": {"S": "A"}}, {"lat": {"N": "2"}})],
        deletes=[{"icao": {"S": "B"}}],
    )


@given(older=ITEMS, newer=ITEMS)
def test_difference_written_over_the_older_items_gives_the_newer(older, newer):
    # A release has the same attributes for every airport: none goes away from an item that stays.
    newer = {key: {**older.get(key, {}), **item} for key, item in newer.items()}
    written = dict(older)

    found = difference(older, newer)
    written |= {item["icao"]["S"]: item for item in found.puts}
    for update in found.updates:
        written[update.key["icao"]["S"]] = {**written[update.key["icao"]["S"]], **update.attributes}
    for key in found.deletes:
        del written[key["icao"]["S"]]

    assert written == newer
