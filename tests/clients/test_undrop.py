"""UNDROP TABLE says what it cannot take back."""

import pytest

pytestmark = pytest.mark.peristyle_only


def test_lost_types_and_defaults_are_named(make_server):
    server = make_server().start()
    server.run(
        "create type mood as enum ('good')",
        "create sequence s",
        "create table t (i bigint default nextval('s'), m mood default 'good',"
        " w text default 'good'::mood::text, n serial)",
        "drop table t",
        "drop sequence s",
    )
    heard = []
    with server.connect() as connection:
        connection.add_notice_handler(lambda notice: heard.append((notice.severity, notice.message_primary)))
        connection.execute("drop type mood")
        connection.execute("undrop table t")
    assert heard == [
        ("NOTICE", "drop cascades to default value for column m of table t, which was dropped"),
        ("NOTICE", "drop cascades to default value for column w of table t, which was dropped"),
        ("NOTICE", 'column "i" of table "t" has no default any more: what it needs was dropped'),
        ("NOTICE", 'column "m" of table "t" is of type text now: its type was dropped'),
    ]
    server.run("insert into t (m) values ('bad')")
    assert server.rows("select i, m, n from t") == [(None, "bad", 1)]


def test_vacuum_of_a_view_is_passed_over_with_a_warning(make_server):
    server = make_server().start()
    server.run("create view v as select 1")
    heard = []
    with server.connect() as connection:
        connection.autocommit = True
        connection.add_notice_handler(lambda notice: heard.append((notice.severity, notice.message_primary)))
        connection.execute("vacuum v")
    assert heard == [("WARNING", 'skipping "v" --- cannot vacuum non-tables or special system tables')]
