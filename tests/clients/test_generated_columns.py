"""Generated columns through COPY, tools, and under writers that began before there was one."""

import psycopg
import pytest


@pytest.fixture
def computed(server, table):
    server.run(f"create table {table} (a int, b int generated always as (a * 2) stored, c text default 'none')")
    yield table


def test_copy_leaves_it_out(server, computed):
    with server.connect() as connection:
        cursor = connection.cursor()
        with cursor.copy(f"copy {computed} from stdin (format csv)") as copy:
            copy.write("1,one\n2,\n")
        with cursor.copy(f"copy {computed} (a) from stdin") as copy:
            copy.write("3\n")
        with cursor.copy(f"copy {computed} to stdout (format csv)") as copy:
            assert sorted(b"".join(copy).decode().splitlines()) == ["1,one", "2,", "3,none"]
        for statement in (f"copy {computed} (a, b) from stdin", f"copy {computed} (b) to stdout"):
            with pytest.raises(psycopg.errors.InvalidColumnReference), cursor.copy(statement):
                pass
    assert server.rows(f"select a, b from {computed} order by a") == [(1, 2), (2, 4), (3, 6)]


def test_bound_parameters(server, computed):
    with server.connect() as connection:
        for a in range(3):
            connection.execute(f"insert into {computed} (a) values (%s)", (a,), prepare=True)
        connection.execute(f"update {computed} set a = %s where a = %s", (10, 2), prepare=True)
    assert server.rows(f"select a, b from {computed} order by a") == [(0, 0), (1, 2), (10, 20)]


@pytest.mark.peristyle_only
def test_on_conflict_computes_what_is_excluded(server, table):
    server.run(
        f"create table {table} (id int primary key, a int, b int generated always as (a * 2) stored) "
        "with (enforce_key = true)",
        f"insert into {table} values (1, 1)",
    )
    statement = (
        f"insert into {table} (id, a) values (1, 5), (2, 6) "
        f"on conflict (id) do update set a = {table}.b + excluded.b returning id, a, b"
    )
    assert sorted(server.rows(statement)) == [(1, 12, 24), (2, 6, 12)]
    assert server.rows(f"select * from {table} order by id") == [(1, 12, 24), (2, 6, 12)]


@pytest.mark.peristyle_only
def test_writers_that_did_not_know_of_it(server, table):
    """Rows that were made before the column are computed with it, or refused: never without a value."""
    server.run(f"create table {table} (a int)", f"insert into {table} values (1)")
    with server.connect() as early, server.connect() as late:
        early.execute("begin")
        early.execute(f"insert into {table} values (2)")
        late.execute(f"alter table {table} add column b int generated always as (a * 2) stored")
        with pytest.raises(psycopg.errors.SerializationFailure):
            early.execute("commit")
        early.execute("begin")
        early.execute(f"alter table {table} add column c int generated always as (a + 1) stored")
        late.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            late.execute(f"insert into {table} values (3)")
        early.execute("commit")
        late.execute(f"insert into {table} values (3)")
    assert server.rows(f"select * from {table} order by a") == [(1, 2, 2), (3, 6, 4)]


@pytest.mark.peristyle_only
def test_merges_and_clones_keep_the_values(server, computed):
    server.run(
        f"insert into {computed} select n from generate_series(1, 1000) n",
        f"optimize table {computed}",
        f"create table {computed}_clone clone {computed}",
        f"insert into {computed}_clone values (2000)",
        f"update {computed}_clone set a = -a where a <= 10",
    )
    assert server.value(f"select count(*) from {computed} where b = a * 2") == 1000
    assert server.value(f"select count(*) from {computed}_clone where b = a * 2") == 1001
    server.run(f"drop table {computed}_clone")
