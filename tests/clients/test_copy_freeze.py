"""COPY FROM with FREEZE: into tables alone that the subtransaction created or truncated, as in PostgreSQL."""

import psycopg
import pytest

pytestmark = pytest.mark.client("psycopg 3")


@pytest.fixture
def block(server, table):
    """A connection with an empty table and a way to load one row into it, in a block that is rolled back."""
    with psycopg.connect(**server.dsn()) as connection:
        connection.execute(f"create table {table} (a integer)")
        connection.commit()

        def load():
            with connection.cursor() as cursor, cursor.copy(f"copy {table} from stdin with (freeze)") as copy:
                copy.write(b"1\n")

        yield connection, load
        connection.rollback()


def refused(load):
    with pytest.raises(psycopg.Error) as error:
        load()
    return error.value.sqlstate


def test_a_table_of_before_is_refused(block):
    connection, load = block
    assert refused(load) == "55000"
    connection.rollback()
    connection.execute("savepoint s")
    assert refused(load) == "55000"


def test_a_table_that_is_made_anew_is_loaded(block, table):
    connection, load = block
    for made in [f"truncate {table}", f"drop table {table}; create table {table} (a integer)"]:
        connection.execute(made)
        load()
        load()
        assert connection.execute(f"select count(*) from {table}").fetchone() == (2,)
        connection.rollback()
    assert refused(load) == "55000", "what was undone counts no more"


def test_a_savepoint_counts_as_a_transaction(block, table):
    connection, load = block
    connection.execute(f"truncate {table}; savepoint s")
    assert refused(load) == "55000"
    connection.execute(f"rollback to s; truncate {table}")
    load()
    connection.execute("release s")
    load()
    connection.execute("savepoint s; savepoint r")
    assert refused(load) == "55000"
    connection.execute(f"rollback to r; truncate {table}; release r")
    load()
    connection.execute("rollback to s")
    assert refused(load) == "55000"
    connection.execute("rollback to s; release s")
    load()


def test_an_open_cursor_is_in_the_way(block, table):
    connection, load = block
    connection.execute(f"truncate {table}; declare c cursor for select 1")
    assert refused(load) == "25000"
    connection.rollback()
    connection.execute(f"truncate {table}; declare c cursor for select 1; close c")
    load()
