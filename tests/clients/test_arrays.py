"""Arrays of several dimensions, as parameters and from tables, in text and binary, and through COPY, merges and restarts."""

import asyncio

import asyncpg
import psycopg
import psycopg2
import pytest

FORMATS = pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])

# What Python's lists say; they have no lower bounds.
ARRAYS = [
    ("int[]", [1, 2]),
    ("int[]", [[1, 2], [3, None]]),
    ("bigint[]", [[[1], [2]], [[3], [4]]]),
    ("text[]", [["a", 'b "c"'], ["", None]]),
    ("float8[]", [[1.5], [float("inf")]]),
    ("bool[]", [[True, False]]),
    ("int[]", []),
]
ROWS = [(number, ints, texts) for number, (ints, texts) in enumerate([
    ([1], ["a"]),
    ([[1, 2], [3, 4]], [["x"], ["y"]]),
    ([5], None),
    ([], [["a,b", None]]),
    (None, ["{z}"]),
    ([[[7]]], [["last"]]),
])]  # fmt: skip


@pytest.mark.client("psycopg 3")
@FORMATS
@pytest.mark.parametrize(("kind", "value"), ARRAYS)
def test_psycopg_sends_and_reads(server, kind, value, binary):
    with server.connect() as connection:
        placeholder = "%b" if binary else "%t"
        cursor = connection.execute(f"select {placeholder}::{kind}", [value], binary=binary)
        assert cursor.fetchone() == (value,)


@pytest.mark.client("psycopg 3")
@FORMATS
def test_psycopg_prepares_once_for_all_dimensions(server, table, binary):
    with server.connect() as connection:
        connection.prepare_threshold = 0
        connection.execute(f"create table {table} (id int, a int[], b text[])")
        placeholder = "%b" if binary else "%t"
        insert = f"insert into {table} values ({placeholder}::int, {placeholder}::int[], {placeholder}::text[])"
        for row in ROWS:
            connection.execute(insert, row)
        found = connection.execute(f"select id, a, b from {table} order by id", binary=binary).fetchall()
        assert found == ROWS
        for _, ints, _ in ROWS:
            cursor = connection.execute(f"select {placeholder}::int[], array_ndims({placeholder}::int[])", [ints, ints], binary=binary)
            (same, dimensions) = cursor.fetchone()
            assert (same, dimensions or 0) == (ints, depth(ints))
            (count,) = connection.execute(f"select count(*) from {table} where a = {placeholder}::int[]", [ints]).fetchone()
            assert count == (0 if ints is None else 1)


def depth(value):
    return 1 + depth(value[0]) if isinstance(value, list) and value else 0


@pytest.mark.client("psycopg2")
def test_psycopg2_reads_the_same(server):
    connection = psycopg2.connect(**server.dsn())
    with connection, connection.cursor() as cursor:
        for kind, value in ARRAYS:
            cursor.execute(f"select %s::{kind}", [value])
            assert cursor.fetchone() == (value,)
    connection.close()


@pytest.mark.client("asyncpg")
def test_asyncpg_binary_both_ways(server, table):
    async def ask():
        connection = await asyncpg.connect(server.url())
        await connection.execute(f"create table {table} (id int, a int[], b text[])")
        insert = await connection.prepare(f"insert into {table} values ($1, $2, $3)")
        for row in ROWS:
            await insert.fetch(*row)
        rows = await connection.fetch(f"select id, a, b from {table} order by id")
        assert [tuple(row) for row in rows] == ROWS
        echo = await connection.prepare("select $1::int[], array_dims($1::int[])")
        assert tuple(await echo.fetchrow([1, 2])) == ([1, 2], "[1:2]")
        assert tuple(await echo.fetchrow([[1, 2], [3, 4]])) == ([[1, 2], [3, 4]], "[1:2][1:2]")
        assert tuple(await echo.fetchrow([3])) == ([3], "[1:1]")
        assert [str(a.type.name) for a in echo.get_attributes()] == ["int4[]", "text"]
        await connection.copy_records_to_table(table, records=[(10, [[1], [2]], [["c"]])])
        assert await connection.fetchval(f"select a from {table} where id = 10") == [[1], [2]]
        await connection.close()

    asyncio.run(ask())


@pytest.mark.client("psycopg 3")
@pytest.mark.parametrize("options", ["format text", "format csv", "format binary"])
def test_copy_out_and_in(server, table, options):
    with server.connect() as connection:
        connection.execute(f"create table {table} (id int, a int[], b text[])")
        connection.execute(f"create table {table}_again (id int, a int[], b text[])")
        for row in ROWS:
            connection.execute(f"insert into {table} values (%s, %s::int[], %s::text[])", row)
        connection.execute(f"insert into {table} values (20, '[0:1][5:5]={{{{1}},{{2}}}}', '[-1:-1]={{a}}')")
        with connection.cursor().copy(f"copy {table} to stdout ({options})") as copy:
            data = b"".join(bytes(part) for part in copy)
        with connection.cursor().copy(f"copy {table}_again from stdin ({options})") as copy:
            copy.write(data)
        both = [connection.execute(f"select id, a::text, b::text from {name} order by id").fetchall() for name in (table, f"{table}_again")]
        assert both[0] == both[1]
        assert both[0][-1] == (20, "[0:1][5:5]={{1},{2}}", "[-1:-1]={a}")


@pytest.mark.peristyle_only
def test_json_lines_nest(server, table):
    with server.connect() as connection:
        connection.execute(f"create table {table} (id int, a int[], b text[], c jsonb[])")
        with connection.cursor().copy(f"copy {table} from stdin (format ndjson)") as copy:
            copy.write('{"id": 1, "a": [[1, 2], [3, null]], "b": ["x"], "c": [[1], {"k": []}]}\n{"id": 2, "a": [], "b": [[]]}\n')
        rows = connection.execute(f"select id, a::text, b::text, c::text from {table} order by id").fetchall()
        assert rows == [(1, "{{1,2},{3,NULL}}", "{x}", '{[1],"{\\"k\\": []}"}'), (2, "{}", "{}", None)]
        with pytest.raises(psycopg.errors.InvalidTextRepresentation, match="malformed JSON array"):
            with connection.cursor().copy(f"copy {table} from stdin (format ndjson)") as copy:
                copy.write('{"id": 3, "a": [[1, 2], [3]]}\n')
        with connection.cursor().copy(f"copy (select id, a from {table} order by id) to stdout (format ndjson)") as copy:
            assert b"".join(bytes(part) for part in copy).splitlines()[0] == b'{"id":1,"a":[[1,2],[3,null]]}'


@pytest.mark.peristyle_only
def test_merges_and_restarts_keep_dimensions(make_server):
    server = make_server().start()
    server.run(
        "create table t (id int, a int[])",
        "insert into t values (1, '{1}')",
        "optimize table t",
        "insert into t values (2, '{{1,2},{3,4}}'), (3, '[0:0]={5}')",
    )
    expected = [(1, "{1}"), (2, "{{1,2},{3,4}}"), (3, "[0:0]={5}")]
    query = "select id, a::text from t order by id"
    assert server.rows(query) == expected
    server.kill()
    server.start()
    assert server.rows(query) == expected, "from the log"
    server.run("optimize table t")
    server.stop()
    server.start()
    assert server.rows(query) == expected, "from a partition"
    server.run("insert into t values (4, '{6}')", "optimize table t")
    assert server.rows(query) == [*expected, (4, "{6}")]


@pytest.mark.peristyle_only
def test_parquet_holds_lists_alone(make_server, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    server = make_server(settings={"copy_locations": str(folder)}).start()
    server.run("create table t (id int, a int[])", "insert into t values (1, '{1,2}'), (2, '{{3,4}}')")
    with server.connect() as connection:
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="more than one dimension"):
            connection.execute(f"copy t to '{folder}/all' (format parquet)")
        connection.execute(f"copy (select * from t where id = 1) to '{folder}/lists' (format parquet)")
        connection.execute(f"copy t from '{folder}/lists' (format parquet)")
        assert connection.execute("select id, a from t order by id").fetchall() == [(1, [1, 2]), (1, [1, 2]), (2, [[3, 4]])]
