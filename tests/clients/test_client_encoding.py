"""client_encoding other than UTF8: what clients send and take in it, and what it cannot say."""

import os
import subprocess

import psycopg
import pytest

from server import PLAIN_TERMINAL
from wire import Wire, int32, only_error, started

LATIN1 = "Ünïcödé ÿ§"
CYRILLIC = "Привет"
JAPANESE = "表日本ｱ"
EURO = "€"
ENCODINGS = {"latin1": LATIN1, "win1251": CYRILLIC, "koi8r": CYRILLIC, "sjis": JAPANESE, "euc_jp": JAPANESE}
# What Python calls some of them.
CODECS = {"win1251": "cp1251", "koi8r": "koi8-r", "sjis": "cp932"}
# Characters of one byte to four.
OF_MANY_LENGTHS = {"sjis": "a表ｱ", "euc_jp": "a表ｱ丂", "gb18030": "a表é😀"}


@pytest.fixture(params=ENCODINGS)
def encoding(request):
    return request.param


def encoded(text, encoding):
    return text.encode(CODECS.get(encoding, encoding))


# Queries.


@pytest.mark.client("psycopg 3")
@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_texts_come_back(server, table, encoding, binary):
    text = ENCODINGS[encoding]
    # psycopg takes a byte of some characters of SJIS for an array's mark.
    item = text[-1]
    with server.connect(client_encoding=encoding) as connection:
        cursor = connection.cursor(binary=binary)
        cursor.execute(f"create table {table} (t text, v varchar(20), c char(20), a text[])")
        row = (text, text, text.ljust(20), [item, None, "a"])
        mark = "%b" if binary else "%t"
        cursor.execute(f"insert into {table} values ({mark}, {mark}, {mark}, {mark})", row)
        assert cursor.execute(f"select * from {table}").fetchall() == [row]
        assert cursor.execute(f"select '{text}', %s", [text], prepare=True).fetchall() == [(text, text)]
    assert server.rows(f"select * from {table}") == [row], "stored as any other text"


@pytest.mark.client("psycopg 3")
def test_texts_of_literals_come_back(server, encoding):
    text = ENCODINGS[encoding]
    with server.connect(client_encoding=encoding) as connection:
        cursor = psycopg.ClientCursor(connection)
        assert cursor.execute("select %s, length(%s)", [text, text]).fetchone() == (text, len(text))


def test_texts_within_other_values_are_encoded(server):
    """psycopg reads JSON as UTF-8 whatever the encoding, so the values are taken as they come."""
    with server.connect(client_encoding="latin1") as connection:
        def values(query, form):
            result = connection.pgconn.exec_params(query.encode("latin1"), None, result_format=form)
            return [result.get_value(0, column) for column in range(result.nfields)]

        query = """select '{"é": "ÿ"}'::json, '{"é": "ÿ"}'::jsonb, row('é', 1), '{é,NULL}'::text[]"""
        text, binary = values(query, 0), values(query, 1)
    assert text == [b'{"\xe9": "\xff"}', b'{"\xe9": "\xff"}', b"(\xe9,1)", b"{\xe9,NULL}"]
    assert binary[:2] == [b'{"\xe9": "\xff"}', b'\x01{"\xe9": "\xff"}']
    assert binary[2].endswith(int32(1) + b"\xe9" + int32(23) + int32(4) + int32(1))
    assert binary[3].endswith(int32(1) + b"\xe9" + int32(-1))


def test_names_are_in_the_clients_encoding(server, table):
    with server.connect(client_encoding="latin1") as connection:
        cursor = connection.execute(f'create table {table} ("né" int); select "né" from {table}')
        cursor.nextset()
        assert cursor.description[0].name == "né"
        with pytest.raises(psycopg.errors.UndefinedColumn) as raised:
            connection.execute(f'select "fé" from {table}')
        assert raised.value.diag.message_primary == 'column "fé" does not exist'
        server.run(f'alter table {table} rename "né" to "€"')
        for prepare in (False, True):
            with pytest.raises(psycopg.errors.UntranslatableCharacter):
                connection.execute(f"select * from {table}", prepare=prepare)
        assert connection.execute("select 1").fetchone() == (1,)


def test_what_the_encoding_cannot_say(server):
    expected = 'character with byte sequence 0xe2 0x82 0xac in encoding "UTF8" has no equivalent in encoding "LATIN1"'
    with server.connect(client_encoding="latin1") as connection:
        for binary in (False, True):
            with pytest.raises(psycopg.errors.UntranslatableCharacter) as raised:
                connection.cursor(binary=binary).execute("select chr(8364)")
            assert raised.value.diag.message_primary == expected
        with pytest.raises(psycopg.errors.UntranslatableCharacter):
            connection.cursor(binary=True).execute("select array['a', chr(8364)]")
        assert connection.execute("select length(chr(8364))").fetchone() == (1,)


def test_rows_before_the_one_that_cannot_be_said_are_sent_whole(server):
    with started(server) as wire:
        wire.query("set client_encoding = latin1")
        answer = wire.query("select chr(n) from generate_series(200, 300) n")
        assert [message.body[-1] for message in answer if message.type == "D"] == list(range(200, 256))
        assert only_error(answer)["C"] == "22P05"
        assert wire.query("select 1")[-1].type == "Z"


@pytest.mark.peristyle_only
def test_an_error_says_what_it_can(server):
    """PostgreSQL says less of it."""
    with server.connect(client_encoding="latin1") as connection:
        with pytest.raises(psycopg.errors.InvalidTextRepresentation) as raised:
            connection.execute("select ('é' || chr(8364))::int")
        assert raised.value.diag.message_primary == 'invalid input syntax for type integer: "é?"'
        assert connection.execute("select 1").fetchone() == (1,)


def test_bytes_that_are_no_text(server):
    with started(server) as wire:
        wire.query("set client_encoding = sjis")
        error = only_error(wire.query(b"select '\x81\x20'\0"))
        assert (error["C"], error["M"]) == ("22021", 'invalid byte sequence for encoding "SJIS": 0x81 0x20')
        for form, value in ((0, b"a\x81"), (1, b"a\x81"), (0, b"a\0")):
            wire.send("P", "", "select $1::text", 0)
            wire.send("B", "", "", 1, form, 1, int32(len(value)), value, 0)
            wire.send("E", "", int32(0))
            wire.send("S")
            assert only_error(wire.until("Z"))["C"] == "22021"
        assert wire.query("select 'a'")[-1].type == "Z"


def test_a_backslash_may_be_half_of_a_character(server):
    with server.connect(client_encoding="sjis") as connection:
        assert connection.execute("select E'表\\n', '表\\'").fetchone() == ("表\n", "表\\")


# The setting.


def test_the_setting_is_reported_as_it_changes(server):
    with server.connect() as connection:
        def told():
            return connection.pgconn.parameter_status(b"client_encoding").decode()

        assert told() == "UTF8"
        connection.execute("set client_encoding to 'iso-8859-1'")
        assert told() == "LATIN1" and connection.execute(f"select '{LATIN1}'").fetchone() == (LATIN1,)
        connection.execute("begin; set local client_encoding = koi8r")
        assert told() == "KOI8R" and connection.execute(f"select '{CYRILLIC}'").fetchone() == (CYRILLIC,)
        connection.execute("commit")
        assert told() == "LATIN1" and connection.execute(f"select '{LATIN1}'").fetchone() == (LATIN1,)
        connection.execute("begin; set names 'sjis'; rollback")
        assert told() == "LATIN1"
        connection.execute("reset client_encoding")
        assert told() == "UTF8" and connection.execute(f"select '{EURO}'").fetchone() == (EURO,)


def test_a_start_up_may_ask_for_it(server):
    with server.connect(options="-c client_encoding=win1251", client_encoding="") as connection:
        assert connection.info.encoding == "cp1251"
        assert connection.execute(f"select '{CYRILLIC}'").fetchone() == (CYRILLIC,)
    with Wire(server.port) as wire:
        error = only_error(wire.start(client_encoding="klingon"))
        assert (error["C"], error["M"]) == ("22023", 'invalid value for parameter "client_encoding": "klingon"')


@pytest.mark.peristyle_only
@pytest.mark.parametrize("name", ["euc_tw", "euc_jis_2004", "shift_jis_2004", "johab", "mule_internal"])
def test_encodings_that_are_not_supported_are_named(server, name):
    with server.connect() as connection, pytest.raises(psycopg.errors.FeatureNotSupported) as raised:
        connection.execute(f"set client_encoding = {name}")
    assert raised.value.diag.message_detail == f"Conversion between {name.upper()} and UTF8 is not supported."


@pytest.mark.client("psql")
def test_psql_follows_its_environment(server):
    printed = subprocess.run(
        server.psql_command() + ["--command=select chr(233)"],
        capture_output=True, check=True, env={**os.environ, **PLAIN_TERMINAL, "PGCLIENTENCODING": "LATIN1"},
    )  # fmt: skip
    assert printed.stdout == b"\xe9\n"


@pytest.mark.client("psql")
def test_psql_may_change_it(server):
    shown = server.psql(r"\encoding latin1", r"\encoding", "show client_encoding").stdout
    assert shown.splitlines() == ["LATIN1", "LATIN1"]


# Notifications and notices.


def test_a_notification_is_in_the_listeners_encoding(server):
    with server.connect(client_encoding="latin1") as listener, server.connect() as sender:
        listener.execute("listen encoded")
        sender.execute("select pg_notify('encoded', 'é')")
        (heard,) = listener.notifies(timeout=10, stop_after=1)
        assert heard.payload == "é"


# COPY.


def copied_out(connection, statement):
    with connection.cursor().copy(statement) as copy:
        return b"".join(map(bytes, copy))


@pytest.mark.client("psycopg 3")
@pytest.mark.parametrize("form", ["text", "csv, header, quote '|', delimiter '\\'", "binary"], ids=["text", "csv", "binary"])
def test_copied_texts_come_back(server, table, encoding, form):
    text = ENCODINGS[encoding]
    with server.connect(client_encoding=encoding) as connection:
        connection.execute(f'create table {table} ("{text}" text, b text)')
        connection.execute(f"insert into {table} values (%s, null), ('\\', 'a|b')", [text])
        data = copied_out(connection, f"copy {table} to stdout (format {form})")
        assert encoded(text, encoding) in data
        before = server.rows(f"select * from {table} order by b")
        connection.execute(f"delete from {table}")
        with connection.cursor().copy(f"copy {table} from stdin (format {form})") as copy:
            copy.write(data)
    assert server.rows(f"select * from {table} order by b") == before == [("\\", "a|b"), (text, None)]


def test_an_option_says_otherwise(server, table):
    with server.connect() as connection:
        connection.execute(f"create table {table} (t text)")
        with connection.cursor().copy(f"copy {table} from stdin (encoding 'latin1')") as copy:
            copy.write(encoded("é\n", "latin1"))
        with connection.cursor().copy(f"copy {table} from stdin with csv encoding 'sjis'") as copy:
            copy.write(encoded("表\n", "sjis"))
        data = copied_out(connection, f"copy (select t from {table} order by t) to stdout (encoding 'gb18030')")
        assert data == encoded("é\n表\n", "gb18030")
    assert server.rows(f"select t from {table} order by t") == [("é",), ("表",)]


@pytest.mark.parametrize("encoding", OF_MANY_LENGTHS)
@pytest.mark.parametrize("form", ["text", "csv"])
def test_characters_may_be_cut_between_messages(server, table, encoding, form):
    text, separator = OF_MANY_LENGTHS[encoding], "," if form == "csv" else "\t"
    server.run(f"create table {table} (a text, b text)")
    with started(server) as wire:
        wire.query(f"set client_encoding = {encoding}")
        wire.send("Q", f"copy {table} from stdin (format {form})")
        wire.until("G")
        for byte in encoded(f"{text}{separator}{text}\n" * 3, encoding):
            wire.send("d", bytes([byte]))
        wire.send("c")
        assert [message.body for message in wire.until("Z") if message.type == "C"] == [b"COPY 3\0"]
    assert server.rows(f"select * from {table}") == [(text, text)] * 3


@pytest.mark.parametrize("data", [b"ok\n\x95\x5c\n\x81\x20\nok\n", b"ok\nok\n\x81"], ids=["amid", "at the end"])
def test_copied_bytes_that_are_no_text(server, table, data):
    server.run(f"create table {table} (t text)")
    with server.connect(client_encoding="sjis") as connection:
        with pytest.raises(psycopg.errors.CharacterNotInRepertoire) as raised:
            with connection.cursor().copy(f"copy {table} from stdin") as copy:
                copy.write(data)
        assert raised.value.diag.context.startswith(f"COPY {table}, line 3")
        assert connection.execute("select 1").fetchone() == (1,)
    assert server.value(f"select count(*) from {table}") == 0


def test_copied_text_that_the_encoding_cannot_say(server):
    with server.connect(client_encoding="latin1") as connection:
        for form in ("text", "csv", "binary"):
            with pytest.raises(psycopg.errors.UntranslatableCharacter):
                copied_out(connection, f"copy (select chr(8364)) to stdout (format {form})")
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.peristyle_only
def test_files_are_in_it_too(make_server, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir(mode=0o777)
    server = make_server(settings={"copy_locations": str(folder)}).start()
    server.run("create table kept (t text)")
    with server.connect(client_encoding="latin1") as connection:
        connection.execute("insert into kept values ('é')")
        connection.execute(f"copy kept to '{folder}/own'")
        connection.execute(f"copy kept to '{folder}/other' (format csv, encoding 'utf8')")
        connection.execute(f"copy kept from '{folder}/own'")
        connection.execute(f"copy kept from '{folder}/other' (format csv, encoding 'utf8')")
    assert ((folder / "own").read_bytes(), (folder / "other").read_bytes()) == (b"\xe9\n", "é\n".encode())
    assert server.rows("select t from kept") == [("é",)] * 3
