"""Bad input: each has a clear error, the server keeps serving, nothing half done is visible."""

import os
import resource
import signal
import struct
import subprocess

import psycopg
import pytest

import merging
from polling import wait_until
from server import peristyle_binary
from wire import PROTOCOL, Wire, int32, only_error, started

COLUMNS = 5_000
LONG = "n" * 10_000
LARGE_ROWS = 100_000
SMALL_DISK_BYTES = 24 << 20


@pytest.mark.parametrize("packet", [
    b"",
    b"\0\0\0\x04",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
    struct.pack("!ii", 8, PROTOCOL),
    struct.pack("!ii", 12, 9 << 16) + b"user",
    struct.pack("!ii", 1 << 30, PROTOCOL),
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    struct.pack("!ii", 17, PROTOCOL) + b"user\0noend"[:9],
], ids=["nothing", "too short", "all ones", "no user", "wrong version", "a gigabyte", "http", "no end"])  # fmt: skip
def test_wrong_start_up_packets(server, packet):
    with Wire(server.port) as wire:
        wire.send_raw(packet)
        wire.send_no_more()
        assert wire.ended()
    assert server.answers()


def test_an_unknown_message_type(server):
    with started(server) as wire:
        wire.send("~", "what")
        assert only_error(wire.until("E"))["C"] == "08P01"
    assert server.answers()


@pytest.mark.parametrize("length", [3, -1, 0x7FFFFFFF], ids=["too short", "negative", "oversized"])
def test_a_message_of_impossible_length(server, length):
    with started(server) as wire:
        wire.send_raw(b"Q" + int32(length) + b"select 1\0")
        wire.send_no_more()
        assert wire.ended()
    assert server.answers()


def test_a_parameter_that_is_no_utf8(server, table):
    server.run(f"create table {table} (t text)")
    with started(server) as wire:
        for value in (b"\xff\xfe", b"a\0b"):
            wire.send("P", "", f"insert into {table} values ($1)", 0)
            wire.send("B", "", "", 0, 1, int32(len(value)), value, 0)
            wire.send("E", "", int32(0))
            wire.send("S")
            assert only_error(wire.until("Z"))["C"] == "22021"
    assert server.value(f"select count(*) from {table}") == 0


@pytest.mark.parametrize("options", ["", "with (format csv)"], ids=["text", "csv"])
@pytest.mark.parametrize("value", [b"\xc3\x28", b"a\0b"], ids=["utf8", "nul"])
def test_copied_text_that_is_no_text(server, table, options, value):
    server.run(f"create table {table} (t text)")
    with server.connect() as connection, pytest.raises(psycopg.errors.CharacterNotInRepertoire) as raised:
        with connection.cursor().copy(f"copy {table} from stdin {options}") as copy:
            copy.write(b"good\n" + value + b"\n")
    assert f"COPY {table}, line 2" in raised.value.diag.context
    assert server.value(f"select count(*) from {table}") == 0


@pytest.mark.parametrize("how", ["end", "fail", "disconnect"])
def test_a_copy_cut_short(server, table, how):
    server.run(f"create table {table} (id int, t text)")
    with started(server) as wire:
        wire.send("Q", f"copy {table} from stdin")
        wire.until("G")
        for number in range(200):
            wire.send("d", f"{number}\t{'x' * 1000}\n".encode())
        if how == "fail":
            wire.send("f", "changed my mind")
            assert only_error(wire.until("Z"))["C"] == "57014"
        elif how == "end":
            wire.send("d", b"200\thalf a li")
            wire.send("X")
    assert server.answers()
    assert server.value(f"select count(*) from {table}") == 0


def test_copy_program_is_never_allowed(server, table):
    if server.kind == "postgres":
        pytest.skip("PostgreSQL allows it to superusers")
    server.run(f"create table {table} (t text)")
    for statement in (f"copy {table} from program 'echo 1'", f"copy {table} to program 'cat'"):
        with server.connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_a_table_of_too_many_columns(server, table):
    columns = ", ".join(f"c{number} int" for number in range(COLUMNS))
    with server.connect() as connection, pytest.raises(psycopg.errors.TooManyColumns):
        connection.execute(f"create table {table} ({columns})")
    assert server.value("select count(*) from pg_class where relname = %s", (table,)) == 0


@pytest.mark.peristyle_only
def test_an_open_table_keeps_too_many_columns_in_rest(server, table):
    server.run(f"create table {table} ()")
    line = "{" + ",".join(f'"c{number}":{number}' for number in range(COLUMNS)) + "}\n"
    server.psql(rf"\copy {table} from pstdin with (format ndjson)", stdin=line)
    columns = server.value("select count(*) from pg_attribute where attrelid = %s::regclass and attnum > 0", (table,))
    rest = server.value(f"select _rest from {table}")
    assert columns <= 1600 and columns - 2 + len(rest) == COLUMNS
    assert all(rest[name] == int(name[1:]) for name in rest)


def test_an_identifier_of_10_kb_is_cut_with_a_notice(server):
    heard = []
    with server.connect() as connection:
        connection.add_notice_handler(lambda notice: heard.append(notice.sqlstate))
        cursor = connection.execute(f'select 1 as "{LONG}"')
        assert cursor.description[0].name == LONG[:63] and heard == ["42622"]
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute(f"select * from {LONG}")


@pytest.mark.parametrize("statement", [
    "select " + "(" * 100_000 + "1" + ")" * 100_000,
    "select 1" + " + 1" * 100_000,
    "select 1" + "::int" * 100_000,
    "select 1 where true" + " or 1 = 1" * 100_000,
    "select 1" + " union all select 1" * 100_000,
], ids=["parentheses", "operators", "casts", "conditions", "unions"])  # fmt: skip
def test_deep_nesting_is_an_error_and_no_crash(server, statement):
    with server.connect() as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute(statement)
    assert raised.value.sqlstate in ("54001", "42601")
    assert server.answers()


@pytest.mark.parametrize("statement", [
    "select 1 where 1 = 1" + " or 1 = 1" * 1000,
    "select 1" + " + 0" * 100,
    "select 1" + " union select 1" * 100,
    "select 1 from (select 1) t" + "".join(f" cross join (select 1) t{n}" for n in range(100)),
], ids=["conditions", "sums", "unions", "joins"])  # fmt: skip
def test_long_chains_have_the_stack_that_they_need(server, statement):
    assert server.rows(statement) == [(1,)]


# What stops a start.


@pytest.mark.peristyle_only
def test_two_servers_on_one_folder(make_server):
    server = make_server().start()
    spilled = server.data / "spill" / "of a running statement"
    spilled.touch()
    second = make_server()
    code, printed = second.start_fails()
    assert code != 0 and str(server.process.pid) in printed
    assert server.answers() and spilled.exists()


@pytest.mark.peristyle_only
@pytest.mark.parametrize("key", ["nosuch_setting", "merge_interval_second"])
def test_an_unknown_setting_is_named(make_server, key):
    code, printed = make_server(settings={key: 1}).start_fails()
    assert code != 0 and key in printed


@pytest.mark.peristyle_only
def test_a_setting_of_the_wrong_type_is_named(make_server):
    code, printed = make_server(settings={"merge_interval_seconds": "often"}).start_fails()
    assert code != 0 and "merge_interval_seconds" in printed


@pytest.mark.peristyle_only
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_an_address_that_is_not_loopback(tmp_path, address):
    command = [peristyle_binary(), "serve", "--data-dir", tmp_path / "data", "--listen", address]
    refused = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, stdin=subprocess.DEVNULL)
    assert refused.returncode != 0 and "loopback" in refused.stderr + refused.stdout


@pytest.mark.peristyle_only
def test_a_store_that_belongs_to_another_folder(make_server):
    first = make_server("first").start()
    first.stop()
    code, printed = make_server("second", store=first.store).start_fails()
    assert code != 0 and first.store.split("//")[1] in printed


@pytest.mark.peristyle_only
def test_a_data_folder_of_a_newer_format(make_server):
    server = make_server().start()
    server.run("create table kept (id int)", "insert into kept values (1)")
    server.stop()
    version = server.data / "FORMAT"
    before = version.read_text()
    name, _, identity = before.split()
    version.write_text(f"{name} 999 {identity}\n")
    code, printed = server.start_fails()
    assert code != 0 and "has format 999" in printed
    version.write_text(before)
    server.start()
    assert server.rows("select * from kept") == [(1,)]


@pytest.mark.peristyle_only
def test_a_store_that_does_not_answer(make_server, bucket):
    server = make_server(settings=merging.held_back(), **bucket.options()).start()
    server.run("create table kept (id int, t text)")
    store = bucket.server.process.child
    store.send_signal(signal.SIGSTOP)
    try:
        server.run("insert into kept values (1, 'in the log')")
        assert server.rows("select id from kept") == [(1,)]
    finally:
        store.send_signal(signal.SIGCONT)
    assert wait_until(server.answers, "the server goes on")


@pytest.mark.peristyle_only
def test_a_store_that_returns_errors(make_server):
    """A file where the store's folder of partitions was: every write to it fails."""
    server = make_server(settings=merging.held_back()).start()
    server.run("create table kept (id int, t text)", "create table large (id int, t text)")
    data = server.folder / "store/data"
    if data.exists():
        data.rename(server.folder / "aside")
    data.write_text("in the way")
    acknowledged = copy_large(server)
    server.run("insert into kept values (1, 'in the log')")
    data.unlink()
    if (server.folder / "aside").exists():
        (server.folder / "aside").rename(data)
    assert server.rows("select id from kept") == [(1,)]
    assert server.value("select count(*) from large") == acknowledged
    server.kill()
    server.start()
    assert server.value("select count(*) from large") == acknowledged


def copy_large(server):
    """Copies more than stays in the log, if the store takes it; the number of rows acknowledged."""
    try:
        with server.connect() as connection, connection.cursor().copy("copy large from stdin") as copy:
            for row in range(LARGE_ROWS):
                copy.write(f"{row}\t{'x' * 1000}\n")
        return LARGE_ROWS
    except psycopg.Error as error:
        assert error.sqlstate and error.sqlstate[:2] in ("53", "58"), error
        return 0


# A disk that is full.


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few MiB, where this machine lets the test mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.getuid() != 0:
        pytest.skip("mounting a small disk needs root")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_BYTES}", "tmpfs", folder]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let the test mount a tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.peristyle_only
def test_a_full_disk_fails_the_write_and_keeps_the_rest(make_server, small_disk):
    small = {"log_segment_bytes": 1 << 20, "log_frame_bytes_max": 1 << 20}
    server = make_server(settings={**merging.held_back(), **small})
    server.data = small_disk / "data"
    server.start()
    server.run("create table kept (id int, t text)")
    stored = insert_until_full(server)
    assert stored > 0
    assert server.value("select count(*) from kept") == stored
    server.kill()
    subprocess.run(["mount", "-o", f"remount,size={4 * SMALL_DISK_BYTES}", small_disk], check=True)
    server.start()
    assert server.value("select count(*) from kept") == stored
    server.run("insert into kept values (-1, 'goes on')")
    server.kill()


def insert_until_full(server):
    """Inserts until 53100; the number of rows that were acknowledged."""
    with server.connect() as connection:
        for number in range(SMALL_DISK_BYTES // 10_000):
            try:
                connection.execute("insert into kept values (%s, %s)", (number, os.urandom(10_000).hex()))
            except psycopg.errors.DiskFull:
                return number
    raise AssertionError("the disk never filled")


# Many connections.


def test_more_connections_than_allowed(server):
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    try:
        for _ in range(min(soft - 100, 300)):
            held.append(server.connect())
    except psycopg.OperationalError as refused:
        assert "too many" in str(refused) or "sorry" in str(refused) or "remaining connection slots" in str(refused)
    finally:
        for connection in held:
            connection.close()
    assert wait_until(server.answers, "the server takes connections again")
