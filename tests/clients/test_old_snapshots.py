"""A reader that holds an old state for too long: the objects go all the same, and it is told."""

import pytest

import merging
from polling import wait_until
from wire import int32, only_error, started

pytestmark = pytest.mark.peristyle_only

SETTINGS = {
    **merging.held_back(),
    **merging.deleted_at_once(),
    "gc_interval_seconds": 1,
    "snapshot_seconds_max": 2,
    "row_group_rows_max": 10_000,
}
ROWS = 400_000


def objects_of(server):
    return [file for file in (server.folder / "store" / "data").rglob("*") if file.is_file()]


def test_a_portal_that_idles_too_long_does_not_keep_objects(make_server):
    server = make_server(settings=SETTINGS).start()
    server.run("create table t (n int)", f"insert into t select * from generate_series(1, {ROWS})")
    assert objects_of(server)
    with started(server) as wire:
        wire.send("P", "", "select n from t", 0)
        wire.send("B", "p", "", 0, 0, 0)
        wire.send("E", "p", int32(1))
        wire.send("H")
        wire.until("s")
        server.run("truncate t")
        wait_until(lambda: not objects_of(server), "deletion of the objects", 30)
        wire.send("E", "p", int32(0))
        wire.send("S")
        error = only_error(wire.until("Z"))
        assert (error["C"], error["M"]) == ("72000", "snapshot too old")
        assert len(wire.query("select n from t")) > 0
