"""The access log in an open table: daily views and users, few objects, one day reads one day."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

import log_data
from access_log import START
from explaining import only_scan
from lane import LOG_LINES

AUTUMN_LINES = 9_000
AUTUMN_START = "2026-10-20T00:00:00+00:00"
OBJECTS_MAX = 40
UTC, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("America/New_York")
DAILY = (
    "select time::date, count(*), count(distinct (host || ' ' || coalesce(agent, '-')))"
    " from {table} group by 1 order by 1"
)
# A plain day, and in New York the day before, of and after each change of the clocks.
DAYS = [
    ("web_csv", UTC, "2026-03-05"),
    ("web_csv", NEW_YORK, "2026-03-05"),
    ("web_csv", NEW_YORK, "2026-03-07"),
    ("web_csv", NEW_YORK, "2026-03-08"),
    ("web_csv", NEW_YORK, "2026-03-09"),
    ("web_autumn", NEW_YORK, "2026-10-31"),
    ("web_autumn", NEW_YORK, "2026-11-01"),
    ("web_autumn", NEW_YORK, "2026-11-02"),
]
# Each way to write one day: a condition with {0} its first moment and {1} the next day's, as text in the zone.
LITERAL_WAYS = {
    "half open": "time >= '{day}' and time < '{next}'",
    "between": "time between '{day}' and '{last}'",
    "date_trunc": "date_trunc('day', time) = '{day}'",
    "cast to date": "time::date = '{day}'",
    "cast to date, typed": "cast(time as date) = date '{day}'",
    "epoch": "extract(epoch from time) >= {from_epoch}.0 and extract(epoch from time) < {to_epoch}.0",
    "epoch as double": "extract(epoch from time)::float8 >= {from_epoch} and extract(epoch from time)::float8 < {to_epoch}",
}
PARAMETER_WAYS = {
    "half open": ("time >= %s and time < %s", ("from", "to")),
    "between": ("time between %s and %s", ("from", "last")),
    "date_trunc": ("date_trunc('day', time) = %s", ("from",)),
    "cast to date": ("time::date = %s", ("day",)),
    "epoch": ("extract(epoch from time) >= %s and extract(epoch from time) < %s", ("from_epoch", "to_epoch")),
}


@pytest.fixture(scope="module")
def loaded(server):
    log_data.load(server, "web_csv", log_data.make("csv", LOG_LINES), LOG_LINES)
    log_data.load(server, "web_autumn", log_data.make("csv", AUTUMN_LINES, AUTUMN_START), AUTUMN_LINES)
    if server.kind == "peristyle":
        log_data.load(server, "web_ndjson", log_data.make("ndjson", LOG_LINES), LOG_LINES)
    yield server
    server.run("drop table if exists web_csv, web_autumn, web_ndjson")


def moments(day, zone):
    """The bounds of a day as the zone's clocks show it, in every form that the ways need."""
    start = datetime.fromisoformat(day).replace(tzinfo=zone)
    after = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=zone)
    last = after.astimezone(timezone.utc) - timedelta(microseconds=1)
    return {
        "day": start.date(), "next": after.date(), "from": start, "to": after, "last": last.astimezone(zone),
        "from_epoch": int(start.timestamp()), "to_epoch": int(after.timestamp()),
    }  # fmt: skip


def partitions_of(server, table, bounds):
    """How many of the table's partitions may hold a row of that span, by their key ranges."""
    query = "select count(*) from system.partitions where table_name = %s and key_to >= %s and key_from < %s"
    return server.value(query, (table, bounds["from"], bounds["to"]))


def check_one_day(server, connection, table, bounds, wanted, condition, parameters=None, **how):
    query = f"select count(*) from {table} where {condition}"
    assert connection.execute(query, parameters, **how).fetchone()[0] == wanted
    if server.kind == "postgres":
        return
    scan = only_scan(connection, query, parameters, **how)
    assert scan.read == scan.objects_opened == partitions_of(server, table, bounds), scan
    assert 0 < scan.read <= 3 and scan.pruned == scan.total - scan.read, scan
    assert scan.total >= 30, scan


@pytest.mark.parametrize("table", ["web_csv", pytest.param("web_ndjson", marks=pytest.mark.peristyle_only)])
@pytest.mark.parametrize("zone", [UTC, NEW_YORK], ids=str)
def test_daily_views_and_unique_users(loaded, table, zone):
    with loaded.connect() as connection:
        connection.execute(f"set timezone = '{zone}'")
        found = {row[0]: row[1:] for row in connection.execute(DAILY.format(table=table))}
    assert found == log_data.daily(LOG_LINES, zone)


@pytest.mark.peristyle_only
@pytest.mark.parametrize("table", ["web_csv", "web_ndjson"])
def test_a_load_makes_few_objects(loaded, table):
    made = loaded.value("select count(*) from system.partitions where table_name = %s", (table,))
    assert 30 <= made <= OBJECTS_MAX


@pytest.mark.parametrize("table, zone, day", DAYS, ids=lambda value: str(value))
def test_one_day_with_literals(loaded, table, zone, day):
    bounds = moments(day, zone)
    wanted = views(table, zone)[bounds["day"]][0]
    texts = {**bounds, "last": bounds["last"].isoformat(sep=" ")}
    with loaded.connect() as connection:
        connection.execute(f"set timezone = '{zone}'")
        for way in LITERAL_WAYS.values():
            check_one_day(loaded, connection, table, bounds, wanted, way.format(**texts))


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("table, zone, day", DAYS, ids=lambda value: str(value))
def test_one_day_with_parameters(loaded, table, zone, day, binary):
    bounds = moments(day, zone)
    wanted = views(table, zone)[bounds["day"]][0]
    with loaded.connect() as connection:
        connection.execute(f"set timezone = '{zone}'")
        for condition, names in PARAMETER_WAYS.values():
            parameters = [bounds[name] for name in names]
            check_one_day(loaded, connection, table, bounds, wanted, condition, parameters, prepare=True, binary=binary)


@pytest.mark.peristyle_only
def test_json_values_keep_their_types(loaded):
    query = "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass"
    types = dict(loaded.rows(query, ("web_ndjson",)))
    assert types["time"] == "timestamp with time zone"
    assert types["host"] == types["agent"] == "text"
    assert {types["status"], types["size"]} <= {"smallint", "integer", "bigint"}


COUNTED = {}


def views(table, zone):
    """The log's own daily counts, counted once per table and zone."""
    lines, start = (AUTUMN_LINES, AUTUMN_START) if table == "web_autumn" else (LOG_LINES, START)
    if (table, zone) not in COUNTED:
        COUNTED[table, zone] = log_data.daily(lines, zone, start)
    return COUNTED[table, zone]
