"""Puts figures of docs/benchmarks.md into the pages that quote them: .venv/bin/python docs/figures.py

A page says which table, rows (by how they begin) and columns it quotes, and what is between is written anew:

    <!-- figures: Title of a table | beginning of a row; of another | column; another -->
    <!-- end of figures -->
"""

import itertools
import re
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
SOURCE = _ROOT / "docs" / "benchmarks.md"
PAGES = tuple(_ROOT / page for page in ("docs/cost.md", "docs/choices.md", "docs/guarantees.md"))
_QUOTE = re.compile(
    r"<!-- figures: (?P<title>[^|]+?) \| (?P<rows>[^|]+?) \| (?P<columns>[^|]+?) -->\n"
    r".*?<!-- end of figures -->\n",
    re.DOTALL,
)


def quoted(page: str, source: str) -> str:
    """The page with each quotation as `source`, the text of docs/benchmarks.md, has it.

    Raises ValueError for a table, a row or a column that is not there.
    """
    tables = _tables(source)
    return _QUOTE.sub(lambda quote: _written(quote, tables), page)


def _tables(source: str) -> dict[str, list[list[str]]]:
    """By title: the rows of cells, of which the first names the columns."""
    found = re.findall(r"^\*\*(.+?)\*\*\n\n((?:\|.*\n)+)", source, re.MULTILINE)
    return {title: [_cells(line) for line in text.splitlines() if "---" not in line] for title, text in found}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]


def _written(quote: "re.Match[str]", tables: dict[str, list[list[str]]]) -> str:
    title, beginnings, columns = quote["title"], quote["rows"].split("; "), quote["columns"].split("; ")
    header, *rows = next((table for name, table in tables.items() if name.startswith(title)), [[]])
    chosen = [[row for row in rows if row[0].startswith(beginning)] for beginning in beginnings]
    missing = [each for each, found in zip(beginnings, chosen, strict=True) if not found]
    if missing := [*missing, *(each for each in columns if each not in header)]:
        raise ValueError(f"docs/benchmarks.md has no {', '.join(missing)} in a table '{title}'")
    places = [0, *map(header.index, columns)]
    first, *others = [[row[place] for place in places] for row in (header, *itertools.chain(*chosen))]
    ruler = ["---", *("---:" for _ in columns)]
    table = "".join(f"| {' | '.join(cells)} |\n" for cells in (first, ruler, *others))
    return f"{quote[0].splitlines()[0]}\n{table}<!-- end of figures -->\n"


if __name__ == "__main__":
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        path.write_text(quoted(text, SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
