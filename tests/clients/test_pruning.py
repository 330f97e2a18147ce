"""Whatever prunes leaves out no row that a full scan finds: random rows, random predicates."""

import psycopg
import pytest

from explaining import only_scan
from random_predicates import BUCKETED, TIMES, TYPES, ZONES, Chance

TABLES = 4
PREDICATES = 40


@pytest.fixture(scope="module")
def pruning_server(tmp_path_factory):
    """Every few rows a partition, every few of these a row group."""
    from server import target

    settings = {"chunk_rows_max": 5, "partition_min_bytes": 1, "row_group_rows_max": 8}
    running = target()(tmp_path_factory.mktemp("pruning"), settings=settings).start()
    yield running
    running.end()


def options(chance, columns):
    """A partition key and an order key that the columns allow."""
    timed = [name for name, ty in columns if ty in TIMES]
    bucketed = [name for name, ty in columns if ty in BUCKETED]
    chosen = []
    if timed and chance.random() < 0.6:
        chosen.append(f"partition_by = '{chance.choice(['hour', 'day', 'month'])}({chance.choice(timed)})'")
    elif bucketed:
        chosen.append(f"partition_by = 'bucket(4, {chance.choice(bucketed)})'")
    if bucketed and chance.random() < 0.5:
        chosen.append(f"order_by = '{chance.choice(bucketed)}'")
    return f"WITH ({', '.join(chosen)})" if chosen else ""


def insert(connection, chance, columns, first):
    rows = []
    for number in range(first, first + chance.randint(6, 40)):
        values = ["NULL" if chance.random() < 0.1 else chance.literal(ty) for _, ty in columns]
        rows.append(f"({', '.join([str(number), *values])})")
    names = ", ".join(["id", *(name for name, _ in columns)])
    connection.execute(f"INSERT INTO pruned ({names}) VALUES {', '.join(rows)}")
    return first + len(rows)


def fill(connection, chance):
    """A table of some columns, one of them added when there were rows. Returns the columns."""
    types = [*chance.sample(TYPES, 3), chance.choice(TIMES)]
    columns = [(f"c{at}", ty) for at, ty in enumerate(types)]
    listed = ", ".join(f"{name} {ty}" for name, ty in columns)
    connection.execute("DROP TABLE IF EXISTS pruned")
    connection.execute(f"CREATE TABLE pruned (id integer, {listed}) {options(chance, columns)}")
    number = insert(connection, chance, columns, 0)
    number = insert(connection, chance, columns, number)
    added = chance.choice(TYPES)
    default = f"DEFAULT {chance.literal(added)}" if chance.random() < 0.7 else ""
    connection.execute(f"ALTER TABLE pruned ADD COLUMN late {added} {default}")
    columns.append(("late", added))
    insert(connection, chance, columns, number)
    return columns


@pytest.mark.peristyle_only
def test_a_partition_is_opened_once_however_many_row_groups_it_has(pruning_server):
    with pruning_server.connect() as connection:
        connection.execute("CREATE TABLE wide_open (id integer)")
        connection.execute("INSERT INTO wide_open SELECT g FROM generate_series(1, 100) AS s (g)")
        scan = only_scan(connection, "SELECT count(*) FROM wide_open WHERE id > 0")
    assert (scan.total, scan.read, scan.objects_opened) == (1, 1, 1)


@pytest.mark.peristyle_only
@pytest.mark.parametrize("seed", range(8))
def test_pruning_finds_what_a_full_scan_finds(pruning_server, seed):
    chance, compared = Chance(seed), 0
    with pruning_server.connect() as connection:
        for _ in range(TABLES):
            zone = chance.choice(ZONES)
            connection.execute(f"SET TimeZone = '{zone}'")
            columns = fill(connection, chance)
            for _ in range(PREDICATES):
                predicate = chance.predicate(columns)
                try:
                    found = connection.execute(f"SELECT id FROM pruned WHERE {predicate}").fetchall()
                    scanned = connection.execute(f"SELECT id, {predicate} FROM pruned").fetchall()
                except psycopg.DataError:
                    # Out of range in some row; which rows were looked at is not what is asked here.
                    continue
                wanted = [number for number, holds in scanned if holds]
                assert sorted(number for (number,) in found) == sorted(wanted), f"{zone} {columns}: {predicate}"
                compared += 1
    assert compared > TABLES * PREDICATES / 2
