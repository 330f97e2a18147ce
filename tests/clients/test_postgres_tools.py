"""The programs that come with PostgreSQL, and pgcli."""

import os
import subprocess
import sys

import pytest

from process import postgres_program
from server import DATABASE, PLAIN_TERMINAL, USER


def run(server, program, *arguments, check=True, stdin=""):
    """Runs a program on the server by the usual environment variables."""
    env = {
        **os.environ, **PLAIN_TERMINAL, "PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": USER,
        "PGDATABASE": DATABASE,
    }  # fmt: skip
    ran = subprocess.run([program, *arguments], env=env, input=stdin, capture_output=True, text=True, timeout=120)
    assert not check or ran.returncode == 0, f"{program} {arguments}: {ran.stdout}{ran.stderr}"
    return ran


@pytest.mark.client("pg_isready")
def test_pg_isready(server):
    assert "accepting connections" in run(server, postgres_program("pg_isready")).stdout


@pytest.mark.client("pgbench")
@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench_with_a_script(server, table, tmp_path, mode):
    server.run(f"create table {table} (id int, n int)", f"insert into {table} select n, 0 from generate_series(1, 100) n")
    script = tmp_path / "script.sql"
    script.write_text(f"\\set id random(1, 100)\nselect n from {table} where id = :id;\n")
    arguments = ["-n", "-M", mode, "-c", "2", "-j", "2", "-t", "20", "-f", str(script)]
    ran = run(server, postgres_program("pgbench"), *arguments)
    assert "number of transactions actually processed: 40/40" in ran.stdout
    assert "number of failed transactions: 0" in ran.stdout


@pytest.mark.client("pgbench")
@pytest.mark.parametrize("steps", ["dtgvp", "dtGvp"], ids=["rows_by_copy", "rows_by_select"])
def test_pgbench_initialises_and_selects(server, steps):
    pgbench = postgres_program("pgbench")
    try:
        run(server, pgbench, "-i", "-I", steps, "-s", "1")
        assert server.value("select count(*) from pgbench_accounts") == 100_000
        ran = run(server, pgbench, "-S", "-c", "1", "-t", "20")
        assert "number of transactions actually processed: 20/20" in ran.stdout
    finally:
        server.run("drop table if exists pgbench_accounts, pgbench_branches, pgbench_history, pgbench_tellers")


@pytest.fixture
def dumped(server):
    """A schema of its own to dump."""
    server.run(
        "create schema dumped",
        "create table dumped.item (id int not null primary key, name varchar(20) default 'none', price numeric(10,2), "
        "check (price > 0))",
        "comment on table dumped.item is 'things'",
        "create table dumped.computed (a int, b int generated always as (a * 2) stored, c text)",
        "insert into dumped.computed values (1, default, 'one')",
        "comment on column dumped.item.name is 'what it is called'",
        "create view dumped.cheap as select id, name from dumped.item where price < 5",
        "create materialized view dumped.counted as select name, count(*) as n from dumped.cheap group by name",
        "create view dumped.most as select max(n) as n from dumped.counted",
        "comment on materialized view dumped.counted is 'how many'",
        r"insert into dumped.item values (1, 'tab	and \ and ''', 1.50), (2, null, null)",
    )
    yield "dumped"
    server.run("drop schema if exists dumped cascade")


@pytest.mark.client("pg_dump")
def test_pg_dump_and_back(server, dumped):
    pg_dump = postgres_program("pg_dump")
    schema = run(server, pg_dump, "--schema-only", "--no-owner", "-n", dumped).stdout
    data = run(server, pg_dump, "--data-only", "-n", dumped).stdout
    inserts = run(server, pg_dump, "--data-only", "--inserts", "-n", dumped).stdout
    assert "CREATE TABLE dumped.item" in schema and "CREATE VIEW dumped.cheap" in schema
    assert "COMMENT ON COLUMN dumped.item.name IS 'what it is called'" in schema
    assert "COPY dumped.item (id, name, price) FROM stdin;" in data
    assert "b integer GENERATED ALWAYS AS (" in schema and "COPY dumped.computed (a, c) FROM stdin;" in data
    assert "CREATE MATERIALIZED VIEW dumped.counted AS\n select name, count(*)" in schema and "WITH NO DATA;" in schema
    assert "COMMENT ON MATERIALIZED VIEW dumped.counted IS 'how many'" in schema
    before = server.rows("select * from dumped.item order by id")
    for rows in (data, inserts):
        server.run("drop schema dumped cascade")
        server.psql(stdin=schema + rows)
        assert server.rows("select * from dumped.item order by id") == before
        assert server.rows("select * from dumped.cheap") == [(1, before[0][1])]
        assert server.rows("select * from dumped.computed") == [(1, 2, "one")]
        assert not server.value("select ispopulated from pg_matviews where schemaname = 'dumped'")


@pytest.mark.client("pg_dump")
def test_pg_dump_refreshes_materialized_views(server, dumped):
    server.run(f"refresh materialized view {dumped}.counted")
    whole = run(server, postgres_program("pg_dump"), "--no-owner", "-n", dumped).stdout
    assert whole.index("REFRESH MATERIALIZED VIEW dumped.counted;") > whole.index("COPY dumped.item")
    before = server.rows("select * from dumped.counted order by n")
    server.run("drop schema dumped cascade")
    server.psql(stdin=whole)
    assert server.rows("select * from dumped.counted order by n") == before
    assert server.value("select n from dumped.most") == 1


@pytest.mark.client("pgcli")
def test_pgcli_runs_commands(server, table):
    server.run(f"create table {table} (id int not null, name text)", f"insert into {table} values (1, 'one')")
    pgcli = [os.path.join(os.path.dirname(sys.executable), "pgcli"), "--less-chatty", "--no-password"]
    script = f"\\dt {table}\n\\d {table}\nselect id, name from {table};\n\\q\n"
    ran = run(server, pgcli[0], *pgcli[1:], stdin=script)
    assert "one" in ran.stdout and "not null" in ran.stdout, ran.stdout + ran.stderr
    assert "does not exist" not in ran.stdout + ran.stderr


@pytest.mark.client("pg_dump")
def test_pg_dump_of_a_whole_database(server, dumped):
    """The server's own relations are left out, as those of any extension that comes with it."""
    text = run(server, postgres_program("pg_dump")).stdout
    assert "CREATE TABLE dumped.item" in text and "system." not in text
