"""A merge moves rows and changes none: no lone statement fails because of it, whatever it returns."""

import threading

import psycopg
import pytest

import merging

pytestmark = pytest.mark.peristyle_only

ROUNDS = 100


def test_a_lone_statement_with_returning_never_loses_to_a_merge(make_server):
    server = make_server(settings=merging.held_back()).start()
    server.run(
        "create table t (i int, n int, at timestamptz)",
        f"insert into t select i, 0 from generate_series(1, {ROUNDS}) g(i)",
    )
    is_over = threading.Event()
    failures = []

    def merge():
        with server.connect() as connection:
            while not is_over.is_set():
                connection.execute("optimize table t")

    def insert():
        with server.connect() as connection:
            while not is_over.is_set():
                connection.execute("insert into t select -i, 0 from generate_series(1, 20) g(i)")

    others = [threading.Thread(target=work) for work in (merge, insert)]
    for other in others:
        other.start()
    try:
        with server.connect() as connection:
            for round_number in range(ROUNDS):
                verb = "delete from t" if round_number % 2 else "update t set n = n + 1, at = now()"
                try:
                    returned = connection.execute(f"{verb} where i = {round_number + 1} returning i, at").fetchall()
                    assert [i for i, _ in returned] == [round_number + 1]
                except psycopg.Error as error:
                    failures.append((verb, str(error)))
    finally:
        is_over.set()
        for other in others:
            other.join()
    assert failures == []
