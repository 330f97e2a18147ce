"""The index is never the only copy: with its folder deleted, and log segments freed long ago, the answers stay."""

import shutil

import pytest

import merging
from polling import wait_until

pytestmark = pytest.mark.peristyle_only

SEGMENTS_FREED = 3
FILL_SECONDS = 300
ROW = "x" * 900
QUESTIONS = [
    "select count(*), sum(id), min(id), max(id), count(distinct id), sum(length(note)) from filled",
    "select count(*), sum(extra) from filled where extra is not null",
    "select table_name, column_name, data_type from information_schema.columns"
    " where table_schema = 'public' order by 1, 2",
    "select * from filled_view order by 1 limit 20",
]


class Segments:
    """Which log segments were ever seen, and which are gone."""

    def __init__(self, server):
        self.folder = server.data / "log"
        self.seen = set()

    def freed(self):
        present = {file.name for file in self.folder.iterdir()}
        self.seen |= present
        return len(self.seen - present)


def fill_until_freed(server):
    """Inserts until enough segments were freed by manifest and merge."""
    segments = Segments(server)
    rows = 0

    def enough():
        nonlocal rows
        values = ",".join(f"({rows + number}, '{ROW}')" for number in range(200))
        connection.execute(f"insert into filled (id, note) values {values}")
        rows += 200
        return segments.freed() >= SEGMENTS_FREED

    with server.connect() as connection:
        wait_until(enough, f"{SEGMENTS_FREED} log segments freed", FILL_SECONDS)
    return rows


def answers_of(server):
    return [server.rows(question) for question in QUESTIONS]


@pytest.mark.parametrize("ended", ["stop", "kill"])
def test_the_index_can_be_rebuilt(make_server, ended):
    server = make_server(settings=merging.small_segments()).start()
    server.run("create table filled (id bigint not null, note text)")
    server.run("create view filled_view as select id, length(note) as long from filled")
    rows = fill_until_freed(server)
    server.run("alter table filled add column extra int default 7", "insert into filled values (-1, 'last', 9)")
    before = answers_of(server)
    assert before[0][0][0] == rows + 1
    getattr(server, ended)()
    shutil.rmtree(server.data / "index")
    server.start()
    assert answers_of(server) == before
    server.run("insert into filled values (-2, 'after', 10)")
    assert server.value("select count(*) from filled") == rows + 2
