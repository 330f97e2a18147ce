"""psql as people use it: its \\d commands, \\copy in every format, errors that say where."""

import re

import pytest

pytestmark = pytest.mark.client("psql")

CSV = 'id,name,amount\n1,"a ""quoted"", name",1.50\n2,,\n3,"",0.25\n4,"two\nlines",7\n'


def lines(result):
    return result.stdout.splitlines()


@pytest.fixture
def shop(server):
    """A schema, a table, a view and a comment for the \\d commands to show."""
    server.run(
        "create schema if not exists shop",
        "create table shop.item (id int not null, name varchar(20) default 'none', amount numeric(10,2))",
        "create view shop.cheap as select id, name from shop.item where amount < 1",
        "create materialized view shop.total as select sum(amount) as amount from shop.item",
        "set search_path = shop, public",
    )
    yield server
    server.run("drop materialized view shop.total")
    server.run("drop view shop.cheap", "drop table shop.item", "drop schema shop")


def test_list_databases(server):
    names = [line.split("|")[0] for line in lines(server.psql(r"\l"))]
    assert {"peristyle", "postgres"} <= set(names)


def test_list_schemas(shop):
    assert {"public", "shop"} <= {line.split("|")[0] for line in lines(shop.psql(r"\dn"))}


def test_list_tables_and_views(shop):
    assert lines(shop.psql(r"\dt shop.*")) == ["shop|item|table|peristyle"]
    assert lines(shop.psql(r"\dv shop.*")) == ["shop|cheap|view|peristyle"]


def test_describe_a_table(shop):
    assert lines(shop.psql(r"\d shop.item")) == [
        "id|integer||not null|",
        "name|character varying(20)|||'none'::character varying",
        "amount|numeric(10,2)|||",
    ]


def test_describe_a_view(shop):
    assert lines(shop.psql(r"\d shop.cheap")) == ["id|integer|||", "name|character varying(20)|||"]


def test_materialized_views(shop):
    shop.run("comment on materialized view shop.total is 'of all'", "create index total_amount on shop.total (amount)")
    assert lines(shop.psql(r"\dm shop.*")) == ["shop|total|materialized view|peristyle"]
    [listed] = lines(shop.psql(r"\dm+ shop.*"))
    assert re.fullmatch(r"shop\|total\|materialized view\|peristyle\|permanent\|heap\|\d+ bytes\|of all", listed)
    described = shop.psql(r"\pset tuples_only off", r"\d+ shop.total").stdout
    assert "amount|numeric||||main|||\n" in described
    assert "View definition:\n select sum(amount) as amount from shop.item;\n" in described
    assert 'Materialized view "shop.total"' in described
    assert 'Indexes:\n    "total_amount" btree (amount)\n' in described


def test_describe_a_generated_column(server, table):
    server.run(f"create table {table} (name text, upper_name text generated always as (upper(name)) stored)")
    assert lines(server.psql(rf"\d {table}")) == [
        "name|text|||", "upper_name|text|||generated always as (upper(name)) stored",
    ]  # fmt: skip


def test_describe_nothing(server):
    assert "Did not find any relation named" in server.psql(r"\d nosuch", check=False).stderr


def test_search_path_and_renames(shop):
    found = shop.psql("set search_path = shop", "alter table item rename to thing", "select count(*) from cheap",
                      "alter table thing rename to item")  # fmt: skip
    assert lines(found) == ["SET", "ALTER TABLE", "0", "ALTER TABLE"]


def test_csv_in_and_out(server, table):
    server.run(f"create table {table} (id int, name text, amount numeric(10,2))")
    done = server.psql(rf"\copy {table} from pstdin with (format csv, header)", stdin=CSV)
    assert lines(done) == ["COPY 4"]
    assert server.rows(f"select name from {table} order by id") == [('a "quoted", name',), (None,), ("",), ("two\nlines",)]
    out = server.psql(rf"\copy (select * from {table} order by id) to pstdout with (format csv, header)").stdout
    assert out == CSV.replace(",7\n", ",7.00\n")


def test_header_match_and_column_list(server, table):
    server.run(f"create table {table} (id int, name text default 'unnamed')")
    server.psql(rf"\copy {table} (id) from pstdin with (format csv, header match)", stdin="id\n1\n")
    wrong = server.psql(rf"\copy {table} from pstdin with (format csv, header match)", stdin="id,nom\n2,x\n", check=False)
    assert "column name mismatch" in wrong.stderr
    assert server.rows(f"select * from {table}") == [(1, "unnamed")]


def test_where_takes_some_rows(server, table):
    server.run(f"create table {table} (id int, name text default 'unnamed', check (id < 100))")
    done = server.psql(rf"\copy {table} (id) from pstdin with (format csv) where id % 2 = 0 and {table}.name = 'unnamed'",
                       stdin="1\n2\n3\n4\n999\n")  # fmt: skip
    assert lines(done) == ["COPY 2"]
    assert server.rows(f"select id from {table} order by id") == [(2,), (4,)]
    for condition, message in [("id + 1", "must be type boolean, not type integer"), ("nowhere = 1", "does not exist")]:
        wrong = server.psql(rf"\copy {table} from pstdin with (format csv) where {condition}", stdin="", check=False)
        assert message in wrong.stderr


def test_text_in_and_out(server, table):
    server.run(f"create table {table} (id int, name text)")
    text = "1\ttab\\tand\\\\slash\n2\t\\N\n3\t\n"
    server.psql(rf"\copy {table} from pstdin", stdin=text)
    assert server.rows(f"select name from {table} order by id") == [("tab\tand\\slash",), (None,), ("",)]
    assert server.psql(rf"\copy (select * from {table} order by id) to pstdout").stdout == text


@pytest.mark.peristyle_only
def test_ndjson_in_and_out(server, table):
    server.run(f"create table {table} (id int, name text, more jsonb)")
    text = '{"id":1,"name":"a \\"b\\"","more":{"x":[1,2]}}\n{"id":2,"name":null,"more":null}\n'
    done = server.psql(rf"\copy {table} from pstdin with (format ndjson)", stdin=text)
    assert lines(done) == ["COPY 2"]
    assert server.rows(f"select id, name, more from {table} order by id") == [(1, 'a "b"', {"x": [1, 2]}), (2, None, None)]
    out = server.psql(rf"\copy (select * from {table} order by id) to pstdout with (format ndjson)").stdout
    again = f"{table}_again"
    server.run(f"create table {again} (id int, name text, more jsonb)")
    server.psql(rf"\copy {again} from pstdin with (format ndjson)", stdin=out)
    assert server.rows(f"select * from {again} order by id") == server.rows(f"select * from {table} order by id")
    server.run(f"drop table {again}")


@pytest.mark.peristyle_only
def test_on_error_ignore(server, table):
    server.run(f"create table {table} (id int, name text)")
    given = "1,good\nx,bad\n3,good\n"
    done = server.psql(rf"\copy {table} from pstdin with (format csv, on_error ignore)", stdin=given)
    assert lines(done) == ["COPY 2"]
    assert server.rows(f"select id from {table} order by id") == [(1,), (3,)]


def test_a_bad_line_says_where(server, table):
    server.run(f"create table {table} (id int, amount numeric(4,2))")
    for bad, message, line in [
        ("1,1.5\n2,2.5\nx,3.5\n", "invalid input syntax for type integer", 3),
        ("1,1.5\n2,2.5\n3,333.5\n", "numeric field overflow", 3),
        ("1,1.5\n2,2.5\n3\n", "missing data for column", 3),
        ("1,1.5\n2,2.5\n3,3.5,4.5\n", "extra data after last expected column", 3),
        ("1,1.5\n2,2.5\n3,\"3.5\n", "unterminated CSV quoted field", 4),
    ]:  # fmt: skip
        failed = server.psql(rf"\copy {table} from pstdin with (format csv)", stdin=bad, check=False)
        assert failed.returncode != 0 and message in failed.stderr, failed.stderr
        assert f"COPY {table}, line {line}" in failed.stderr, failed.stderr
    assert server.value(f"select count(*) from {table}") == 0


def test_a_bad_value_says_which_column(server, table):
    server.run(f"create table {table} (id int, amount int)")
    failed = server.psql(rf"\copy {table} from pstdin with (format csv)", stdin="1,2\n3,four\n", check=False)
    assert f'COPY {table}, line 2, column amount: "four"' in failed.stderr


def test_an_error_points_into_the_statement(server):
    failed = server.psql("select 1 as a,\n  nosuch from pg_class", check=False)
    assert 'column "nosuch" does not exist' in failed.stderr
    assert "LINE 2:" in failed.stderr


def test_statements_in_one_command_are_atomic(server, table):
    server.run(f"create table {table} (id int)")
    server.psql(f"insert into {table} values (1); insert into {table} values (1/0)", check=False)
    assert server.value(f"select count(*) from {table}") == 0
    assert lines(server.psql(f"insert into {table} values (1) returning id; select count(*) from {table}"))[-1] == "1"
