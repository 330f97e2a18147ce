"""COPY to and from files of the server: every format both ways, DuckDB beside it, and places that the setting refuses."""

import threading

import duckdb
import psycopg
import pytest

from polling import wait_until

pytestmark = pytest.mark.peristyle_only

COLUMNS = """
    a smallint, b integer, c bigint, d double precision, e numeric(12,2), f text, g boolean, h date, i timestamp,
    j timestamptz, k bytea, l uuid, m jsonb, n interval, o integer[], p text[], q varchar(5), r time, s real, t json,
    u inet, v cidr, w macaddr, x int4range, y numrange, z tstzrange, aa inet[],
    ab timetz, ac money, ad bit(3), ae varbit, af varbit[]
"""
ROWS = """
    (1, 2, 3, 1.5, 10.25, 'plain', true, '2024-02-29', '2024-02-29 12:00:00.123456', '2024-02-29 12:00:00+02',
     '\\x00ff', '0190f0a0-0000-7000-8000-000000000001', '{"a": [1, null]}', '1 mon 2 days 03:04:05.678', '{1,NULL,3}',
     '{"a b",NULL}', 'short', '23:59:59.999999', 0.1, '{"z": 1}',
     '10.1.2.3/8', '10.0.0.0/8', '08:00:2b:01:02:03', '[1,5)', '(-0.5,1.25]', '[2024-02-29 12:00+00,)', '{10.0.0.1,NULL}',
     '10:00:00.5+02', '1234.5', '101', '', '{1,NULL,00}'),
    (-32768, NULL, 9223372036854775807, 'NaN', -0.01, E'tab\\t"quoted", line\\nend\\\\', false, 'infinity', '-infinity',
     'infinity', '', NULL, 'false', '-1 year', '{}', '{}', '', '00:00', 'Infinity', '[]',
     '::1', '2001:db8::/32', NULL, 'empty', '(,)', NULL, '{}',
     '24:00-03:30', '-0.05', '000', '110100111010001', '{}'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
"""


def text_of(server, table):
    with server.connect() as connection, connection.cursor() as cursor, cursor.copy(f"copy {table} to stdout") as copy:
        return sorted(bytes(b"".join(copy)).splitlines())


@pytest.mark.parametrize("options", ["text", "csv", "csv, header", "ndjson", "binary", "parquet"])
def test_every_type_out_and_in(files, options):
    server, folder = files
    place = folder / "rows"
    server.run(f"create table first ({COLUMNS})", f"insert into first values {ROWS}", f"create table again ({COLUMNS})")
    with server.connect() as connection:
        out = connection.execute(f"copy first to '{place}' (format {options})")
        assert out.statusmessage == "COPY 3"
        assert connection.execute(f"copy again from '{place}' (format {options})").statusmessage == "COPY 3"
    assert text_of(server, "first") == text_of(server, "again")
    assert [path.name for path in folder.iterdir()] == ["rows"], "nothing else is left"


def test_many_rows_and_a_file_that_is_replaced(files):
    server, folder = files
    place = folder / "many.csv"
    place.write_text("old")
    server.run(
        "create table many (id integer primary key, word text) with (partition_by = 'bucket(4, id)')",
        "create table copied (id integer, word text)",
        f"copy (select i, 'word ' || i from generate_series(1, 300000) g(i)) to '{place}' (format csv)",
        f"copy many from '{place}' (format csv)",
        f"copy many (word, id) to '{folder}/parts.parquet' (format parquet)",
        f"copy copied (id) from '{folder}/parts.parquet' (format parquet) where id % 2 = 0",
    )
    assert len(place.read_text().splitlines()) == 300_000
    assert server.rows("select count(*), sum(id), min(word), max(word) from many") == [
        (300_000, 45_000_150_000, "word 1", "word 99999")
    ]
    assert server.rows("select count(*), sum(id), count(word) from copied") == [(150_000, 22_500_150_000, 0)]


def test_parquet_as_duckdb_reads_and_writes_it(files):
    server, folder = files
    server.run(f"create table first ({COLUMNS})", f"insert into first values {ROWS}")
    kept = "a, b, c, e, f, g, o, q"
    server.run(f"copy (select {kept}, n is null as no_n from first) to '{folder}/out.parquet' (format parquet)")
    with duckdb.connect() as duck:
        found = duck.execute(f"select * from '{folder}/out.parquet' order by a nulls last").fetchall()
        assert found == server.rows(f"select {kept}, n is null from first order by a nulls last")
        duck.execute(
            f"""copy (select 200::utinyint as tiny, 18446744073709551615::ubigint as huge, 'x' as word,
                      timestamp_ns '2024-01-01 00:00:00.123456789' as at, [1, 2]::integer[] as list,
                      123.45::decimal(5,2) as exact, date '2024-01-01' as day, '12:30:00'::time as clock)
                to '{folder}/in.parquet' (format parquet, compression lz4_raw)"""
        )
        duck.execute(f"copy (select struct_pack(x := 1) as nested) to '{folder}/nested.parquet' (format parquet)")
        for compression in ["snappy", "zstd", "gzip"]:
            duck.execute(f"copy (select 7 as tiny) to '{folder}/{compression}' (format parquet, compression {compression})")
    server.run(
        "create table open_one ()",
        f"copy open_one from '{folder}/in.parquet' (format parquet)",
        "create table typed (word varchar(3), tiny smallint, extra integer default 7, list bigint[], day timestamp)",
        f"copy typed (word, tiny, list, day) from '{folder}/in.parquet' (format parquet)",
    )
    assert server.rows("select tiny, huge::text, word, at::text, list, exact::text, day, clock::text from open_one") == [
        (200, "18446744073709551615", "x", "2024-01-01 00:00:00.123456", [1, 2], "123.45",
         server.value("select date '2024-01-01'"), "12:30:00")
    ]  # fmt: skip
    assert server.rows("select word, tiny, extra, list, day::text from typed") == [
        ("x", 200, 7, [1, 2], "2024-01-01 00:00:00")
    ]
    assert server.refused(f"copy open_one from '{folder}/nested.parquet' (format parquet)").sqlstate == "0A000"
    assert server.refused(f"copy typed from '{folder}/in.parquet' (format parquet)").sqlstate == "42703"
    assert server.refused(f"copy typed (huge) from '{folder}/in.parquet' (format parquet)").sqlstate == "42703"
    server.run(*(f"copy typed (tiny) from '{folder}/{name}' (format parquet)" for name in ["snappy", "zstd"]))
    assert server.value("select count(*) from typed where tiny = 7") == 2
    assert server.refused(f"copy typed from '{folder}/gzip' (format parquet)").sqlstate == "0A000"
    (folder / "broken").write_text("this is no Parquet file")
    assert server.refused(f"copy typed from '{folder}/broken' (format parquet)").sqlstate == "22P04"


def test_what_is_refused_changes_nothing(files, tmp_path):
    server, folder = files
    outside = tmp_path / "outside"
    outside.mkdir()
    for place in [folder / "good", outside / "secret"]:
        place.write_text("1\n2\nx\n")
    (folder / "link").symlink_to(outside / "secret")
    (folder / "way").symlink_to(outside)
    server.run("create table t (a integer)")
    states = {
        f"copy t from '{outside}/secret'": "42501",
        f"copy t from '{folder}/link'": "42501",
        f"copy t from '{folder}/way/secret'": "42501",
        f"copy t from '{folder}/../outside/secret'": "42501",
        f"copy t from '{outside}/nothing'": "42501",
        f"copy t to '{outside}/new'": "42501",
        f"copy t to '{folder}/way/new'": "42501",
        "copy t from 's3://somewhere/else'": "42501",
        "copy t from 'relative'": "42602",
        f"copy t from '{folder}'": "42809",
        f"copy t to '{folder}'": "42501",
        f"copy t from '{folder}/nothing'": "58P01",
        f"copy t to '{folder}/no/such'": "58P01",
        f"copy t from '{folder}/good'": "22P02",
        f"copy (select 1/(2-i) from generate_series(1, 3) g(i)) to '{folder}/new'": "22012",
        "copy t from stdin (format parquet)": "0A000",
        "copy t to stdout (format parquet)": "0A000",
        "copy t from program 'cat'": "42501",
    }
    assert {statement: server.refused(statement).sqlstate for statement in states} == states
    error = server.refused(f"copy t from '{folder}/good'")
    assert error.diag.context == 'COPY t, line 3, column a: "x"'
    assert server.value("select count(*) from t") == 0
    assert sorted(path.name for path in folder.iterdir()) == ["good", "link", "way"]
    assert sorted(path.name for path in outside.iterdir()) == ["secret"]


def test_nothing_is_allowed_unless_it_is_set(make_server, tmp_path):
    server = make_server().start()
    assert server.refused(f"copy (select 1) to '{tmp_path}/file'").sqlstate == "42501"


def test_progress_is_shown_while_a_file_is_loaded(files):
    server, folder = files
    place = folder / "slow.csv"
    place.write_text("".join(f"{i},{'x' * 50}\n" for i in range(400_000)))
    server.run("create table t (a integer, b text)")
    loader = threading.Thread(target=server.run, args=(f"copy t from '{place}' (format csv) where a % 2 = 1",))
    loader.start()
    seen = []

    def shown():
        seen.extend(
            server.rows(
                "select command, type, relid::regclass::text, bytes_total, bytes_processed, tuples_processed,"
                " tuples_excluded from pg_stat_progress_copy"
            )
        )
        return any(row[5] > 0 for row in seen) or not loader.is_alive()

    wait_until(shown, "progress is shown")
    loader.join()
    size = place.stat().st_size
    assert seen and {row[:4] for row in seen} == {("COPY FROM", "FILE", "t", size)}
    assert all(row[4] <= size and row[5] <= 200_000 and row[6] <= 200_000 for row in seen)
    assert server.rows("select * from pg_stat_progress_copy") == []
    assert server.value("select count(*) from t") == 200_000


@pytest.mark.parametrize("options", ["csv", "parquet"])
def test_progress_is_shown_while_a_file_is_written(files, options):
    server, folder = files
    server.run("create table t as select i, repeat('x', 100) as word from generate_series(1, 100000) g(i)")
    slow = f"copy (select *, pg_sleep(0.0001) is null from t) to '{folder}/slow' (format {options})"
    running = {slow: "0", f"copy t to '{folder}/quick' (format {options})": "t"}
    for statement, relation in running.items():
        writer = threading.Thread(target=server.run, args=(statement,))
        writer.start()
        seen = []

        def shown(seen=seen, writer=writer):
            columns = "command, type, relid::regclass::text, bytes_total, bytes_processed, tuples_processed"
            seen.extend(server.rows(f"select {columns} from pg_stat_progress_copy"))
            return any(row[5] > 0 for row in seen) or not writer.is_alive()

        wait_until(shown, "progress is shown")
        writer.join()
        shown_as = {row[:4] for row in seen}
        assert shown_as <= {("COPY TO", "FILE", "-" if relation == "0" else relation, 0)}
        assert seen or statement is not slow
        assert all(0 <= row[5] <= 100_000 for row in seen)
        assert server.rows("select * from pg_stat_progress_copy") == []
    assert server.refused(f"copy (select 1/(2-i) from generate_series(1, 3) g(i)) to '{folder}/no'").sqlstate == "22012"
    assert server.rows("select * from pg_stat_progress_copy") == [], "one that failed is gone too"


def test_a_cancelled_copy_leaves_no_file(files):
    server, folder = files
    with server.connect() as connection:
        connection.execute("set statement_timeout = '500ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(
                f"copy (select i, pg_sleep(0.001) from generate_series(1, 1000000) g(i)) to '{folder}/never'"
            )
    wait_until(lambda: not list(folder.iterdir()), "nothing is left of the file")


def test_a_load_with_an_id_counts_once(files):
    server, folder = files
    place = folder / "load"
    place.write_text("1\n2\n")
    load = f"copy t from '{place}' (ingest_id 'load 1')"
    server.run("create table t (a integer)")
    with server.connect() as connection:
        assert [connection.execute(load).statusmessage for _ in range(3)] == ["COPY 2", "COPY 0", "COPY 0"]
        with connection.cursor() as cursor, cursor.copy("copy t from stdin (ingest_id 'load 1')") as copy:
            copy.write(b"7\n")
        with connection.cursor() as cursor, cursor.copy("copy t from stdin (ingest_id 'load 2')") as copy:
            copy.write(b"3\n")
    server.stop()
    server.start()
    server.run(load)
    assert server.rows("select a from t order by a") == [(1,), (2,), (3,)]
    many = [threading.Thread(target=server.run, args=(f"copy t from '{place}' (ingest_id 'race')",)) for _ in range(8)]
    for thread in many:
        thread.start()
    for thread in many:
        thread.join()
    assert server.rows("select count(*), sum(a) from t") == [(5, 9)]
    place.unlink()
    server.run(load)
    assert server.rows("select count(*), sum(a) from t") == [(5, 9)], "the file of a load that is done may be gone"
