"""Measures Peristyle beside PostgreSQL 15 and DuckDB in one run and prints a markdown table (see README.md)."""

import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("PERISTYLE_BINARY", str(ROOT / "target/release/peristyle"))

import measures  # noqa: E402: found on the path set above
from server import Peristyle, PostgreSQL  # noqa: E402

KINDS = {"peristyle": Peristyle, "postgres": PostgreSQL}


def main():
    wanted = os.environ.get("COMPARE_ONLY", "copy,insert,queries,memory,start").split(",")
    peers = os.environ.get("COMPARE_SERVERS", "peristyle,postgres").split(",")
    folder = Path(tempfile.mkdtemp(prefix="compare-"))
    columns = {name: measure(KINDS[name], folder / name, wanted) for name in peers}
    columns["duckdb"] = measures.duckdb_column(wanted)
    shutil.rmtree(folder, ignore_errors=True)
    print_table(columns)


def measure(kind, folder, wanted):
    """One server's column: {work: result}."""
    column = {}
    for part in wanted:
        server = kind(folder / part).start()
        try:
            column.update(measures.PARTS[part](server))
        finally:
            server.end()
        print(f"{kind.kind} {part}: {column}", file=sys.stderr)
    return column


def print_table(columns):
    works = list(dict.fromkeys(work for column in columns.values() for work in column))
    print(f"Measured on {os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}; all in one run.\n")
    print("| work | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for work in works:
        print(f"| {work} | " + " | ".join(column.get(work, "–") for column in columns.values()) + " |")


if __name__ == "__main__":
    main()
