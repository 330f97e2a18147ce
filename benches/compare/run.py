"""Measures Peristyle beside PostgreSQL 15, DuckDB and DataFusion in one run and prints a markdown table (see README.md)."""

import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("PERISTYLE_BINARY", str(ROOT / "target/release/peristyle"))

import libraries  # noqa: E402: found on the path set above
import measures  # noqa: E402: found on the path set above
from server import Peristyle, PostgreSQL  # noqa: E402

KINDS = {"peristyle": Peristyle, "postgres": PostgreSQL}


def main():
    wanted = os.environ.get("COMPARE_ONLY", "copy,insert,queries,memory,start").split(",")
    peers = os.environ.get("COMPARE_PEERS", "peristyle,postgres,duckdb,datafusion").split(",")
    folder = Path(tempfile.mkdtemp(prefix="compare-"))
    columns = {name: column(name, folder / name, wanted) for name in peers}
    shutil.rmtree(folder, ignore_errors=True)
    print_table(columns)


def column(name, folder, wanted):
    """One peer's column: {work: result}."""
    if name in libraries.COLUMNS:
        return libraries.COLUMNS[name](wanted)
    return measure(KINDS[name], folder, wanted)


def measure(kind, folder, wanted):
    """One server's column."""
    found = {}
    for part in wanted:
        server = kind(folder / part).start()
        try:
            found.update(measures.PARTS[part](server))
        finally:
            server.end()
        print(f"{kind.kind} {part}: {found}", file=sys.stderr)
    return found


def print_table(columns):
    works = list(dict.fromkeys(work for column in columns.values() for work in column))
    print(f"Measured on {os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}; all in one run.\n")
    print("| work | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for work in works:
        print(f"| {work} | " + " | ".join(column.get(work, "–") for column in columns.values()) + " |")


if __name__ == "__main__":
    main()
