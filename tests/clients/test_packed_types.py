"""timetz, money and strings of bits as drivers have them, in text and in binary, out and in."""

import asyncio
from datetime import time, timedelta, timezone

import asyncpg
import psycopg
import pytest

from round_trips import RoundTrips, in_both_forms

EAST = timezone(timedelta(hours=2))
WEST = timezone(-timedelta(hours=3, minutes=30))

TIMES = [
    ("10:00+02", time(10, tzinfo=EAST)),
    ("23:59:59.999999-03:30", time(23, 59, 59, 999999, tzinfo=WEST)),
]


@pytest.mark.client("psycopg 3")
@in_both_forms
def test_psycopg_reads_and_sends_times(server, table, binary):
    server.run(f"create table {table} (id int, at timetz, all_at timetz[])")
    with server.connect() as connection:
        trips = RoundTrips(connection, binary)
        for text, value in TIMES:
            trips.text("timetz", text, value)
            trips.value("timetz", value)
        rows = [(1, TIMES[0][1], [TIMES[0][1], TIMES[1][1]]), (2, None, [])]
        trips.rows(table, rows)
        assert trips.ids(table, "at = {}", TIMES[0][1]) == [(1,)]
        with pytest.raises(psycopg.errors.InvalidDatetimeFormat):
            trips.cursor.execute(f"insert into {table} (at) values (%s)", ("nonsense",))


@pytest.mark.client("psycopg 3")
def test_psycopg_reads_money_and_bits_as_texts(server, table):
    server.run(f"create table {table} (m money, b bit(3), v varbit)")
    with server.connect() as connection:
        connection.execute(f"insert into {table} values (%s, %s, %s)", ("$1,234.50", "101", "01"))
        row = connection.execute(f"select * from {table} where m = %s and b = %s", ("1234.5", "101")).fetchone()
        assert row == ("$1,234.50", "101", "01")
        with pytest.raises(psycopg.errors.StringDataLengthMismatch):
            connection.execute(f"insert into {table} (b) values (%s)", ("10",))


@pytest.mark.client("asyncpg")
def test_asyncpg_reads_and_sends(server, table):
    server.run(f"create table {table} (id int, at timetz, b bit(3), v varbit, m money, many varbit[])")

    async def use():
        connection = await asyncpg.connect(server.url())
        for text, value in TIMES:
            assert await connection.fetchval("select $1::text::timetz", text) == value
            assert await connection.fetchval("select $1::timetz", value) == value
        bits = asyncpg.BitString("101")
        assert await connection.fetchval("select $1::varbit", bits) == bits
        long = asyncpg.BitString("10" * 50 + "1")
        rows = [(1, TIMES[1][1], bits, long, "$5.00", [bits, None]), (2, None, None, asyncpg.BitString(""), None, [])]
        await connection.copy_records_to_table(table, records=[row[:4] for row in rows], columns=["id", "at", "b", "v"])
        for row in rows:
            await connection.execute(f"update {table} set m = $1, many = $2 where id = $3", row[4], row[5], row[0])
        assert [tuple(row) for row in await connection.fetch(f"select * from {table} order by id")] == rows
        assert await connection.fetchval(f"select id from {table} where v = $1", long) == 1
        await connection.close()

    asyncio.run(use())
