"""Every scalar type: its SQL name, a value's text form, and the Python value that clients give for it."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import NamedTuple


class Scalar(NamedTuple):
    type: str
    text: str
    value: object


NEW_YEAR = dt.datetime(2026, 1, 1, 12, 30, 45, 123456)
SCALARS = [
    Scalar("boolean", "t", True),
    Scalar("smallint", "-32768", -32768),
    Scalar("integer", "2147483647", 2147483647),
    Scalar("bigint", "-9223372036854775808", -9223372036854775808),
    Scalar("real", "1.5", 1.5),
    Scalar("double precision", "-2.2250738585072014e-308", -2.2250738585072014e-308),
    Scalar("double precision", "Infinity", float("inf")),
    Scalar("numeric", "123456789012345678901234567.89", Decimal("123456789012345678901234567.89")),
    Scalar("numeric(10,3)", "-0.500", Decimal("-0.500")),
    Scalar("text", "naïve 日本語 \\ \" '", "naïve 日本語 \\ \" '"),
    Scalar("text", "", ""),
    Scalar("varchar(20)", "varying", "varying"),
    Scalar("char(5)", "ab   ", "ab   "),
    Scalar("bytea", "\\x00ff10", b"\x00\xff\x10"),
    Scalar("date", "2026-02-28", dt.date(2026, 2, 28)),
    Scalar("date", "0001-01-01", dt.date(1, 1, 1)),
    Scalar("time", "23:59:59.999999", dt.time(23, 59, 59, 999999)),
    Scalar("timestamp", "2026-01-01 12:30:45.123456", NEW_YEAR),
    Scalar("timestamptz", "2026-01-01 12:30:45.123456+00", NEW_YEAR.replace(tzinfo=dt.timezone.utc)),
    Scalar("interval", "3 days 04:05:06.789", dt.timedelta(days=3, hours=4, minutes=5, seconds=6.789)),
    Scalar("uuid", "0190163d-8694-739b-aea5-966c26f8ad91", uuid.UUID("0190163d-8694-739b-aea5-966c26f8ad91")),
]
# What clients decode by themselves: compared as parsed JSON.
JSON = {"a": [1, 2.5, None, "x"], "b": {"c": True}}
JSON_TEXT = '{"a": [1, 2.5, null, "x"], "b": {"c": true}}'
ARRAYS = [
    Scalar("integer[]", "{1,NULL,3}", [1, None, 3]),
    Scalar("text[]", '{a,"b c",NULL,"NULL",""}', ["a", "b c", None, "NULL", ""]),
    Scalar("date[]", "{2026-02-28}", [dt.date(2026, 2, 28)]),
    Scalar("integer[]", "{}", []),
]
ALL = SCALARS + ARRAYS


def name(scalar):
    return f"{scalar.type} {scalar.text[:12]}"
