"""Peers that are libraries: what can be asked of them without a server, each {work: result as text}."""

import subprocess
import sys
import tempfile
from pathlib import Path

import datafusion
import duckdb

import tpch_data
from measures import SCALE, copy_title, hot_times, query_rows, timed, tpch_files


def duckdb_column(wanted):
    """The load and the queries, from a database file as the servers have theirs."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(f"{folder}/compare.duckdb") as connection:
        connection.execute((tpch_data.FOLDER / "schema.sql").read_text())
        if "copy" in wanted:
            (file,) = tpch_files()["lineitem"]
            seconds = timed(lambda: connection.execute(f"copy lineitem from '{file}' (format csv, header); checkpoint"))
            found[copy_title(file)] = f"{seconds:.1f} s"
        if "queries" in wanted:
            found.update(duckdb_queries())
    return found


def duckdb_queries():
    with tpch_data.duckdb_with(tpch_files()) as connection:
        return query_rows(hot_times(lambda text: connection.execute(text).fetchall()))


def datafusion_column(wanted):
    """The queries alone, on plain Parquet files: the generator's own, one a table, with its default settings."""
    if "queries" not in wanted:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        program = Path(sys.executable).with_name("tpchgen-cli")
        subprocess.run([program, "parquet", f"--scale-factor={SCALE:g}", f"--output-dir={folder}"], check=True)
        context = datafusion.SessionContext()
        for table in tpch_data.TABLES:
            context.register_parquet(table, f"{folder}/{table}.parquet")
        return query_rows(hot_times(lambda text: context.sql(text).collect()))


COLUMNS = {"duckdb": duckdb_column, "datafusion": datafusion_column}
