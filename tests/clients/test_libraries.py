"""Libraries above the drivers: a first connection and a query each."""

import asyncio
import datetime as dt
import decimal
import io
import uuid

import asyncpg
import pandas
import pg8000.dbapi
import psycopg
import psycopg2
import pytest
import sqlalchemy

from polling import wait_until


def engine(server, driver):
    return sqlalchemy.create_engine(server.url(f"postgresql+{driver}"))


@pytest.mark.client("SQLAlchemy")
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


@pytest.mark.parametrize("module", [
    pytest.param(psycopg, marks=pytest.mark.client("psycopg 3"), id="psycopg"),
    pytest.param(psycopg2, marks=pytest.mark.client("psycopg2"), id="psycopg2"),
])
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


@pytest.mark.client("asyncpg")
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


@pytest.mark.client("pandas")
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_pandas_read_sql(server, driver):
    with engine(server, driver).connect() as connection:
        query = sqlalchemy.text("select n, n * 1.5::float8 as x, 'r' || n as s from generate_series(1, 3) as t(n) order by n")
        frame = pandas.read_sql(query, connection)
    assert frame.to_dict("list") == {"n": [1, 2, 3], "x": [1.5, 3.0, 4.5], "s": ["r1", "r2", "r3"]}


@pytest.mark.client("asyncpg")
def test_asyncpg_many_rows_at_once(server, table):
    async def ask():
        connection = await asyncpg.connect(server.url())
        await connection.execute(f"create table {table} (id int, name text)")
        await connection.executemany(f"insert into {table} values ($1, $2)", [(n, f"row {n}") for n in range(100)])
        rows = await connection.fetch(f"select id, name from {table} where id > $1 order by id", 90)
        await connection.close()
        return [tuple(row) for row in rows]

    assert asyncio.run(ask()) == [(n, f"row {n}") for n in range(91, 100)]


@pytest.mark.client("psycopg2")
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


@pytest.mark.client("psycopg 3")
def test_psycopg_streams_row_by_row(server):
    with server.connect() as connection:
        rows = connection.cursor().stream("select n from generate_series(1, 100000) as t(n) order by n")
        first = [next(rows)[0] for _ in range(3)]
        rows.close()
        wait_until(lambda: connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE, "idle again")
        assert first == [1, 2, 3]
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.client("asyncpg")
def test_asyncpg_knows_types_and_copies(server, table):
    """Types are looked up in the catalog; COPY goes both ways in the binary form."""
    row = (
        1, True, 2.5, decimal.Decimal("12.30"), "é", b"\x00\xff", dt.date(2026, 1, 2),
        dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC), dt.timedelta(days=1, seconds=2), uuid.UUID(int=7), [1, 2], ["a", None],
    )  # fmt: skip

    async def ask():
        connection = await asyncpg.connect(server.url())
        await connection.execute(
            f"create table {table} (n int, ok bool, x float8, d numeric(10,2), s text, b bytea, day date, at timestamptz, "
            f"i interval, u uuid, a int[], t text[])"
        )
        await connection.copy_records_to_table(table, records=[row, (2,) + (None,) * 11])
        found = await connection.fetch(f"select * from {table} order by n")
        out = io.BytesIO()
        copied = await connection.copy_from_query(f"select n from {table} order by n", output=out, format="csv")
        async with connection.transaction():
            cursor = await connection.cursor("select n from generate_series(1, 100) as t(n) order by n")
            await cursor.forward(10)
            fetched = [each["n"] for each in await cursor.fetch(2)]
        statement = await connection.prepare(f"select a, u from {table} where n = any($1)")
        types = [each.name for each in statement.get_parameters()], [each.type.name for each in statement.get_attributes()]
        assert len(await statement.fetch([1, 2])) == 2
        await connection.close()
        return [tuple(each) for each in found], out.getvalue(), copied, fetched, types

    found, out, copied, fetched, types = asyncio.run(ask())
    assert found == [row, (2,) + (None,) * 11]
    assert (out, copied, fetched) == (b"1\n2\n", "COPY 2", [11, 12])
    assert types == (["int4[]"], ["int4[]", "uuid"])


@pytest.mark.client("pg8000")
def test_pg8000_values_and_copy(server, table):
    with pg8000.dbapi.connect(user="peristyle", host="127.0.0.1", port=server.port, database="peristyle") as connection:
        cursor = connection.cursor()
        cursor.execute(f"create table {table} (n int, d numeric(10,2), s text, at timestamptz, j jsonb, a int[])")
        row = [1, decimal.Decimal("1.50"), "é'", dt.datetime(2026, 1, 2, tzinfo=dt.UTC), {"k": [1]}, [1, 2]]
        cursor.execute(f"insert into {table} values (%s, %s, %s, %s, %s, %s)", row)
        cursor.execute(f"copy {table} (n, s) from stdin", stream=io.StringIO("2\ttwo\n3\t\\N\n"))
        connection.commit()
        cursor.execute(f"delete from {table}")
        connection.rollback()
        cursor.execute(f"select * from {table} order by n")
        found = cursor.fetchall()
        assert list(found[0]) == row
        assert [each[2] for each in found] == ["é'", "two", None]
        out = io.StringIO()
        cursor.execute(f"copy (select n from {table} order by n) to stdout", stream=out)
        assert out.getvalue() == "1\n2\n3\n"
