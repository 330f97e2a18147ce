"""Ranges as drivers have them: psycopg's and asyncpg's own objects, in text and in binary, out and in."""

import asyncio
import json
from datetime import date, datetime, timezone
from decimal import Decimal

import asyncpg
import psycopg
import pytest
from psycopg.types.range import DateRange, Int4Range, Int8Range, NumericRange, TimestampRange, TimestamptzRange

from round_trips import RoundTrips, in_both_forms

NOON = datetime(2020, 1, 1, 12)
VALUES = [
    ("int4range", Int4Range(1, 5, "[)")),
    ("int4range", Int4Range(None, 5, "()")),
    ("int4range", Int4Range(empty=True)),
    ("int8range", Int8Range(-(2**40), None, "[)")),
    ("numrange", NumericRange(Decimal("1.5"), Decimal("2.25"), "(]")),
    ("daterange", DateRange(date(2020, 1, 1), date(2020, 2, 1), "[)")),
    ("tsrange", TimestampRange(NOON, datetime(2020, 1, 2, 0, 0, 0, 5), "[]")),
    ("tstzrange", TimestamptzRange(NOON.replace(tzinfo=timezone.utc), None, "()")),
]


@pytest.mark.client("psycopg 3")
@in_both_forms
def test_psycopg_reads_and_sends(server, table, binary):
    server.run(f"create table {table} (id int, days daterange, price numrange, all_n int4range[])")
    with server.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        trips = RoundTrips(connection, binary)
        for ty, value in VALUES:
            trips.value(ty, value)
        rows = [
            (1, DateRange(date(2020, 1, 1), date(2020, 2, 1)), NumericRange(Decimal("0.5"), None, "[)"), [Int4Range(1, 2)]),
            (2, DateRange(empty=True), None, []),
            (3, None, NumericRange(None, None, "()"), None),
        ]
        trips.rows(table, rows)
        assert trips.ids(table, "days @> {}::date", date(2020, 1, 15)) == [(1,)]
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            trips.cursor.execute(f"insert into {table} (days) values (%s)", ("nonsense",))
        with pytest.raises(psycopg.errors.DataException):
            trips.cursor.execute(f"select daterange(%s, %s)", (date(2020, 2, 1), date(2020, 1, 1)))


@pytest.mark.client("asyncpg")
def test_asyncpg_reads_and_sends(server, table):
    server.run(f"create table {table} (id int, n int4range, days daterange, at tstzrange)")
    noon = NOON.replace(tzinfo=timezone.utc)

    async def use():
        connection = await asyncpg.connect(server.url())
        rows = [
            (1, asyncpg.Range(1, 5), asyncpg.Range(date(2020, 1, 1), date(2020, 2, 1)), asyncpg.Range(noon, None)),
            (2, asyncpg.Range(empty=True), asyncpg.Range(None, date(2020, 1, 1)), None),
        ]
        await connection.copy_records_to_table(table, records=rows)
        await connection.execute(f"insert into {table} values (3, $1)", asyncpg.Range(1, 4, upper_inc=True))
        found = [tuple(row) for row in await connection.fetch(f"select * from {table} order by id")]
        assert found == [*rows, (3, asyncpg.Range(1, 5), None, None)]
        assert await connection.fetchval("select $1::numrange", asyncpg.Range(Decimal("1.5"), Decimal(2))) == asyncpg.Range(
            Decimal("1.5"), Decimal(2)
        )
        ids = await connection.fetch(f"select id from {table} where n && $1 order by id", asyncpg.Range(4, 9))
        assert [row["id"] for row in ids] == [1, 3]
        await connection.close()

    asyncio.run(use())


@pytest.mark.client("psycopg 3")
def test_binary_copy_and_lines_of_json(server, table):
    server.run(f"create table {table} (n int4range, price numrange)")
    row = (Int4Range(1, 5), NumericRange(Decimal("-1.5"), Decimal(7), "[]"))
    with server.connect() as connection:
        with connection.cursor().copy(f"copy {table} from stdin (format binary)") as copy:
            copy.set_types(["int4range", "numrange"])
            copy.write_row(row)
        assert connection.execute(f"select * from {table}").fetchall() == [row]
        with connection.cursor().copy(f"copy {table} to stdout (format ndjson)") as copy:
            assert json.loads(b"".join(copy)) == {"n": "[1,5)", "price": "[-1.5,7]"}
