"""The protocol itself: portals with row limits, pipelines, cancel, notices, settings, implicit transactions."""

import threading

import psycopg
import pytest

from wire import CANCEL_REQUEST, Wire, int32, kinds, only_error, started

SERIES = "select n from generate_series(1, 10) as t(n) order by n"
# Runs far longer than any test waits.
ENDLESS = "select count(*) from generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y) where x + y < 0"


def rows(messages):
    return [message.values() for message in messages if message.type == "D"]


def tags(messages):
    return [message.body.rstrip(b"\0").decode() for message in messages if message.type == "C"]


def prepare_and_bind(wire, text, portal=""):
    wire.send("P", "", text, 0)
    wire.send("B", portal, "", 0, 0, 0)


def test_a_portal_gives_its_rows_in_pieces(server):
    with started(server) as wire:
        prepare_and_bind(wire, SERIES, "piecewise")
        wire.send("D", b"Ppiecewise\0")
        for _ in range(3):
            wire.send("E", "piecewise", int32(4))
        wire.send("S")
        messages = wire.until("Z")
    assert kinds(messages) == "12T" + "DDDDs" + "DDDDs" + "DDC" + "Z"
    assert rows(messages) == [(str(number),) for number in range(1, 11)]


def test_an_error_comes_without_sync(server):
    with started(server) as wire:
        wire.send("P", "", "select nothing from nowhere", 0)
        wire.send("H")
        assert only_error([wire.read()])["C"] == "42P01"
        wire.send("S")
        assert kinds(wire.until("Z")) == "Z"


def test_a_portal_ends_with_its_sync(server):
    with started(server) as wire:
        prepare_and_bind(wire, SERIES, "gone")
        wire.send("E", "gone", int32(1))
        wire.send("S")
        wire.until("Z")
        wire.send("E", "gone", int32(1))
        wire.send("S")
        assert only_error(wire.until("Z"))["C"] == "34000"


def test_describe_tells_types_before_execution(server):
    with started(server) as wire:
        wire.send("P", "s", "select $1::int + 1 as a, $2::text as b, now() as c", 0)
        wire.send("D", b"Ss\0")
        wire.send("S")
        messages = wire.until("Z")
    (parameters,) = [message.body for message in messages if message.type == "t"]
    assert parameters == b"\0\2" + int32(23) + int32(25)
    (description,) = [message.body for message in messages if message.type == "T"]
    assert [oid in description for oid in (int32(23), int32(25), int32(1184))] == [True] * 3


def test_empty_queries(server):
    with started(server) as wire:
        assert kinds(wire.query("")) == "IZ"
        assert kinds(wire.query(" ; -- nothing")) == "IZ"
        prepare_and_bind(wire, "")
        wire.send("E", "", int32(0))
        wire.send("S")
        assert kinds(wire.until("Z")) == "12IZ"


def test_after_an_error_messages_are_skipped_up_to_sync(server):
    with started(server) as wire:
        prepare_and_bind(wire, "select 1/0")
        wire.send("E", "", int32(0))
        prepare_and_bind(wire, "select 2")
        wire.send("E", "", int32(0))
        wire.send("S")
        messages = wire.until("Z")
        assert only_error(messages)["C"] == "22012"
        assert rows(messages) == []
        assert rows(wire.query("select 3")) == [("3",)]


def test_statements_of_one_string_stand_or_fall_together(server, table):
    with started(server) as wire:
        messages = wire.query(f"create table {table} (id int); insert into {table} values (1), (2); select * from {table}")
        assert tags(messages) == ["CREATE TABLE", "INSERT 0 2", "SELECT 2"]
        broken = wire.query(f"insert into {table} values (3); create table {table}_b (x int); select 1/0; select 4")
        assert tags(broken) == ["INSERT 0 1", "CREATE TABLE"]
        assert only_error(broken)["C"] == "22012"
        assert rows(wire.query(f"select count(*) from {table}")) == [("2",)]
        assert only_error(wire.query(f"select * from {table}_b"))["C"] == "42P01"


def test_a_syntax_error_stops_the_whole_string_before_it_starts(server, table):
    with started(server) as wire:
        messages = wire.query(f"create table {table} (id int); selec 1")
        assert tags(messages) == []
        error = only_error(messages)
        assert error["C"] == "42601" and int(error["P"]) > 0


def test_a_pipeline_stands_or_falls_together(server, table):
    server.run(f"create table {table} (id int)")
    with server.connect() as connection:
        with pytest.raises(psycopg.errors.DivisionByZero), connection.pipeline():
            connection.execute(f"insert into {table} values (1)")
            connection.execute("select 1 / 0")
            connection.execute(f"insert into {table} values (2)")
        assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)
        with connection.pipeline():
            connection.execute(f"insert into {table} values (1)")
            connection.execute(f"insert into {table} values (2)")
        assert connection.execute(f"select count(*) from {table}").fetchone() == (2,)


def test_ready_tells_of_the_block(server, table):
    with started(server) as wire:
        states = []
        for text in ("begin", f"create table {table} (a int)", "select 1 / 0", "rollback", "select 1"):
            wire.send("Q", text)
            states.append(wire.until("Z")[-1].body)
    assert states == [b"T", b"T", b"E", b"I", b"I"]


def test_a_portal_lives_as_long_as_its_block(server):
    with started(server) as wire:
        wire.send("Q", "begin")
        wire.until("Z")
        prepare_and_bind(wire, SERIES, "long")
        wire.send("E", "long", int32(3))
        wire.send("S")
        assert rows(wire.until("Z")) == [("1",), ("2",), ("3",)]
        wire.send("E", "long", int32(2))
        wire.send("S")
        assert rows(wire.until("Z")) == [("4",), ("5",)]
        wire.send("Q", "commit")
        wire.until("Z")
        wire.send("E", "long", int32(1))
        wire.send("S")
        assert only_error(wire.until("Z"))["C"] == "34000"


def test_a_pipeline_may_hold_whole_blocks(server, table):
    server.run(f"create table {table} (id int)")
    with server.connect() as connection, connection.pipeline():
        for text in ("begin", f"insert into {table} values (1)", "commit", "begin", f"insert into {table} values (2)", "rollback"):
            connection.execute(text)
    assert server.rows(f"select id from {table}") == [(1,)]


def test_a_lost_connection_rolls_back(server, table):
    server.run(f"create table {table} (id int)")
    wire = started(server).__enter__()
    wire.send("Q", f"begin; insert into {table} values (1)")
    wire.until("Z")
    wire.close()
    assert server.rows(f"select count(*) from {table}") == [(0,)]


def test_idle_sessions_are_ended_when_asked(server):
    for setting, before, state in (
        ("idle_session_timeout", "select 1", "57P05"),
        ("idle_in_transaction_session_timeout", "begin", "25P03"),
    ):
        with started(server) as wire:
            wire.send("Q", f"set {setting} = '50ms'")
            wire.until("Z")
            wire.send("Q", before)
            wire.until("Z")
            assert only_error([wire.read()])["C"] == state


@pytest.mark.parametrize("prepared", [False, True], ids=["simple", "extended"])
def test_cancel_of_a_running_statement(server, prepared):
    with server.connect() as connection:
        ended = threading.Event()
        canceller = threading.Thread(target=cancel_until, args=[ended, connection])
        canceller.start()
        try:
            with pytest.raises(psycopg.errors.QueryCanceled):
                connection.execute(ENDLESS, prepare=prepared, binary=prepared)
        finally:
            ended.set()
            canceller.join()
        assert connection.execute("select 1").fetchone() == (1,)


def cancel_until(ended, connection):
    """Cancels again and again: a request that comes before the statement or after it does nothing."""
    while not ended.wait(0.2):
        connection.cancel_safe()


def test_cancel_with_a_wrong_key_does_nothing(server):
    with started(server) as wire:
        with Wire(server.port) as other:
            process, secret = wire.backend[:4], bytes(byte ^ 1 for byte in wire.backend[4:])
            other.send_raw(int32(8 + len(process + secret)) + int32(CANCEL_REQUEST) + process + secret)
            assert other.ended()
        assert rows(wire.query("select 1")) == [("1",)]


def test_settings_are_kept_per_connection_and_reported(server):
    with started(server) as wire:
        reported = wire.parameters
        assert reported["client_encoding"] == "UTF8" and reported["server_encoding"] == "UTF8"
        assert reported["standard_conforming_strings"] == "on" and reported["integer_datetimes"] == "on"
        assert reported["server_version"].split(".")[0].isdigit()
        changed = [message.body for message in wire.query("set timezone = 'America/New_York'") if message.type == "S"]
        assert changed == [b"TimeZone\0America/New_York\0"]
        assert rows(wire.query("show timezone; reset timezone; show timezone")) == [("America/New_York",), ("UTC",)]
        assert only_error(wire.query("set nosuch_setting = 1"))["C"] == "42704"


def test_start_up_parameters(server):
    with server.connect(options="-c timezone=Europe/Berlin", application_name="proof") as connection:
        assert connection.execute("show timezone").fetchone() == ("Europe/Berlin",)
        assert connection.execute("show application_name").fetchone() == ("proof",)


@pytest.mark.peristyle_only
def test_keys_are_recorded_with_one_notice(server, table):
    heard = []
    with server.connect() as connection:
        connection.add_notice_handler(lambda notice: heard.append(notice.message_primary))
        connection.execute(f"create table {table} (id int primary key, other int unique references {table}(id))")
        connection.execute(f"insert into {table} values (1, 1), (1, 1)")
    assert len(heard) == 1 and "not enforced" in heard[0]
    kinds_found = server.rows(
        "select contype::text, convalidated from pg_constraint where conrelid = %s::regclass order by 1", (table,)
    )
    assert [kind for kind, _ in kinds_found] == ["f", "p", "u"]
    assert not any(validated for _, validated in kinds_found)


@pytest.mark.parametrize("wrong, code", [({"dbname": "nosuch"}, "3D000"), ({"user": "nosuch"}, "28000")], ids=str)
def test_unknown_names_are_refused(server, wrong, code):
    parameters = {"user": "peristyle", "database": "peristyle"}
    parameters.update({"database" if key == "dbname" else key: value for key, value in wrong.items()})
    with Wire(server.port) as wire:
        assert only_error(wire.start(**parameters))["C"] == code
    assert server.answers()


def test_both_databases_take_connections(server):
    for database in ("peristyle", "postgres"):
        with psycopg.connect(**{**server.dsn(), "dbname": database}, autocommit=True) as connection:
            assert connection.execute("select current_database()").fetchone() == (database,)


def test_a_value_that_cannot_be_read_is_refused_by_bind(server):
    with started(server) as wire:
        for value, code in (("abc", "22P02"), ("99999999999", "22003")):
            wire.send("P", "", "select $1::int", 0)
            wire.send("B", "", "", 0, 1, int32(len(value)), value.encode(), 0)
            wire.send("S")
            messages = wire.until("Z")
            assert kinds(messages) == "1EZ"
            error = only_error(messages)
            assert (error["C"], error["W"]) == (code, "unnamed portal parameter $1")


def test_an_idle_session_hears_that_it_was_terminated(server):
    with started(server) as idle, server.connect() as other:
        (process,) = rows(idle.query("select pg_backend_pid()"))[0]
        assert other.execute("select pg_terminate_backend(%s::int)", [process]).fetchone() == (True,)
        messages = idle.until("E")
        assert only_error(messages)["C"] == "57P01"
        assert only_error(messages)["S"] == "FATAL"


def test_a_copy_that_waits_for_data_runs_out_of_time(server, table):
    server.run(f"create table {table} (id int)")
    with started(server) as wire:
        wire.query("set statement_timeout = '100ms'")
        wire.send("Q", f"copy {table} from stdin")
        error = only_error(wire.until("Z"))
        assert (error["C"], error["M"]) == ("57014", "canceling statement due to statement timeout")


def test_another_session_cancels_a_copy_that_waits_for_data(server, table):
    server.run(f"create table {table} (id int)")
    with started(server) as wire, server.connect() as other:
        (process,) = rows(wire.query("select pg_backend_pid()"))[0]
        wire.send("Q", f"copy {table} from stdin")
        wire.until("G")
        assert other.execute("select pg_cancel_backend(%s::int)", [process]).fetchone() == (True,)
        assert only_error(wire.until("Z"))["C"] == "57014"


def test_what_a_failed_string_set_was_never_set(server):
    with started(server) as wire:
        wire.query("set application_name = 'before'")
        wire.query("set application_name = 'x'; select set_config('extra_float_digits', '0', false); select 1/0")
        assert rows(wire.query("show application_name")) == [("before",)]
        assert rows(wire.query("show extra_float_digits")) == [("1",)]
        shown = wire.query("set local application_name = 'here'; show application_name")
        assert rows(shown) == [("here",)]
        assert rows(wire.query("show application_name")) == [("before",)]


def test_the_client_is_told_what_set_config_set(server):
    with started(server) as wire:
        messages = wire.query("select set_config('application_name', 'told', false)")
    assert [message.body for message in messages if message.type == "S"] == [b"application_name\0told\0"]
