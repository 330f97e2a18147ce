"""Values that psycopg sends and reads again, in text and in binary."""

import pytest

in_both_forms = pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])


class RoundTrips:
    """A cursor that sends and reads in one form."""

    def __init__(self, connection, binary):
        self.cursor = connection.cursor(binary=binary)
        self.placeholder = "%b" if binary else "%t"

    def value(self, ty, value):
        assert self.cursor.execute(f"select {self.placeholder}::{ty}", (value,)).fetchone() == (value,)

    def text(self, ty, text, value):
        assert self.cursor.execute(f"select %s::text::{ty}", (text,)).fetchone() == (value,)

    def rows(self, table, rows):
        """Rows of a table that begin with an id."""
        values = ", ".join(["%s"] * len(rows[0]))
        self.cursor.executemany(f"insert into {table} values ({values})", rows)
        assert self.cursor.execute(f"select * from {table} order by id").fetchall() == rows

    def ids(self, table, condition, value):
        """The ids of rows for which a condition holds, in which {} is the value."""
        found = f"select id from {table} where {condition.format(self.placeholder)}"
        return self.cursor.execute(found, (value,)).fetchall()
