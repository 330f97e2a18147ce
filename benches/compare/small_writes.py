"""The write amplification of a day of small writes on a real server, in a day that is as much shorter as the merge's times are:
`small_writes.py` on the release binary, or on that of `PERISTYLE_BINARY`. Prints markdown.

The policy is the default one but for its seconds: chunks go after 600 / FASTER, the merge looks every 5 / FASTER (no less than one),
a day is quiet after 6 hours / FASTER. The rows' own time runs as much faster.
"""

import os
import platform
import random
import shutil
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("PERISTYLE_BINARY", str(ROOT / "target/release/peristyle"))

from polling import wait_until  # noqa: E402: found on the path set above
from server import Peristyle  # noqa: E402: found on the path set above

FASTER = int(os.environ.get("SMALL_WRITES_FASTER", "200"))
DAY = timedelta(days=1)
# Of the rows so many are of one of the days before.
LATE, LATE_DAYS = 0.05, 7
SEED = 20_261_128


def settings():
    seconds = lambda real: max(1, round(real / FASTER))  # noqa: E731
    return {
        "chunk_age_seconds": seconds(600), "merge_interval_seconds": seconds(5), "merge_quiet_seconds": seconds(6 * 3600),
        "log_level": "error",
    }  # fmt: skip


def write_a_day(server):
    """Single-row INSERTs as fast as one connection goes; returns how many."""
    draw, rows = random.Random(SEED), 0
    started, midnight = time.monotonic(), datetime(2026, 11, 20, tzinfo=timezone.utc)
    with server.connect() as connection:
        while (passed := timedelta(seconds=(time.monotonic() - started) * FASTER)) < DAY:
            late = timedelta(days=draw.randint(1, LATE_DAYS)) if draw.random() < LATE else timedelta()
            row = (midnight + passed - late, draw.randrange(10**6), f"{draw.choice(['GET', 'PUT'])} /{draw.randrange(10**9)}")
            connection.execute("insert into requests values (%s, %s, %s)", row, prepare=True)
            rows += 1
    return rows


def is_tidy(server):
    """No chunk is left, and no merge came for a while."""
    if server.value("select count(*) from system.chunks"):
        return False
    idle = "select clock_timestamp() - max(finished_at) > %s * interval '1 second' from system.merges"
    return server.value(idle, (settings()["merge_quiet_seconds"] + 30,))


def main():
    folder = Path(tempfile.mkdtemp(prefix="small-writes-"))
    server = Peristyle(folder, settings=settings()).start()
    try:
        server.run("create table requests (at timestamptz, usr int, line text) with (partition_by = 'hour(at)')")
        rows = write_a_day(server)
        during = server.rows("select * from system.merge_totals")[0]
        wait_until(lambda: is_tidy(server), "a tidy table", 3600)
        after = server.rows("select * from system.merge_totals")[0]
        partitions = server.rows("select count(*), sum(rows), sum(bytes), max(level) from system.partitions")[0]
        lowest = server.rows("select level, count(*), sum(bytes_written) from system.merges group by 1 order by 1")
    finally:
        server.end()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"Measured on {os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}; {FASTER} times faster.\n")
    print(f"{rows} rows, {rows / (86_400 / FASTER):.0f} commits a second\n")
    print("| | merges | fresh bytes | written by merges | write amplification |\n|---|---|---|---|---|")
    for when, totals in [("at the end of the day", during), ("when it was tidy", after)]:
        _, _, _, merges, _, fresh, written, amplification = totals
        print(f"| {when} | {merges} | {fresh:,} | {written:,} | {amplification:.2f} |")
    print("\n| level | merges | bytes written |\n|---|---|---|")
    for level, merges, written in lowest:
        print(f"| {level} | {merges} | {written:,} |")
    first = dict((level, written) for level, _, written in lowest)[1]
    print(f"\nWritten by merges for each byte of the first partitions: {after[6] / first:.2f}.")
    print(f"Left: {partitions[0]} partitions, {partitions[1]} rows, {partitions[2]:,} bytes, level {partitions[3]} at most.")


if __name__ == "__main__":
    main()
