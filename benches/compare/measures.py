"""The measurements: each takes a running server and returns {work: result as text}."""

import math
import os

import clients
import loads
import tiers
import tpch_data
from clients import pgbench
from settings import MIB, RUNS, SCALE
from tiers import timed

COPY_BYTES = int(os.environ.get("COMPARE_COPY_BYTES", str(5_000_000_000)))
PARTITIONS = int(os.environ.get("COMPARE_PARTITIONS", "100000"))
CLIENTS = (1, 8, 64)
INSERT = "\\set at random(1, 1000000000)\ninsert into single_{} values (:client_id, :at, 'a row');\n"


def tpch_files():
    return tpch_data.generate(SCALE, 1)


# --- COPY -----------------------------------------------------------------------------------------------------------


def copy(server):
    """\\copy of lineitem into an empty table, through psql and the socket, durable at its end."""
    server.psql((tpch_data.FOLDER / "schema.sql").read_text())
    (file,) = tpch_files()["lineitem"]
    seconds = timed(lambda: server.psql(rf"\copy lineitem from '{file}' with (format csv, header)"))
    rows = server.value("select count(*) from lineitem")
    return {copy_title(file): f"{seconds:.1f} s ({rows / seconds / 1e6:.2f} M rows/s)"}


def copy_title(file):
    return f"\\copy of TPC-H lineitem SF{SCALE:g} csv ({file.stat().st_size / 1e6:.0f} MB)"


# --- single-row INSERT ----------------------------------------------------------------------------------------------


def insert(server):
    """Durable single-row INSERTs by pgbench, prepared, at several numbers of connections."""
    found = {}
    for count in CLIENTS:
        server.run(f"create table single_{count} (client int, at bigint, note text)")
        options = ["--protocol=prepared", f"--client={count}", f"--jobs={min(count, 2)}"]
        found[f"single-row INSERT, {count} connections"] = f"{pgbench(server, INSERT.format(count), *options):,.0f} /s"
    return found


# --- queries --------------------------------------------------------------------------------------------------------


def queries(server):
    """The 22 queries hot: the best of some runs after one to warm up, as geometric mean. Tables of few rows are read
    from memory: the merge leaves chunks alone for the first minutes.

    PostgreSQL is left out: without indexes it takes hours for the correlated subqueries of q17 and q20."""
    if server.kind == "postgres":
        return {}
    tpch_data.load(server, tpch_files())
    with server.connect() as connection:
        times = hot_times(lambda text: connection.execute(text, binary=True).fetchall())
    return query_rows(times)


def hot_times(run):
    return {number: hot_time(run, text) for number, text in tpch_data.QUERIES.items()}


def hot_time(run, text):
    run(text)
    return min(timed(lambda: run(text)) for _ in range(RUNS))


def query_rows(times):
    mean = math.exp(sum(map(math.log, times.values())) / len(times))
    found = {f"22 TPC-H queries hot, SF{SCALE:g}, geometric mean": f"{mean * 1000:.1f} ms"}
    return found | {f"q{number:02}": f"{seconds * 1000:.1f} ms" for number, seconds in times.items()}


# --- memory ---------------------------------------------------------------------------------------------------------


def memory(server):
    """Resident memory above idle while one COPY goes on and on. PostgreSQL's is spread over processes: not shown."""
    if server.kind == "postgres":
        return {}
    server.psql((tpch_data.FOLDER / "schema.sql").read_text())
    idle = server.process.memory_bytes()
    with loads.MemoryWatch(server.process) as watch:
        sent = loads.copy_over_and_over(server, tpch_files()["lineitem"][0], COPY_BYTES)
    title = f"server memory above idle during a {sent / 1e9:.2g} GB COPY"
    return {title: f"{(watch.peak - idle) / MIB:.0f} MiB (idle {idle / MIB:.0f} MiB)"}


# --- start ----------------------------------------------------------------------------------------------------------


def start(server):
    """Start with many partitions, and planning a one-day query over them."""
    if server.kind == "postgres":
        return {}
    made = loads.many_partitions(server, PARTITIONS)
    plan = min(plan_seconds(server) for _ in range(RUNS))
    server.stop()
    seconds = min(restart_seconds(server) for _ in range(RUNS))
    return {
        f"start with {made:,} partitions, to the first answer": f"{seconds:.2f} s",
        f"one-day query planned over {made:,} partitions": f"{plan * 1000:.1f} ms",
    }


def plan_seconds(server):
    with server.connect() as connection:
        return timed(lambda: connection.execute("explain " + loads.ONE_DAY))


def restart_seconds(server):
    seconds = timed(server.start)
    server.stop()
    return seconds


PARTS = {"copy": copy, "insert": insert, "queries": queries, "memory": memory, "start": start} | tiers.PARTS | clients.PARTS
