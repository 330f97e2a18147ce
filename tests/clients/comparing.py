"""Whether two results are equal by the rule of the project.

Integers, text, dates and exact decimals are identical, doubles agree within 1e-9 relative, and where one side has a
decimal average (which DuckDB gives as a double) both agree after rounding to the smaller scale.
"""

from decimal import Decimal

RELATIVE = 1e-9
BPCHAR_OID = 1042


def rows_of(cursor):
    """All rows, the blanks that pad char(n) cut off: DuckDB has no such type."""
    padded = [column.type_code == BPCHAR_OID for column in cursor.description]
    return [tuple(v.rstrip(" ") if p and v is not None else v for v, p in zip(row, padded)) for row in cursor]


def equal(left, right):
    """Whether two values are equal."""
    if isinstance(left, float) or isinstance(right, float):
        return near(left, right)
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return left == right or equal_at_smaller_scale(left, right)
    return left == right


def near(left, right):
    if left is None or right is None:
        return left is right
    slack = max([half_a_unit(value) for value in (left, right) if isinstance(value, Decimal)], default=0.0)
    left, right = float(left), float(right)
    return left == right or abs(left - right) <= max(RELATIVE * max(abs(left), abs(right)), slack)


def half_a_unit(decimal):
    """Half of the last digit that a decimal shows."""
    return 0.5 * 10.0 ** decimal.as_tuple().exponent


def equal_at_smaller_scale(left, right):
    """Only where the scales differ, as those of averages do: equal scales must be equal outright."""
    scales = sorted(-value.as_tuple().exponent for value in (left, right))
    if scales[0] == scales[1] or scales[0] < 4:
        return False
    unit = Decimal(1).scaleb(-scales[0])
    return left.quantize(unit) == right.quantize(unit)


def differences(got, wanted, order_columns=()):
    """Why two results differ, `None` if they do not. Rows with equal order columns may come in any order."""
    if len(got) != len(wanted):
        return f"{len(got)} rows, wanted {len(wanted)}"
    for number, (left, right) in enumerate(zip(got, wanted)):
        if not all(equal(left[column], right[column]) for column in order_columns):
            return f"row {number} is out of order: {left}, wanted {right}"
    if all(map(rows_equal, got, wanted)):
        return None
    for left, right in zip(sorted(got, key=rank), sorted(wanted, key=rank)):
        if not rows_equal(left, right):
            return f"{left}, wanted {right}"
    return None


def rows_equal(left, right):
    return len(left) == len(right) and all(map(equal, left, right))


def rank(row):
    """Sorts exact values before inexact ones, which are ranked by their first digits only."""
    inexact = (float, Decimal)
    exact = [str(value) for value in row if not isinstance(value, inexact)]
    return exact, [f"{float(value):.6e}" for value in row if isinstance(value, inexact)]
