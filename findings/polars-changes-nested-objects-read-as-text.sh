#!/usr/bin/env bash
# polars changes a nested JSON object that is declared as text: a backslash in a value becomes something else.
#
# A log of DynamoDB's changes has images of any shape, so a reader declares them as text, to take them apart with a
# JSON function later: DuckDB gives the object's text as it stood. polars writes it anew, and backslashes are not
# escaped: the value C:\temp is read back with a tab in it, without an error, and a quote in an attribute's name makes
# it no JSON at all. Quotes in values are right, so a test with those passes. The whole line as text is right.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common/setup.bash"

install polars==2.1.0 duckdb==2.0.1
cat > "$work/changes.json" <<'JSON'
{"NewImage":{"id":{"S":"1"},"note":{"S":"plain"}}}
{"NewImage":{"id":{"S":"2"},"note":{"S":"she said \"no\""}}}
{"NewImage":{"id":{"S":"3"},"note":{"S":"C:\\temp"}}}
{"NewImage":{"id":{"S":"4"},"the \"note\"":{"S":"plain"}}}
JSON

WORK=$work python - <<'PY'
import json
import os

import duckdb
import polars

print("Versions: polars", polars.__version__, "duckdb", duckdb.__version__)
path = f"{os.environ['WORK']}/changes.json"
written = [json.loads(line)["NewImage"] for line in open(path)]


def parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return "no JSON"


print("Expected: what is read as text is the object's JSON, for all four")
columns = "columns = {NewImage: 'JSON'}, format = 'newline_delimited'"
by_duckdb = [parsed(row[0]) for row in duckdb.sql(f"SELECT NewImage FROM read_json('{path}', {columns})").fetchall()]
print("Seen:     DuckDB:", ["as written" if a == b else b for a, b in zip(written, by_duckdb, strict=True)])
texts = polars.scan_ndjson(path, schema={"NewImage": polars.String}).collect()["NewImage"].to_list()
by_polars = ["as written" if a == b else b for a, b in zip(written, map(parsed, texts), strict=True)]
print("          polars:", by_polars)
for text in texts[2:]:
    print("                 ", text)
if by_duckdb != written or by_polars[:2] != ["as written"] * 2:
    raise SystemExit("Changed:  what was right is not any more.")
if "as written" in by_polars[2:]:
    raise SystemExit("Changed:  polars keeps one of them now.")
PY
