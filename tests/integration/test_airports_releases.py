"""The two releases of airportsdata that the demonstration loads."""

from pathlib import Path

from local.airports import NEWER, OLDER, airports, difference, items

CACHE = Path(__file__).resolve().parents[2] / ".local" / "airports"


def test_airports_of_both_releases_differ_by_the_numbers_that_are_documented():
    older, newer = (items(airports(version, CACHE)) for version in (OLDER, NEWER))

    found = difference(older, newer)

    assert (len(older), len(newer)) == (28_186, 28_274)
    assert (len(found.puts), len(found.updates), len(found.deletes)) == (172, 890, 84)
