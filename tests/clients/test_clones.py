"""Clones name the objects of the table that they came from; an object goes when nobody names it any more."""

import pytest

import merging
from polling import wait_until

pytestmark = pytest.mark.peristyle_only


def objects(server):
    return {str(path.relative_to(server.folder / "store")) for path in (server.folder / "store").rglob("*.parquet")}


def named(server):
    return {path for (path,) in server.rows("select path from system.partitions")}


def test_objects_live_as_long_as_one_table_names_them(make_server):
    settings = {**merging.held_back(), **merging.deleted_at_once(), "gc_interval_seconds": 1}
    server = make_server(settings=settings).start()
    server.run(
        "create table a as select i, 'word ' || i as word from generate_series(1, 100000) g(i)",
        "create table b clone a",
        "create table c clone b",
    )
    before = named(server)
    assert before == objects(server) and server.value("select count(*) from system.partitions") == 3 * len(before)
    server.run("drop table a", "delete from b where i = 7")
    rewritten = named(server)
    wait_until(lambda: objects(server) == rewritten, "what b wrote is there, and nothing is gone")
    assert before < rewritten, "c has the old ones"
    server.kill()
    server.start()
    assert server.rows("select count(*), sum(i), count(word) from c") == [(100_000, 5_000_050_000, 100_000)]
    assert server.rows("select count(*), sum(i), count(word) from b") == [(99_999, 5_000_049_993, 99_999)]
    server.run("drop table c")
    left = named(server)
    wait_until(lambda: objects(server) == left, "what only c had is deleted")
    assert server.rows("select count(*), sum(i) from b") == [(99_999, 5_000_049_993)]
    server.run("truncate b")
    wait_until(lambda: objects(server) == set(), "nothing is left")
    assert server.rows("select * from system.orphans") == []


def test_objects_of_tables_that_end_together_go(make_server):
    settings = {**merging.held_back(), **merging.deleted_at_once(), "gc_interval_seconds": 1}
    server = make_server(settings=settings).start()
    server.run("create table a as select i from generate_series(1, 100000) g(i)", "create table b clone a")
    server.run("truncate a, b")
    wait_until(lambda: objects(server) == set(), "nothing is left")
    assert server.rows("select * from system.orphans") == []


def test_a_clone_of_a_table_that_is_written_to(make_server):
    import threading

    server = make_server(settings=merging.eager()).start()
    server.run("create table a (i integer)")
    stop = threading.Event()

    def write():
        with server.connect() as connection:
            number = 0
            while not stop.is_set():
                number += 1
                connection.execute("insert into a values (%s)", (number,))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(5):
            server.run(f"create table c{number} clone a")
    finally:
        stop.set()
        writer.join()
    for number in range(5):
        count, least, greatest = server.rows(f"select count(*), min(i), max(i) from c{number}")[0]
        assert count == (greatest or 0) and least in (1, None), "a clone is of one moment"
