"""Open tables: columns come with the rows, widen without loss, and time arrives in every usual shape."""

import datetime as dt

import psycopg
import pytest

pytestmark = pytest.mark.peristyle_only

AT = dt.datetime(2026, 3, 8, 7, 0, 0, tzinfo=dt.timezone.utc)
EPOCH = int(AT.timestamp())


@pytest.fixture
def events(server, table):
    server.run(f"create table {table} ()")
    return table


def ndjson(server, table, *lines, check=True):
    given = "".join(line + "\n" for line in lines)
    return server.psql(rf"\copy {table} from pstdin with (format ndjson)", stdin=given, check=check)


def types(server, table):
    query = "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass and attnum > 0"
    return dict(server.rows(query, (table,)))


def test_columns_come_with_the_rows(server, events):
    server.run(f"insert into {events} (time, name, n) values ('2026-03-08 07:00:00+00', 'first', 1)")
    ndjson(server, events, '{"name":"second","Größe":2.5,"deep":{"a":[1]},"nothing":null}')
    found = types(server, events)
    assert found["time"] == "timestamp with time zone" and found["deep"] == "jsonb" and "Größe" in found
    assert "nothing" not in found
    assert server.rows(f"select name, deep from {events} order by n nulls last") == [("first", None), ("second", {"a": [1]})]


@pytest.mark.parametrize("time", [str(EPOCH), str(EPOCH * 1000), str(EPOCH * 1000000), '"2026-03-08T03:00:00-04:00"'])
def test_time_by_magnitude(server, events, time):
    ndjson(server, events, f'{{"time":{time},"k":1}}')
    assert server.value(f"select time from {events}") == AT


def test_time_defaults_to_arrival(server, events):
    ndjson(server, events, '{"k":1}')
    age = server.value(f"select extract(epoch from now() - time) from {events}")
    assert 0 <= age < 60


def test_types_widen_without_loss(server, events):
    for value in ("1", "9007199254740993", "123456789012345678901234567890", '"007"'):
        ndjson(server, events, f'{{"k":{value}}}')
    assert types(server, events)["k"] == "text"
    found = {row[0] for row in server.rows(f"select k from {events}")}
    assert found == {"1", "9007199254740993", "123456789012345678901234567890", "007"}


def test_csv_types_only_what_prints_the_same(server, events):
    server.psql(rf"\copy {events} from pstdin with (format csv, header)", stdin="a,b,c\n1,007,1.0\n2,008,2.0\n")
    found = types(server, events)
    assert found["a"] in ("smallint", "integer", "bigint")
    assert (found["b"], found["c"]) == ("text", "text")
    assert server.rows(f"select b, c from {events} order by a") == [("007", "1.0"), ("008", "2.0")]


def test_the_last_of_duplicate_keys_wins(server, events):
    ndjson(server, events, '{"k":1,"k":2}')
    assert server.rows(f"select k from {events}") == [(2,)]


def test_what_does_not_fit_a_column_is_in_rest(server, events):
    long_key = "k" * 64
    ndjson(server, events, f'{{"{long_key}":1,"short":2}}')
    assert server.rows(f"select short, _rest from {events}") == [(2, {long_key: 1})]


def test_a_bad_line_is_an_error_with_its_number(server, events):
    failed = ndjson(server, events, '{"k":1}', "{not json", '{"k":3}', check=False)
    assert failed.returncode != 0 and "line 2" in failed.stderr
    assert server.value(f"select count(*) from {events}") == 0


def test_a_declared_table_says_how_to_open_it(server, table):
    server.run(f"create table {table} (id int)")
    with server.connect() as connection, pytest.raises(psycopg.errors.UndefinedColumn) as raised:
        connection.execute(f"insert into {table} (id, other) values (1, 2)")
    assert "open" in raised.value.diag.message_hint


@pytest.fixture
def keyed(server, table):
    options = "schema = 'open', partition_by = 'day(ts), bucket(8, user_id)', order_by = 'ts, user_id'"
    server.run(f"create table {table} (ts timestamptz, user_id int) with ({options})")
    return table


def insert(server, statement, *values):
    with server.connect() as connection:
        connection.execute(statement, values)


def assert_takes_more(server, table, rows):
    """What came is there, and the table can be merged and written on."""
    assert types(server, table)["ts"] == "timestamp with time zone"
    server.run(f"vacuum {table}")
    insert(server, f"insert into {table} (ts, user_id, n) values (%s, %s, %s)", "2026-03-09 07:00+00", 9, 9)
    later = dt.timedelta(days=1)
    found = server.rows(f"select ts, user_id from {table} where ts >= %s order by user_id", (AT,))
    assert found == [*rows, (AT + later, 9)]


@pytest.mark.parametrize("options", ["format text, delimiter ','", "format csv", "format csv, header"])
@pytest.mark.parametrize("time", [str(EPOCH), str(EPOCH * 1000), "2026-03-08T03:00:00-04:00"])
def test_the_time_of_a_key_is_copied_from_all_shapes(server, keyed, options, time):
    header = "ts,user_id\n" if "header" in options else ""
    copied = f"{header}{time},1\ninfinity,3\n"
    server.psql(rf"\copy {keyed} (ts, user_id) from pstdin with ({options})", stdin=copied)
    assert server.value(f"select ts::text from {keyed} where user_id = 3") == "infinity"
    server.run(f"delete from {keyed} where user_id = 3")
    assert_takes_more(server, keyed, [(AT, 1)])


@pytest.mark.parametrize("time", [str(EPOCH), str(EPOCH * 1000000), '"2026-03-08T03:00:00-04:00"'])
def test_the_time_of_a_key_comes_as_json(server, keyed, time):
    ndjson(server, keyed, f'{{"ts":{time},"user_id":1}}', '{"user_id":2}')
    assert server.rows(f"select ts from {keyed} where user_id = 2") == [(None,)]
    assert_takes_more(server, keyed, [(AT, 1)])


def test_a_renamed_time_defaults_to_arrival(server, events):
    server.run(f"alter table {events} rename time to at")
    ndjson(server, events, '{"k":1}', f'{{"at":{EPOCH},"k":2}}')
    age = server.value(f"select extract(epoch from now() - at) from {events} where k = 1")
    assert 0 <= age < 60
    assert server.value(f"select at from {events} where k = 2") == AT


@pytest.mark.parametrize("time", ["2026-03-08 07:00+00", AT, EPOCH])
def test_the_time_of_a_key_is_a_parameter(server, keyed, time):
    insert(server, f"insert into {keyed} (ts, user_id) values (%s, %s)", time, 1)
    insert(server, f"insert into {keyed} (ts, user_id, n) select %s, %s, %s", time, 2, "more")
    assert_takes_more(server, keyed, [(AT, 1), (AT, 2)])


@pytest.mark.parametrize("line", ['{"user_id":"abc"}', '{"user_id":true}', '{"user_id":{"a":1}}'])
def test_a_bucket_keeps_its_kind(server, keyed, line):
    ndjson(server, keyed, '{"user_id":1}')
    result = ndjson(server, keyed, line, check=False)
    assert "is of type integer" in result.stderr
    ndjson(server, keyed, '{"user_id":9007199254740993}')
    server.run(f"vacuum {keyed}")
    assert server.rows(f"select user_id from {keyed} where user_id = 9007199254740993") == [(9007199254740993,)]
    assert server.rows(f"select user_id from {keyed} where user_id = 1") == [(1,)]
