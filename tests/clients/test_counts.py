"""How many rows a statement says that it changed, where several change the same ones."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

ROWS, SESSIONS = 100, 5


def run_in_all(server, statement, prepare):
    """Runs a statement for each key in several sessions at once; the counts that these were told."""
    start = threading.Barrier(SESSIONS)

    def run(_):
        with server.connect() as connection:
            start.wait()
            keys = range(1, ROWS + 1)
            return [connection.execute(statement(key), prepare=prepare).rowcount for key in keys]

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
    options = "with (enforce_key = true)" if server.kind == "peristyle" else ""
    server.run(f"create table {table} (k int primary key) {options}")
    told = run_in_all(server, lambda key: f"insert into {table} values ({key}) on conflict do nothing", prepare)
    assert sum(told) == ROWS
    assert server.value(f"select count(*) from {table}") == ROWS
