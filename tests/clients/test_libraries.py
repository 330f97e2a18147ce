"""Libraries above the drivers: a first connection and a query each."""

import asyncio

import asyncpg
import pandas
import psycopg
import psycopg2
import pytest
import sqlalchemy

from polling import wait_until


def engine(server, driver):
    return sqlalchemy.create_engine(server.url(f"postgresql+{driver}"))


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2", "pg8000"])
def test_sqlalchemy(server, table, driver):
    with engine(server, driver).connect() as connection:
        connection.execute(sqlalchemy.text(f"create table {table} (id int, name text)"))
        connection.execute(sqlalchemy.text(f"insert into {table} values (:id, :name)"), [{"id": 1, "name": "one"}])
        connection.commit()
        with connection.begin():
            with pytest.raises(ZeroDivisionError), connection.begin_nested():
                connection.execute(sqlalchemy.text(f"insert into {table} values (2, 'two')"))
                raise ZeroDivisionError
            connection.execute(sqlalchemy.text(f"insert into {table} values (3, 'three')"))
        found = connection.execute(sqlalchemy.text(f"select * from {table} order by id"))
        assert found.all() == [(1, "one"), (3, "three")]


@pytest.mark.parametrize("module", [psycopg, psycopg2], ids=["psycopg", "psycopg2"])
def test_drivers_commit_and_roll_back(server, table, module):
    server.run(f"create table {table} (id int)")
    connection = module.connect(**server.dsn())
    cursor = connection.cursor()
    cursor.execute(f"insert into {table} values (1)")
    connection.rollback()
    cursor.executemany(f"insert into {table} values (%s)", [(2,), (3,)])
    connection.commit()
    cursor.execute(f"select id from {table} order by id")
    assert cursor.fetchall() == [(2,), (3,)]
    connection.close()


def test_asyncpg_transactions_nest(server, table):
    async def ask():
        connection = await asyncpg.connect(server.url())
        await connection.execute(f"create table {table} (id int)")
        async with connection.transaction(isolation="repeatable_read"):
            await connection.execute(f"insert into {table} values (1)")
            with pytest.raises(asyncpg.DivisionByZeroError):
                async with connection.transaction():
                    await connection.execute(f"insert into {table} values (2)")
                    await connection.execute("select 1 / 0")
            await connection.execute(f"insert into {table} values (3)")
        rows = await connection.fetch(f"select id from {table} order by id")
        await connection.close()
        return [row["id"] for row in rows]

    assert asyncio.run(ask()) == [1, 3]


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_pandas_read_sql(server, driver):
    with engine(server, driver).connect() as connection:
        query = sqlalchemy.text("select n, n * 1.5::float8 as x, 'r' || n as s from generate_series(1, 3) as t(n) order by n")
        frame = pandas.read_sql(query, connection)
    assert frame.to_dict("list") == {"n": [1, 2, 3], "x": [1.5, 3.0, 4.5], "s": ["r1", "r2", "r3"]}


def test_asyncpg_many_rows_at_once(server, table):
    async def ask():
        connection = await asyncpg.connect(server.url())
        await connection.execute(f"create table {table} (id int, name text)")
        await connection.executemany(f"insert into {table} values ($1, $2)", [(n, f"row {n}") for n in range(100)])
        rows = await connection.fetch(f"select id, name from {table} where id > $1 order by id", 90)
        await connection.close()
        return [tuple(row) for row in rows]

    assert asyncio.run(ask()) == [(n, f"row {n}") for n in range(91, 100)]


def test_psycopg2_copy_expert(server, table, tmp_path):
    connection = psycopg2.connect(**server.dsn())
    connection.autocommit = True
    source = tmp_path / "rows.csv"
    source.write_text("".join(f"{n},row {n}\n" for n in range(1000)))
    with connection.cursor() as cursor, source.open() as rows:
        cursor.execute(f"create table {table} (id int, name text)")
        cursor.copy_expert(f"copy {table} from stdin with (format csv)", rows)
        assert cursor.rowcount == 1000
        with (tmp_path / "out.csv").open("w") as out:
            cursor.copy_expert(f"copy (select * from {table} order by id) to stdout with (format csv)", out)
    connection.close()
    assert (tmp_path / "out.csv").read_text() == source.read_text()


def test_psycopg_streams_row_by_row(server):
    with server.connect() as connection:
        rows = connection.cursor().stream("select n from generate_series(1, 100000) as t(n) order by n")
        first = [next(rows)[0] for _ in range(3)]
        rows.close()
        wait_until(lambda: connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE, "idle again")
        assert first == [1, 2, 3]
        assert connection.execute("select 1").fetchone() == (1,)
