"""What a server answers to a statement, and how two answers differ."""

from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from psycopg.pq import DiagnosticField, ExecStatus

from comparing import RELATIVE

FLOATS, NUMERIC = (700, 701), 1700
# PostgreSQL promises 16 significant digits of a quotient; both sides may have more.
QUOTIENT_RELATIVE = Decimal("1e-15")


class Answer(NamedTuple):
    """Columns as (name, type oid) and rows of texts, or an error."""

    columns: tuple = ()
    rows: tuple = ()
    sqlstate: str = ""
    message: str = ""

    def shown(self):
        return f"{self.sqlstate}: {self.message}" if self.sqlstate else f"{self.columns} {self.rows[:12]}"


def ask(connection, statement):
    """The answer in texts, by the simple protocol."""
    result = connection.pgconn.exec_(statement.encode())
    if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
        columns = tuple((result.fname(at).decode(), result.ftype(at)) for at in range(result.nfields))
        rows = (tuple(result.get_value(row, at) for at in range(result.nfields)) for row in range(result.ntuples))
        return Answer(columns, tuple(rows))
    field = lambda name: (result.error_field(name) or b"").decode()  # noqa: E731
    return Answer(sqlstate=field(DiagnosticField.SQLSTATE), message=field(DiagnosticField.MESSAGE_PRIMARY))


def difference(got, wanted, is_ordered):
    """How two answers differ: `None` if they do not, else `error`, `rows`, `digits`, or `columns` if only these do."""
    if got.sqlstate or wanted.sqlstate:
        return None if got.sqlstate == wanted.sqlstate else "error"
    if len(got.columns) != len(wanted.columns):
        return "rows"
    of_rows = difference_of_rows(got, wanted, is_ordered)
    return of_rows or (None if got.columns == wanted.columns else "columns")


def difference_of_rows(got, wanted, is_ordered):
    if not is_ordered:
        got, wanted = (answer._replace(rows=tuple(sorted(answer.rows, key=rank))) for answer in (got, wanted))
    if got.rows == wanted.rows:
        return None
    if len(got.rows) != len(wanted.rows):
        return "rows"
    types = [oid for _, oid in wanted.columns]
    kinds = {kind for pair in zip(got.rows, wanted.rows) for kind in map(value_difference, *pair, types)}
    return next((kind for kind in ("rows", "digits") if kind in kinds), None)


def is_ordered(statement):
    """Whether the whole statement is ordered, not only what stands in parentheses in it."""
    depth, outside = 0, []
    for letter in statement:
        depth += (letter in "([") - (letter in ")]")
        outside.append(letter if depth == 0 else " ")
    return " ORDER BY " in "".join(outside)


def value_difference(got, wanted, oid):
    """Doubles that were added in another order are equal; numerics of one value may show other digits."""
    if got == wanted:
        return None
    if got is None or wanted is None:
        return "rows"
    if oid in FLOATS:
        got, wanted = float(got), float(wanted)
        return None if abs(got - wanted) <= RELATIVE * max(abs(got), abs(wanted)) else "rows"
    if oid == NUMERIC:
        return "digits" if same_number(got, wanted) else "rows"
    return "rows"


def same_number(got, wanted):
    try:
        got, wanted = Decimal(got.decode()), Decimal(wanted.decode())
        return abs(got - wanted) <= QUOTIENT_RELATIVE * max(abs(got), abs(wanted))
    except InvalidOperation:
        return False


def rank(row):
    """An order of rows that the digits of numbers do not change."""

    def key(value):
        if value is None:
            return (0, 0.0, b"")
        try:
            number = float(value)
            # NaN has no place among numbers.
            return (1, number, b"") if number == number else (2, 0.0, value)
        except ValueError:
            return (2, 0.0, value)

    return [key(value) for value in row]
