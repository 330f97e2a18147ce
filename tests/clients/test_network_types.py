"""inet, cidr and hardware addresses as drivers have them: objects of `ipaddress`, in text and in binary, out and in."""

import asyncio
import json
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

import asyncpg
import psycopg
import pytest

from round_trips import RoundTrips, in_both_forms

VALUES = [
    ("inet", "10.1.2.3", IPv4Address("10.1.2.3")),
    ("inet", "10.1.2.3/8", IPv4Interface("10.1.2.3/8")),
    ("inet", "::1", IPv6Address("::1")),
    ("inet", "2001:db8::1/64", IPv6Interface("2001:db8::1/64")),
    ("cidr", "10.0.0.0/8", IPv4Network("10.0.0.0/8")),
    ("cidr", "2001:db8::/32", IPv6Network("2001:db8::/32")),
]


@pytest.mark.client("psycopg 3")
@in_both_forms
def test_psycopg_reads_and_sends(server, table, binary):
    server.run(f"create table {table} (id int, a inet, n cidr, all_a inet[])")
    with server.connect() as connection:
        trips = RoundTrips(connection, binary)
        for ty, text, value in VALUES:
            trips.text(ty, text, value)
            trips.value(ty, value)
        rows = [
            (1, IPv4Address("10.0.0.1"), IPv4Network("10.0.0.0/8"), [IPv4Address("10.0.0.1"), IPv6Address("::1")]),
            (2, IPv6Interface("2001:db8::1/64"), None, []),
            (3, None, IPv6Network("::/0"), None),
        ]
        trips.rows(table, rows)
        assert trips.ids(table, "a << {}", IPv4Network("10.0.0.0/8")) == [(1,)]
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            trips.cursor.execute(f"insert into {table} (a) values (%s)", ("nonsense",))


@pytest.mark.client("asyncpg")
def test_asyncpg_reads_and_sends(server, table):
    server.run(f"create table {table} (id int, a inet, n cidr)")

    async def use():
        connection = await asyncpg.connect(server.url())
        for ty, text, value in VALUES:
            assert await connection.fetchval(f"select $1::text::{ty}", text) == value
            assert await connection.fetchval(f"select $1::{ty}", value) == value
        rows = [
            (1, IPv4Address("10.0.0.1"), IPv4Network("10.0.0.0/8")),
            (2, IPv6Interface("2001:db8::1/64"), None),
        ]
        await connection.copy_records_to_table(table, records=rows)
        assert [tuple(row) for row in await connection.fetch(f"select * from {table} order by id")] == rows
        found = await connection.fetch(f"select id from {table} where a = any ($1)", [IPv4Address("10.0.0.1")])
        assert [row["id"] for row in found] == [1]
        for ty, text in [("macaddr", "08:00:2b:01:02:03"), ("macaddr8", "08:00:2b:01:02:03:04:05")]:
            assert await connection.fetchval(f"select $1::{ty}", text) == text
        await connection.close()

    asyncio.run(use())


@pytest.mark.client("psycopg 3")
def test_binary_copy_and_lines_of_json(server, table):
    server.run(f"create table {table} (a inet, n cidr, m macaddr default '08:00:2b:01:02:03')")
    row = (IPv4Interface("10.1.2.3/8"), IPv6Network("::/0"))
    with server.connect() as connection:
        with connection.cursor().copy(f"copy {table} (a, n) from stdin (format binary)") as copy:
            copy.set_types(["inet", "cidr"])
            copy.write_row(row)
        assert connection.execute(f"select a, n from {table}").fetchall() == [row]
        with connection.cursor().copy(f"copy {table} (a, n) to stdout (format binary)") as copy:
            copy.set_types(["inet", "cidr"])
            assert list(copy.rows()) == [row]
        with connection.cursor().copy(f"copy {table} to stdout (format ndjson)") as copy:
            assert json.loads(b"".join(copy)) == {
                "a": "10.1.2.3/8",
                "n": "::/0",
                "m": "08:00:2b:01:02:03",
            }
