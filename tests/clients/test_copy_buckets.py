"""COPY to and from buckets: both ways, which names are refused, and that nothing is left of what did not end."""

import os
import socket

import pytest

from polling import fails_while_waited_for, wait_until

pytestmark = pytest.mark.peristyle_only

# After some parts of the least size were sent it sleeps, until it is stopped.
SLEEP = "pg_sleep(case when i > 200000 then 600 else 0 end)"
MANY = f"select repeat('x', 100), {SLEEP} from generate_series(1, 300000) g(i)"
PART = {"upload_part_bytes": "5MiB"}


@pytest.fixture
def exports(make_server, bucket):
    """A server whose COPY may use a prefix of a bucket, that prefix, and what lists uploads that are not over."""
    options = bucket.options()
    place = f"{options['store']}/exports"
    server = make_server(settings={"copy_locations": place, **PART}, **options).start()
    client = bucket.server.client()
    return server, place, lambda: client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", [])


def test_a_bucket_both_ways(exports):
    server, place, _ = exports
    server.run(
        "create table t as select i, 'word ' || i as word from generate_series(1, 100000) g(i)",
        f"copy (select 'old') to '{place}/t.csv' (format csv)",
        f"copy t to '{place}/t.csv' (format csv)",
        f"copy t to '{place}/t.parquet' (format parquet)",
        "create table from_csv (i integer, word text)",
        "create table from_parquet (i integer, word text)",
        f"copy from_csv from '{place}/t.csv' (format csv)",
        f"copy from_parquet from '{place}/t.parquet' (format parquet)",
    )
    for table in ("from_csv", "from_parquet"):
        assert server.rows(f"select count(*), sum(i), max(word) from {table}") == [
            (100_000, 5_000_050_000, "word 99999")
        ]
    assert server.refused(f"copy t to '{place}/../manifest/x'").sqlstate == "42602"
    assert server.refused(f"copy t to '{place.removesuffix('exports')}manifest/x'").sqlstate == "42501"
    assert server.refused(f"copy t from '{place}/nothing'").sqlstate == "58P01"


def test_a_prefix_is_no_object(exports):
    server, place, _ = exports
    for refused in [f"{place}/", f"{place}/folder/", f"{place}//x"]:
        error = server.refused(f"copy (select 1) to '{refused}'")
        assert (error.sqlstate, f'invalid file name "{refused}": ' in str(error)) == ("42602", True)
    for refused in [place, f"{place}other", f"{place}other/x"]:
        assert server.refused(f"copy (select 1) to '{refused}'").sqlstate == "42501"


def begun(server, uploads, statement):
    """A connection that runs the statement, of which parts were sent, and the thread that waits for its error."""
    return fails_while_waited_for(server, statement, uploads, "parts are sent")


def test_what_did_not_end_leaves_no_parts(exports, bucket):
    server, place, uploads = exports
    objects = bucket.objects()
    connection, thread = begun(server, uploads, f"copy ({MANY}) to '{place}/never' (format csv)")
    connection.cancel()
    thread.join()
    wait_until(lambda: not uploads(), "a cancelled COPY is given up")
    connection, thread = begun(server, uploads, f"copy ({MANY}) to '{place}/never' (format csv)")
    with socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
    thread.join()
    wait_until(lambda: not uploads(), "the COPY of a client that went away is given up")
    fails = MANY.replace(SLEEP, "1 / (200001 - i)")
    assert server.refused(f"copy ({fails}) to '{place}/never' (format csv)").sqlstate == "22012"
    assert (uploads(), bucket.objects() - objects) == ([], set())
