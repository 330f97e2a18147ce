"""The anomalies by which isolation is told apart, each played by transactions that take turns.

The names are those of Adya's thesis and of the Hermitage tests; docs/isolation.md has the outcome as a table.
"""

import threading

import psycopg
import pytest

import merging
from polling import wait_until

pytestmark = pytest.mark.peristyle_only

READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE = "read committed", "repeatable read", "serializable"
LEVELS = [READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Rows stay in the chunks in which they were written: which rows share one is part of the tests."""
    from server import Peristyle

    running = Peristyle(tmp_path_factory.mktemp("isolation"), settings=merging.held_back()).start()
    yield running
    running.end()


class Play:
    """A table with the rows (1, 10) and (2, 20), each in a chunk of its own, and transactions over it."""

    def __init__(self, server, table):
        self.server, self.table, self.open = server, table, []
        server.run(
            f"create table {table} (id int, value int)",
            f"insert into {table} values (1, 10)",
            f"insert into {table} values (2, 20)",
        )

    def begin(self, level):
        connection = self.server.connect()
        connection.execute(f"begin isolation level {level}")
        self.open.append(connection)
        return Actor(connection, self.table)

    def waits(self, actor, step):
        """Starts a step that waits for another transaction, and comes back when it does."""
        step = Step(step)
        waiting = "select count(*) from pg_locks where pid = %s and not granted"
        process_id = actor.connection.info.backend_pid
        wait_until(lambda: self.server.value(waiting, (process_id,)) == 1, "the step waits")
        return step

    def end(self):
        for connection in self.open:
            connection.close()

    def rows(self):
        return self.server.rows(f"select id, value from {self.table} order by id")


class Step(threading.Thread):
    """Something that a transaction does while others go on."""

    def __init__(self, act):
        super().__init__()
        self.act, self.result, self.error = act, None, None
        self.start()

    def run(self):
        try:
            self.result = self.act()
        except psycopg.Error as error:
            self.error = error

    def ended(self):
        self.join(30)
        assert not self.is_alive()
        if self.error:
            raise self.error
        return self.result


class Actor:
    """One transaction."""

    def __init__(self, connection, table):
        self.connection, self.table = connection, table

    def value(self, row):
        return self.connection.execute(f"select value from {self.table} where id = {row}").fetchone()[0]

    def values(self, condition="true"):
        query = f"select value from {self.table} where {condition} order by id"
        return [value for (value,) in self.connection.execute(query).fetchall()]

    def set(self, row, value):
        self.connection.execute(f"update {self.table} set value = {value} where id = {row}")

    def run(self, statement):
        return self.connection.execute(statement.format(table=self.table)).rowcount

    def run_for_rows(self, query):
        return self.connection.execute(query.format(table=self.table)).fetchall()

    def lock(self, row, strength):
        assert self.run_for_rows(f"select id from {{table}} where id = {row} for {strength}") == [(row,)]

    def commit(self):
        self.connection.execute("commit")

    def rollback(self):
        self.connection.execute("rollback")

    def loses(self, *steps):
        """Some of the steps, or the commit, is refused: another one committed first."""
        with pytest.raises(psycopg.errors.SerializationFailure):
            for step in steps:
                step()
            self.commit()


@pytest.fixture
def play(server, table):
    playing = Play(server, table)
    yield playing
    playing.end()


@pytest.fixture(params=LEVELS)
def level(request):
    return request.param


def test_g0_dirty_writes(play, level):
    one, two = play.begin(level), play.begin(level)
    one.set(1, 11)
    waiting = play.waits(two, lambda: two.set(1, 12))
    one.set(2, 21)
    one.commit()
    if level == READ_COMMITTED:
        waiting.ended()
        two.set(2, 22)
        two.commit()
        assert play.rows() == [(1, 12), (2, 22)]
    else:
        two.loses(waiting.ended, lambda: two.set(2, 22))
        assert play.rows() == [(1, 11), (2, 21)]


def test_g1a_aborted_reads(play, level):
    one, two = play.begin(level), play.begin(level)
    one.set(1, 101)
    assert two.values() == [10, 20]
    one.rollback()
    assert two.values() == [10, 20]
    two.commit()


def test_g1b_intermediate_reads(play, level):
    one, two = play.begin(level), play.begin(level)
    one.set(1, 101)
    assert two.values() == [10, 20]
    one.set(1, 11)
    one.commit()
    assert two.value(1) == (11 if level == READ_COMMITTED else 10)
    two.commit()


def test_g1c_circular_information_flow(play, level):
    one, two = play.begin(level), play.begin(level)
    one.set(1, 11)
    two.set(2, 22)
    assert (one.value(2), two.value(1)) == (20, 10)
    one.commit()
    if level == SERIALIZABLE:
        two.loses()
    else:
        two.commit()
        assert play.rows() == [(1, 11), (2, 22)]


def test_otv_observed_transaction_vanishes(play, level):
    one, two, three = play.begin(level), play.begin(level), play.begin(level)
    one.set(1, 11)
    one.set(2, 19)
    waiting = play.waits(two, lambda: two.set(1, 12))
    one.commit()
    assert three.value(1) == 11
    if level == READ_COMMITTED:
        waiting.ended()
        two.set(2, 18)
        assert three.values() == [11, 19]
        two.commit()
        assert three.values() == [12, 18]
    else:
        two.loses(waiting.ended, lambda: two.set(2, 18))
        assert three.values() == [11, 19]
    three.commit()


def test_pmp_predicate_many_preceders(play, level):
    one, two = play.begin(level), play.begin(level)
    assert one.values("value = 30") == []
    two.run("insert into {table} values (3, 30)")
    two.commit()
    # Possible in READ COMMITTED: each statement reads its own snapshot.
    assert one.values("value % 3 = 0") == ([30] if level == READ_COMMITTED else [])
    one.commit()


def test_pmp_of_a_write(play, level):
    one, two = play.begin(level), play.begin(level)
    assert one.run("update {table} set value = value + 10") == 2
    waiting = play.waits(two, lambda: two.run("delete from {table} where value = 20"))
    one.commit()
    if level == READ_COMMITTED:
        # It sees all that the other did, where PostgreSQL looks again at the row that it waited for alone.
        assert waiting.ended() == 1
        two.commit()
        assert play.rows() == [(2, 30)]
    else:
        two.loses(waiting.ended)
        assert play.rows() == [(1, 20), (2, 30)]


def test_p4_lost_update(play, level):
    one, two = play.begin(level), play.begin(level)
    assert one.value(1) == two.value(1) == 10
    one.set(1, 11)
    waiting = play.waits(two, lambda: two.set(1, 12))
    one.commit()
    if level == READ_COMMITTED:
        # Possible: what the client computed of the older value is written over the newer one.
        waiting.ended()
        two.commit()
        assert play.rows() == [(1, 12), (2, 20)]
    else:
        two.loses(waiting.ended)
        assert play.rows() == [(1, 11), (2, 20)]


def test_updates_that_compute_do_not_get_lost(play):
    one, two = play.begin(READ_COMMITTED), play.begin(READ_COMMITTED)
    one.run("update {table} set value = value + 1 where id = 1")
    waiting = play.waits(two, lambda: two.run("update {table} set value = value + 2 where id = 1"))
    one.commit()
    assert waiting.ended() == 1
    two.commit()
    assert play.rows() == [(1, 13), (2, 20)]


def test_a_writer_goes_on_when_the_other_gives_up(play, level):
    one, two = play.begin(level), play.begin(level)
    one.set(1, 11)
    waiting = play.waits(two, lambda: two.set(1, 12))
    pids = [actor.connection.info.backend_pid for actor in (one, two)]
    assert play.server.value("select pg_blocking_pids(%s)", (pids[1],)) == [pids[0]]
    one.rollback()
    waiting.ended()
    two.commit()
    assert play.rows() == [(1, 12), (2, 20)]


def test_two_that_wait_for_each_other(play, level):
    one, two = play.begin(level), play.begin(level)
    one.set(1, 11)
    two.set(2, 22)
    waiting = play.waits(one, lambda: one.set(2, 21))
    with pytest.raises(psycopg.errors.DeadlockDetected):
        two.set(1, 12)
    two.rollback()
    waiting.ended()
    one.commit()
    assert play.rows() == [(1, 11), (2, 21)]


def test_a_lone_statement_waits_too(play):
    one = play.begin(READ_COMMITTED)
    one.set(1, 11)
    with play.server.connect() as lone:
        actor = Actor(lone, play.table)
        waiting = play.waits(actor, lambda: actor.run("update {table} set value = value + 1 where id = 1"))
        one.commit()
        assert waiting.ended() == 1
        lone.execute("set lock_timeout = '30ms'")
        two = play.begin(READ_COMMITTED)
        two.set(2, 22)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            actor.run("delete from {table}")
        two.rollback()
        assert actor.run("delete from {table}") == 2
    assert play.rows() == []


def test_p4_lost_update_by_a_statement_that_came_later(play, level):
    one, two = play.begin(level), play.begin(level)
    assert one.value(1) == two.value(1) == 10
    one.set(1, 11)
    one.commit()
    if level == READ_COMMITTED:
        # Possible: the statement sees the other's row and writes what its client computed from an older one.
        two.set(1, 12)
        two.commit()
        assert play.rows() == [(1, 12), (2, 20)]
    else:
        two.loses(lambda: two.set(1, 12))
        assert play.rows() == [(1, 11), (2, 20)]


def test_g_single_read_skew(play, level):
    one, two = play.begin(level), play.begin(level)
    assert one.value(1) == 10
    two.set(1, 12)
    two.set(2, 18)
    two.commit()
    # Possible in READ COMMITTED: 10 and 18 never stood beside each other.
    assert one.value(2) == (18 if level == READ_COMMITTED else 20)
    one.commit()


def test_g_single_with_a_write(play, level):
    one, two = play.begin(level), play.begin(level)
    assert one.value(1) == 10
    two.set(1, 12)
    two.set(2, 18)
    two.commit()
    delete = "delete from {table} where value = 20"
    if level == READ_COMMITTED:
        # Possible: the row that was to go is another one by now.
        assert one.run(delete) == 0
        one.commit()
    else:
        one.loses(lambda: one.run(delete))
    assert play.rows() == [(1, 12), (2, 18)]


def test_g2_item_write_skew(play, level):
    one, two = play.begin(level), play.begin(level)
    assert one.values() == two.values() == [10, 20]
    one.set(1, 11)
    two.set(2, 21)
    one.commit()
    if level == SERIALIZABLE:
        two.loses()
        assert play.rows() == [(1, 11), (2, 20)]
    else:
        # Possible: each read what the other wrote, and no row was written by both.
        two.commit()
        assert play.rows() == [(1, 11), (2, 21)]


def test_g2_item_is_prevented_by_accident_where_rows_lie_together(play, level):
    play.server.run(f"truncate {play.table}", f"insert into {play.table} values (1, 10), (2, 20)")
    one, two = play.begin(level), play.begin(level)
    assert one.values() == two.values() == [10, 20]
    one.set(1, 11)
    waiting = play.waits(two, lambda: two.set(2, 21))
    one.commit()
    if level == READ_COMMITTED:
        waiting.ended()
        two.commit()
        assert play.rows() == [(1, 11), (2, 21)]
    else:
        two.loses(waiting.ended)


def test_g2_anti_dependency_cycle(play, level):
    one, two = play.begin(level), play.begin(level)
    assert one.values("value % 3 = 0") == two.values("value % 3 = 0") == []
    one.run("insert into {table} values (3, 30)")
    two.run("insert into {table} values (4, 42)")
    one.commit()
    if level == SERIALIZABLE:
        two.loses()
        assert play.rows() == [(1, 10), (2, 20), (3, 30)]
    else:
        # Possible: neither would have found nothing after the other.
        two.commit()
        assert play.rows() == [(1, 10), (2, 20), (3, 30), (4, 42)]


def test_the_anomaly_of_a_reader(play, level):
    """Fekete, O'Neil and O'Neil: a reader sees the deposit into 2 and not yet the withdrawal from 1, which pays a fee for
    an empty 2 that nobody saw before it."""
    play.server.run(f"update {play.table} set value = 0")
    withdrawal, deposit = play.begin(level), play.begin(level)
    assert withdrawal.values() == deposit.values() == [0, 0]
    deposit.set(2, 20)
    deposit.commit()
    reader = play.begin(level)
    assert reader.values() == [0, 20]
    reader.commit()
    withdraw = "insert into {table} values (1, -11)"
    if level == SERIALIZABLE:
        withdrawal.loses(lambda: withdrawal.run(withdraw))
        assert sorted(play.rows()) == [(1, 0), (2, 20)]
    else:
        # Possible: no order of the three gives what they saw.
        withdrawal.run(withdraw)
        withdrawal.commit()


@pytest.fixture
def noted(play):
    """A table for what a transaction writes that read the other one."""
    play.server.run(
        f"create table {play.table}_notes (i int)",
        f"insert into {play.table}_notes values (0)",
        f"create view {play.table}_view as select id from {play.table}",
        f"create view {play.table}_views as select * from {play.table}_view",
    )
    yield play
    play.server.run(
        f"drop view {play.table}_view cascade",
        f"drop table {play.table}_notes",
        f"drop table if exists {play.table}_made",
    )


READS = [
    "select count(*) from {table}",
    "select (select max(value) from {table})",
    "select 1 where exists (select from {table} where value = 7)",
    "with w as (select * from {table}) select * from w",
    "select * from {table}_views",
    "insert into {table}_notes select id from {table} where value = 7",
    "update {table}_notes set i = 1 where i in (select value from {table})",
    "delete from {table}_notes where i in (select value from {table})",
    "merge into {table}_notes n using {table} t on n.i = t.value when matched then delete",
    "update {table} set value = 8 where value = 7",
    "delete from {table} where value = 7",
    "create table {table}_made as select * from {table}",
    "copy (select * from {table}) to stdout",
    "copy {table} to stdout",
]
CHANGES = [
    "insert into {table} values (3, 30)",
    "update {table} set value = 12 where id = 1",
    "delete from {table} where id = 1",
    "truncate {table}",
    "alter table {table} add column more int",
]


def read_by(actor, statement):
    if statement.startswith("copy"):
        with actor.connection.cursor().copy(statement.format(table=actor.table)) as copy:
            return b"".join(copy)
    return actor.run(statement)


@pytest.mark.parametrize("read", READS)
def test_every_way_to_read_counts(noted, read):
    one, two = noted.begin(SERIALIZABLE), noted.begin(READ_COMMITTED)
    read_by(one, read)
    two.run(CHANGES[0])
    two.commit()
    one.loses(lambda: one.run("insert into {table}_notes values (1)"))
    assert noted.server.rows(f"select * from {noted.table}_notes") == [(0,)]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_what_was_read_counts(noted, change):
    one = noted.begin(SERIALIZABLE)
    one.values()
    noted.server.run(change.format(table=noted.table))
    with pytest.raises(psycopg.errors.SerializationFailure) as refused:
        one.run("insert into {table}_notes values (1)")
        one.commit()
    message = "could not serialize access due to read/write dependencies among transactions"
    assert refused.value.diag.message_primary == message
    assert refused.value.diag.message_hint == "The transaction might succeed if retried."


def test_a_view_that_was_read_counts_too(noted):
    one = noted.begin(SERIALIZABLE)
    one.run("select * from {table}_views")
    noted.server.run(f"create or replace view {noted.table}_views as select 1 as id")
    one.loses(lambda: one.run("insert into {table}_notes values (1)"))


def test_what_does_not_count_as_change(noted):
    """Merges move rows; others write elsewhere; what only writes does not read; what only reads is never refused."""
    reader, writer, blind = (noted.begin(SERIALIZABLE) for _ in range(3))
    assert reader.values() == writer.values() == [10, 20]
    blind.run("insert into {table}_notes values (2)")
    noted.server.run(f"optimize table {noted.table}", f"vacuum full {noted.table}")
    noted.server.run(f"insert into {noted.table}_notes values (3)")
    writer.run("insert into {table}_notes values (1)")
    writer.commit()
    noted.server.run(f"insert into {noted.table} values (3, 30)")
    assert reader.values() == [10, 20]
    reader.commit()
    blind.commit()
    assert noted.server.value(f"select count(*) from {noted.table}_notes") == 4


def test_what_was_read_before_a_savepoint_is_given_up_counts(noted):
    one = noted.begin(SERIALIZABLE)
    one.run("insert into {table}_notes values (1)")
    one.run("savepoint s")
    one.values()
    one.run("rollback to s")
    noted.server.run(f"insert into {noted.table} values (3, 30)")
    one.loses()


def test_lone_statements_are_run_again(server, table):
    """Each gives the number of rows that it finds, as if they had come one after the other."""
    import concurrent.futures

    server.run(f"create table {table} (i bigint)")

    def count(_):
        with server.connect(options="-c default_transaction_isolation=serializable") as connection:
            for _ in range(10):
                connection.execute(f"insert into {table} select count(*) from {table}")

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    assert server.rows(f"select i from {table} order by i") == [(i,) for i in range(40)]


STRONG = ["share", "share row exclusive", "exclusive", "access exclusive"]


@pytest.mark.parametrize("mode", STRONG)
def test_who_has_locked_a_table_loses_if_others_write(play, level, mode):
    one, two = play.begin(level), play.begin(level)
    one.run("lock table {table} in " + mode + " mode")
    two.run("insert into {table} values (3, 30)")
    two.commit()
    one.loses(lambda: one.run("create table {table}_made ()"))
    assert play.rows() == [(1, 10), (2, 20), (3, 30)]
    one, two = play.begin(level), play.begin(level)
    one.run("lock table {table} in " + mode + " mode nowait")
    two.set(1, 11)
    two.commit()
    one.loses(lambda: one.set(2, 21))
    assert play.rows() == [(1, 11), (2, 20), (3, 30)]


@pytest.mark.parametrize("mode", ["share update exclusive", *STRONG])
def test_two_who_lock_a_table(play, level, mode):
    other = play.table + "_other"
    play.server.run(f"create table {other} (i int)")
    one, two = play.begin(level), play.begin(level)
    lock = "lock {table} in " + mode + " mode"
    one.run(lock)
    waiting = Step(lambda: two.run(lock)) if mode == "share" else play.waits(two, lambda: two.run(lock))
    if mode == "share":
        waiting.ended()
    one.run(f"insert into {other} values (1)")
    if mode != "share":
        one.set(1, 11)
    one.commit()
    waiting.ended()
    assert two.value(1) == (10 if mode == "share" else 11), "what the first did is seen"
    two.run(f"insert into {other} values (2)")
    two.commit()
    assert play.server.value(f"select sum(i) from {other}") == 3
    play.server.run(f"drop table {other}")


def test_a_lock_of_the_second_statement_does_not_see_what_it_waited_for(play):
    one, two = play.begin(REPEATABLE_READ), play.begin(REPEATABLE_READ)
    assert two.values() == [10, 20]
    one.run("lock table {table}")
    one.set(1, 11)
    waiting = play.waits(two, lambda: two.run("lock table {table}"))
    one.commit()
    two.loses(waiting.ended, lambda: two.set(2, 21))


def test_two_who_want_each_others_tables(play):
    play.server.run(f"create table {play.table}_b (i int)")
    one, two = play.begin(READ_COMMITTED), play.begin(READ_COMMITTED)
    one.run("lock table {table}")
    two.run("lock table {table}_b")
    waiting = play.waits(one, lambda: one.run("lock table {table}_b"))
    with pytest.raises(psycopg.errors.DeadlockDetected):
        two.run("lock table {table}")
    two.rollback()
    waiting.ended()
    one.commit()
    play.server.run(f"drop table {play.table}_b")


def test_writers_wait_for_a_rewrite_and_run_again(play):
    one = play.begin(READ_COMMITTED)
    one.run("alter table {table} alter column value type text using 'v' || value")
    with play.server.connect() as connection:
        writer = Actor(connection, play.table)
        waiting = play.waits(writer, lambda: writer.run("insert into {table} values (3, 30)"))
        one.commit()
        waiting.ended()
    assert play.rows() == [(1, "v10"), (2, "v20"), (3, "30")]


def test_a_rewrite_gets_through_whoever_writes(play):
    play.server.run(f"insert into {play.table} select i, i from generate_series(3, 100000) g(i)")
    is_over = threading.Event()

    def insert():
        with play.server.connect() as connection:
            while not is_over.is_set():
                connection.execute(f"insert into {play.table} values (0, 0)")

    writers = [Step(insert) for _ in range(3)]
    try:
        play.server.run(f"set lock_timeout = '60s'; alter table {play.table} alter column value type text using 'v' || value")
    finally:
        is_over.set()
        for writer in writers:
            writer.ended()
    assert play.server.value(f"select count(*) from {play.table} where value = 'v99999'") == 1


def test_the_owner_of_a_lock_changes_the_table_as_it_likes(play, level):
    one, two = play.begin(level), play.begin(level)
    one.run("insert into {table} values (3, 30)")
    one.run("lock table {table}")
    assert one.run("update {table} set value = value + 1") == 3
    one.run("alter table {table} add column more int")
    one.run("insert into {table} values (4, 40, 1)")
    assert two.values() == [10, 20]
    one.commit()
    two.commit()
    assert play.rows() == [(1, 11), (2, 21), (3, 31), (4, 40)]


def test_locks_of_views_are_refused(play):
    play.server.run(f"create view {play.table}_v as select * from {play.table}")
    one = play.begin(READ_COMMITTED)
    one.run("lock table {table}_v in access share mode")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        one.run("lock table {table}_v in share mode")
    one.rollback()
    play.server.run(f"drop view {play.table}_v")


def test_a_locked_row_is_not_locked_again(play, level):
    one, two = play.begin(level), play.begin(level)
    one.lock(1, "update")
    two.lock(2, "update")
    waiting = play.waits(two, lambda: two.run_for_rows("select * from {table} where id = 1 for share"))
    one.set(1, 11)
    one.commit()
    if level == READ_COMMITTED:
        assert waiting.ended() == [(1, 11)]
        two.set(2, 22)
        two.commit()
        assert play.rows() == [(1, 11), (2, 22)]
    else:
        two.loses(waiting.ended)
        assert play.rows() == [(1, 11), (2, 20)]


def test_locks_prevent_write_skew(play, level):
    one, two = play.begin(level), play.begin(level)
    one.lock(1, "share")
    one.lock(2, "share")
    two.lock(1, "share")
    two.lock(2, "share")
    waiting = play.waits(one, lambda: one.set(1, 11))
    with pytest.raises(psycopg.errors.DeadlockDetected):
        two.set(2, 21)
    two.rollback()
    waiting.ended()
    one.commit()
    assert play.rows() == [(1, 11), (2, 20)]


def test_who_changes_a_row_waits_for_who_has_locked_it(play, level):
    one, two = play.begin(level), play.begin(level)
    one.lock(1, "share")
    two.set(2, 22)
    waiting = play.waits(two, lambda: two.set(1, 12))
    one.commit()
    waiting.ended()
    two.commit()
    assert play.rows() == [(1, 12), (2, 22)]


def test_a_locked_row_is_read_as_it_became(play):
    """select for update, then a change of what was read: both of two that do so count."""
    one, two = play.begin(READ_COMMITTED), play.begin(READ_COMMITTED)
    read = "select value from {table} where id = 1 for update"
    assert one.run_for_rows(read) == [(10,)]
    waiting = play.waits(two, lambda: two.run_for_rows(read))
    one.set(1, 11)
    one.commit()
    assert waiting.ended() == [(11,)]
    two.set(1, 12)
    two.commit()
    assert play.rows() == [(1, 12), (2, 20)]


def test_a_row_that_no_longer_fits_is_not_locked(play):
    one, two = play.begin(READ_COMMITTED), play.begin(READ_COMMITTED)
    one.set(1, 11)
    waiting = play.waits(two, lambda: two.run_for_rows("select id from {table} where value <= 10 for update"))
    one.commit()
    assert waiting.ended() == []
    two.commit()


def test_a_wait_for_a_row_ends_when_it_is_cancelled(play):
    one, two = play.begin(READ_COMMITTED), play.begin(READ_COMMITTED)
    one.lock(1, "update")
    waiting = play.waits(two, lambda: two.run_for_rows("select id from {table} for update"))
    two.connection.cancel_safe()
    with pytest.raises(psycopg.errors.QueryCanceled):
        waiting.ended()
    two.rollback()
    two = play.begin(READ_COMMITTED)
    two.run("set local lock_timeout = '30ms'")
    with pytest.raises(psycopg.errors.LockNotAvailable):
        two.run_for_rows("select id from {table} for update")
    one.set(1, 11)
    one.commit()


def test_a_row_that_others_changed_since_the_snapshot_is_not_locked(play):
    one, two = play.begin(REPEATABLE_READ), play.begin(REPEATABLE_READ)
    assert one.values() == [10, 20]
    two.set(1, 12)
    two.commit()
    one.loses(lambda: one.lock(1, "update"))


def test_locks_end_with_their_transaction(play):
    one, two = play.begin(READ_COMMITTED), play.begin(READ_COMMITTED)
    one.lock(1, "update")
    one.rollback()
    two.lock(1, "update")
    two.set(1, 12)
    two.commit()
    assert play.rows() == [(1, 12), (2, 20)]


def test_workers_take_jobs_of_their_own(play):
    """Each row is in a chunk of its own: that is how far they are apart."""
    workers = [play.begin(READ_COMMITTED) for _ in range(3)]
    query = "select id from {table} order by id limit 1 for update skip locked"
    taken = [worker.run_for_rows(query) for worker in workers]
    assert taken == [[(1,)], [(2,)], []]
    for worker, rows in zip(workers, taken):
        for (row,) in rows:
            worker.set(row, 0)
        worker.commit()
    assert play.rows() == [(1, 0), (2, 0)]


class Keyed:
    """A table that enforces its key, and transactions that insert into it."""

    def __init__(self, server, table):
        self.server, self.table, self.open = server, table, []
        server.run(
            f"create table {table} (id int primary key, name text unique, value int) with (enforce_key = true)",
            f"insert into {table} values (1, 'one', 10), (2, 'two', 20)",
        )

    begin, end, rows = Play.begin, Play.end, Play.rows


@pytest.fixture
def keyed(server, table):
    playing = Keyed(server, table)
    yield playing
    playing.end()


def inserts(actor, *rows):
    for row, name in rows:
        actor.run(f"insert into {{table}} values ({row}, '{name}', 0)")


def test_writers_of_different_keys_both_commit(keyed, level):
    one, two = keyed.begin(level), keyed.begin(level)
    inserts(one, (3, "three"), (9, "nine"))
    inserts(two, (4, "four"), (8, "eight"))
    one.commit()
    if level == SERIALIZABLE:
        two.loses()  # Looking for its keys it read the table.
    else:
        two.commit()
        assert [row for row, _ in keyed.rows()] == [1, 2, 3, 4, 8, 9]


@pytest.mark.parametrize("row, name", [(3, "four"), (4, "three")], ids=["primary key", "unique"])
def test_of_two_writers_of_one_key_one_commits(keyed, level, row, name):
    one, two = keyed.begin(level), keyed.begin(level)
    inserts(one, (3, "three"), (5, "five"))
    inserts(two, (6, "six"), (row, name))
    one.commit()
    two.loses()
    assert [row for row, _ in keyed.rows()] == [1, 2, 3, 5]


def test_a_load_meets_a_key_between_its_first_and_last(keyed):
    one, two, three = (keyed.begin(READ_COMMITTED) for _ in range(3))
    one.run("insert into {table} select i, 'n' || i, 0 from generate_series(1000, 4000) i")
    inserts(two, (2500, "of two"))
    inserts(three, (4001, "of three"))
    one.commit()
    three.commit()
    two.loses()


def test_changes_of_other_rows_do_not_meet_new_keys(keyed):
    """An update writes the keys of its rows again, and a delete none."""
    one, two = keyed.begin(READ_COMMITTED), keyed.begin(READ_COMMITTED)
    inserts(one, (3, "three"))
    keyed.server.run(f"update {keyed.table} set value = 11 where id = 1")
    keyed.server.run(f"delete from {keyed.table} where id = 2")
    one.commit()
    inserts(two, (4, "four"))
    keyed.server.run(f"update {keyed.table} set name = 'four' where id = 1")
    two.loses()
    assert keyed.rows() == [(1, 11), (3, 0)]


def test_a_key_whose_type_became_wider_is_still_the_same(keyed):
    one, two = keyed.begin(READ_COMMITTED), keyed.begin(READ_COMMITTED)
    inserts(one, (3, "three"))
    two.run("alter table {table} alter column id type bigint")
    two.commit()
    keyed.server.run(f"insert into {keyed.table} values (3, 'third', 1)")
    one.loses()


def test_lone_inserts_of_many_sessions_need_no_second_try(keyed):
    """Statements of their own, at the same time: none is refused, and each key is there once."""

    def insert(first):
        with keyed.server.connect() as connection:
            for row in range(first, 400, 4):
                connection.execute(f"insert into {keyed.table} values (%s, %s, 0)", (1000 + row, f"n{row}"))

    threads = [Step(lambda first=first: insert(first)) for first in range(4)]
    for thread in threads:
        thread.ended()
    assert [row for row, _ in keyed.rows()] == [1, 2, *range(1000, 1400)]
