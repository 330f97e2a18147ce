"""What reads and writes whole columns: polars, connectorx, ADBC."""

import datetime as dt

import adbc_driver_postgresql.dbapi as adbc
import connectorx
import polars
import pyarrow
import pytest


def filled(server, table):
    server.run(
        f"create table {table} (n bigint, x float8, s text, day date, at timestamptz, ok bool, price numeric(10,2))",
        f"insert into {table} select n, n / 2.0, 's' || n, date '2026-01-01' + n::int, "
        f"timestamptz '2026-01-01 00:00+00' + n * interval '1 hour', n % 2 = 0, n * 1.25 "
        f"from generate_series(0, 999) n",
        f"insert into {table} (n) values (1000)",
    )


@pytest.mark.client("connectorx")
def test_connectorx_reads_in_parts(server, table):
    filled(server, table)
    found = connectorx.read_sql(
        server.url(), f"select * from {table}", partition_on="n", partition_num=3, return_type="arrow"
    )
    assert found.num_rows == 1001
    assert pyarrow.compute.sum(found["n"]).as_py() == 500500
    assert found["s"].null_count == 1


@pytest.mark.client("connectorx")
@pytest.mark.parametrize("protocol", ["binary", "csv", "cursor", "simple"])
def test_connectorx_protocols(server, table, protocol):
    filled(server, table)
    found = connectorx.read_sql(
        server.url(), f"select * from {table} where n in (7, 1000) order by n", protocol=protocol, return_type="arrow"
    ).to_pylist()
    assert [(row["n"], row["x"], row["s"], row["ok"]) for row in found] == [(7, 3.5, "s7", False), (1000, None, None, None)]


@pytest.mark.client("polars")
@pytest.mark.parametrize("engine", ["connectorx", "adbc"])
def test_polars_reads(server, table, engine):
    filled(server, table)
    query = f"select n, x, s, day, at, ok from {table} where n between 10 and 12 order by n"
    frame = polars.read_database_uri(query, server.url(), engine=engine)
    assert frame["n"].to_list() == [10, 11, 12]
    assert frame["day"].to_list()[0] == dt.date(2026, 1, 11)
    assert frame["at"].to_list()[0].astimezone(dt.UTC) == dt.datetime(2026, 1, 1, 10, tzinfo=dt.UTC)
    assert frame["ok"].to_list() == [True, False, True]


@pytest.mark.client("polars")
@pytest.mark.parametrize("engine", ["sqlalchemy", "adbc"])
def test_polars_writes(server, table, engine):
    frame = polars.DataFrame({"n": [1, 2], "s": ["a", None], "x": [0.5, 1.5]})
    url = server.url("postgresql+psycopg" if engine == "sqlalchemy" else "postgresql")
    frame.write_database(table, url, engine=engine)
    frame.write_database(table, url, engine=engine, if_table_exists="append")
    assert server.rows(f"select n, s, x from {table} order by n, s") == [(1, "a", 0.5)] * 2 + [(2, None, 1.5)] * 2


@pytest.mark.client("ADBC PostgreSQL")
def test_adbc_ingests_and_returns_arrow(server, table):
    moments = [dt.datetime(2026, 1, 1, 12, 30, 0, 250), None]
    sent = pyarrow.table({
        "n": pyarrow.array([1, None], pyarrow.int64()),
        "s": pyarrow.array(["a", None]),
        "x": pyarrow.array([0.5, None], pyarrow.float64()),
        "ok": pyarrow.array([True, None]),
        "b": pyarrow.array([b"\x00\x01", None]),
        "at": pyarrow.array(moments, pyarrow.timestamp("us")),
        "day": pyarrow.array([dt.date(2026, 1, 1), None]),
    })
    with adbc.connect(server.url()) as connection, connection.cursor() as cursor:
        assert cursor.adbc_ingest(table, sent, mode="create") == 2
        assert cursor.adbc_ingest(table, sent, mode="append") == 2
        connection.commit()
        cursor.execute(f"select * from {table} order by n")
        found = cursor.fetch_arrow_table()
        assert found.slice(0, 1).to_pylist() == sent.slice(0, 1).to_pylist()
        assert found.column("n").to_pylist() == [1, 1, None, None]
        cursor.execute(f"select s from {table} where n = $1", (1,))
        assert cursor.fetchone() == ("a",)
        schema = connection.adbc_get_table_schema(table)
        assert schema.names == sent.column_names
        objects = connection.adbc_get_objects(depth="tables", table_name_filter=table).read_all().to_pylist()
        tables = [t["table_name"] for c in objects for s in c["catalog_db_schemas"] or [] for t in s["db_schema_tables"] or []]
        assert tables == [table]
