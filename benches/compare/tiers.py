"""Measurements of the real-time tier, of starts after a kill and of catalogs with very many partitions."""

import os
import statistics
import time

import loads
from settings import MIB

CHUNKS = int(os.environ.get("COMPARE_CHUNKS", "1000"))
LOG_BYTES = int(os.environ.get("COMPARE_LOG_BYTES", str(400 << 20)))
CLONED_PARTITIONS = int(os.environ.get("COMPARE_CLONED_PARTITIONS", "100000"))
CLONES = int(os.environ.get("COMPARE_CLONES", "9"))
ASKS = 300
ROWS_PER_CHUNK = 4_000
NO_MERGE = {"merge_interval_seconds": 86_400}


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def percentile(seconds, percent):
    return f"{statistics.quantiles(seconds, n=100)[percent - 1] * 1000:.1f} ms"


def ask(server, query):
    """Seconds of each of many executions of a prepared query."""
    with server.connect() as connection:
        run = lambda: connection.execute(query, prepare=True).fetchall()  # noqa: E731: said once
        run()
        return [timed(run) for _ in range(ASKS)]


def chunks(server):
    """Queries over a table whose rows all lie in single-row chunks, as they are before the first merge."""
    server.run("create table recent (at timestamptz, n int)")
    with server.connect() as connection:
        for n in range(CHUNKS):
            connection.execute("insert into recent values (now(), %s)", (n,), prepare=True)
    live = CHUNKS
    if server.kind == "peristyle":
        live = server.value("select count(*) from system.chunks where table_name = 'recent'")
    count = ask(server, "select count(*) from recent")
    latest = ask(server, "select count(*) from recent where at > now() - interval '1 minute'")
    title = f"{live:,} live chunks" if server.kind == "peristyle" else "the same rows"
    return {
        f"count(*) over {CHUNKS:,} rows of single-row commits, p99": f"{percentile(count, 99)} ({title})",
        "its last minute, p99": percentile(latest, 99),
    }


def reopen(server):
    """Start after a kill, with as much in the log as is not yet in partitions."""
    if server.kind == "postgres":
        return {}
    server.stop()
    server.settings |= NO_MERGE
    server.start()
    server.run("create table events (at timestamptz, id bigint, note text)")
    fill_log(server)
    held, size = server.rows("select sum(rows), sum(bytes) from system.chunks")[0]
    server.kill()
    seconds = timed(server.start)
    assert server.value("select count(*) from events") == held
    return {f"start after a kill, {held:,} rows in {float(size) / MIB:.0f} MiB of chunks": f"{seconds:.2f} s"}


def fill_log(server):
    """Commits chunks until the log has about so many bytes."""
    row = "2026-01-02 03:04:05.678901+00\t%d\ta few words that a client might send, and some more of them\n"
    block = "".join(row % n for n in range(ROWS_PER_CHUNK)).encode()
    with server.connect() as connection:
        written = 0
        while written < LOG_BYTES:
            with connection.cursor().copy("copy events from stdin") as copy:
                copy.write(block)
            written += len(block)


def many_rows_of_partitions(server):
    """A catalog with very many partitions: clones of one table name the same objects again."""
    if server.kind == "postgres":
        return {}
    loads.many_partitions(server, CLONED_PARTITIONS)
    small = plan_times(server, "daily")
    idle = server.process.memory_bytes()
    for clone in range(CLONES):
        server.run(f"create table daily_{clone} clone daily")
    rows = server.value("select count(*) from system.partitions")
    large = plan_times(server, "daily_0")
    memory = server.process.memory_bytes()
    server.stop()
    folder = sum(file.stat().st_size for file in (server.data / "index").rglob("*") if file.is_file())
    seconds = timed(server.start)
    fresh = server.process.memory_bytes()
    return {
        f"one-day query planned, {CLONED_PARTITIONS:,} partitions in the catalog": small,
        f"the same, {rows:,} partitions in the catalog": large,
        f"server memory with {rows:,} partitions": f"{memory / MIB:.0f} MiB; just started {fresh / MIB:.0f} MiB",
        f"index folder with {rows:,} partitions": f"{folder / MIB:.0f} MiB",
        f"start with {rows:,} partitions": f"{seconds:.2f} s",
        f"server memory with {CLONED_PARTITIONS:,} partitions": f"{idle / MIB:.0f} MiB",
    }


def plan_times(server, table):
    seconds = ask(server, "explain " + loads.ONE_DAY.replace("from daily", f"from {table}"))
    return f"{statistics.median(seconds) * 1000:.1f} ms (p99 {percentile(seconds, 99)})"


PARTS = {"chunks": chunks, "reopen": reopen, "catalog": many_rows_of_partitions}
