"""kill -9, then a start: every acknowledged row is there once, a row that was sent but not acknowledged once or not at
all, and no part of a COPY that was not acknowledged."""

import threading
import time

import psycopg
import pytest

import merging
from faults import kill_after, moments, timed
from lane import CRASH_ROUNDS
from polling import wait_until

CONNECTIONS = 8
COPY_ROWS = 60_000
COPY_PIECES = 60


class Copy:
    """One COPY of a round, sent in pieces so that the step at which the server died is known."""

    def __init__(self, server, number):
        self.server = server
        self.number = number
        self.pieces = 0
        self.acknowledged = False

    def run(self):
        try:
            with self.server.connect() as connection:
                with connection.cursor().copy("copy copied from stdin") as copy:
                    for piece in range(COPY_PIECES):
                        copy.write(self.piece(piece))
                        self.pieces = piece + 1
                self.acknowledged = True
        except psycopg.OperationalError:
            pass

    def piece(self, piece):
        rows = COPY_ROWS // COPY_PIECES
        return "".join(f"{self.number}\t{row}\ttext of row {row}\n" for row in range(piece * rows, (piece + 1) * rows))

    def step(self):
        if self.acknowledged:
            return "acknowledged"
        return "waiting for the commit" if self.pieces == COPY_PIECES else f"piece {self.pieces} of {COPY_PIECES} sent"


def test_during_copy(make_server):
    server = make_server().start()
    server.run("create table copied (round int not null, id int not null, note text)")
    usual = timed(Copy(server, -1).run)
    rounds = []
    for number, fraction in enumerate(moments("copy", CRASH_ROUNDS)):
        copy = Copy(server, number)
        kill_after(server, copy.run, fraction * usual * 1.1)
        server.start()
        rounds.append(copy)
        print(f"copy round {number}: killed at {copy.step()}")
        check_copies(server, rounds)


def check_copies(server, rounds):
    query = "select round, count(*), count(distinct id), min(id), max(id) from copied where round >= 0 group by round"
    found = {row[0]: row[1:] for row in server.rows(query)}
    whole = (COPY_ROWS, COPY_ROWS, 0, COPY_ROWS - 1)
    for copy in rounds:
        allowed = [whole] if copy.acknowledged else [whole, None]
        assert found.get(copy.number) in allowed, f"round {copy.number} ({copy.step()}): {found.get(copy.number)}"


class Storm:
    """Single-row INSERTs from several connections, each knowing what it sent and what was acknowledged."""

    def __init__(self, server, number):
        self.server = server
        self.number = number
        self.sent = [0] * CONNECTIONS
        self.acknowledged = [0] * CONNECTIONS

    def run(self):
        threads = [threading.Thread(target=self.insert, args=[worker]) for worker in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def insert(self, worker):
        """Inserts until the server is gone."""
        try:
            with self.server.connect() as connection:
                while True:
                    self.sent[worker] += 1
                    row = (self.number, worker, self.sent[worker])
                    connection.execute("insert into stormed values (%s, %s, %s)", row, prepare=True)
                    self.acknowledged[worker] += 1
        except psycopg.OperationalError:
            pass

    def step(self):
        flying = sum(sent - acknowledged for sent, acknowledged in zip(self.sent, self.acknowledged))
        return f"{sum(self.acknowledged)} rows acknowledged, {flying} sent without an answer"

    def check(self, found):
        """`found` holds each worker's row numbers as stored."""
        for worker in range(CONNECTIONS):
            rows = sorted(found.get(worker, []))
            whole = list(range(1, self.acknowledged[worker] + 1))
            allowed = [whole, list(range(1, self.sent[worker] + 1))]
            assert rows in allowed, f"worker {worker}: {len(rows)} rows, {len(whole)} acknowledged: {self.step()}"


def test_during_single_row_inserts(make_server):
    server = make_server().start()
    server.run("create table stormed (round int, worker int, id int)")
    rounds = []
    for number, fraction in enumerate(moments("storm", CRASH_ROUNDS)):
        storm = Storm(server, number)
        kill_after(server, storm.run, 0.3 + 2 * fraction)
        server.start()
        rounds.append(storm)
        print(f"insert round {number}: killed at {storm.step()}")
        for each in rounds:
            each.check(rows_by_worker(server, each.number))
    assert sum(sum(storm.acknowledged) for storm in rounds) > 0


def rows_by_worker(server, number):
    found = {}
    for worker, row in server.rows("select worker, id from stormed where round = %s", (number,)):
        found.setdefault(worker, []).append(row)
    return found


def insert_batches(server, count, first=0):
    """Rows first*100 … in many small commits."""
    with server.connect() as connection:
        for batch in range(first, first + count):
            values = ",".join(f"({batch * 100 + row}, 'batch {batch}')" for row in range(100))
            connection.execute(f"insert into batched values {values}")


def batches_are_whole(server, count):
    row = server.rows("select count(*), count(distinct id), min(id), max(id) from batched")[0]
    assert row == (count * 100, count * 100, 0, count * 100 - 1)


@pytest.mark.peristyle_only
def test_during_start_up(make_server):
    server = make_server().start()
    server.run("create table batched (id int, note text)")
    insert_batches(server, 50)
    server.kill()
    usual = timed(server.start)
    server.kill()
    for number, fraction in enumerate(moments("start", CRASH_ROUNDS)):
        server.launch()
        answered = kill_after(server, lambda: wait_for_answer(server), fraction * usual)
        print(f"start round {number}: killed {fraction * usual * 1000:.0f} ms after exec,"
              f" {'listening' if answered else 'not listening yet'}")  # fmt: skip
        server.start()
        batches_are_whole(server, 50 + number)
        insert_batches(server, 1, first=50 + number)
        server.kill()
    server.start()
    batches_are_whole(server, 50 + CRASH_ROUNDS)


def wait_for_answer(server):
    """Returns when the server answers or its process is gone."""
    wait_until(lambda: not server.process.running() or server.answers(), "an answer or the end")


@pytest.mark.peristyle_only
def test_during_the_merge(make_server):
    server = make_server(settings=merging.held_back()).start()
    server.run("create table batched (id int, note text)")
    count = 0
    for number, fraction in enumerate(moments("merge", CRASH_ROUNDS)):
        server.settings = merging.held_back()
        insert_batches(server, 40, first=count)
        count += 40
        server.stop()
        server.settings = merging.eager()
        server.start()
        watch = MergeWatch(server)
        kill_after(server, watch.run, 0.05 + 2.5 * fraction)
        server.settings = merging.held_back()
        server.start()
        after = merging.state(server)
        print(f"merge round {number}: killed at {watch.step()}; (chunks, partitions, level) after start {after}")
        batches_are_whole(server, count)
    server.stop()
    server.settings = merging.eager()
    server.start()
    merging.wait_until_stored(server, "batched")
    batches_are_whole(server, count)


class MergeWatch:
    """Follows the merge from outside until it is done or the server dies."""

    def __init__(self, server):
        self.server = server
        self.seen = []

    def run(self):
        try:
            wait_until(self.done, "the merge or the kill")
        except psycopg.OperationalError:
            pass

    def done(self):
        state = merging.state(self.server)
        if not self.seen or self.seen[-1][1] != state:
            self.seen.append((time.monotonic(), state))
        return state[0] == 0

    def step(self):
        return " → ".join(str(state) for _, state in self.seen) or "before the first look"
