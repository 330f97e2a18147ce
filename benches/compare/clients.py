"""Measurements of what clients wait for: results in binary, COPY TO, prepared SELECTs, new connections."""

import os
import subprocess

import loads
import tpch_data
from process import postgres_program
from settings import MIB, RUNS, SCALE, SECONDS
from tiers import timed

ROWS = int(os.environ.get("COMPARE_ROWS", "1000000"))
SELECT_ONE = "select 1;\n"

# Seven columns as an application has them, one of each kind of form.
RESULT_TABLE = "create table result (id bigint, n int, d double precision, m numeric(12,2), day date, at timestamptz, note text)"
RESULT_ROWS = """insert into result
    select g, g % 1000, g / 7.0::float8, (g % 100000) / 100.0, date '2024-01-01' + (g % 365)::int,
           timestamptz '2024-01-01 00:00+00' + g * interval '1 second', 'note number ' || g
    from generate_series(1::bigint, {rows}) g"""
COPIES = {"csv": "copy (select * from lineitem) to stdout (format csv)", "binary": "copy (select * from lineitem) to stdout (format binary)"}


def results(server):
    """A SELECT of many rows, fetched whole by psycopg in binary."""
    server.run(RESULT_TABLE, RESULT_ROWS.format(rows=ROWS))
    with server.connect() as connection:
        fetch = lambda: connection.execute("select * from result", binary=True).fetchall()  # noqa: E731: said once
        fetch()
        seconds = min(timed(fetch) for _ in range(RUNS))
    return {f"SELECT of {ROWS:,} rows of 7 columns, psycopg in binary": f"{seconds:.2f} s"}


def copy_out(server):
    """COPY of lineitem to a client that throws it away, and the memory it takes."""
    server.psql((tpch_data.FOLDER / "schema.sql").read_text())
    for file in tpch_data.generate(SCALE, 1)["lineitem"]:
        server.psql(rf"\copy lineitem from '{file}' with (format csv, header)")
    found = {}
    for name, statement in COPIES.items():
        idle = memory_mib(server)
        with loads.MemoryWatch(server.process) as watch:
            seconds = min(timed(lambda: throw_away(server, statement)) for _ in range(RUNS))
        found[f"COPY (SELECT …) TO STDOUT of lineitem SF{SCALE:g}, {name}"] = f"{seconds:.2f} s"
        if server.kind == "peristyle":
            found[f"its memory above idle, {name}"] = f"{watch.peak / MIB - idle:.0f} MiB"
    return found


def memory_mib(server):
    return server.process.memory_bytes() / MIB


def throw_away(server, statement):
    command = [*server.psql_command(), f"--command={statement}"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def round_trips(server):
    """Prepared SELECTs one after the other, and connections that ask one thing each."""
    kept = pgbench(server, SELECT_ONE, "--protocol=prepared")
    new = pgbench(server, SELECT_ONE, "--connect")
    return {
        "prepared SELECT 1, 1 connection": f"{kept:,.0f} /s",
        "connect, SELECT 1, disconnect": f"{1000 / new:.2f} ms",
    }


def pgbench(server, script, *options):
    """Transactions per second of a script."""
    command = [postgres_program("pgbench"), "--no-vacuum", *options, "--file=/dev/stdin", f"--time={SECONDS}"]
    command += ["--host=127.0.0.1", f"--port={server.port}", "--username=peristyle", "peristyle"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, input=script)
    return float(next(line for line in done.stdout.splitlines() if line.startswith("tps")).split()[2])


PARTS = {"results": results, "copy-out": copy_out, "round-trips": round_trips}
