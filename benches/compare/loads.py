"""Loads that are too large, or too many, for a file, and the memory that they take."""

import datetime as dt
import threading

import merging

BLOCK_BYTES = 1 << 20
SAMPLE_SECONDS = 0.2
# One row a day from here on: partitions of hours never cross a day, so each day is one.
BEGIN = dt.datetime(1700, 1, 1, tzinfo=dt.timezone.utc)
ONE_DAY = "select count(*) from daily where at >= '1703-03-03 00:00:00+00' and at < '1703-03-04 00:00:00+00'"


def copy_over_and_over(server, file, wanted_bytes):
    """One COPY of the file's rows again and again until that many bytes were sent; returns how many."""
    sent = 0
    with server.connect() as connection, connection.cursor().copy("copy lineitem from stdin with (format csv)") as copy:
        while sent < wanted_bytes:
            with open(file, "rb") as rows:
                rows.readline()
                while sent < wanted_bytes and (block := rows.read(BLOCK_BYTES) + rows.readline()):
                    copy.write(block)
                    sent += len(block)
    return sent


def many_partitions(server, wanted):
    """Fills a table with that many partitions of one row each; returns the count."""
    server.run("create table daily (at timestamptz, n int) with (partition_by = 'hour(at)')")
    with server.connect() as connection, connection.cursor().copy("copy daily from stdin") as copy:
        for day in range(wanted):
            copy.write(f"{(BEGIN + dt.timedelta(days=day)).isoformat()}\t{day}\n")
    merging.wait_until_stored(server, "daily")
    return server.value("select count(*) from system.partitions where table_name = 'daily'")


class MemoryWatch:
    """The greatest resident memory of a process while a block runs."""

    def __init__(self, process):
        self.process = process
        self.peak = process.memory_bytes()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.done.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, self.process.memory_bytes())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
