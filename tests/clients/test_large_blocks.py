"""Transaction blocks of very many small writes: few chunks wait, and their rows are all there once."""

import psycopg
import pytest

from server import Peristyle

ROWS = 3000
CHUNKS_MAX = 64


@pytest.fixture
def server(tmp_path):
    server = Peristyle(tmp_path, settings={"transaction_chunks_max": CHUNKS_MAX}).start()
    yield server
    server.end()


def insert_one_by_one(connection, numbers, note="a row"):
    with connection.pipeline(), connection.cursor() as cursor:
        for number in numbers:
            cursor.execute("insert into t values (%s, %s)", [number, note])


def totals(connection):
    return connection.execute("select count(*), count(distinct n), sum(n)::int8 from t").fetchone()


def test_small_rows_become_few_chunks(server):
    server.run("create table t (n int, note text)")
    with psycopg.connect(server.url()) as connection:
        insert_one_by_one(connection, range(ROWS))
        assert totals(connection) == (ROWS, ROWS, ROWS * (ROWS - 1) // 2)
    chunks = server.value("select count(*) from system.chunks where table_name = 't'")
    assert 1 <= chunks <= CHUNKS_MAX + 1
    server.kill()
    server.start()
    assert server.value("select count(distinct n) from t") == ROWS


def test_large_rows_become_partitions(server):
    server.run("create table t (n int, note text)")
    with psycopg.connect(server.url()) as connection:
        insert_one_by_one(connection, range(ROWS), note="x" * 4000)
    assert server.value("select count(*) from system.partitions where table_name = 't'") >= 2
    assert server.rows("select count(*), count(distinct n), min(length(note)) from t") == [(ROWS, ROWS, 4000)]


def test_what_came_after_a_savepoint_goes_alone(server):
    server.run("create table t (n int, note text)")
    with psycopg.connect(server.url()) as connection:
        insert_one_by_one(connection, range(100))
        connection.execute("savepoint here")
        insert_one_by_one(connection, range(100, ROWS), note="y" * 4000)
        connection.execute("rollback to here")
        assert totals(connection) == (100, 100, 4950)
        insert_one_by_one(connection, range(100, 200))
    assert server.rows("select count(*), count(distinct n), max(n) from t") == [(200, 200, 199)]
    assert server.value("select count(*) from system.orphans") == 0


def test_changes_and_definitions_between(server):
    """Rows of others that the block changed keep their commits; new columns take their defaults."""
    server.run("create table t (n int, note text)", "insert into t select g, 'old' from generate_series(1, 50) as g")
    with psycopg.connect(server.url()) as connection:
        for number in range(1, 51):
            connection.execute("update t set note = 'new' where n = %s", [number])
            insert_one_by_one(connection, [100 + number, 200 + number])
        connection.execute("alter table t add column more int default 7")
        insert_one_by_one(connection, range(300, 400))
        connection.execute("delete from t where n between 200 and 299")
    found = "select count(*), count(*) filter (where note = 'new'), count(*) filter (where more = 7), max(n) from t"
    assert server.rows(found) == [(200, 50, 200, 399)]
    assert server.rows("select n, count(*) from t group by n having count(*) > 1") == []
