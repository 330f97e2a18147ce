"""Bounded waiting: the only way in which these tests wait for something."""

import threading
import time

import psycopg
import pytest

POLL_SECONDS = 0.02


class TimedOut(AssertionError):
    """What was waited for did not happen before the deadline."""


def wait_until(check, what, deadline_seconds=60.0):
    """Calls `check` until it returns something true and returns that; past the deadline it is a failure."""
    deadline = time.monotonic() + deadline_seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimedOut(f"not within {deadline_seconds} s: {what}")
        time.sleep(POLL_SECONDS)


def fails_while_waited_for(server, statement, condition, what):
    """A connection that runs a statement until the condition holds, and the thread that waits for the statement's error."""
    connection = server.connect()

    def run():
        with pytest.raises(psycopg.Error):
            connection.execute(statement)

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(condition, what)
    return connection, thread
