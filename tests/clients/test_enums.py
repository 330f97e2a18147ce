"""Enum types as clients use them: an ORM's Enum, drivers that look a type up before they read it, COPY, psql and pg_dump,
and what a server that was killed remembers."""

import asyncio
import enum
import subprocess

import asyncpg
import psycopg
import pytest
import sqlalchemy as sa
from psycopg.types.enum import EnumInfo, register_enum
from sqlalchemy.dialects import postgresql

from process import postgres_program

PG_DUMP_SECONDS = 60


class Mood(enum.Enum):
    sad = "sad"
    ok = "ok"
    happy = "happy"


@pytest.fixture
def mood(server, table):
    """The name of a type with three labels, for the table's columns; it is dropped with them."""
    name = f"{table}_mood"
    server.run(f"create type {name} as enum ('sad', 'ok', 'happy')")
    yield name
    server.run(f"drop type if exists {name} cascade")


@pytest.mark.client("SQLAlchemy")
def test_a_table_with_its_type_comes_and_goes(engine, table):
    metadata = sa.MetaData()
    people = sa.Table(
        table,
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("mood", sa.Enum(Mood, name=f"{table}_mood"), server_default="ok"),
        sa.Column("past", postgresql.ARRAY(sa.Enum("sad", "ok", "happy", name=f"{table}_mood"))),
    )
    metadata.create_all(engine)
    metadata.create_all(engine)
    try:
        with engine.begin() as connection:
            connection.execute(people.insert(), [{"id": 1, "mood": Mood.happy}, {"id": 2, "mood": Mood.sad}])
            connection.execute(people.insert().values(id=3))
        with engine.connect() as connection:
            ordered = connection.execute(sa.select(people.c.id, people.c.mood).order_by(people.c.mood)).all()
            assert ordered == [(2, Mood.sad), (3, Mood.ok), (1, Mood.happy)]
            above = sa.select(people.c.id).where(people.c.mood > Mood.sad).order_by(people.c.id)
            assert connection.execute(above).scalars().all() == [1, 3]
            assert connection.execute(sa.select(sa.func.max(people.c.mood))).scalar() == Mood.happy
        read = sa.Table(table, sa.MetaData(), autoload_with=engine)
        assert isinstance(read.c.mood.type, postgresql.ENUM)
        assert (read.c.mood.type.name, read.c.mood.type.enums) == (f"{table}_mood", ["sad", "ok", "happy"])
        assert isinstance(read.c.past.type, postgresql.ARRAY)
        assert f"{table}_mood" in [found["name"] for found in sa.inspect(engine).get_enums()]
    finally:
        metadata.drop_all(engine)
    assert f"{table}_mood" not in [found["name"] for found in sa.inspect(engine).get_enums()]


@pytest.mark.client("psycopg 3")
@pytest.mark.parametrize("binary", [False, True])
def test_psycopg_reads_and_writes_members(server, table, mood, binary):
    server.run(f"create table {table} (id int, m {mood}, past {mood}[])")
    with server.connect() as connection:
        register_enum(EnumInfo.fetch(connection, mood), connection, Mood)
        cursor = connection.cursor(binary=binary)
        rows = [(1, Mood.happy, [Mood.sad, Mood.ok]), (2, Mood.sad, []), (3, None, None)]
        cursor.executemany(f"insert into {table} values (%s, %s, %s)", rows)
        assert cursor.execute(f"select * from {table} order by id").fetchall() == rows
        assert cursor.execute(f"select id from {table} where m > %s", (Mood.ok,)).fetchall() == [(1,)]
        assert cursor.execute(f"select id from {table} where m = any (%s)", ([Mood.sad],)).fetchall() == [(2,)]
        with pytest.raises(psycopg.errors.InvalidTextRepresentation):
            cursor.execute(f"insert into {table} (m) values (%s)", ("joyful",))
        assert [column.type_code for column in cursor.execute(f"select m from {table}").description] == [
            EnumInfo.fetch(connection, mood).oid
        ]


@pytest.mark.client("psycopg 3")
@pytest.mark.parametrize("form", ["text", "csv", "binary"])
def test_labels_are_copied(server, table, mood, form):
    server.run(f"create table {table} (id int, m {mood}, past {mood}[])")
    server.run(f"insert into {table} values (1, 'happy', '{{sad,ok}}'), (2, NULL, NULL), (3, 'sad', '{{}}')")
    with server.connect() as connection:
        with connection.cursor().copy(f"copy {table} to stdout (format {form})") as copy:
            data = b"".join(bytes(piece) for piece in copy)
        connection.execute(f"create table {table}_copy (like_id int, m {mood}, past {mood}[])")
        try:
            with connection.cursor().copy(f"copy {table}_copy from stdin (format {form})") as copy:
                copy.write(data)
            copied = connection.execute(f"select * from {table}_copy order by like_id").fetchall()
            assert copied == connection.execute(f"select * from {table} order by id").fetchall()
            with pytest.raises(psycopg.errors.InvalidTextRepresentation) as failure:
                with connection.cursor().copy(f"copy {table}_copy (like_id, m) from stdin (format csv)") as copy:
                    copy.write(b"1,ok\n2,joyful\n")
            assert failure.value.diag.context == f'COPY {table}_copy, line 2, column m: "joyful"'
        finally:
            connection.execute(f"drop table {table}_copy")


@pytest.mark.client("asyncpg")
def test_asyncpg_looks_the_type_up(server, table, mood):
    server.run(f"create table {table} (id int, m {mood}, past {mood}[])")

    async def main():
        connection = await asyncpg.connect(server.url())
        try:
            await connection.executemany(
                f"insert into {table} values ($1, $2, $3)", [(1, "happy", ["sad", None]), (2, "sad", [])]
            )
            rows = await connection.fetch(f"select m, past from {table} order by m")
            assert [tuple(row) for row in rows] == [("sad", []), ("happy", ["sad", None])]
            assert await connection.fetchval(f"select id from {table} where m = $1", "sad") == 2
            assert await connection.fetchval(f"select array_agg(m order by m desc) from {table}") == ["happy", "sad"]
            await connection.copy_records_to_table(table, records=[(3, "ok", ["ok"])])
            assert await connection.fetchval(f"select past from {table} where m = 'ok'") == ["ok"]
            with pytest.raises(asyncpg.InvalidTextRepresentationError):
                await connection.execute(f"insert into {table} (m) values ($1)", "joyful")
            introspected = await connection.fetch("select $1::regtype::oid as oid", mood)
            assert introspected[0]["oid"] > 16384
        finally:
            await connection.close()

    asyncio.run(main())


def test_definitions_are_one_with_their_block(server, table):
    with server.connect() as connection:
        connection.autocommit = False
        connection.execute(f"create type {table}_t as enum ('a', 'b')")
        connection.execute(f"create table {table} (x {table}_t)")
        connection.execute(f"insert into {table} values ('b'), ('a')")
        assert connection.execute(f"select x from {table} order by x").fetchall() == [("a",), ("b",)]
        connection.rollback()
        with pytest.raises(psycopg.errors.UndefinedObject):
            connection.execute(f"select 'a'::{table}_t")
        connection.rollback()


@pytest.mark.client("pg_dump")
def test_pg_dump_makes_it_again(server, table, mood):
    server.run(f"create table {table} (id int, m {mood} default 'ok', past {mood}[])")
    server.run(f"insert into {table} values (1, 'happy', '{{sad}}'), (2, 'sad', NULL)")
    dumped = subprocess.run(
        [postgres_program("pg_dump"), "--no-owner", "--schema=public", server.url()],
        capture_output=True,
        text=True,
        timeout=PG_DUMP_SECONDS,
    )
    assert dumped.returncode == 0, dumped.stderr
    assert f"CREATE TYPE public.{mood} AS ENUM (\n    'sad',\n    'ok',\n    'happy'\n);" in dumped.stdout
    assert f"m public.{mood} DEFAULT 'ok'::public.{mood}" in dumped.stdout


@pytest.mark.client("psql")
def test_psql_describes_it(server, table, mood):
    server.run(f"create table {table} (m {mood} default 'ok', past {mood}[])")
    server.run(f"comment on type {mood} is 'how it is'")
    listed = server.psql(rf"\dT+ {mood}").stdout
    assert all(word in listed for word in (mood, "sad", "ok", "happy", "how it is"))
    described = server.psql(rf"\d {table}").stdout
    assert f"'ok'::{mood}" in described and f"{mood}[]" in described


@pytest.mark.peristyle_only
def test_kill_9_keeps_types_and_labels(make_server):
    server = make_server().start()
    server.run("create type t as enum ('a', 'c')", "create table v (x t)", "insert into v values ('c'), ('a')")
    server.run("alter type t add value 'b' before 'c'", "insert into v values ('b')")
    server.run("alter type t rename value 'a' to 'first'", "alter type t rename to renamed")
    server.kill()
    server.start()
    assert server.rows("select x from v order by x") == [("first",), ("b",), ("c",)]
    labels = "select enumlabel, enumsortorder from pg_enum where enumtypid = 'renamed'::regtype order by 2"
    assert server.rows(labels) == [("first", 1), ("b", 1.5), ("c", 2)]
    server.run("checkpoint", "vacuum v")
    server.stop()
    server.start()
    assert server.rows("select max(x)::text, min(x)::text from v where x > 'first'") == [("c", "b")]


@pytest.mark.peristyle_only
def test_the_past_and_the_dropped_keep_labels(make_server):
    server = make_server(settings={"history_seconds": 3600, "dropped_table_seconds": 3600}).start()
    server.run("create type t as enum ('b', 'a')", "create table v (x t, xs t[])", "insert into v values ('a', '{b}'), ('b', '{}')")
    then = server.value("select max(seq) from system.snapshots")
    server.run("alter type t rename value 'a' to 'z'")
    assert server.rows(f"select x::text from v at (snapshot => {then}) order by x::text") == [("a",), ("b",)]
    server.run("drop table v", "drop type t", "undrop table v")
    assert server.rows("select x, xs from v order by x") == [("b", []), ("z", ["b"])]
    assert server.rows("select data_type from information_schema.columns where table_name = 'v' and column_name = 'x'") == [
        ("text",)
    ]


@pytest.mark.peristyle_only
def test_a_type_stays_while_a_table_came_to_use_it(server, table, mood):
    with server.connect() as dropping, server.connect() as creating:
        dropping.execute("begin")
        dropping.execute(f"create table {table}_own (a int)")
        dropping.execute(f"drop type {mood}")
        creating.execute(f"create table {table} (m {mood})")
        with pytest.raises(psycopg.errors.DependentObjectsStillExist):
            dropping.execute("commit")
    server.run(f"insert into {table} values ('ok')")
    assert server.value(f"select m::text from {table}") == "ok"
    assert server.value("select count(*) from pg_class where relname = %s", [f"{table}_own"]) == 0


@pytest.mark.peristyle_only
def test_a_label_keeps_its_name_while_a_table_came_to_hold_it(server, table, mood):
    with server.connect() as renaming, server.connect() as creating:
        renaming.execute("begin")
        renaming.execute(f"alter type {mood} rename value 'sad' to 'blue'")
        creating.execute(f"create table {table} (m {mood})")
        creating.execute(f"insert into {table} values ('sad')")
        with pytest.raises(psycopg.errors.DependentObjectsStillExist):
            renaming.execute("commit")
    assert server.value(f"select count(*) from {table} where m = 'sad'") == 1


@pytest.mark.peristyle_only
def test_a_default_made_beside_a_renamed_label_is_refused(server, table, mood):
    with server.connect() as creating, server.connect() as renaming:
        creating.execute("begin")
        creating.execute(f"create table {table} (n int, m {mood} default 'sad')")
        renaming.execute(f"alter type {mood} rename value 'sad' to 'blue'")
        with pytest.raises(psycopg.errors.SerializationFailure):
            creating.execute("commit")


@pytest.mark.peristyle_only
def test_a_column_stays_while_a_view_came_to_read_it(server, table):
    server.run(f"create table {table} (a int, b int)")
    with server.connect() as dropping, server.connect() as creating:
        dropping.execute("begin")
        dropping.execute(f"create table {table}_own (a int)")
        dropping.execute(f"alter table {table} drop column a")
        creating.execute(f"create view {table}_view as select a from {table}")
        with pytest.raises((psycopg.errors.DependentObjectsStillExist, psycopg.errors.SerializationFailure)):
            dropping.execute("commit")
    assert server.rows(f"select * from {table}_view") == []
    server.run(f"drop view {table}_view")
