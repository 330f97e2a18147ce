"""Access logs on disk, their load into an open table, and what their own lines say."""

from collections import defaultdict
from datetime import datetime

import access_log
import merging
from server import ROOT

DECLARED = (
    "(time timestamptz, host text, ident text, \"user\" text, method text, path text, query text, protocol text,"
    " status bigint, size bigint, referer text, agent text)"
)
WRITERS = {"csv": access_log.write_csv, "ndjson": access_log.write_ndjson}
OPTIONS = {"csv": "format csv, header", "ndjson": "format ndjson"}


def make(kind, lines, start=access_log.START):
    """Writes the log in a format once and returns the file."""
    folder = ROOT / "target/test-data"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"access-{lines}-{start[:10]}.{kind}"
    if not file.exists():
        making = file.with_suffix(".making")
        with making.open("w", encoding="utf-8", newline="") as output:
            WRITERS[kind](access_log.generate(lines, start), output)
        making.rename(file)
    return file


def load(server, table, file, lines):
    """Creates the table, open where the server knows such tables, and fills it with one \\copy."""
    server.psql(f"create table {table} {DECLARED if server.kind == 'postgres' else '()'}")
    kind = file.suffix[1:]
    done = server.psql(rf"\copy {table} from '{file}' with ({OPTIONS[kind]})")
    assert done.stdout.strip() == f"COPY {lines}"
    merging.wait_until_stored(server, table)


def daily(lines, zone, start=access_log.START):
    """{day: (page views, unique users)} counted from the log's own lines, a day as the zone's clocks show it."""
    views, users = defaultdict(int), defaultdict(set)
    for record in map(access_log.parse, access_log.generate(lines, start)):
        day = datetime.fromisoformat(record["time"]).astimezone(zone).date()
        views[day] += 1
        users[day].add((record["host"], record["agent"]))
    return {day: (views[day], len(users[day])) for day in views}
