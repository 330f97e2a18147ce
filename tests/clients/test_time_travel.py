"""Tables as they were: through merges, restarts and a rebuilt index, as long as the settings say, and not longer."""

import shutil
import threading

import psycopg
import pytest

import merging
from polling import wait_until

pytestmark = pytest.mark.peristyle_only

KEPT = {**merging.eager(), "ended_age_seconds": 0, "history_seconds": 3600}
TABLE = "create table t (i int, word text)"


def objects(server):
    return {path.name for path in (server.folder / "store").rglob("*.parquet")}


def newest(server):
    return server.value("select max(seq) from system.snapshots")


def oldest(server):
    return server.value("select min(seq) from system.snapshots")


def state(server, snapshot, table="t"):
    """Number of rows, sum, and number of distinct words at a snapshot."""
    return server.rows(f"select count(*), sum(i), count(distinct word) from {table} at (snapshot => {snapshot})")[0]


def write_history(server):
    """Inserts, changes and deletions with merges between; each snapshot with what it held."""
    states = {}

    def note():
        states[newest(server)] = server.rows("select count(*), sum(i), count(distinct word) from t")[0]

    server.run(TABLE)
    for n in range(20):
        server.run(f"insert into t select i, 'word ' || i from generate_series({n * 100}, {n * 100 + 99}) g(i)")
        if n % 4 == 0:
            server.run(f"delete from t where i % 7 = {n % 7}")
            note()
        if n % 6 == 0:
            server.run("vacuum t")
        if n % 5 == 0:
            server.run(f"update t set word = 'changed' where i between {n * 10} and {n * 10 + 50}")
            note()
    server.run("alter table t drop column word", "alter table t add column word text default 'new'")
    note()
    server.run("truncate t")
    note()
    return states


def check(server, states):
    assert {snapshot: state(server, snapshot) for snapshot in states} == states


def test_states_outlive_merges_restarts_and_the_index(make_server):
    server = make_server(settings=KEPT).start()
    states = write_history(server)
    check(server, states)
    merging.wait_until_stored(server, "t")
    check(server, states)
    server.kill()
    server.start()
    check(server, states)
    server.stop()
    shutil.rmtree(server.folder / "data" / "index")
    server.start()
    check(server, states)
    server.run("drop table t")
    check(server, states)


def test_what_is_older_goes_and_is_refused(make_server):
    settings = {**KEPT, "history_seconds": 86_400}
    server = make_server(settings=settings).start()
    server.run(TABLE, "insert into t select i, 'word ' || i from generate_series(1, 50000) g(i)")
    before = newest(server)
    first = objects(server)
    server.run("delete from t where i = 7")
    after = newest(server)
    assert state(server, before)[0] == 50_000 and state(server, after)[0] == 49_999
    # Nothing goes while it can be read: the background has looked several times.
    server.run("vacuum", "checkpoint", "vacuum")
    assert first < objects(server)
    assert state(server, before)[0] == 50_000
    server.stop()
    server.settings["history_seconds"] = 0
    server.start()
    wait_until(lambda: not first & objects(server), "what was replaced is deleted")
    with pytest.raises(psycopg.errors.DatabaseError) as refused:
        state(server, before)
    assert refused.value.sqlstate == "72000"
    assert "system.snapshots" in refused.value.diag.message_hint
    assert oldest(server) > before
    assert server.rows("select count(*) from t") == [(49_999,)]
    assert server.rows("select * from system.orphans") == []


def test_a_reader_of_the_past_keeps_its_objects(make_server):
    settings = {**merging.held_back(), **merging.deleted_at_once(), "gc_interval_seconds": 1}
    server = make_server(settings={**settings, "history_seconds": 2}).start()
    server.run(TABLE, "insert into t select i, 'w' from generate_series(1, 300000) g(i)")
    before = newest(server)
    held = objects(server)
    with server.connect() as connection:
        connection.execute("begin")
        cursor = connection.cursor("past")
        cursor.execute(f"select i from t at (snapshot => {before})")
        assert len(cursor.fetchmany(10)) == 10
        server.run("truncate t")
        ended = server.value("select clock_timestamp()")
        is_over = "select clock_timestamp() > %s::timestamptz + interval '4 seconds'"
        wait_until(lambda: server.value(is_over, (ended,)), "history_seconds are over")
        server.run("vacuum", "checkpoint", "vacuum")
        assert held <= objects(server), "the reader holds them"
        assert len(cursor.fetchall()) == 299_990
    wait_until(lambda: not held & objects(server), "the objects go after the reader")
    assert oldest(server) > before


def test_rows_that_are_read_back_from_the_log_count_in_the_statement(make_server):
    server = make_server(settings={**KEPT, **merging.held_back()}).start()
    server.run(TABLE)
    for n in range(30):
        server.run(f"insert into t select i, repeat('{n % 10}', 1000) from generate_series({n}01, {n}99) g(i)")
    before = newest(server)
    server.run("delete from t")
    query = f"select count(*), sum(length(word)) from t at (snapshot => {before})"
    assert server.rows(query) == [(2970, 2_970_000)]
    server.stop()
    server.settings["statement_memory_bytes_max"] = 1 << 20
    server.start()
    server.run(f"explain {query}")
    with pytest.raises(psycopg.errors.OutOfMemory, match="chunks of a state of the past"):
        server.rows(query)
    assert server.rows("select count(*) from t") == [(0,)]


LIMITS = ["history_bytes_max", "history_rows_max", "history_log_bytes_max"]


@pytest.mark.parametrize("limit", LIMITS)
def test_history_takes_no_more_than_it_may(make_server, limit):
    settings = {**merging.held_back(), "gc_interval_seconds": 1, "checkpoint_seconds": 1, "ended_age_seconds": 0}
    server = make_server(settings={**settings, limit: 0}).start()
    server.run(TABLE, "create table u as select i from generate_series(1, 100000) g(i)")
    server.run("insert into t values (1, 'one'), (2, 'two')")
    before = newest(server)
    server.run("delete from u where i = 7", "delete from t where i = 1")
    wait_until(lambda: oldest(server) > before, "the state of before is forgotten")
    assert server.rows("select count(*), (select count(*) from u) from t") == [(1, 99_999)]


def test_the_time_as_a_parameter(make_server):
    server = make_server(settings=KEPT).start()
    server.run(TABLE)
    with server.connect() as connection:
        connection.prepare_threshold = 0
        times = []
        for n in range(5):
            connection.execute("insert into t values (%s, 'w')", (n,))
            times.append(connection.execute("select clock_timestamp()").fetchone()[0])
        connection.execute("delete from t")
        for n, time in enumerate(times):
            query = "select count(*) from t for system_time as of %s"
            assert connection.execute(query, (time,)).fetchone() == (n + 1,)
        query = "insert into t select * from t for system_time as of %b"
        assert connection.execute(query, (times[-1],)).rowcount == 5
        assert connection.execute("select sum(i) from t").fetchone() == (10,)


def test_sums_are_kept_at_every_snapshot_while_others_write(make_server):
    server = make_server(settings={**KEPT, "history_seconds": 86_400}).start()
    server.run("create table t (i int, amount int)", "insert into t select i, 100 from generate_series(1, 50) g(i)")
    first = newest(server)
    stop = threading.Event()

    def transfer(number):
        with server.connect() as connection:
            step = 0
            while not stop.is_set():
                step += 1
                one, other = (number * 7 + step) % 50 + 1, (number * 11 + step * 3) % 50 + 1
                if one == other:
                    continue
                try:
                    connection.execute(
                        "update t set amount = amount + case when i = %s then 1 else -1 end where i in (%s, %s)",
                        (one, one, other),
                    )
                except psycopg.errors.SerializationFailure:
                    pass

    writers = [threading.Thread(target=transfer, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        wait_until(lambda: newest(server) > first + 60, "some commits")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    for (snapshot,) in server.rows("select seq from system.snapshots where seq >= %s order by seq", (first,)):
        found = server.rows(f"select count(*), sum(amount) from t at (snapshot => {snapshot})")
        assert found == [(50, 5000)], snapshot


@pytest.mark.parametrize("written", ["'{}'", "timestamp '{}'", "timestamptz '{}'", "cast('{}' as timestamp)"])
def test_a_time_is_of_the_sessions_zone(make_server, written):
    server = make_server(settings=KEPT).start()
    server.run(TABLE, "insert into t values (1, 'early')")
    with server.connect() as connection:
        connection.execute("set timezone = 'America/New_York'")
        (local,) = connection.execute("select to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US')").fetchone()
        connection.execute("insert into t values (2, 'late')")
        past = connection.execute(f"select i from t for system_time as of {written.format(local)}").fetchall()
    assert past == [(1,)]
