"""kill -9 again and again, on one data folder: eight writers of several kinds, DDL among them, while the merge runs; now and
then the server is killed while it starts, too. Nothing that was acknowledged is lost, and nothing is there twice.
"""

import random
import threading

import psycopg
import pytest

import merging
from faults import NOTICE_SECONDS, kill_after, moments, timed
from lane import KILL_ROUNDS, SEED
from polling import wait_until

pytestmark = pytest.mark.peristyle_only

# Steps of all writers together in a round, and the time that they may take.
STEPS_MAX = 400
ROUND_SECONDS = 300
COPY_ROWS = 300
# Rows that become partitions and not a chunk.
MANY_ROWS = 17_000
LOADS_KEPT = 10


class Writer:
    """Writes until the server is gone. Steps are numbered over all rounds."""

    def __init__(self, number):
        self.number = number
        self.sent = 0
        # Steps that were acknowledged.
        self.done = set()
        # An error that is not the server's end.
        self.refusal = None

    def work(self, server):
        try:
            with server.connect() as connection:
                self.prepare(connection)
                while True:
                    self.sent += 1
                    self.step(connection, self.sent)
                    self.done.add(self.sent)
        except psycopg.Error as error:
            if error.sqlstate and not error.sqlstate.startswith("57"):
                self.refusal = error

    def prepare(self, connection):
        pass

    def check(self, server):
        """All that was acknowledged is there, and what is there is there whole and once."""
        assert self.refusal is None, f"{self.name()}: step {self.sent} was refused: {self.refusal}"
        found = self.found(server)
        for step in self.done:
            assert found.get(step) == self.wanted(step), f"{self.name()}: step {step} is there {found.get(step)} times"
        for step, count in found.items():
            assert count == self.wanted(step), f"{self.name()}: step {step} is there {count} times"
            assert step <= self.sent, f"{self.name()}: nobody sent step {step}"

    def wanted(self, step):
        return 1

    def name(self):
        return f"{type(self).__name__} {self.number}"


class Rows(Writer):
    """Single rows, now and then many at once."""

    def step(self, connection, step):
        if step % 50 == 0:
            many = "insert into single select %s, %s from generate_series(1, %s)"
            connection.execute(many, (self.number, step, MANY_ROWS))
        else:
            connection.execute("insert into single values (%s, %s)", (self.number, step), prepare=True)

    def wanted(self, step):
        return MANY_ROWS if step % 50 == 0 else 1

    def found(self, server):
        query = "select step, count(*) from single where writer = %s group by step"
        return dict(server.rows(query, (self.number,)))


class Copies(Writer):
    """COPY of a few hundred rows."""

    def step(self, connection, step):
        with connection.cursor().copy("copy copied from stdin") as copy:
            copy.write("".join(f"{self.number}\t{step}\t{row}\n" for row in range(COPY_ROWS)))

    def wanted(self, step):
        return COPY_ROWS

    def found(self, server):
        query = "select step, count(distinct line) from copied where writer = %s group by step having count(*) = %s"
        whole = dict(server.rows(query, (self.number, COPY_ROWS)))
        assert len(whole) == server.value("select count(distinct step) from copied where writer = %s", (self.number,))
        return whole


class Loads(Writer):
    """Loads with an id, of which the last few are sent again in each round: then they are there once all the same."""

    def prepare(self, connection):
        for step in range(max(1, self.sent - LOADS_KEPT), self.sent + 1):
            self.step(connection, step)
            self.done.add(step)

    def step(self, connection, step):
        connection.execute(f"set ingest_id = 'writer {self.number} load {step}'")
        connection.execute("insert into loaded select %s, %s from generate_series(1, 5)", (self.number, step))

    def wanted(self, step):
        return 5

    def found(self, server):
        return dict(server.rows("select step, count(*) from loaded where writer = %s group by 1", (self.number,)))


class Keys(Writer):
    """Rows of a table that enforces its key; the last one is sent again in each round."""

    def prepare(self, connection):
        if self.sent:
            try:
                self.step(connection, self.sent)
            except psycopg.errors.UniqueViolation:
                pass
            self.done.add(self.sent)

    def step(self, connection, step):
        insert = "insert into keyed values (%s, %s, 1) on conflict (writer, step) do update set tries = keyed.tries + 1"
        if step % 2:
            insert = "insert into keyed values (%s, %s, 1)"
        connection.execute(insert, (self.number, step))

    def found(self, server):
        return dict(server.rows("select step, count(*) from keyed where writer = %s group by 1", (self.number,)))


class Definitions(Writer):
    """DDL and rows in one block: a table is made, filled, changed and takes the place of the one before."""

    def step(self, connection, step):
        with connection.transaction():
            connection.execute("create table next (step int)")
            connection.execute("insert into next select %s from generate_series(1, 3)", (step,))
            connection.execute(f"alter table next add column made_by int default {step}")
            connection.execute("drop table if exists current")
            connection.execute("alter table next rename to current")
            connection.execute("insert into defined values (%s, %s)", (self.number, step))

    def found(self, server):
        steps = dict(server.rows("select step, count(*) from defined where writer = %s group by 1", (self.number,)))
        newest = max(steps, default=0)
        assert not server.value("select count(*) from pg_class where relname = 'next'"), "half of a block is there"
        if newest:
            rows = server.rows("select step, made_by, count(*) from current group by 1, 2")
            assert rows == [(newest, newest, 3)], f"the table is not that of the last block: {rows}"
        return steps


class Deferred(Writer):
    """Rows that nobody waits for: a crash takes the end of what was acknowledged, and nothing else."""

    def __init__(self, number):
        super().__init__(number)
        # The last step of the rounds before, of which it is known what became.
        self.settled = 0

    def prepare(self, connection):
        connection.execute("set synchronous_commit = off")

    def step(self, connection, step):
        connection.execute("insert into deferred values (%s, %s)", (self.number, step))

    def check(self, server):
        last = server.value("select coalesce(max(step), 0) from deferred where writer = %s", (self.number,))
        self.done -= {step for step in self.done if step > max(last, self.settled)}
        super().check(server)
        self.settled = self.sent

    def found(self, server):
        return dict(server.rows("select step, count(*) from deferred where writer = %s group by 1", (self.number,)))


TABLES = """
    create table single (writer int, step int);
    create table copied (writer int, step int, line int);
    create table loaded (writer int, step int);
    create table keyed (writer int, step int, tries int, primary key (writer, step)) with (enforce_key = true);
    create table defined (writer int, step int);
    create table deferred (writer int, step int);
"""


def settings():
    """Chunks become partitions all the time, segments of the log fill and go."""
    return {**merging.small_segments(), "ended_age_seconds": 0, "dropped_table_seconds": 1}


def test_nothing_is_lost_and_nothing_is_twice(make_server):
    server = make_server(settings=settings()).start()
    server.run(*TABLES.strip().rstrip(";").split(";"))
    writers = [Rows(1), Rows(2), Rows(3), Copies(4), Loads(5), Keys(6), Definitions(7), Deferred(8)]
    usual, draw = restart(server), random.Random(f"{SEED} kill loop")
    for number, fraction in enumerate(moments("kill loop", KILL_ROUNDS)):
        work_until_killed(server, writers, draw.randrange(STEPS_MAX))
        if number % 3 == 0:
            # Again, before it is up.
            server.launch()
            kill_after(server, lambda: wait_for_answer(server), usual * fraction)
        server.start()
        for writer in writers:
            writer.check(server)
        print(f"round {number}: {', '.join(f'{writer.name()} {len(writer.done)}' for writer in writers)}")
    server.kill()
    code, output = server.offline("check")
    assert code == 0, output
    assert all(writer.done for writer in writers), "a writer never came to anything"


def restart(server):
    """How long a start usually takes."""
    server.kill()
    return timed(server.start)


def work_until_killed(server, writers, steps):
    """Kills the server after so many more steps, not before each writer came to something in some round."""
    threads = [threading.Thread(target=writer.work, args=[server], daemon=True) for writer in writers]
    before = acknowledged(writers)
    for thread in threads:
        thread.start()
    enough = lambda: acknowledged(writers) >= before + steps and all(writer.done for writer in writers)  # noqa: E731
    wait_until(lambda: enough() or not any(thread.is_alive() for thread in threads), "steps of all writers", ROUND_SECONDS)
    server.kill()
    for thread in threads:
        thread.join(NOTICE_SECONDS)
        assert not thread.is_alive(), "a writer did not notice that the server is gone"


def acknowledged(writers):
    return sum(len(writer.done) for writer in writers)


def wait_for_answer(server):
    """Returns when the server answers or its process is gone."""
    wait_until(lambda: not server.process.running() or server.answers(), "an answer or the end")
