"""TPC-H files by tpchgen-cli, their load through psql's \\copy, and DuckDB's answers on the same files."""

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb

from server import ROOT

FOLDER = Path(__file__).parent / "tpch"
TABLES = ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"]
# Tables that are cut into several files, so that a load makes more than one partition and a merge has work.
LARGE = {"customer", "part", "partsupp", "orders", "lineitem"}
QUERIES = {number: (FOLDER / f"q{number:02}.sql").read_text() for number in range(1, 23)}


def generate(scale, parts):
    """Makes the csv files of a scale once and returns {table: [files]}."""
    folder = ROOT / f"target/test-data/tpch-{scale:g}-{parts}"
    if not folder.exists():
        making = folder.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        run_generator("--tables", ",".join(sorted(LARGE)), "--parts", parts, scale=scale, folder=making)
        run_generator("--tables", ",".join(sorted(set(TABLES) - LARGE)), scale=scale, folder=making)
        making.rename(folder)
    return {table: sorted(folder.glob(f"{table}.csv")) + sorted(folder.glob(f"{table}/*.csv")) for table in TABLES}


def run_generator(*arguments, scale, folder):
    program = Path(sys.executable).with_name("tpchgen-cli")
    options = ["csv", "--scale-factor", scale, "--output-dir", folder, *arguments]
    subprocess.run([str(word) for word in [program, *options]], check=True, stdin=subprocess.DEVNULL)


def load(server, files):
    """Creates the tables and fills them file by file through \\copy; checks the row counts that psql reports."""
    server.psql(f"{(FOLDER / 'schema.sql').read_text()}")
    for table in TABLES:
        copies = [rf"\copy {table} from '{file}' with (format csv, header)" for file in files[table]]
        counts = server.psql(*copies).stdout.split()
        assert counts[0::2] == ["COPY"] * len(copies), counts
        assert server.value(f"select count(*) from {table}") == sum(map(int, counts[1::2])), table


def duckdb_with(files):
    """A DuckDB that holds the files, with the same column types."""
    connection = duckdb.connect()
    connection.execute((FOLDER / "schema.sql").read_text())
    for table in TABLES:
        for file in files[table]:
            connection.execute(f"copy {table} from '{file}' (format csv, header)")
    return connection
