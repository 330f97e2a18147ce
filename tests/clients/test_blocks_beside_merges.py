"""The background's merges leave alone what blocks that keep their snapshot have read, for a while."""

import psycopg
import pytest

import merging
from polling import wait_until

pytestmark = pytest.mark.peristyle_only

CHUNKS = "select count(*) from system.chunks where table_name = %s"


def filled(server):
    server.run("create table t (i int, n int)", "create table other (i int)")
    server.run(*(f"insert into t values ({i}, 0)" for i in range(3)), "insert into other values (1)")


def test_an_update_of_what_a_block_has_read_does_not_lose_to_a_merge(make_server):
    server = make_server(settings=merging.eager()).start()
    with server.connect() as connection:
        filled(server)
        connection.execute("begin isolation level repeatable read")
        assert connection.execute("select count(*) from t").fetchone() == (3,)
        wait_until(lambda: server.value(CHUNKS, ("other",)) == 0, "other tables are merged")
        assert server.value(CHUNKS, ("t",)) == 3
        connection.execute("update t set n = 1 where i = 1")
        connection.execute("commit")
    merging.wait_until_stored(server, "t")
    assert server.rows("select sum(n), count(*) from t") == [(1, 3)]


def test_a_block_holds_merges_up_for_a_while_only(make_server):
    server = make_server(settings={**merging.eager(), "merge_yield_seconds": 3}).start()
    with server.connect() as connection:
        filled(server)
        connection.execute("begin isolation level repeatable read")
        connection.execute("select count(*) from t")
        merging.wait_until_stored(server, "t")
        with pytest.raises(psycopg.errors.SerializationFailure):
            connection.execute("update t set n = 1 where i = 1")
            connection.execute("commit")
        connection.execute("rollback")


def test_partitions_of_dropped_tables_are_left_and_their_chunks_are_not(make_server):
    server = make_server(settings=merging.held_back()).start()
    server.run("create table t (i int)")
    for first in range(2):
        server.run(f"insert into t select {first} from generate_series(1, 1000)", "vacuum t")
    server.run("insert into t values (2)", "drop table t")
    server.stop()
    server.settings = merging.eager()
    server.start()
    server.run("create table beside (i int)")
    for first in range(2):
        server.run(f"insert into beside values ({first})", "vacuum beside")
    merged = "select count(*) from system.partitions where table_name = 'beside'"
    wait_until(lambda: server.value(merged) == 1, "partitions of other tables are merged")
    server.run("undrop table t")
    assert server.value(CHUNKS, ("t",)) in (0, 1)
    partitions = server.rows("select level from system.partitions where table_name = 't' and rows = 1000")
    assert partitions == [(1,), (1,)]
