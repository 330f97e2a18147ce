"""The same loads on an S3 server, and a bucket that holds exactly what the catalog says it holds."""

from zoneinfo import ZoneInfo

import pytest

import log_data
import merging
import tpch_data
from comparing import differences, rows_of
from faults import kill_during
from lane import SLOW, TPCH_SCALE, LOG_LINES
from polling import wait_until
from test_access_log import DAILY
from test_tpch import ORDER

pytestmark = pytest.mark.peristyle_only

SCALE = TPCH_SCALE if SLOW else min(TPCH_SCALE, 0.01)
DELETE_SECONDS = 120


def live(server):
    return {path for (path,) in server.rows("select path from system.partitions")}


def orphans(server):
    return {path for (path,) in server.rows("select path from system.orphans")}


def bookkeeping(names):
    """Manifests, the identity object, the server's mark: what is in the bucket besides partitions."""
    return {name for name in names if name.startswith(("manifest/", "fence/")) or name == "identity"}


def partitions_in(bucket):
    names = bucket.objects()
    assert bookkeeping(names), "neither manifest nor identity object"
    return names - bookkeeping(names)


def load_both(server):
    files = tpch_data.generate(SCALE, 2)
    tpch_data.load(server, files)
    log_data.load(server, "web", log_data.make("csv", LOG_LINES), LOG_LINES)
    return files


def check_answers(server, files):
    with tpch_data.duckdb_with(files) as oracle, server.connect() as connection:
        for number, text in tpch_data.QUERIES.items():
            wanted = oracle.execute(text).fetchall()
            why = differences(rows_of(connection.execute(text)), wanted, ORDER.get(number, ()))
            assert not why, f"q{number:02}: {why}"
    found = {row[0]: row[1:] for row in server.rows(DAILY.format(table="web"))}
    assert found == log_data.daily(LOG_LINES, ZoneInfo("UTC"))


def test_loads_answers_and_a_second_start(make_server, bucket):
    server = make_server(settings=merging.eager(), **bucket.options()).start()
    files = load_both(server)
    check_answers(server, files)
    server.stop()
    server.start()
    check_answers(server, files)


def test_the_listing_equals_live_ended_and_manifests(make_server, bucket):
    """The merge is held back after it ran, and DROP and TRUNCATE set the end marks: so they are known from outside."""
    server = make_server(settings={**merging.eager(), **merging.deleted_at_once()}, **bucket.options()).start()
    tpch_data.load(server, tpch_data.generate(SCALE, 2))
    for table in tpch_data.TABLES:
        merging.wait_until_stored(server, table)
    wait_until(lambda: partitions_in(bucket) == live(server), "merged objects are deleted", DELETE_SECONDS)
    server.stop()
    server.settings = {**merging.held_back(), **merging.kept_after_end()}
    server.start()
    before = live(server)
    # A last merge may have ended partitions between the wait and the stop; the catalog knows of them.
    merged = partitions_in(bucket) - before
    assert orphans(server) == set()
    server.run("drop table lineitem", "truncate orders")
    ended = before - live(server)
    assert ended and partitions_in(bucket) == live(server) | ended | merged
    assert orphans(server) == set()


def test_ended_objects_are_deleted(make_server, bucket):
    server = make_server(settings={**merging.eager(), **merging.deleted_at_once()}, **bucket.options()).start()
    tpch_data.load(server, tpch_data.generate(SCALE, 2))
    server.run("drop table lineitem", "truncate orders")
    wait_until(lambda: partitions_in(bucket) == live(server), "listing equals live partitions", DELETE_SECONDS)
    assert orphans(server) == set()


def test_after_a_kill_every_extra_object_is_an_orphan(make_server, bucket):
    settings = {**merging.held_back(), **merging.kept_after_end()}
    server = make_server(settings=settings, **bucket.options()).start()
    files = tpch_data.generate(SCALE, 2)
    tpch_data.load(server, files)
    clean = partitions_in(bucket)
    extra = set()
    for part in range(10):
        kill_during(server, lambda: copy_again(server, files), fraction=0.1 + 0.09 * part)
        server.start()
        extra = partitions_in(bucket) - live(server)
        assert extra == orphans(server)
        print(f"kill {part}: {len(extra)} objects beyond the catalog, all reported")
    assert clean <= partitions_in(bucket)


def copy_again(server, files):
    server.psql(*[rf"\copy lineitem from '{file}' with (format csv, header)" for file in files["lineitem"]], check=False)
