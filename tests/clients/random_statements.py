"""Random statements from a grammar: what they mean is PostgreSQL's to say.

Every expression is made for a type, so that most statements run; now and then one is made for another type, so that
errors are compared too. Numbers stay small: an overflow says nothing about the rest of a statement.
"""

import random

ROWS = 24
COLUMNS = {
    "id": "integer", "i": "integer", "b": "bigint", "s": "smallint", "f": "double precision", "n": "numeric(10,2)",
    "t": "text", "v": "varchar(8)", "d": "date", "ts": "timestamp", "z": "timestamptz", "iv": "interval", "o": "boolean",
    "j": "jsonb", "a": "integer[]",
}  # fmt: skip
KIND_OF = {
    "integer": "int", "bigint": "int", "smallint": "int", "double precision": "float", "numeric(10,2)": "numeric",
    "text": "text", "varchar(8)": "text", "date": "date", "timestamp": "timestamp", "timestamptz": "timestamptz",
    "interval": "interval", "boolean": "bool", "jsonb": "json", "integer[]": "array",
}  # fmt: skip
KINDS = ["int", "float", "numeric", "text", "date", "timestamp", "interval", "bool", "json", "array"]
SORTED_KINDS = ["int", "float", "numeric", "text", "date", "timestamp", "interval", "bool"]
WORDS = ["", "a", "ab", "b", "Ba", "zz", "a b", "é", "x_y", "100%", "  pad "]
DAYS = ["2023-12-31", "2024-01-01", "2024-02-29", "2024-03-10", "2025-07-04"]
TIMES = ["00:00:00", "09:30:15.25", "23:59:59.999999"]
SPANS = ["1 day", "-2 hours", "1 month 3 days", "00:15:30.5", "1 year -1 day"]
DOCUMENTS = ['{"a": 1, "b": [1, 2]}', '[1, "x", null]', "7", '"s"', "null", '{"a": {"b": true}}', "{}"]
WRONG_KIND = 0.01


def tables(seed):
    """The statements that make the tables which the statements read."""
    chance = Statements(seed)
    listed = ", ".join(f"{name} {ty}" for name, ty in COLUMNS.items())
    yield f"CREATE TABLE r ({listed})"
    yield f"CREATE TABLE u ({listed})"
    for table in "ru":
        rows = (", ".join(chance.stored(name) for name in COLUMNS) for _ in range(ROWS))
        chance.next_id = 0
        yield f"INSERT INTO {table} VALUES " + ", ".join(f"({row})" for row in rows)


class Statements(random.Random):
    """Statements of one seed."""

    next_id = 0

    # --- values ---------------------------------------------------------------------------------------------------

    def stored(self, column):
        """A value of a column as a literal."""
        if column == "id":
            self.next_id += 1
            return str(self.next_id)
        if self.random() < 0.15:
            return "NULL"
        return self.literal(KIND_OF[COLUMNS[column]])

    def literal(self, kind):
        number = self.randint(-9, 30)
        return {
            "int": lambda: str(number),
            "float": lambda: self.choice([f"{number / 4}::float8", "'NaN'::float8", "1e10::float8", "0.1::float8"]),
            "numeric": lambda: f"{number}.{self.choice(['5', '25', '00', '07'])}",
            "text": lambda: "'" + self.choice(WORDS) + "'",
            "date": lambda: f"date '{self.choice(DAYS)}'",
            "timestamp": lambda: f"timestamp '{self.choice(DAYS)} {self.choice(TIMES)}'",
            "timestamptz": lambda: f"timestamptz '{self.choice(DAYS)} {self.choice(TIMES)}+00'",
            "interval": lambda: f"interval '{self.choice(SPANS)}'",
            "bool": lambda: self.choice(["true", "false"]),
            "json": lambda: f"'{self.choice(DOCUMENTS)}'::jsonb",
            "array": lambda: self.choice(["'{}'::int[]", "ARRAY[1,2,3]", f"ARRAY[{number}]", "ARRAY[1,NULL]"]),
        }[kind]()

    def column(self, kind):
        """A column of the kind, with its table."""
        names = [name for name, ty in COLUMNS.items() if KIND_OF[ty] == kind]
        return f"{self.choice(self.sources)}.{self.choice(names)}"

    sources = ["r"]

    # --- expressions ----------------------------------------------------------------------------------------------

    def expression(self, kind, depth=0):
        """An expression of the kind, seldom of another."""
        if self.random() < WRONG_KIND:
            kind = self.choice(KINDS)
        chance = self.random()
        if depth >= 3 or chance < 0.25:
            return self.column(kind)
        if chance < 0.35:
            return self.literal(kind) if self.random() < 0.9 else "NULL"
        if chance < 0.45:
            return self.conditional(kind, depth)
        return self.choice(getattr(self, "of_" + kind)(lambda kind: self.expression(kind, depth + 1)))

    def key(self, kind, depth):
        """An expression that is no constant, which PostgreSQL refuses to sort and group by."""
        while True:
            key = self.expression(kind, depth)
            if any(f"{source}." in key for source in self.sources):
                return key

    def conditional(self, kind, depth):
        one = lambda kind: self.expression(kind, depth + 1)  # noqa: E731
        if kind in ("json", "array"):
            return f"coalesce({one(kind)}, {self.literal(kind)})"
        return self.choice([
            f"coalesce({one(kind)}, {one(kind)})", f"nullif({one(kind)}, {self.literal(kind)})",
            f"CASE WHEN {one('bool')} THEN {one(kind)} ELSE {one(kind)} END",
            f"CASE WHEN {one('bool')} THEN {one(kind)} END", f"greatest({one(kind)}, {one(kind)})",
            f"least({one(kind)}, {self.literal(kind)}, {one(kind)})",
        ])  # fmt: skip

    def of_int(self, one):
        return [
            f"({one('int')} {self.choice('+-*')} {self.literal('int')})", f"({one('int')} / {self.randint(1, 5)})",
            f"({one('int')} % {self.randint(2, 7)})", f"length({one('text')})", f"abs({one('int')})",
            f"extract(year FROM {one('date')})::int", f"({one('date')} - {one('date')})", f"cardinality({one('array')})",
            f"position({self.literal('text')} in {one('text')})", f"({one('numeric')})::int", f"({self.column('array')})[1]",
            f"ascii({one('text')})", f"(-{one('int')})", f"({self.column('int')} & 7)", f"array_position({one('array')}, 1)",
            f"strpos({one('text')}, 'a')", f"octet_length({one('text')})", f"sign({one('int')})::int",
        ]  # fmt: skip

    def of_float(self, one):
        return [
            f"({one('float')} {self.choice('+-*')} {self.literal('int')})", f"({one('int')})::float8", f"floor({one('float')})",
            f"abs({one('float')})", f"round({one('float')})", f"date_part('month', {one('date')})", f"sqrt(abs({one('int')}))",
            f"(-{one('float')})", f"trunc({one('float')})", f"power({self.literal('int')}, 2)", f"ceil({one('float')})",
        ]  # fmt: skip

    def of_numeric(self, one):
        return [
            f"({one('numeric')} {self.choice('+-*')} {self.literal('numeric')})", f"round({one('numeric')}, 1)",
            f"abs({one('numeric')})", f"({one('int')} * 1.5)", f"extract(epoch FROM {one('interval')})", f"(-{one('numeric')})",
            f"round({one('numeric')} / {self.randint(1, 9)}, 6)", f"floor({one('numeric')})", f"trunc({one('numeric')}, 1)",
            f"({one('int')})::numeric(12,3)", f"mod({one('numeric')}, 3)", f"extract(day FROM {one('timestamp')})",
        ]  # fmt: skip

    def of_text(self, one):
        return [
            f"upper({self.column('text')})", f"({one('text')} || {one('text')})", f"left({one('text')}, {self.randint(-2, 3)})",
            f"replace({one('text')}, 'a', 'X')", f"substr({one('text')}, {self.randint(0, 3)}, {self.randint(0, 3)})",
            f"({one('int')})::text", f"to_char({one('date')}, 'YYYY-MM-DD Dy')", f"trim({one('text')})", f"({one('bool')})::text",
            f"concat({one('text')}, '-', {one('int')})", f"lpad({one('text')}, 4, '*')", f"({one('json')} ->> 'a')",
            f"split_part({one('text')}, ' ', 1)", f"reverse({one('text')})", f"({one('interval')})::text",
            f"regexp_replace({one('text')}, '[aeiou]', '_', 'g')", f"array_to_string({one('array')}, ',', 'n')",
            f"format('%s|%L', {one('text')}, {one('text')})", f"to_char({one('int')}, 'FM000S')", f"initcap({self.column('text')})",
            f"repeat({self.column('text')}, {self.randint(0, 2)})", f"translate({one('text')}, 'ab', 'xy')",
            f"({one('date')})::text", f"jsonb_typeof({one('json')})", f"quote_ident({one('text')})",
        ]  # fmt: skip

    def of_date(self, one):
        return [
            f"({one('date')} + {self.randint(-40, 40)})", f"({one('timestamp')})::date", f"({self.column('timestamptz')})::date",
            f"make_date(2024, {self.randint(1, 12)}, {self.randint(1, 28)})", f"date_trunc('month', {one('timestamp')})::date",
        ]  # fmt: skip

    def of_timestamp(self, one):
        return [
            f"({one('timestamp')} {self.choice('+-')} {self.literal('interval')})", f"({one('date')})::timestamp",
            f"date_trunc('{self.choice(['hour', 'day', 'week', 'month', 'quarter', 'year'])}', {one('timestamp')})",
            f"({one('date')} + {self.literal('interval')})", f"({self.column('timestamptz')} AT TIME ZONE 'Europe/Berlin')",
            f"date_bin('15 minutes', {one('timestamp')}, timestamp '2001-01-01')",
        ]  # fmt: skip

    def of_interval(self, one):
        return [
            f"({one('interval')} {self.choice('+-')} {one('interval')})", f"({one('timestamp')} - {one('timestamp')})",
            f"({one('interval')} * {self.randint(-3, 3)})", f"(-{one('interval')})", f"justify_interval({one('interval')})",
            f"age({one('timestamp')}, {one('timestamp')})", f"make_interval(days => {self.randint(0, 9)})",
        ]  # fmt: skip

    def of_bool(self, one):
        kind = self.choice(SORTED_KINDS)
        compared = f"({one(kind)} {self.choice(['=', '<', '>', '<=', '>=', '<>'])} {one(kind)})"
        return [
            compared, compared, compared, f"({one('bool')} {self.choice(['AND', 'OR'])} {one('bool')})", f"(NOT {one('bool')})",
            f"({one(kind)} IS {self.choice(['', 'NOT '])}NULL)", f"({one(kind)} IS {self.choice(['', 'NOT '])}DISTINCT FROM {one(kind)})",
            f"({one('int')} BETWEEN {self.randint(-5, 5)} AND {one('int')})", f"({one('text')} LIKE '{self.choice(['a%', '%b%', '_', ''])}')",
            f"({one('int')} {self.choice(['', 'NOT '])}IN ({self.literal('int')}, {one('int')}, NULL))",
            f"({one('text')} {self.choice(['~', '~*', '!~'])} '{self.choice(['^a', 'b$', '[a-c]+', 'a|b'])}')",
            f"({one('text')} ILIKE '{self.choice(['A%', '%B'])}')", f"({one('int')} = ANY ({one('array')}))",
            f"({one('json')} @> {self.literal('json')})", f"({one('json')} ? 'a')", f"({one('array')} && ARRAY[1, 2])",
            f"({one('bool')} IS {self.choice(['', 'NOT '])}{self.choice(['TRUE', 'FALSE', 'UNKNOWN'])})",
            f"(({one('int')}, {one('text')}) {self.choice(['=', '<', '>='])} ({one('int')}, {one('text')}))",
            f"starts_with({one('text')}, 'a')", f"({one('array')} @> ARRAY[1])",
        ]  # fmt: skip

    def of_json(self, one):
        return [
            f"({one('json')} -> 'a')", f"({one('json')} -> {self.randint(-1, 2)})", f"to_jsonb({one(self.choice(KINDS))})",
            f"jsonb_build_object('k', {one('int')}, 't', {one('text')})", f"({one('json')} #> '{{a,b}}')",
            f"jsonb_build_array({one('int')}, {one('bool')}, {one('text')})", f"jsonb_strip_nulls({one('json')})",
        ]  # fmt: skip

    def of_array(self, one):
        return [
            f"({one('array')} || {one('int')})", f"({one('array')} || {one('array')})", f"array_remove({one('array')}, 1)",
            f"ARRAY[{one('int')}, {one('int')}]", f"array_append({one('array')}, {self.randint(1, 9)})", f"({one('array')})[1:2]",
        ]  # fmt: skip

    # --- statements -----------------------------------------------------------------------------------------------

    def statement(self, form):
        self.sources = ["r"]
        return getattr(self, form)()

    def rows(self):
        """Expressions over the rows of a table."""
        kinds = self.choices(KINDS, k=self.randint(1, 4))
        where = f" WHERE {self.expression('bool')}" if self.random() < 0.7 else ""
        limit = f" LIMIT {self.randint(0, 9)}" if self.random() < 0.3 else ""
        return f"SELECT {', '.join(map(self.expression, kinds))} FROM r{where} ORDER BY r.id{limit}"

    def orders(self):
        """An order that the key alone makes total."""
        kinds = self.choices(SORTED_KINDS, k=self.randint(1, 3))
        keys = [self.key(kind, 0) + self.choice(["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]) for kind in kinds]
        page = self.choice(["", f" LIMIT {self.randint(1, 5)}", f" OFFSET {self.randint(0, 9)} FETCH NEXT 3 ROWS ONLY"])
        return f"SELECT r.id FROM r ORDER BY {', '.join(keys)}, r.id{page}"

    def aggregate(self):
        kind = self.choice(["int", "float", "numeric", "interval"])
        value = self.expression(kind, 2)
        forms = [f"{name}({value})" for name in ("sum", "min", "max", "count")]
        other = self.expression(self.choice(["int", "text", "date", "timestamp"]), 2)
        forms += [f"min({other})", f"max({other})", f"count(DISTINCT {other})", "count(*)"]
        forms += [f"bool_and({self.expression('bool', 2)})", f"bool_or({self.expression('bool', 2)})"]
        forms += [f"string_agg({self.expression('text', 2)}, ',' ORDER BY r.id)", f"array_agg({other} ORDER BY r.id DESC)"]
        forms += [f"jsonb_agg({other} ORDER BY r.id)", f"round(avg({self.expression('numeric', 2)}), 6)"]
        form = self.choice(forms)
        is_filtered = self.random() < 0.2 and not form.startswith("round")
        return form + (f" FILTER (WHERE {self.expression('bool', 2)})" if is_filtered else "")

    def groups(self):
        keys = [self.key(self.choice(SORTED_KINDS), 2) for _ in range(self.randint(1, 2))]
        grouped = self.choice(["{}", "{}", "ROLLUP ({})", "CUBE ({})", "GROUPING SETS (({}), ())"]).format(", ".join(keys))
        having = f" HAVING count(*) > {self.randint(0, 3)}" if self.random() < 0.3 else ""
        values = [self.aggregate() for _ in range(self.randint(1, 3))]
        return f"SELECT {', '.join(keys + values)} FROM r GROUP BY {grouped}{having}"

    def totals(self):
        where = f" WHERE {self.expression('bool')}" if self.random() < 0.5 else ""
        return f"SELECT {', '.join(self.aggregate() for _ in range(self.randint(1, 4)))} FROM r{where}"

    def windows(self):
        order = self.expression(self.choice(["int", "text", "date"]), 2)
        part = f"PARTITION BY {self.expression(self.choice(['bool', 'int', 'text']), 2)} " if self.random() < 0.6 else ""
        frame = self.choice(["", "", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS UNBOUNDED PRECEDING",
                             " RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
                             " GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW"])  # fmt: skip
        value = self.expression(self.choice(["int", "numeric", "text"]), 2)
        over = f"OVER ({part}ORDER BY {order}, r.id{frame})"
        plain = f"OVER ({part}ORDER BY {order}, r.id)"
        return "SELECT r.id, " + self.choice([
            f"sum({self.expression('int', 2)}) {over}", f"count({value}) {over}", f"min({value}) {over}", f"row_number() {plain}",
            f"rank() {plain}", f"lag({value}) {plain}", f"lead({value}, 2) {plain}", f"first_value({value}) {over}",
            f"last_value({value}) {over}", f"ntile({self.randint(1, 5)}) {plain}", f"dense_rank() {plain}",
            f"nth_value({value}, 2) {over}", f"cume_dist() {plain}", f"round(avg({self.expression('int', 2)}) {over}, 6)",
        ]) + " FROM r ORDER BY r.id"  # fmt: skip

    def joins(self):
        self.sources = ["r", "u"]
        join = self.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        equal = self.choice(["r.i = u.i", "r.t = u.t", "r.id = u.id", "r.d = u.d", "r.o = u.o AND r.s = u.s", "r.n = u.n"])
        also = "" if join == "FULL JOIN" or self.random() < 0.5 else f" AND {self.expression('bool', 2)}"
        where = f" WHERE {self.expression('bool', 1)}" if self.random() < 0.4 else ""
        return f"SELECT r.id, u.id, {self.expression(self.choice(KINDS), 1)} FROM r {join} u ON {equal}{also}{where} ORDER BY 1, 2"

    def subqueries(self):
        inner = self.choice(["u.i = r.i", "u.id < r.id", "u.t = r.t", "u.o = r.o"])
        condition = self.choice([
            f"EXISTS (SELECT 1 FROM u WHERE {inner})", f"NOT EXISTS (SELECT 1 FROM u WHERE {inner} AND u.id > 5)",
            "r.i IN (SELECT u.i FROM u WHERE u.id < 9)", "r.t = ANY (SELECT u.t FROM u)", "r.n > (SELECT avg(u.n) FROM u)",
            f"r.i < ALL (SELECT u.i FROM u WHERE {inner} AND u.i IS NOT NULL)",
            f"(SELECT count(*) FROM u WHERE {inner}) > {self.randint(0, 4)}",
        ])  # fmt: skip
        value = self.choice(["r.t", f"(SELECT max(u.s) FROM u WHERE {inner})", f"(SELECT u.t FROM u WHERE {inner} ORDER BY u.id LIMIT 1)"])
        lateral = self.choice(["", "", f" LEFT JOIN LATERAL (SELECT u.id AS n FROM u WHERE {inner} ORDER BY u.id DESC LIMIT 2) l ON true"])
        shown = f", {value}" + (", l.n" if lateral else "")
        return f"SELECT r.id{shown} FROM r{lateral} WHERE {condition} ORDER BY r.id{', l.n' if lateral else ''}"

    def sets(self):
        kinds = self.choices(SORTED_KINDS, k=self.randint(1, 2))
        side = lambda: ", ".join(self.expression(kind, 2) for kind in kinds)  # noqa: E731
        operator = self.choice(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"])
        left = side()
        self.sources = ["u"]
        return f"SELECT {left} FROM r {operator} SELECT {side()} FROM u"

    def distinct(self):
        keys = [self.key(kind, 2) for kind in self.choices(SORTED_KINDS, k=self.randint(1, 2))]
        if self.random() < 0.5:
            return f"SELECT DISTINCT {', '.join(keys)} FROM r"
        return f"SELECT DISTINCT ON ({', '.join(keys)}) r.id FROM r ORDER BY {', '.join(keys)}, r.id"

    def tables_of_queries(self):
        value = self.expression("int", 1)
        return self.choice([
            f"WITH w AS (SELECT r.id AS k, {value} AS x FROM r) SELECT k, x + 1 FROM w WHERE x > 0 ORDER BY k",
            f"SELECT q.x, count(*) FROM (SELECT {value} AS x FROM r) q GROUP BY q.x",
            "WITH RECURSIVE w(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM w WHERE n < 6) SELECT r.id, w.n FROM r JOIN w ON r.i = w.n ORDER BY 1, 2",
            "SELECT r.id, g FROM r, generate_series(1, r.s) g ORDER BY 1, 2",
            "SELECT r.id, e.v, e.n FROM r, unnest(r.a) WITH ORDINALITY AS e(v, n) ORDER BY 1, 3",
            "SELECT r.id, e.key, e.value FROM r, jsonb_each(CASE WHEN jsonb_typeof(r.j) = 'object' THEN r.j END) e ORDER BY 1, 2",
            f"SELECT v.x, v.y FROM (VALUES ({self.randint(1, 9)}, 'a'), (NULL, 'b'), ({self.randint(1, 9)}, NULL)) v (x, y) ORDER BY 2, 1",
        ])  # fmt: skip

    def constants(self):
        """Expressions over no row."""
        inner = Statements(self.random())
        inner.column = inner.literal
        kinds = self.choices([kind for kind in KINDS], k=self.randint(1, 3))
        return "SELECT " + ", ".join(inner.expression(kind) for kind in kinds)


FORMS = ["rows", "orders", "groups", "totals", "windows", "joins", "subqueries", "sets", "distinct", "tables_of_queries", "constants"]
