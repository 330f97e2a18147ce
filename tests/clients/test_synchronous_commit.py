"""synchronous_commit = off: told before it is durable, seen by everybody, and after a crash a beginning of what was told."""

import time

import pytest

import merging

pytestmark = pytest.mark.peristyle_only


def test_a_crash_loses_the_end_at_most(make_server):
    server = make_server(settings=merging.held_back()).start()
    server.run("create table t (a integer)")
    for round in range(3):
        with server.connect() as writer, server.connect() as reader:
            writer.execute("set synchronous_commit = off")
            start = server.value("select coalesce(max(a), 0) from t")
            for number in range(start + 1, start + 301):
                writer.execute("insert into t values (%s)", (number,))
            assert reader.execute("select max(a) from t").fetchone() == (start + 300,)
            if round == 0:
                time.sleep(1)
        server.kill()
        server.start()
        rows, last = server.rows("select count(*), max(a) from t")[0]
        assert rows == last, "what is lost is the end"
        if round == 0:
            assert last == 300, "a second is enough to be durable"


def test_a_commit_that_waits_brings_the_others_along(make_server):
    server = make_server(settings=merging.held_back()).start()
    server.run("create table t (a integer)")
    with server.connect() as writer:
        writer.execute("set synchronous_commit = off")
        for number in range(100):
            writer.execute("insert into t values (%s)", (number,))
    server.run("insert into t values (1000)")
    server.kill()
    server.start()
    assert server.value("select count(*) from t") == 101


def test_an_orderly_stop_loses_nothing(make_server):
    server = make_server(settings=merging.held_back()).start()
    server.run("create table t (a integer)")
    with server.connect() as writer:
        writer.execute("set synchronous_commit = off")
        writer.execute("insert into t values (1)")
    server.stop()
    server.start()
    assert server.rows("select a from t") == [(1,)]


def test_dropped_tables_survive_a_crash_and_go_in_time(make_server):
    from polling import wait_until

    server = make_server(settings={**merging.held_back(), "dropped_table_seconds": 600}).start()
    server.run(
        "create table t as select i from generate_series(1, 50000) g(i)", "insert into t values (0)", "drop table t"
    )
    server.kill()
    server.start()
    server.run("undrop table t")
    assert server.rows("select count(*), min(i) from t") == [(50_001, 0)]
    server.run("drop table t")
    server.stop()
    server.settings = {**merging.eager(), **merging.deleted_at_once(), "dropped_table_seconds": 1}
    server.start()
    wait_until(lambda: server.value("select count(*) from system.dropped_tables") == 0, "the table is gone for good")
    wait_until(lambda: not list((server.folder / "store").rglob("*.parquet")), "its objects are deleted")
