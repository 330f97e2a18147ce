"""What drivers keep in a session: prepared statements, cursors, notifications, settings."""

import asyncio
import json

import asyncpg
import psycopg
import psycopg2
import pytest



def connect(server, **options):
    return psycopg.connect(server.url(), **options)


def test_sql_and_protocol_share_prepared_statements(server):
    with connect(server, autocommit=True, prepare_threshold=0) as connection:
        assert connection.execute("select %s::int + 1", [41]).fetchone() == (42,)
        kept = connection.execute("select name, from_sql from pg_prepared_statements order by prepare_time").fetchall()
        assert [from_sql for _, from_sql in kept][:1] == [False]
        assert connection.execute(f"execute {kept[0][0]}(1)", prepare=False).fetchone() == (2,)
        connection.execute("prepare mine as select 'by SQL'", prepare=False)
        with pytest.raises(psycopg.errors.DuplicatePreparedStatement):
            connection.execute("prepare mine as select 1", prepare=False)
        connection.execute("deallocate all", prepare=False)
        assert connection.execute("select count(*) from pg_prepared_statements", prepare=False).fetchone() == (0,)


def test_the_protocol_runs_what_sql_prepared(server):
    with connect(server, autocommit=True) as connection:
        connection.execute("prepare twice (int) as select $1 * 2 as doubled")
        described = connection.pgconn.describe_prepared(b"twice")
        assert (described.nparams, described.fname(0)) == (1, b"doubled")
        assert connection.pgconn.exec_prepared(b"twice", [b"21"]).get_value(0, 0) == b"42"


@pytest.mark.parametrize("rows", [10, 50_000])
def test_server_side_cursors(server, rows):
    with connect(server) as connection, connection.cursor("named") as cursor:
        query = f"select n, 'row ' || n from generate_series(1, {rows}) as t(n) where n > %s order by n"
        cursor.execute(query, [0])
        assert [column.name for column in cursor.description][0] == "n"
        assert cursor.fetchone() == (1, "row 1")
        assert len(cursor.fetchmany(5)) == 5
        assert sum(1 for _ in cursor) == rows - 6


def test_binary_and_scrolling_cursors(server):
    with connect(server) as connection:
        with connection.cursor("wide", binary=True, scrollable=True) as cursor:
            cursor.execute("select n, n * 1.5 from generate_series(1, 100) as t(n) order by n")
            cursor.scroll(49, mode="absolute")
            assert cursor.fetchone()[0] == 50
            cursor.scroll(-10)
            assert cursor.fetchone()[0] == 41
        with connection.cursor("held", withhold=True) as cursor:
            cursor.execute("select n from generate_series(1, 10) as t(n) order by n")
            connection.commit()
            assert [n for n, in cursor.fetchall()] == list(range(1, 11))


def test_a_binary_cursor_answers_simple_queries_in_binary(server):
    with connect(server) as connection:
        connection.execute("declare c binary cursor for select 258::int4")
        result = connection.pgconn.exec_(b"fetch c")
        assert (result.fformat(0), result.get_value(0, 0)) == (1, b"\x00\x00\x01\x02")


@pytest.mark.client("psycopg2")
def test_psycopg2_named_cursors(server):
    connection = psycopg2.connect(**server.dsn())
    with connection.cursor("named") as cursor:
        cursor.itersize = 100
        cursor.execute("select n from generate_series(1, 1000) as t(n)")
        assert sum(n for n, in cursor) == 500_500
    connection.close()


def test_notifications_reach_who_listens_when_they_commit(server):
    with connect(server, autocommit=True) as listener, connect(server) as sender:
        listener.execute("listen news")
        sender.execute("notify news, 'rolled back'")
        sender.rollback()
        sender.execute("notify news, 'first'")
        sender.execute("savepoint s")
        sender.execute("notify news, 'undone'")
        sender.execute("rollback to s")
        sender.execute("select pg_notify('news', 'second')")
        assert list(listener.notifies(timeout=0.2)) == []
        sender.commit()
        came = list(listener.notifies(timeout=20, stop_after=2))
        assert [(one.channel, one.payload, one.pid) for one in came] == [
            ("news", "first", sender.info.backend_pid),
            ("news", "second", sender.info.backend_pid),
        ]
        listener.execute("unlisten *")
        sender.execute("notify news, 'nobody hears'")
        sender.commit()
        assert list(listener.notifies(timeout=0.2)) == []


def test_notifications_wait_for_the_end_of_a_block(server):
    with connect(server) as listener, connect(server, autocommit=True) as sender:
        listener.execute("listen late")
        listener.commit()
        listener.execute("select 1")
        sender.execute("notify late, 'x'")
        assert list(listener.notifies(timeout=0.3)) == []
        listener.commit()
        assert [one.payload for one in listener.notifies(timeout=20, stop_after=1)] == ["x"]


@pytest.mark.client("asyncpg")
def test_asyncpg_listens_and_resets(server):
    async def ask():
        connection = await asyncpg.connect(server.url())
        heard = asyncio.Queue()
        await connection.add_listener("tasks", lambda *what: heard.put_nowait(what[2:]))
        await connection.execute("notify tasks, 'done'")
        assert await asyncio.wait_for(heard.get(), 20) == ("tasks", "done")
        async with connection.transaction():
            found = [row["n"] async for row in connection.cursor("select n from generate_series(1, $1) as t(n)", 120)]
            cursor = await connection.cursor("select n from generate_series(1, 20) as t(n) order by n")
            assert await cursor.forward(5) == 5
            assert [row["n"] for row in await cursor.fetch(2)] == [6, 7]
        await connection.reset()
        await connection.close()
        return found

    assert asyncio.run(ask()) == list(range(1, 121))


def test_notices_are_sent_from_the_asked_level_on(server):
    heard = []
    with connect(server, autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: heard.append((notice.severity, notice.sqlstate)))
        connection.execute("drop table if exists nothing_of_that_name")
        connection.execute("set client_min_messages = warning")
        connection.execute("drop table if exists nothing_of_that_name")
        connection.execute("rollback")
        connection.execute("set client_min_messages = error")
        connection.execute("rollback")
    assert heard == [("NOTICE", "00000"), ("WARNING", "25P01")]


def test_columns_say_where_they_come_from(server, table):
    server.run(f"create table {table} (id int, name text)", f"create view {table}_v as select name, id from {table}")
    try:
        with connect(server, autocommit=True) as connection:
            oid = connection.execute("select %s::regclass::oid::int", [table]).fetchone()[0]
            view = connection.execute("select %s::regclass::oid::int", [f"{table}_v"]).fetchone()[0]

            def origins(query):
                result = connection.execute(query).pgresult
                return [(result.ftable(i), result.ftablecol(i)) for i in range(result.nfields)]

            assert origins(f"select name, id as x, id + 1, 1 from {table} where id > 0 order by id limit 5") == [
                (oid, 2),
                (oid, 1),
                (0, 0),
                (0, 0),
            ]
            joined = f"select b.id, a.name from {table} a join (select id from {table}) b on a.id = b.id"
            assert origins(joined) == [(oid, 1), (oid, 2)]
            assert origins(f"select name, count(*) from {table} group by name") == [(oid, 2), (0, 0)]
            assert origins(f"select * from {table}_v") == [(view, 1), (view, 2)]
            assert origins("select oid, relname from pg_class limit 1") == [(1259, 1), (1259, 2)]
    finally:
        server.run(f"drop view {table}_v")


def test_explain_in_json(server, table):
    server.run(f"create table {table} (id int)")
    with connect(server, autocommit=True) as connection:
        cursor = connection.execute(f"explain (format json) select count(*) from {table} where id = 1")
        assert cursor.description[0].type_code == 114
        plan = cursor.fetchone()[0][0]["Plan"]
        assert table in json.dumps(plan)
        assert "Execution Time" in connection.execute("explain (analyze, format json) select 1").fetchone()[0][0]


@pytest.mark.parametrize("takes", [True, False])
def test_a_prepared_result_has_one_type_whatever_the_parameters(server, takes):
    """The planner may put a value in the place of an expression; the type that was described stays."""
    with connect(server, autocommit=True) as connection:
        connection.execute("create temp table typed as select '{\"k\": 1}'::jsonb as b, 'x'::varchar(5) as v")
        query = b"select case when $1 then b end, case when $1 then v else null end from typed"
        connection.pgconn.prepare(b"typed", query, [psycopg.adapters.types["bool"].oid])
        described = connection.pgconn.describe_prepared(b"typed")
        result = connection.pgconn.exec_prepared(b"typed", [b"t" if takes else b"f"])
        assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message
        types = ["jsonb", "varchar"]
        assert [described.ftype(at) for at in range(2)] == [psycopg.adapters.types[name].oid for name in types]
        assert [result.ftype(at) for at in range(2)] == [described.ftype(at) for at in range(2)]
        assert result.get_value(0, 0) == (b'{"k": 1}' if takes else None)
