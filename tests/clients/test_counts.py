"""How many rows a statement says that it changed, where several change the same ones."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from polling import wait_until
from wire import int32, kinds, started

ROWS, SESSIONS = 100, 5
KEYS = range(1, ROWS + 1)


def run_in_all(server, statement, prepare):
    """Runs a statement for each key in several sessions at once; the counts that these were told."""
    start = threading.Barrier(SESSIONS)

    def run(_):
        with server.connect() as connection:
            start.wait()
            return [connection.execute(statement(key), prepare=prepare).rowcount for key in KEYS]

    with ThreadPoolExecutor(SESSIONS) as sessions:
        return [count for counts in sessions.map(run, range(SESSIONS)) for count in counts]


@pytest.mark.parametrize("prepare", [False, True])
def test_each_row_is_deleted_by_one_statement(server, table, prepare):
    server.run(f"create table {table} (k int)", f"insert into {table} select generate_series(1, {ROWS})")
    told = run_in_all(server, lambda key: f"delete from {table} where k = {key}", prepare)
    assert sum(told) == ROWS, "what is told is what was done"
    assert server.value(f"select count(*) from {table}") == 0


@pytest.mark.parametrize("prepare", [False, True])
def test_each_key_is_inserted_by_one_statement(server, table, prepare):
    keyed(server, table)
    told = run_in_all(server, lambda key: f"insert into {table} values ({key}) on conflict do nothing", prepare)
    assert sum(told) == ROWS
    assert server.value(f"select count(*) from {table}") == ROWS


UPSERT = "insert into {} values (1) on conflict do nothing"


def begin_upsert(wire, table):
    wire.send("P", "", UPSERT.format(table), 0)
    wire.send("B", "", "", 0, 0, 0)
    wire.send("E", "", int32(0))


def tags(messages):
    return [message.body.rstrip(b"\0").decode() for message in messages if message.type == "C"]


def keyed(server, table):
    options = "with (enforce_key = true)" if server.kind == "peristyle" else ""
    server.run(f"create table {table} (k int primary key) {options}")


@pytest.mark.peristyle_only
def test_a_tag_that_was_not_told_is_the_last_runs(server, table):
    keyed(server, table)
    with started(server) as wire:
        begin_upsert(wire, table)
        wait_until(lambda: has_run(server, table), "the statement waits for its Sync")
        server.run(UPSERT.format(table))
        wire.send("S")
        messages = wire.until("Z")
    assert (kinds(messages), tags(messages)) == ("12CZ", ["INSERT 0 0"])


@pytest.mark.peristyle_only
@pytest.mark.parametrize("told_by", ["H", "C", "P"])
def test_a_tag_that_was_told_stays_or_fails(server, table, told_by):
    keyed(server, table)
    tell = {"H": ("H",), "C": ("C", b"P\0"), "P": ("P", "other", "select 1", 0)}[told_by]
    with started(server) as wire:
        begin_upsert(wire, table)
        wire.send(*tell)
        if told_by != "H":
            wire.send("H")
        told = wire.until("C")
        assert tags(told) == ["INSERT 0 1"]
        server.run(UPSERT.format(table))
        wire.send("S")
        rest = wire.until("Z")
    assert tags(rest) in ([], ["INSERT 0 0"]) and "E" in kinds(rest), "no second end of one statement"
    assert [message.fields()["C"] for message in rest if message.type == "E"] == ["40001"]


def has_run(server, table):
    """Whether some other session has run its statement about the table, and goes on."""
    activity = "select count(*) from pg_stat_activity where query = %s and pid <> pg_backend_pid()"
    return server.value(activity, (UPSERT.format(table),)) == 1


def test_a_commit_within_a_string_keeps_its_tag(server, table):
    keyed(server, table)

    def run(_):
        with started(server) as wire:
            insert = f"insert into {table} values ({{}}) on conflict do nothing; commit"
            return [tags(wire.query(insert.format(key))) for key in KEYS]

    with ThreadPoolExecutor(SESSIONS) as sessions:
        told = [pair for pairs in sessions.map(run, range(SESSIONS)) for pair in pairs]
    assert {pair[1] for pair in told if len(pair) > 1} <= {"COMMIT"}
    assert sum(pair[0] == "INSERT 0 1" for pair in told if len(pair) > 1) == ROWS


def test_a_slow_update_comes_through_beside_quick_ones(server, table):
    server.run(f"create table {table} as select i, 0 as n from generate_series(1, 3000) g(i)")
    is_over = threading.Event()

    def be_quick():
        with server.connect() as connection:
            count = 0
            while not is_over.is_set():
                count += connection.execute(f"update {table} set n = n + 1 where i = 1").rowcount
            return count

    slow = f"update {table} set n = n + 1 from (select count(*) from generate_series(1, 3000000)) wait where i > 0"
    with ThreadPoolExecutor(1) as others:
        quick = others.submit(be_quick)
        try:
            with server.connect() as connection:
                assert connection.execute(slow).rowcount == 3000
        finally:
            is_over.set()
    assert server.value(f"select n from {table} where i = 1") == quick.result() + 1
    assert server.value(f"select count(*) from {table} where n = 1") >= 2999
