"""docs/choices.md: its examples work as they are, and its tables are what the code has."""

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from continuous_backup.configuration import config as configuration
from continuous_backup.configuration import hjson_text
from continuous_backup.operations.building import custom_functions
from continuous_backup.streams_to_firehose import item_change, tally
from continuous_backup.streams_to_firehose.item_change import ItemChange
from tests.unit.streams_to_firehose.fakes import stream_record

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "choices.md").read_text(encoding="utf-8")
HJSON = re.findall(r"```hjson\n(.*?)```", PAGE, re.DOTALL)
PYTHON = {
    re.match(r"# (\w+)\.py", block)[1]: block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
}  # type: ignore[index]


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    return found


def first_cells(text: str) -> list[str]:
    """The names in code in the first column, wherever a row has several."""
    cells = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def example(module: str, function: str) -> Any:
    names: dict[str, Any] = {}
    exec(PYTHON[module], names)
    return names[function]


def change(image: dict[str, Any] | None = None, **more: Any) -> ItemChange:
    record = stream_record(1, **more)
    if image is not None:
        record["dynamodb"]["NewImage"] = image
    return item_change.of_record(record)


@pytest.mark.parametrize("block", HJSON, ids=lambda block: block.split()[1])
def test_page_when_it_shows_hjson_shows_a_configuration_that_works_and_says_whether_it_is_restorable(block):
    values = hjson_text.parse(block, "choices.md")
    config = configuration.parse(values, environment={})

    (key,) = values
    table = "Orders"
    marked = re.search(rf"^\| .*`{key}`.* \| (yes|no) \|$", PAGE, re.MULTILINE)
    assert marked, f"{key} is not in the first table"
    assert (marked[1] == "yes") == (not config.why_not_restorable(table))


def test_page_when_it_lists_choices_lists_every_key_that_makes_a_log_not_restorable():
    everything = configuration.Config(
        writable_event_types=("INSERT",),
        include_ttl_deletes=False,
        transformer="plain",
        router="a:b",
        route_by_attribute={"a": {"b": "c"}},
        delivery_streams={"Orders": "s"},
    )
    rows = re.findall(r"^\| .* \| (.*) \| no \|$", PAGE, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(everything.why_not_restorable("Orders"))


def test_page_when_it_explains_a_change_explains_all_of_its_attributes():
    table = section("What a line is").split("| attribute |")[1].split("\n\n")[0]
    named = {each.name for each in fields(ItemChange) if not each.name.startswith("_")}
    assert set(first_cells(table)) == named | {"is_ttl_delete", "line"}


def test_page_when_it_lists_metrics_lists_those_of_the_summary():
    table = section("Metrics").split("| name |")[1].split("\n\n")[0]
    everything = tally.Tally(**{name: 1 for name, value in vars(tally.Tally()).items() if value == 0})
    assert set(first_cells(table)) == set(everything.facts())


@pytest.mark.parametrize(
    ("key", "path"), [("transformer", "my_lines:without_secrets"), ("router", "my_router:by_country")]
)
def test_page_when_it_shows_a_function_shows_one_that_is_configured_there_and_that_can_be_built(
    key, path, tmp_path
):
    assert f"{key}: {path}" in "\n".join(HJSON)
    module = path.partition(":")[0]
    (tmp_path / f"{module}.py").write_text(PYTHON[module])
    config = configuration.Config(**{key: path})
    assert custom_functions.files([key], config, tmp_path / "config.hjson", []) == [tmp_path / f"{module}.py"]


def test_transformer_that_is_shown_hides_attributes_and_leaves_out_sessions():
    without_secrets = example("my_lines", "without_secrets")
    image = {"Id": {"N": "0"}, "password": {"S": "x"}, "iban": {"S": "y"}, "name": {"S": "Ada"}}

    line = without_secrets(change(image))
    assert line["NewImage"] == {"Id": {"N": "0"}, "name": {"S": "Ada"}}
    assert list(line) == list(json.loads(change(image).line))
    assert without_secrets(change(table="sessions-2026")) is None
    assert image["password"], "what a change holds is left as it is"


def test_router_that_is_shown_knows_two_countries():
    by_country = example("my_router", "by_country")

    assert by_country(change({"country": {"S": "CH"}})) == "orders-switzerland"
    assert by_country(change({"country": {"S": "FR"}})) is None
    assert by_country(change({})) is None
