"""SQLAlchemy 2: reflection, create_all, the ORM, pandas on top, each over several drivers."""

import datetime as dt
from decimal import Decimal

import pandas
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

pytestmark = pytest.mark.client("SQLAlchemy")


def described(name, metadata):
    """A table with a column of each plain type."""
    return sa.Table(
        name,
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("big", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(20), server_default="none", comment="what it is called"),
        sa.Column("note", sa.Text),
        sa.Column("price", sa.Numeric(10, 2)),
        sa.Column("ratio", sa.Double),
        sa.Column("ok", sa.Boolean),
        sa.Column("day", sa.Date),
        sa.Column("at", sa.DateTime(timezone=True)),
        sa.Column("body", sa.LargeBinary),
        sa.Column("key", sa.Uuid),
        sa.Column("tags", sa.ARRAY(sa.Text)),
        sa.Column("extra", sa.JSON),
        sa.UniqueConstraint("big", "name"),
        sa.CheckConstraint("price > 0", name=f"{name}_price"),
        comment="things",
    )


def test_create_all_and_reflection(engine, table):
    metadata = sa.MetaData()
    made = described(table, metadata)
    metadata.create_all(engine)
    metadata.create_all(engine)
    sa.Index(f"{table}_day", made.c.day, made.c.id).create(engine)

    read = sa.Table(table, sa.MetaData(), autoload_with=engine)
    assert [column.name for column in read.columns] == [column.name for column in made.columns]
    assert [str(c.type) for c in read.columns][:7] == [
        "INTEGER", "BIGINT", "VARCHAR(20)", "TEXT", "NUMERIC(10, 2)", "DOUBLE PRECISION", "BOOLEAN",
    ]  # fmt: skip
    assert read.c.at.type.timezone and isinstance(read.c.tags.type, sa.ARRAY)
    assert [column.name for column in read.primary_key] == ["id"]
    assert (read.c.name.server_default.arg.text, read.c.name.comment, read.comment) == (
        "'none'::character varying", "what it is called", "things",
    )  # fmt: skip

    inspector = sa.inspect(engine)
    assert table in inspector.get_table_names()
    assert [index["column_names"] for index in inspector.get_indexes(table) if index["name"].endswith("_day")] == [
        ["day", "id"]
    ]
    assert [constraint["column_names"] for constraint in inspector.get_unique_constraints(table)] == [["big", "name"]]
    assert [constraint["name"] for constraint in inspector.get_check_constraints(table)] == [f"{table}_price"]
    assert not inspector.has_table("nosuch")
    metadata.drop_all(engine)
    assert not sa.inspect(engine).has_table(table)


def test_views_and_schemas_are_reflected(engine, server):
    server.run("create schema reflected", "create table reflected.t (a int not null)",
               "create view reflected.v as select a + 1 as b from reflected.t")  # fmt: skip
    try:
        inspector = sa.inspect(engine)
        assert "reflected" in inspector.get_schema_names()
        assert inspector.get_table_names(schema="reflected") == ["t"]
        assert inspector.get_view_names(schema="reflected") == ["v"]
        assert [column["name"] for column in inspector.get_columns("v", schema="reflected")] == ["b"]
        assert "a + 1" in inspector.get_view_definition("v", schema="reflected")
    finally:
        server.run("drop schema reflected cascade")


def test_the_orm_writes_and_reads(engine, table):
    class Base(DeclarativeBase):
        pass

    class Item(Base):
        __tablename__ = table
        id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
        name: Mapped[str]
        price: Mapped[Decimal]
        day: Mapped[dt.date | None]

    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Item(id=n, name=f"item {n}", price=Decimal(n) / 4, day=dt.date(2026, 1, n)) for n in range(1, 6)])
        session.commit()
        found = session.scalars(sa.select(Item).where(Item.price > 1).order_by(Item.id)).one()
        assert (found.id, found.price, found.day) == (5, Decimal("1.25"), dt.date(2026, 1, 5))
        found.name = "renamed"
        session.delete(session.get(Item, 1))
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).select_from(Item).where(Item.name.like("item%"))) == 3


@pytest.mark.client("pandas")
def test_pandas_to_sql_and_read_sql(engine, table):
    frame = pandas.DataFrame({
        "n": [1, 2, 3],
        "x": [0.5, None, 2.5],
        "s": ["a", None, "c"],
        "at": pandas.to_datetime(["2026-01-01 10:00", "2026-01-02 11:00", None]),
        "ok": [True, False, True],
    })
    frame.to_sql(table, engine, index=False)
    frame.to_sql(table, engine, index=False, if_exists="append", method="multi")
    assert pandas.read_sql(f"select count(*) as n from {table}", engine)["n"].tolist() == [6]
    frame.to_sql(table, engine, index=False, if_exists="replace", chunksize=2)
    read = pandas.read_sql_table(table, engine)
    assert list(read.columns) == list(frame.columns)
    assert read["n"].tolist() == [1, 2, 3]
    assert read["x"].isna().tolist() == [False, True, False]
    assert read["at"].dt.day.tolist()[:2] == [1, 2]
    pieces = list(pandas.read_sql(sa.text(f"select n from {table} order by n"), engine, chunksize=2))
    assert [piece["n"].tolist() for piece in pieces] == [[1, 2], [3]]
