"""The README and the pages in docs say what the code says, and every command and link in them exists."""

import ast
import functools
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from continuous_backup.configuration import config as configuration
from continuous_backup.configuration import hjson_text
from continuous_backup.ensure_backup import planner
from continuous_backup.errors import ExitCode
from continuous_backup.operations.building import build
from continuous_backup.operations.tables import whitelist
from continuous_backup.reading_streams import stream_records
from continuous_backup.streams_to_firehose import changes
from docs import configuration_table, figures, pictures

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
BENCHMARKS = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
QUOTE = "<!-- figures: {} -->\nold\n<!-- end of figures -->\n"
MOST_LINES = 220
SCRIPTS = sorted(path.name for path in ROOT.glob("*.py") if "main(arguments" in path.read_text(encoding="utf-8"))


def _page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _page(page), re.DOTALL)


def _section(page: str, title: str) -> str:
    """What is under a heading, up to the next of the same level or above."""
    level, rest = re.search(rf"^(#+) {re.escape(title)}\n(.*)", _page(page), re.DOTALL | re.MULTILINE).groups()  # type: ignore[union-attr]
    return re.split(rf"^#{{1,{len(level)}}} ", rest, flags=re.MULTILINE)[0]


def _first_cells(text: str) -> list[str]:
    return re.findall(r"^\| `(.+?)` \|", text, re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_readme_when_read_to_its_end_is_short_enough_for_it():
    assert len(_page("README.md").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", [each for each in PAGES if each.startswith("docs/")])
def test_page_when_somebody_looks_for_it_is_in_both_indexes(page: str):
    name = page.removeprefix("docs/")
    assert name == "README.md" or f"]({name})" in _page("docs/README.md")
    assert f"({page}" in _page("README.md")


def test_configuration_table_when_made_of_the_keys_is_the_one_on_its_page():
    page, made = _page("docs/configuration.md"), configuration_table.table(configuration.keys())
    assert configuration_table.put_into(page, made) == page, (
        "update it with: .venv/bin/python docs/configuration_table.py"
    )


def test_configuration_table_when_a_text_has_signs_of_markdown_or_html_shows_them():
    table = configuration_table.table(configuration.keys())
    assert "dynamodb-continuous-backup-&lt;account&gt;-&lt;region&gt;" in table
    assert all(row.count(" | ") == 3 for row in table.splitlines())


def test_configuration_table_when_the_page_has_no_place_for_it_says_so():
    with pytest.raises(ValueError, match="configuration table"):
        configuration_table.put_into("no marks", "table\n")


@pytest.mark.parametrize("page", figures.PAGES, ids=lambda page: page.name)
def test_page_when_it_quotes_figures_quotes_those_of_the_benchmarks(page: Path):
    text = page.read_text(encoding="utf-8")
    assert figures.quoted(text, BENCHMARKS) == text, "update it with: .venv/bin/python docs/figures.py"
    assert text.count("<!-- figures:") == text.count("<!-- end of figures -->")


@pytest.mark.parametrize("source", sorted(pictures.FOLDER.glob("*.pikchr")), ids=lambda path: path.stem)
def test_picture_when_its_source_changed_was_drawn_anew(source: Path):
    drawn = source.with_suffix(".svg").read_text(encoding="utf-8")
    assert drawn.startswith(pictures.mark(source.read_text(encoding="utf-8"))), "draw it with: make pictures"


def test_figures_when_rows_and_columns_are_named_has_those_in_that_order():
    source = "**A title (noted then)**\n\n| a | b | c |\n| --- | ---: | ---: |\n| x 1 | 1 | 2 |\n| y | 3 | 4 |\n"
    quoted = figures.quoted("before\n" + QUOTE.format("A title | y; x | c") + "behind\n", source)
    assert "".join(re.findall(r"^\|.*\n", quoted, re.MULTILINE)) == (
        "| a | c |\n| --- | ---: |\n| y | 4 |\n| x 1 | 2 |\n"
    )
    assert quoted.startswith("before\n<!-- figures: A title | y; x | c -->\n")
    assert quoted.endswith("<!-- end of figures -->\nbehind\n")


@pytest.mark.parametrize("named", ["Another | x | c", "A title | z | c", "A title | x; z | c", "A title | x | d"])
def test_figures_when_what_is_named_is_not_there_says_so(named: str):
    source = "**A title**\n\n| a | c |\n| --- | ---: |\n| x 1 | 2 |\n"
    with pytest.raises(ValueError, match="has no"):
        figures.quoted(QUOTE.format(named), source)


@pytest.mark.parametrize("page", PAGES)
def test_page_when_it_links_to_a_file_of_ours_links_to_one_that_exists(page: str):
    links = re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text(encoding="utf-8"))
    for link in (each for each in links if not each.startswith("https://")):
        path, _, anchor = link.partition("#")
        target = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


@pytest.mark.parametrize("page", PAGES)
def test_page_when_it_names_a_target_of_make_names_one_that_exists(page: str):
    makefile = _page("Makefile")
    code = [*_blocks(page, "sh"), *re.findall("`([^`\n]+)`", _page(page))]
    named = set(re.findall(r"\bmake ([a-z]+)", "\n".join(code)))
    assert named or page not in ("README.md", "docs/development.md")
    assert named <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_page_when_it_sets_a_variable_of_make_sets_one_that_is_read(page: str):
    sources = [ROOT / "Makefile", *(ROOT / "local").glob("*.py")]
    known = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    named = set(re.findall(r"\bmake [^`\n]*?([A-Z]+)=", _page(page)))
    assert page != "docs/development.md" or "TESTS" in named
    assert [name for name in sorted(named) if not re.search(rf"\b{name}\b", known)] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_page_of_the_scripts_when_one_has_an_option_names_both(script: str):
    options = _options_of(script) - {"--help"}
    page = _page("docs/scripts.md")
    assert script in page
    assert [option for option in sorted(options) if option not in page] == []


@pytest.mark.parametrize("page", PAGES)
def test_page_when_it_shows_a_command_of_a_script_uses_options_that_it_has(page: str):
    text = "\n".join(_blocks(page, "sh")).replace("\\\n", " ")
    commands = re.findall(r"^\s*\./(\w+\.py)(.*)$", text, re.MULTILINE)
    for script, rest in commands:
        assert script in SCRIPTS
        wrong = [each for each in re.findall(r"--[a-z][a-z_-]+", rest) if each not in _options_of(script)]
        assert wrong == [], script


@functools.cache
def _options_of(script: str) -> set[str]:
    shown = subprocess.run(
        [sys.executable, str(ROOT / script), "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    return set(re.findall(r"--[a-z][a-z_-]+", shown))


def test_page_of_the_scripts_when_build_has_an_option_names_it(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        build.main(["--help"])
    options = set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert options
    assert [option for option in sorted(options) if option not in _page("docs/scripts.md")] == []


def test_page_of_the_scripts_when_it_lists_exit_codes_lists_those_of_the_scripts():
    section = _section("docs/scripts.md", "Exit codes")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    not_in_this_version = {ExitCode.NOT_PROTECTED}
    assert listed == set(ExitCode) - not_in_this_version


def test_page_on_reading_when_it_explains_a_line_explains_its_fields_in_their_order():
    seen: set[str] = set()
    for event in ("dynamodb-ttl-delete", "dynamodb-insert-modify-remove"):
        text = (ROOT / "tests" / "events" / f"{event}.json").read_text(encoding="utf-8")
        for record in stream_records.records_of(json.loads(text)):
            seen.update(json.loads(changes.line(record)))
    page = "docs/reading-the-data.md"
    fields = _first_cells(_section(page, "A line"))
    example = _blocks(page, "json")[0]
    assert set(fields) == seen
    assert [field for field in fields if field in json.loads(example)] == list(json.loads(example))


@pytest.mark.parametrize("block", _blocks("docs/tables.md", "hjson"), ids=lambda block: block.strip()[:30])
def test_page_on_tables_when_it_shows_hjson_shows_a_file_that_works(block: str):
    values = hjson_text.parse(block, "docs/tables.md")
    if "tableNames" in values:
        assert whitelist.parse(values).names == ("Orders", "Customers")
    else:
        assert configuration.parse(values, environment={}).optin_function == "my_filter:is_production"


def test_page_on_tables_when_it_shows_an_opt_in_function_shows_one_that_decides():
    (block,) = _blocks("docs/tables.md", "python")
    module: dict[str, object] = {}
    exec(block, module)
    is_production = module["is_production"]
    assert callable(is_production)
    assert [is_production(name) for name in ("prod-orders", "prod-orders-cache", "test-orders")] == [
        True,
        False,
        False,
    ]


def test_page_on_troubles_when_it_explains_problems_quotes_each_of_the_planner():
    section = _page("docs/troubleshooting.md").split("| problem | why, and what to do |")[1]
    assert sorted(_first_cells(section)) == sorted(set(_problems(inspect.getsource(planner))))


def _problems(source: str) -> list[str]:
    """What each Problem in the source says, with an ellipsis for every value."""
    calls = [each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call)]
    problems = [each.args[0] for each in calls if isinstance(each.func, ast.Name) and each.func.id == "Problem"]
    return [_text(each.left if isinstance(each, ast.BinOp) else each) for each in problems]


def _text(text: ast.expr) -> str:
    assert isinstance(text, ast.JoinedStr)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in text.values)
