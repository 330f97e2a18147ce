"""Every scalar type in text and binary, in and out, as constants, parameters and stored values, by several drivers."""

import asyncio
import json

import asyncpg
import pg8000.dbapi
import psycopg
import psycopg2
import psycopg2.extras
import pytest

import scalars
from scalars import ALL, JSON, JSON_TEXT, SCALARS


FORMATS = pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
ALL_TYPES = pytest.mark.parametrize("scalar", ALL, ids=scalars.name)


@pytest.mark.client("psycopg 3")
@FORMATS
@ALL_TYPES
def test_psycopg_reads_and_sends(server, scalar, binary):
    with server.connect() as connection:
        cursor = connection.execute(f"select cast(%s as {scalar.type})", [scalar.text], binary=binary)
        assert cursor.fetchone() == (scalar.value,)
        placeholder = "%b" if binary else "%t"
        cursor = connection.execute(f"select {placeholder}::{scalar.type}", [scalar.value], binary=binary)
        assert cursor.fetchone() == (scalar.value,)


@pytest.mark.client("psycopg2")
@ALL_TYPES
def test_psycopg2_reads_the_same(server, scalar):
    connection = psycopg2.connect(**server.dsn())
    connection.autocommit = True
    psycopg2.extras.register_uuid(conn_or_curs=connection)
    with connection.cursor() as cursor:
        cursor.execute(f"select cast(%s as {scalar.type})", [scalar.text])
        (found,) = cursor.fetchone()
    connection.close()
    assert (bytes(found) if isinstance(found, memoryview) else found) == scalar.value


@pytest.mark.client("pg8000")
@pytest.mark.parametrize("scalar", [scalar for scalar in SCALARS if scalar.type != "interval"], ids=scalars.name)
def test_pg8000_reads_the_same(server, scalar):
    connection = pg8000.dbapi.connect(user="peristyle", host="127.0.0.1", port=server.port, database="peristyle")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(f"select cast(cast(%s as text) as {scalar.type})", [scalar.text])
    (found,) = cursor.fetchone()
    connection.close()
    assert found == scalar.value


@pytest.mark.client("asyncpg")
@ALL_TYPES
def test_asyncpg_binary_both_ways(server, scalar):
    async def ask():
        connection = await asyncpg.connect(server.url())
        try:
            return await connection.fetchval(f"select $1::{scalar.type}", scalar.value)
        finally:
            await connection.close()

    assert asyncio.run(ask()) == scalar.value


@FORMATS
@pytest.mark.parametrize("kind", ["json", "jsonb"])
def test_json(server, kind, binary):
    with server.connect() as connection:
        assert connection.execute(f"select %s::{kind}", [JSON_TEXT], binary=binary).fetchone() == (JSON,)
        text = connection.execute(f"select (%s::{kind})::text", [JSON_TEXT]).fetchone()[0]
    assert json.loads(text) == JSON


@FORMATS
def test_stored_values_come_back(server, table, binary):
    columns = ", ".join(f"c{number} {scalar.type}" for number, scalar in enumerate(ALL))
    holders = ", ".join(["%s"] * len(ALL))
    values = [scalar.value for scalar in ALL]
    with server.connect() as connection:
        connection.execute(f"create table {table} (id int, {columns})")
        connection.execute(f"insert into {table} values (1, {holders})", values)
        connection.execute(f"insert into {table} (id) values (2)")
        rows = connection.execute(f"select * from {table} order by id", binary=binary).fetchall()
    assert rows == [(1, *values), (2, *[None] * len(ALL))]


def test_text_forms_are_postgresql_s(server):
    shown = ", ".join(f"('{scalar.text}'::{scalar.type})::text" for scalar in ALL if "'" not in scalar.text)
    wanted = [scalar.text.rstrip() if scalar.type == "char(5)" else scalar.text for scalar in ALL if "'" not in scalar.text]
    wanted = [{"t": "true"}.get(text, text) for text in wanted]
    assert list(server.rows(f"select {shown}")[0]) == wanted


@pytest.mark.parametrize("value, code", [
    ("cast('32768' as smallint)", "22003"),
    ("2147483647 + 1", "22003"),
    ("9223372036854775807::bigint * 2", "22003"),
    ("'abc'::integer", "22P02"),
    ("'2026-02-30'::date", "22008"),
    ("'toolong'::varchar(3) || cast('x' as nosuchtype)", "42704"),
    ("1 / 0", "22012"),
    ("123.456::numeric(4,2)", "22003"),
    ("nosuchfunction(1)", "42883"),
])  # fmt: skip
def test_values_out_of_range(server, value, code):
    with server.connect() as connection:
        with pytest.raises(psycopg.Error) as raised:
            connection.execute(f"select {value}")
        assert raised.value.sqlstate == code
        assert connection.execute("select 1").fetchone() == (1,)
