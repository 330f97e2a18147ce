"""NaN and the infinities of numeric: what drivers send and read, and what is left of them after a merge and a restart."""

import asyncio
import io
from decimal import Decimal

import asyncpg
import pg8000.dbapi
import psycopg
import psycopg2
import pytest

SPECIALS = [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")]
NAMES = [str(special) for special in SPECIALS]
FORMATS = pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])


def texts(rows):
    """Values by their texts, as NaN is not equal to itself in Python."""
    return [str(value) for (value,) in rows]


@pytest.mark.client("psycopg 3")
@FORMATS
def test_psycopg_sends_and_reads(server, table, binary):
    placeholder = "%b" if binary else "%t"
    with server.connect() as connection:
        for special in SPECIALS:
            found = connection.execute(f"select {placeholder}::numeric", [special], binary=binary).fetchall()
            assert texts(found) == [str(special)]
        connection.execute(f"create table {table} (x numeric)")
        for _ in range(3):
            for value in [*SPECIALS, Decimal("1.25")]:
                connection.execute(f"insert into {table} values ({placeholder})", [value], prepare=True)
        found = connection.execute(f"select distinct x from {table} order by x", binary=binary).fetchall()
        assert [float(name) for name in texts(found)[:-1]] == [float("-inf"), 1.25, float("inf")]
        assert texts(found)[-1] == "NaN"
        count = f"select count(*) from {table} where x = {placeholder}"
        assert [connection.execute(count, [special]).fetchone() for special in SPECIALS] == [(3,)] * 3


@pytest.mark.client("psycopg2")
def test_psycopg2_sends_and_reads(server, table):
    connection = psycopg2.connect(**server.dsn())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"create table {table} (id serial, x numeric)")
        # The driver writes an infinite Decimal as NaN.
        cursor.execute(f"insert into {table} (x) values (%s), ('Infinity'), ('-Infinity')", [SPECIALS[0]])
        cursor.execute(f"select x from {table} order by id")
        assert texts(cursor.fetchall()) == NAMES
    connection.close()


@pytest.mark.client("pg8000")
def test_pg8000_sends_and_reads(server, table):
    connection = pg8000.dbapi.connect(user="peristyle", host="127.0.0.1", port=server.port, database="peristyle")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(f"create table {table} (id integer, x numeric)")
    for number, special in enumerate(SPECIALS):
        cursor.execute(f"insert into {table} values (%s, %s)", [number, special])
    cursor.execute(f"select x from {table} order by id")
    assert texts(cursor.fetchall()) == NAMES
    connection.close()


@pytest.mark.client("asyncpg")
def test_asyncpg_sends_and_reads(server, table):
    async def ask():
        connection = await asyncpg.connect(server.url())
        await connection.execute(f"create table {table} (id integer, x numeric)")
        await connection.executemany(f"insert into {table} values ($1, $2)", list(enumerate(SPECIALS)))
        await connection.copy_records_to_table(table, records=list(enumerate(SPECIALS, start=10)))
        found = await connection.fetch(f"select x from {table} order by id")
        counts = [await connection.fetchval(f"select count(*) from {table} where x = $1", special) for special in SPECIALS]
        await connection.close()
        return texts(found), counts

    assert asyncio.run(ask()) == (NAMES * 2, [2, 2, 2])


@pytest.mark.parametrize("options", ["", " with (format csv)", " with (format binary)"], ids=["text", "csv", "binary"])
def test_copy_keeps_them(server, table, options):
    with server.connect() as connection:
        connection.execute(f"create table {table} (id integer, x numeric)")
        connection.execute(f"insert into {table} values (1, 'NaN'), (2, 'Infinity'), (3, '-Infinity'), (4, 0.5), (5, null)")
        out = io.BytesIO()
        with connection.cursor().copy(f"copy (select * from {table} order by id) to stdout{options}") as copy:
            for data in copy:
                out.write(data)
        connection.execute(f"truncate {table}")
        with connection.cursor().copy(f"copy {table} from stdin{options}") as copy:
            copy.write(out.getvalue())
        found = connection.execute(f"select x from {table} order by id").fetchall()
        assert texts(found) == [*NAMES, "0.5", "None"]


def test_parquet_files_refuse_them(make_server, tmp_path):
    server = make_server(settings={"copy_locations": str(tmp_path)}).start()
    with server.connect() as connection, pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute(f"copy (select 'NaN'::numeric as x) to '{tmp_path}/x.parquet' with (format parquet)")


def test_they_outlive_a_merge_and_a_restart(make_server):
    server = make_server().start()
    server.run("create table n (id integer, x numeric)")
    server.run("insert into n values (1, 'NaN'), (2, 1.5)", "insert into n values (3, '-Infinity'), (4, 'Infinity')")
    server.run("insert into n select g, g from generate_series(5, 100) g")
    wanted = server.rows("select x::text from n order by id")
    for change in ["vacuum n", "insert into n values (101, 0.125)", "optimize table n"]:
        server.run(change)
        server.stop()
        server.start()
    found = server.rows("select id, x::text from n order by x desc, id limit 3")
    assert [row[1] for row in found[:2]] == ["NaN", "Infinity"]
    assert len(wanted) == 100
    assert server.rows("select count(*), min(x)::text, max(x)::text from n") == [(101, "-Infinity", "NaN")]
    assert server.rows("select id from n where x < 1 order by id") == [(3,), (101,)]
    assert server.rows("select id from n where x > 1000 order by id") == [(1,), (4,)]
    assert server.rows("select id from n where x = 'NaN'") == [(1,)]
