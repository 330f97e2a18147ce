"""TPC-H: loaded through psql, all 22 queries equal to DuckDB's on the same files, before and after the merge."""

import pytest

import merging
import tpch_data
from comparing import differences, rows_of
from lane import TPCH_SCALE

PARTS = 8
# Positions of the columns in ORDER BY.
ORDER = {
    1: (0, 1), 2: (0, 2, 1, 3), 3: (1, 2), 4: (0,), 5: (1,), 7: (0, 1, 2), 8: (0,), 9: (0, 1), 10: (2,), 11: (1,),
    12: (0,), 13: (1, 0), 15: (0,), 16: (3, 0, 1, 2), 18: (4, 3), 20: (0,), 21: (1, 0), 22: (0,),
}  # fmt: skip


@pytest.fixture(scope="module")
def files():
    return tpch_data.generate(TPCH_SCALE, PARTS)


@pytest.fixture(scope="module")
def wanted(files):
    """DuckDB's rows by query."""
    with tpch_data.duckdb_with(files) as oracle:
        return {number: oracle.execute(text).fetchall() for number, text in tpch_data.QUERIES.items()}


def check_all(server, wanted, binary):
    """Runs the 22 queries and lists every one that differs, not only the first."""
    wrong = {}
    with server.connect() as connection:
        for number, text in tpch_data.QUERIES.items():
            found = rows_of(connection.execute(text, binary=binary))
            why = differences(found, wanted[number], ORDER.get(number, ()))
            wrong.update({f"q{number:02}": why} if why else {})
    assert not wrong, wrong


def test_all_queries_before_and_after_the_merge(make_server, files, wanted):
    server = make_server(settings=merging.held_back()).start()
    tpch_data.load(server, files)
    before = merging.state(server)
    check_all(server, wanted, binary=False)
    assert merging.state(server) == before, "the merge ran although its settings hold it back"
    server.stop()
    server.settings = merging.eager()
    server.start()
    merging.wait_until_merged(server, before)
    check_all(server, wanted, binary=True)
    counts = {table: server.value(f"select count(*) from {table}") for table in tpch_data.TABLES}
    server.kill()
    server.start()
    assert counts == {table: server.value(f"select count(*) from {table}") for table in tpch_data.TABLES}
    check_all(server, wanted, binary=False)
