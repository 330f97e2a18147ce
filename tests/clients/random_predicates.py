"""Random rows of every type that prunes, and random predicates over them."""

import random
from datetime import datetime, timedelta

ZONES = ["UTC", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]
COMPARISONS = ["=", "<", ">", "<=", ">=", "<>"]
UNITS = ["minute", "hour", "day", "week", "month", "quarter", "year", "decade"]
# Days around which clocks change in one of the zones, and the ends of months.
DAYS = [datetime(2025, 3, 9), datetime(2025, 11, 2), datetime(2006, 10, 29), datetime(2011, 12, 30), datetime(2024, 2, 28)]
FAR = ["infinity", "-infinity", "12000-01-01 00:00:00", "0044-03-15 12:00:00 BC"]
WORDS = ["", "a", "ab", "b", "é", "zz", "Z", "a" * 40, "a" * 40 + "b", "\U0001f600" * 10, "~" * 40]
NUMBERS = ["smallint", "integer", "bigint", "real", "double precision", "numeric(10,2)", "numeric(40,3)", "numeric"]
TEXTS = ["text", "varchar(50)", "char(5)"]
TIMES = ["timestamp", "timestamptz", "date"]
OTHERS = ["boolean", "bytea", "time", "interval", "uuid", "jsonb", "integer[]"]
TYPES = NUMBERS + TEXTS + TIMES + OTHERS
BUCKETED = [ty for ty in TYPES if ty not in ("interval", "jsonb", "integer[]")]


class Chance(random.Random):
    """Values and predicates of one seed."""

    def moment(self):
        if self.random() < 0.08:
            return self.choice(FAR)
        span = self.choice([0, self.randrange(86400), self.randrange(48) * 1800])
        return str(self.choice(DAYS) + timedelta(days=self.randint(-1, 1), seconds=span, microseconds=self.choice([0, 999999])))

    def value(self, ty):
        """A value's text."""
        if ty in ("timestamp", "timestamptz"):
            return self.moment()
        if ty == "date":
            moment = self.moment()
            return moment if "inf" in moment else moment.split()[0] + (" BC" if "BC" in moment else "")
        if ty in TEXTS:
            return self.choice(WORDS)[: 5 if ty == "char(5)" else 50]
        if ty in ("real", "double precision"):
            return self.choice(["NaN", "Infinity", "-Infinity", "0", "-0", "1.5", "-2.5", "1e30", str(self.uniform(-9, 9))])
        if ty.startswith("numeric"):
            return f"{self.uniform(-20, 20):.{self.randint(0, 2)}f}"
        if ty in NUMBERS:
            edge = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}[ty]
            return str(self.choice([self.randint(-20, 20), edge, -edge]))
        choices = {
            "boolean": ["t", "f"],
            "bytea": [r"\x", r"\x00", r"\x6162", r"\x" + "ff" * 40, r"\x" + "ab" * 33],
            "time": ["00:00", "23:59:59.999999", "12:30"],
            "interval": ["1 month", "30 days", "29 days 24 hours", "-1 day", "1 year", "360 days"],
            "uuid": [f"{n:032x}" for n in (0, 1 << 127, 2**128 - 1, self.getrandbits(128))],
            "jsonb": ["1", "2", '"a"', "true", "[1]", '{"a": 1}'],
            "integer[]": ["{}", "{1}", "{1,2}", "{-5}"],
        }
        return self.choice(choices[ty])

    def literal(self, ty):
        return "'" + self.value(ty) + "'::" + ty

    def predicate(self, columns, depth=0):
        """A predicate over columns, as pairs of name and type."""
        kind = self.random()
        if depth < 3 and kind < 0.35:
            parts = [self.predicate(columns, depth + 1) for _ in range(2)]
            return f"({parts[0]} {self.choice(['AND', 'OR'])} {parts[1]})"
        if depth < 3 and kind < 0.42:
            return f"NOT ({self.predicate(columns, depth + 1)})"
        return self.comparison(*self.choice(columns))

    def comparison(self, name, ty):
        literal = lambda: self.literal(ty)  # noqa: E731
        forms = [
            f"{name} {self.choice(COMPARISONS)} {literal()}",
            f"{literal()} {self.choice(COMPARISONS)} {name}",
            f"{name} BETWEEN {literal()} AND {literal()}",
            f"{name} {self.choice(['', 'NOT '])}IN ({literal()}, {self.choice([literal(), 'NULL'])})",
            f"{name} IS {self.choice(['', 'NOT '])}NULL",
            f"({name} IS {self.choice(['', 'NOT '])}DISTINCT FROM {literal()})",
            f"{name} = ANY (ARRAY[{literal()}, {literal()}])",
        ]
        if ty in TIMES:
            forms += [self.of_time(name, ty) for _ in range(8)]
        elif ty in TEXTS:
            forms += [f"{name} LIKE '{self.choice(['a%', '%', '_b%', ''])}'", f"length({name}) > 2"]
        elif ty in NUMBERS:
            forms += [f"-({name}::numeric) < 3"] if ty not in ("real", "double precision") else [f"-{name} < 3"]
        return self.choice(forms if ty != "integer[]" else forms[:-1])

    def of_time(self, name, ty):
        """A function of a time, compared: with dates and times in the connection's zone and in another."""
        zoned = name if ty == "date" else f"({name} AT TIME ZONE '{self.choice(ZONES)}')"
        shift = self.choice(["1 day", "1 month", "3 hours", "-1 month"])
        side = self.choice([
            f"{name}::date", f"{name}::timestamp", f"{name}::timestamptz", f"{zoned}::date", zoned,
            f"date_trunc('{self.choice(UNITS)}', {name})", f"date_trunc('{self.choice(UNITS)}', {zoned})",
            f"{name} + interval '{shift}'", f"{name} - interval '{shift}'",
            f"date_bin('15 minutes', {name}, '2001-01-01')", f"date_bin('1 day', '2025-03-08', {name})",
        ])  # fmt: skip
        if side.startswith("date_bin") and ty == "date":
            side = name
        return f"{side} {self.choice(COMPARISONS)} {self.literal(self.choice(TIMES))}"
