"""A stop tells every session that it is over, whatever it does just then."""

import time

from wire import only_error, started

MESSAGE = "terminating connection due to administrator command"
# What a session sends, and the message after which it is where the stop shall find it.
SESSIONS = {
    "idle": (),
    "has listened": (("listen a", "Z"),),
    "in a block": (("begin", "Z"), ("insert into t values (2)", "Z")),
    "in a block that failed": (("begin", "Z"), ("select 1/0", "Z")),
    "sends a copy": (("copy t from stdin", "G"),),
    "runs": (("select pg_sleep(60)", None),),
    "waits for a lock": (("select pg_advisory_lock(7)", None),),
    "waits for a row": (("update t set i = i", None),),
}


def test_every_session_hears_of_a_stop(make_server):
    server = make_server(settings={"drain_seconds": 2}).start()
    server.run("create table t (i int)", "insert into t values (1)")
    holder = server.connect()
    for statement in ("select pg_advisory_lock(7)", "begin", "update t set i = 3"):
        holder.execute(statement)
    wires = {what: started(server) for what in SESSIONS}
    for what, statements in SESSIONS.items():
        for text, until in statements:
            wires[what].send("Q", text)
            if until:
                wires[what].until(until)
    time.sleep(0.5)
    begun = time.monotonic()
    server.stop()
    told = {what: wire.until("E")[-1].fields() for what, wire in wires.items()}
    for connection in (holder, *wires.values()):
        connection.close()
    heard = {what: (fields["S"], fields["C"], fields["M"]) for what, fields in told.items()}
    assert heard == {what: ("FATAL", "57P01", MESSAGE) for what in SESSIONS}
    assert time.monotonic() - begun < 20


def test_a_block_that_waits_for_its_client_does_not_hold_up_a_stop(make_server):
    server = make_server(settings={"drain_seconds": 300}).start()
    with started(server) as wire:
        wire.query("begin")
        server.stop()
        assert only_error(wire.until("E"))["C"] == "57P01"
