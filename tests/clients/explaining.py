"""What EXPLAIN ANALYZE says a statement read."""

import re
from dataclasses import dataclass

SCAN = re.compile(
    r"partitions total=(?P<total>\d+) pruned=(?P<pruned>\d+) read=(?P<read>\d+)"
    r" objects_opened=(?P<objects_opened>\d+) bytes_read=(?P<bytes_read>\d+)"
)


@dataclass
class Scan:
    """One table scan's line."""

    total: int
    pruned: int
    read: int
    objects_opened: int
    bytes_read: int


def scans(connection, query, parameters=None, **how):
    """Runs EXPLAIN ANALYZE and returns each table scan's counts."""
    plan = "\n".join(row[0] for row in connection.execute("explain analyze " + query, parameters, **how))
    found = [Scan(**{name: int(text) for name, text in line.groupdict().items()}) for line in SCAN.finditer(plan)]
    assert found, f"no scan in:\n{plan}"
    return found


def only_scan(connection, query, parameters=None, **how):
    (scan,) = scans(connection, query, parameters, **how)
    return scan
