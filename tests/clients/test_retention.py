"""Rows past their table's retention go with their partitions, without anything being read or written again."""

import pytest

import merging
from polling import wait_until

pytestmark = pytest.mark.peristyle_only


def test_whole_partitions_and_chunks_go(make_server):
    server = make_server(settings={**merging.held_back(), **merging.kept_after_end(), "gc_interval_seconds": 1}).start()
    server.run(
        "create table t (id integer, ts timestamptz) with (partition_by = 'day(ts)')",
        "insert into t select i, now() - i * interval '1 hour' from generate_series(1, 40000) g(i)",
        "insert into t values (-1, now() - interval '5 years')",
        "insert into t values (-2, now())",
        "insert into t values (-3, null)",
    )

    def held():
        return server.rows(
            "select (select count(*) from system.chunks), count(*), sum(rows)::bigint, max(level) from system.partitions"
        )[0]

    chunks, partitions, rows, level = held()
    assert (chunks, rows, level) == (3, 40_000, 0) and partitions > 40
    before = {path for (path,) in server.rows("select path from system.partitions")}
    server.run("alter table t set (retention = '400 days')")
    assert server.value("select count(*) from t") == 400 * 24 - 1 + 2
    wait_until(lambda: held()[0] == 2 and held()[1] < partitions, "what has expired is dropped")
    after = {path for (path,) in server.rows("select path from system.partitions")}
    assert after < before, "no partition is written again"
    # Months share no partition, so what is left of the last one is hidden and not dropped.
    assert 400 * 24 - 1 <= held()[2] < 432 * 24
    assert server.rows("select count(*), count(ts), min(id) from t") == [(400 * 24 + 1, 400 * 24, -3)]
    server.stop()
    server.start()
    assert server.value("select count(*) from t") == 400 * 24 + 1
