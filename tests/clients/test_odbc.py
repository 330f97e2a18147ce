"""ODBC by Debian's driver: catalogue functions, parameters, cursors."""

import datetime as dt
from decimal import Decimal

import pyodbc
import pytest

from server import DATABASE, USER

pytestmark = pytest.mark.client("psqlODBC")

DRIVER = "/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so"


@pytest.fixture(params=["", "UseDeclareFetch=1;Fetch=100;", "Protocol=7.4-2;"], ids=["plain", "declare_fetch", "savepoints"])
def connection(server, request):
    text = f"Driver={DRIVER};Server=127.0.0.1;Port={server.port};Uid={USER};Database={DATABASE};{request.param}"
    with pyodbc.connect(text) as made:
        yield made


def test_catalogue_functions(connection, table):
    cursor = connection.cursor()
    cursor.execute(f"create table {table} (id int not null primary key, name varchar(20), price numeric(10,2), at timestamp)")
    connection.commit()
    assert [(row.table_schem, row.table_type) for row in cursor.tables(table=table)] == [("public", "TABLE")]
    columns = [(row.column_name, row.type_name, row.column_size) for row in cursor.columns(table=table)]
    assert [column[:2] for column in columns] == [("id", "int4"), ("name", "varchar"), ("price", "numeric"), ("at", "timestamp")]
    assert columns[1][2] == 20 and columns[2][2] == 10
    assert [row.column_name for row in cursor.primaryKeys(table=table)] == ["id"]


def test_parameters_and_types(connection, table):
    cursor = connection.cursor()
    cursor.execute(f"create table {table} (n int, s varchar(50), x float8, d numeric(10,2), day date, at timestamp, b bytea)")
    row = (1, "é'\\", 0.25, Decimal("12.30"), dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 3, 4, 5), b"\x00\xff")
    cursor.execute(f"insert into {table} values (?, ?, ?, ?, ?, ?, ?)", row)
    cursor.executemany(f"insert into {table} (n, s) values (?, ?)", [(2, "two"), (3, None)])
    connection.commit()
    found = cursor.execute(f"select * from {table} order by n").fetchall()
    assert tuple(found[0]) == row
    assert [(each.n, each.s) for each in found[1:]] == [(2, "two"), (3, None)]
    assert cursor.execute(f"update {table} set s = 'x' where n > ?", 1).rowcount == 2
    connection.rollback()
    with pytest.raises(pyodbc.ProgrammingError) as failed:
        cursor.execute("select nosuch from nowhere")
    assert failed.value.args[0] == "42P01"
    connection.rollback()


def test_many_rows(connection):
    cursor = connection.cursor()
    rows = cursor.execute("select n, 'row ' || n from generate_series(1, 5000) as t(n) order by n")
    assert sum(row[0] for row in rows) == 12502500
