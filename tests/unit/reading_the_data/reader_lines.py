"""The page's table of readers: each one's line, and what has to stand before it."""

from tests.unit.reading_the_data import page

READERS = page.readers()
SHARED = page.block("python", "Other readers")
IMPORTS = {
    "DuckDB": "import duckdb",
    "polars": "import polars as pl",
    "pandas": "import pandas as pd",
    "pyarrow": "import pyarrow as pa, pyarrow.json as pj",
    "DataFusion": "import pyarrow as pa\nfrom datafusion import SessionConfig, SessionContext",
    "chdb": "import chdb",
    "Spark": """
from pyspark.sql import SparkSession
quiet = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
spark = SparkSession.builder.master("local[1]").config(map=quiet).getOrCreate()
""",
}
#: Those that `make` does not install.
LARGE = {"Spark": "pyspark"}


def code(reader: str, line: str = "") -> str:
    return "\n".join([IMPORTS[reader], SHARED, f"answer = {line or READERS[reader][1]}"])
