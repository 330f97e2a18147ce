"""What taking a few rows out of many partitions costs: writing what stays again, a file of deletions beside each
partition, or all positions in one append to a log; and what a scan costs afterwards.

A prototype on Arrow's own Parquet files, for docs/decisions/0027: no server takes part. `deletions.py FOLDER`, on the disk
that is to be measured. Prints markdown.
"""

import os
import sys
import time
from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet

# Partitions, rows in each, and in how many of them a row goes.
CASES = [
    ("one user's rows, small partitions", 1000, 1_000, 949),
    ("one user's rows, larger partitions", 100, 100_000, 95),
    ("dbt's delete+insert of the last two days", 100, 100_000, 2),
]
DELETED_PER_PARTITION = 3
# Scans of which the quickest counts.
SCANS = 5


def write(path, table):
    pyarrow.parquet.write_table(table, path, compression="lz4", row_group_size=1 << 18)


def sync(path):
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def table_of(chance, rows):
    return pyarrow.table({
        "k": chance.integers(0, 1 << 40, rows),
        "usr": chance.integers(0, 300, rows),
        "note": pyarrow.array([f"note {n % 1000}" for n in range(rows)]),
    })  # fmt: skip


def measured(work):
    """Seconds of processor and of the clock."""
    cpu, wall = time.process_time(), time.monotonic()
    work()
    return time.process_time() - cpu, time.monotonic() - wall


def quickest(scan):
    return min(measured(scan) for _ in range(SCANS))


class Case:
    def __init__(self, folder, partitions, rows, touched):
        chance = numpy.random.default_rng(7)
        self.folder = folder
        self.paths = [folder / f"{number}.parquet" for number in range(partitions)]
        for path in self.paths:
            write(path, table_of(chance, rows))
        self.gone = {path: numpy.sort(chance.choice(rows, DELETED_PER_PARTITION, False)) for path in self.paths[-touched:]}

    def copy_on_write(self):
        for path, gone in self.gone.items():
            table = pyarrow.parquet.read_table(path)
            stays = numpy.ones(len(table), bool)
            stays[gone] = False
            new = path.with_suffix(".new")
            write(new, table.filter(pyarrow.array(stays)))
            sync(new)
        sync(self.folder)

    def files_of_deletions(self):
        for path, gone in self.gone.items():
            path.with_suffix(".gone").write_bytes(gone.astype(numpy.uint32).tobytes())
            sync(path.with_suffix(".gone"))
        sync(self.folder)

    def log(self):
        with open(self.folder / "log", "wb") as log:
            for gone in self.gone.values():
                log.write(gone.astype(numpy.uint32).tobytes())
            log.flush()
            os.fdatasync(log.fileno())

    def scan(self, path_of, gone_of):
        for path in self.paths:
            table = pyarrow.parquet.read_table(path_of(path))
            gone = gone_of(path)
            if gone is not None:
                stays = numpy.ones(len(table), bool)
                stays[gone] = False
                table = table.filter(pyarrow.array(stays))

    def scan_copies(self):
        new = lambda path: path.with_suffix(".new")  # noqa: E731
        self.scan(lambda path: new(path) if path in self.gone else path, lambda path: None)

    def scan_with_files(self):
        def gone_of(path):
            return numpy.frombuffer(path.with_suffix(".gone").read_bytes(), numpy.uint32) if path in self.gone else None

        self.scan(lambda path: path, gone_of)

    def scan_with_memory(self):
        self.scan(lambda path: path, self.gone.get)


def bytes_of(paths):
    return sum(path.stat().st_size for path in paths)


def main(folder):
    print("| case | | objects | bytes | write: processor, clock | scan after: processor |")
    print("|---|---|---|---|---|---|")
    for name, partitions, rows, touched in CASES:
        place = folder / f"{partitions}-{rows}-{touched}"
        place.mkdir(parents=True)
        case = Case(place, partitions, rows, touched)
        ways = [
            ("copy on write", case.copy_on_write, case.scan_copies, "*.new"),
            ("a file of deletions each", case.files_of_deletions, case.scan_with_files, "*.gone"),
            ("positions in one append", case.log, case.scan_with_memory, "log"),
        ]
        for way, work, scan, pattern in ways:
            cpu, wall = measured(work)
            made = list(place.glob(pattern))
            scanned, _ = quickest(scan)
            print(f"| {name} | {way} | {len(made)} | {bytes_of(made):,} | {cpu:.3f} s, {wall:.3f} s | {scanned:.3f} s |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
