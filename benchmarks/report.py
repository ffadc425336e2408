"""What the benchmarks found, as tables for people, as Markdown for the pages, and as JSON for machines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable


@dataclass(frozen=True)
class Table:
    """The first column says what a row is about; the others are figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Target:
    """A figure that is to be reached: at least, or at most, so much."""

    what: str
    value: float
    bound: float
    at_most: bool

    @property
    def reached(self) -> bool:
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    @property
    def row(self) -> list[str]:
        side = "at most" if self.at_most else "at least"
        return [
            self.what,
            f"{self.value:.3f}",
            f"{side} {self.bound:g}",
            "reached" if self.reached else "NOT reached",
        ]


@dataclass(frozen=True)
class Section:
    """One benchmark's findings; `data` is all of it."""

    name: str
    tables: Sequence[Table]
    targets: Sequence[Target] = ()
    data: Any = field(default=None, repr=False)


def as_json(sections: Iterable[Section]) -> dict[str, Any]:
    return {
        section.name: {
            "data": section.data,
            "targets": [asdict(each) | {"reached": each.reached} for each in section.targets],
        }
        for section in sections
    }


def as_markdown(sections: Iterable[Section], about: Mapping[str, str]) -> str:
    """A page: each section under a heading, behind what `about` says of it by its name."""
    parts = []
    for section in sections:
        tables = "\n\n".join(_markdown(table) for table in _tables(section))
        parts.append(f"## {section.name.replace('_', ' ').capitalize()}\n\n{about[section.name]}\n\n{tables}\n")
    return "\n".join(parts)


def show(sections: Iterable[Section], console: Console) -> None:
    for section in sections:
        for table in _tables(section):
            shown = RichTable(title=table.title, title_justify="left", caption=table.note, caption_justify="left")
            for position, column in enumerate(table.columns):
                shown.add_column(column, justify="right" if position else "left")
            for row in table.rows:
                shown.add_row(*row, style="red" if "NOT reached" in row else None)
            console.print(shown)
            console.print()


def _tables(section: Section) -> Iterable[Table]:
    yield from section.tables
    if section.targets:
        columns = ("to reach", "found", "bound", "")
        yield Table(f"{section.name}: targets", columns, [each.row for each in section.targets])


def _markdown(table: Table) -> str:
    ruler = ["---", *("---:" for _ in table.columns[1:])]
    rows = [f"| {' | '.join(cells)} |" for cells in (table.columns, ruler, *table.rows)]
    return "\n".join([f"**{table.title}**", "", *rows, *(["", table.note] if table.note else [])])
