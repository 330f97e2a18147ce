"""Random statements on PostgreSQL 15 and here: columns, types, rows and error codes must be equal.

What is known to differ is in differences.toml. Each other difference is printed with its seed and statement; of the
statements of a form at least 96 of 100 must be equal. What an entry takes in has a limit too: one that took in more
than it is meant for would hide what broke.
"""

import shutil
from collections import Counter

import pytest

import answering
from differences import ACCEPTED, accepted
from lane import SEED, size
from process import DEBIAN_POSTGRES, postgres_program
from random_statements import FORMS, Statements, tables
from server import PostgreSQL

STATEMENTS = size("DIFFERENTIAL_STATEMENTS", 90, 2000)
EQUAL_MIN = 0.96
# Of the statements of a form, those that one entry may take in unless it says another `share_max`.
KNOWN_MAX = 0.1
SHOWN_MAX = 20


@pytest.fixture(scope="module")
def oracle():
    if not shutil.which(postgres_program("postgres")):
        pytest.skip(f"PostgreSQL 15 is not in {DEBIAN_POSTGRES}")
    running = PostgreSQL().start()
    yield running
    running.end()


@pytest.fixture(scope="module")
def both(server, oracle):
    """Connections to both, with the same tables."""
    with server.connect() as here, oracle.connect() as there:
        for connection in (here, there):
            connection.execute("CREATE SCHEMA differential")
            connection.execute("SET search_path = differential")
            connection.execute("SET TimeZone = 'UTC'")
            for statement in tables(SEED):
                connection.execute(statement)
        yield here, there
        here.execute("DROP SCHEMA differential CASCADE")


@pytest.mark.peristyle_only
@pytest.mark.parametrize("form", FORMS)
def test_random_statements_have_the_answers_of_postgresql(both, form):
    here, there = both
    known, found = Counter(), []
    for number in range(STATEMENTS):
        seed = f"{SEED}/{form}/{number}"
        statement = Statements(seed).statement(form)
        got, wanted = answering.ask(here, statement), answering.ask(there, statement)
        is_ordered = answering.is_ordered(statement)
        kind = answering.difference(got, wanted, is_ordered)
        entry = kind and accepted(statement, kind, got.shown(), wanted.shown())
        if entry:
            known[entry["title"]] += 1
        elif kind:
            found.append(f"{kind}, seed {seed}: {statement}\n  PostgreSQL {wanted.shown()}\n  Peristyle  {got.shown()}")
    print(f"\n{form}: {STATEMENTS - len(found) - known.total()} of {STATEMENTS} equal, known to differ: {dict(known)}")
    print(*found[:SHOWN_MAX], sep="\n")
    share_max = {entry["title"]: entry.get("share_max", KNOWN_MAX) for entry in ACCEPTED}
    too_many = {title: times for title, times in known.items() if times > STATEMENTS * share_max[title]}
    assert not too_many, f"more than their entries in differences.toml may take in: {too_many}"
    assert len(found) <= STATEMENTS * (1 - EQUAL_MIN), "\n".join(found[:SHOWN_MAX])
