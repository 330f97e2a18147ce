"""A prepared INSERT keeps what its table computes; what is computed follows the time, the settings and the table."""

import psycopg
import pytest

INSERT = "insert into {} (name, amount) values (%s, %s) returning id, label, note, at, token"


@pytest.fixture
def insert(server, table):
    """Executes the prepared INSERT in a session of its own; `insert.session` is that."""
    server.run(
        f"create table {table} (id bigint generated always as identity, name text not null,"
        " amount int constraint positive check (amount > 0), note text default upper('none'),"
        " at timestamptz default now(), token uuid default gen_random_uuid(),"
        " label text generated always as (name || '!') stored)"
    )
    with server.connect() as session:

        def execute(name="a", amount=1):
            return session.execute(INSERT.format(table), (name, amount), prepare=True).fetchone()

        execute.session = session
        yield execute


def test_each_execution_computes_its_own_values(insert):
    rows = [insert(f"n{i}", i + 1) for i in range(10)]
    assert [(row[0], row[1], row[2]) for row in rows] == [(i + 1, f"n{i}!", "NONE") for i in range(10)]
    times, tokens = [row[3] for row in rows], {row[4] for row in rows}
    assert times == sorted(times) and len(set(times)) == len(rows), "each has the time of its transaction"
    assert len(tokens) == len(rows)


def test_a_block_has_one_time(insert):
    insert(), insert()
    with insert.session.transaction():
        [now] = insert.session.execute("select now()").fetchone()
        assert [insert()[3], insert()[3]] == [now, now]


def test_rows_are_refused_and_the_next_is_taken(insert):
    for _ in range(3):
        insert()
        with pytest.raises(psycopg.errors.CheckViolation, match="positive"):
            insert(amount=-1)
        with pytest.raises(psycopg.errors.NotNullViolation, match="name"):
            insert(name=None)
    assert insert(amount=None)[1] == "a!"


def test_changes_of_the_table_are_followed(server, table, insert):
    for _ in range(3):
        insert(amount=500)
    server.run(
        f"alter table {table} alter note set default lower('OTHER')", f"alter table {table} add check (amount < 501)"
    )
    assert insert()[2] == "other"
    with pytest.raises(psycopg.errors.CheckViolation):
        insert(amount=501)
    server.run(f"alter table {table} drop constraint positive", f"alter table {table} alter note drop default")
    assert insert(amount=-1)[2] is None
    server.run(f"alter table {table} rename label to shown")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        insert()


def test_settings_are_followed(server, table, insert):
    text = f"insert into {table} (name) values (%s) returning at::text, extract(hour from at)"
    for zone in ["UTC", "Asia/Tokyo", "UTC", "America/New_York"]:
        insert.session.execute(f"set timezone = '{zone}'")
        for _ in range(2):
            shown = insert.session.execute(text, ("z",), prepare=True).fetchone()
            stored = f"select at::text, extract(hour from at) from {table} order by id desc limit 1"
            assert shown == insert.session.execute(stored).fetchone()


def test_parameters_of_returning_are_those_of_the_execution(table, insert):
    text = f"insert into {table} (name) values (%s) returning name || %s::text"
    given = [insert.session.execute(text, ("p", str(i)), prepare=True).fetchone()[0] for i in range(5)]
    assert given == [f"p{i}" for i in range(5)]


def test_a_setting_that_a_default_reads(server, table):
    with server.connect() as session:
        session.execute(f"create table {table} (id int, who text default current_setting('app.who'))")
        text = f"insert into {table} values (%s) returning who"
        for who in ["one", "two", "three"]:
            session.execute(f"set app.who = '{who}'")
            assert session.execute(text, (1,), prepare=True).fetchone() == (who,)


def test_new_labels_are_taken(server, table):
    kind = f"{table}_kind"
    with server.connect() as session:
        session.execute(f"create type {kind} as enum ('low', 'high')")
        session.execute(f"create table {table} (id int, k {kind} default 'low' check (k < 'high'))")
        text = f"insert into {table} values (%s, %s) returning k::text"
        for _ in range(3):
            assert session.execute(text, (1, "low"), prepare=True).fetchone() == ("low",)
        server.run(f"alter type {kind} add value 'middle' before 'high'")
        assert session.execute(text, (1, "middle"), prepare=True).fetchone() == ("middle",)
        session.execute(f"drop table {table}; drop type {kind}")
        session.execute(f"create table {table} ()")


def test_texts_that_mean_now_are_read_each_time(server, table):
    with server.connect() as session:
        session.execute(f"create table {table} (v text)")
        text = f"insert into {table} values (%s) returning (v::timestamptz[])[1]"
        read = [session.execute(text, ("{now}",), prepare=True).fetchone() for _ in range(3)]
    assert len(set(read)) == 3
