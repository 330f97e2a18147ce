"""Advisory locks among sessions: who waits, who goes first, what ends a wait."""

import threading

import psycopg
import pytest
from psycopg import errors

from polling import wait_until


class Waiting:
    """A statement that runs in a thread of its own on its own connection."""

    def __init__(self, server, statement, *before):
        self.connection = server.connect()
        for setting in before:
            self.connection.execute(setting)
        self.process_id = self.connection.info.backend_pid
        self.failed_with = None
        self.thread = threading.Thread(target=self.run, args=(statement,))
        self.thread.start()

    def run(self, statement):
        try:
            self.connection.execute(statement)
        except psycopg.Error as error:
            self.failed_with = type(error)

    def ended(self):
        self.thread.join(30)
        assert not self.thread.is_alive()
        return self.failed_with

    def close(self):
        self.ended()
        self.connection.close()


def waits(server, process_id):
    return server.value("select count(*) from pg_locks where pid = %s and not granted", (process_id,)) == 1


@pytest.fixture
def waiting(server):
    """Starts a statement and comes back when it waits for a lock."""
    started = []

    def start(statement, *before):
        started.append(Waiting(server, statement, *before))
        wait_until(lambda: waits(server, started[-1].process_id), "the statement waits for a lock")
        return started[-1]

    yield start
    for statement in started:
        statement.close()


def test_a_session_waits_until_the_lock_is_given_back(server, waiting):
    with server.connect() as holder:
        holder.execute("select pg_advisory_lock(100)")
        second = waiting("select pg_advisory_lock(100)")
        blocking = holder.execute("select pg_blocking_pids(%s)", (second.process_id,)).fetchone()[0]
        assert blocking == [holder.info.backend_pid]
        assert holder.execute("select pg_advisory_unlock(100)").fetchone() == (True,)
        assert second.ended() is None
        assert holder.execute("select pg_try_advisory_lock(100)").fetchone() == (False,)


def test_the_end_of_a_session_gives_its_locks_back(server, waiting):
    holder = server.connect()
    holder.execute("select pg_advisory_lock(101), pg_advisory_lock_shared(102)")
    second = waiting("select pg_advisory_lock(101)")
    holder.close()
    assert second.ended() is None


def test_the_end_of_a_transaction_gives_its_locks_back(server, waiting):
    with server.connect() as holder:
        holder.execute("begin")
        holder.execute("select pg_advisory_xact_lock(1, 103)")
        second = waiting("select pg_advisory_xact_lock_shared(1, 103)")
        holder.execute("commit")
        assert second.ended() is None
        # Its own implicit transaction has ended too.
        assert holder.execute("select pg_try_advisory_lock(1, 103)").fetchone() == (True,)


def test_limits_and_cancel_requests_end_a_wait(server, waiting):
    with server.connect() as holder:
        holder.execute("select pg_advisory_lock(104)")
        assert waiting("select pg_advisory_lock(104)", "set lock_timeout = '300ms'").ended() is errors.LockNotAvailable
        assert waiting("select pg_advisory_lock(104)", "set statement_timeout = '300ms'").ended() is errors.QueryCanceled
        cancelled = waiting("select pg_advisory_lock(104)")
        cancelled.connection.cancel_safe()
        assert cancelled.ended() is errors.QueryCanceled
        holder.execute("select pg_advisory_unlock(104)")
        assert server.value("select pg_try_advisory_lock(104)") is True


def test_one_of_a_circle_of_waiters_is_refused(server, waiting):
    with server.connect() as first:
        first.execute("begin")
        first.execute("select pg_advisory_xact_lock(105)")
        second = waiting("select pg_advisory_xact_lock(105)", "begin", "select pg_advisory_xact_lock(106)")
        try:
            first.execute("select pg_advisory_xact_lock(106)")
        except errors.DeadlockDetected:
            # Here it is the one that closes the circle; PostgreSQL takes the one that looks first. Its transaction has
            # failed, and with that its locks are free.
            assert second.ended() is None
        else:
            assert second.ended() is errors.DeadlockDetected


def test_a_lock_that_is_not_held_is_a_warning(server):
    with server.connect() as connection:
        notices = []
        connection.add_notice_handler(lambda notice: notices.append((notice.severity, notice.message_primary)))
        assert connection.execute("select pg_advisory_unlock(107)").fetchone() == (False,)
        assert notices == [("WARNING", "you don't own a lock of type ExclusiveLock")]
