"""COPY in PostgreSQL's binary form, through the clients that speak it."""

import asyncio
import datetime
import decimal
import io
import struct
import uuid

import asyncpg
import psycopg
import pytest

pytestmark = pytest.mark.client("psycopg 3")

COLUMNS = "id int, name text, amount numeric(10,2), moment timestamptz, day date, ok bool, f float8, u uuid, tags text[], doc jsonb"
NAMES = ["int4", "text", "numeric", "timestamptz", "date", "bool", "float8", "uuid", "text[]", "jsonb"]
AT = datetime.datetime(2024, 2, 29, 12, 30, 1, 250000, datetime.UTC)
ROWS = [
    (1, "one\n\t", decimal.Decimal("12.50"), AT, AT.date(), True, 1.5, uuid.UUID(int=7), ["a", None], {"a": 1}),
    (2, "", decimal.Decimal("-0.01"), AT, datetime.date.max, False, float("inf"), uuid.UUID(int=0), [], [1, None]),
    (3, None, None, None, None, None, None, None, None, None),
]
SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"


def test_psycopg_rows(server, table):
    with server.connect() as connection:
        connection.execute(f"create table {table} ({COLUMNS})")
        with connection.cursor().copy(f"copy {table} from stdin (format binary)") as copy:
            copy.set_types(NAMES)
            for row in ROWS:
                copy.write_row([psycopg.types.json.Jsonb(v) if i == 9 and v is not None else v for i, v in enumerate(row)])
        with connection.cursor().copy(f"copy (select * from {table} order by id) to stdout (format binary)") as copy:
            copy.set_types(NAMES)
            assert list(copy.rows()) == ROWS
        with connection.cursor().copy(f"copy (select * from {table} where false) to stdout (format binary)") as copy:
            assert list(copy.rows()) == []
        assert connection.execute(f"select * from {table} order by id").fetchall() == ROWS


def test_many_rows_keep_their_order_and_number(server, table):
    with server.connect() as connection:
        connection.execute(f"create table {table} (n int8, t text)")
        cursor = connection.cursor()
        with cursor.copy(f"copy {table} from stdin (format binary)") as copy:
            copy.set_types(["int8", "text"])
            for n in range(50_000):
                copy.write_row((n, f"row {n} " + "x" * (n % 90)))
        assert cursor.rowcount == 50_000
        found = connection.execute(f"select count(*), sum(n)::int8, sum(length(t))::int8 from {table}").fetchone()
        assert found == (50_000, sum(range(50_000)), sum(len(f"row {n} ") + n % 90 for n in range(50_000)))


def test_asyncpg_records_and_queries(server, table):
    async def ask():
        connection = await asyncpg.connect(server.url())
        await connection.execute(f"create table {table} (id int, name text, amount numeric)")
        rows = [(n, f"row {n}", decimal.Decimal(n) / 4) for n in range(1000)]
        done = await connection.copy_records_to_table(table, records=rows, columns=["id", "name", "amount"])
        assert done == "COPY 1000"
        out = io.BytesIO()
        done = await connection.copy_from_query(f"select id from {table} order by id limit 2", output=out, format="binary")
        assert done == "COPY 2"
        found = await connection.fetch(f"select * from {table} order by id")
        await connection.close()
        return rows, [tuple(row) for row in found], out.getvalue()

    rows, found, binary = asyncio.run(ask())
    assert found == rows
    assert binary == SIGNATURE + tuples(int4(0)) + tuples(int4(1)) + TRAILER


def test_psql_round_trip(server, table, tmp_path):
    server.run(f"create table {table} (id int, name text)", f"insert into {table} values (1, 'a'), (2, null)")
    path = tmp_path / "rows.bin"
    assert "COPY 2" in server.psql(rf"\copy {table} to '{path}' with (format binary)").stdout
    assert path.read_bytes().startswith(SIGNATURE)
    assert "COPY 2" in server.psql(rf"\copy {table} from '{path}' with binary").stdout
    assert server.rows(f"select id, name, count(*) from {table} group by 1, 2 order by 1") == [(1, "a", 2), (2, None, 2)]


def int4(value):
    return struct.pack(">ii", 4, value)


def tuples(*fields):
    return struct.pack(">h", len(fields)) + b"".join(fields)


@pytest.mark.parametrize(
    ("data", "code", "message", "context"),
    [
        (b"1\tx\n", "22P04", "COPY file signature not recognized", None),
        (SIGNATURE + tuples(int4(1)), "22P04", "row field count is 1, expected 2", "line 1"),
        (SIGNATURE + tuples(int4(1), int4(1)) + tuples(int4(1), b"\0"), "22P04", "unexpected EOF in COPY data", "line 2, column b"),
        (SIGNATURE + tuples(int4(1), struct.pack(">iib", 5, 1, 0)), "22P03", "incorrect binary data format", "line 1, column b"),
        (SIGNATURE + TRAILER + b"x", "22P04", "received copy data after EOF marker", "line 1"),
    ],
)  # fmt: skip
def test_faults_say_where(server, table, data, code, message, context):
    with server.connect() as connection:
        connection.execute(f"create table {table} (a int, b int)")
        with pytest.raises(psycopg.Error) as raised, connection.cursor().copy(f"copy {table} from stdin binary") as copy:
            copy.write(data)
        assert raised.value.sqlstate == code
        assert raised.value.diag.message_primary == message
        if context:
            assert raised.value.diag.context == f"COPY {table}, {context}"
        assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)
