"""The server is made to end, to fail or to wait at each step of commit, checkpoint, shipping, merge, deletion and start.
Whatever it is: every acknowledged row is there once, none that was refused, and a check finds nothing wrong.

The points are those of the two lists in the source, outside of which there are none; only debug builds have them.
"""

import random
import re
import threading
import uuid

import psycopg
import pytest

import merging
from lane import SEED, SLOW
from polling import wait_until
from server import ROOT, peristyle_binary

pytestmark = [
    pytest.mark.peristyle_only,
    pytest.mark.skipif("release" in peristyle_binary(), reason="release builds have no fail points"),
]

ABORTED = -6
# Far more than any point needs on a quiet machine.
WORK_SECONDS = 180
WRITERS = 3
# Rows that become partitions and not a chunk.
MANY = 17_000
# A list of points, and one of them. A step that is done cannot fail any more.
LIST = re.compile(r"^points! \{.*?^    (Step|Done) \{(.*?)^    \}", re.MULTILINE | re.DOTALL)
POINT = re.compile(r'^ *\w+ = "([a-z_.]+)",$', re.MULTILINE)
# Passed once in the life of a server, if at all.
ONCE = ("start.", "intents.", "orphans.")


def points():
    """{name: whether it can fail} of all fail points."""
    lists = LIST.findall((ROOT / "catalog/src/fail_points.rs").read_text())
    found = {name: kind == "Step" for kind, names in lists for name in POINT.findall(names)}
    assert len(lists) == 2 and len(found) > 25, "fail points are not found any more"
    return found


def cases():
    """(point, action): all of them in the slow lane; the quick lane takes one action each, by the seed."""
    draw = random.Random(SEED)
    for point, can_fail in sorted(points().items()):
        actions = ["abort", "error", "delay"] if can_fail else ["abort", "delay"]
        for action in actions if SLOW else [draw.choice(actions)]:
            yield pytest.param(point, action, id=f"{point}-{action}")


def settings():
    """Everything happens all the time."""
    return {
        **merging.eager(), **merging.deleted_at_once(), "durability": "object", "log_loss_seconds_max": 4,
        "chunks_max": 5, "log_segment_bytes": 65_536, "log_frame_bytes_max": 65_536, "manifest_deltas_max": 1,
        "retry_seconds_max": 1, "log_level": "error", "orphan_interval_seconds": 1, "orphan_age_seconds": 0,
    }  # fmt: skip


class Writer:
    """Inserts rows one by one, now and then many at once, and knows what became of each."""

    def __init__(self, server, number):
        self.server = server
        self.number = number
        self.acknowledged, self.refused = set(), set()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        sent = 0
        while not self.stop.is_set():
            try:
                with self.server.connect() as connection:
                    while not self.stop.is_set():
                        sent += 1
                        self.write(connection, sent)
            except psycopg.OperationalError:
                # The server is gone, or it refused a write in a way that says so.
                if not self.server.process.running():
                    return

    def write(self, connection, sent):
        row = (self.number, sent)
        try:
            if sent % 40 == 0:
                many = "insert into worked select %s, %s, repeat('x', 10) from generate_series(1, %s)"
                connection.execute(many, (*row, MANY))
            else:
                connection.execute("insert into worked values (%s, %s, 'x')", row)
            self.acknowledged.add(row)
        except psycopg.Error as error:
            # A refusal comes with a code; without one nobody knows.
            if error.sqlstate and not error.sqlstate.startswith("57"):
                self.refused.add(row)
            raise


@pytest.mark.parametrize("point, action", list(cases()))
def test_at(make_server, point, action):
    server = make_server(settings=settings(), env={"PERISTYLE_FAIL_POINT": ""}).start()
    server.run(
        "create table worked (writer int, id int, note text)",
        "insert into worked values (0, 0, 'first')",
        f"insert into worked select 0, 40, 'x' from generate_series(1, {MANY})",
    )
    server.kill()
    leave_orphan(server)
    # Where it comes once the first time counts; else not before there is something to lose.
    times = "@3" if action == "abort" and not point.startswith(ONCE) else ""
    server.env = {"PERISTYLE_FAIL_POINT": f"{point}={action}{times}"}
    writers = work(server, point)
    server.kill()
    assert "fail point" in server.process.output(), f"{point} was never reached"
    if action == "abort":
        assert server.process.child.returncode == ABORTED
    code, output = server.offline("check")
    assert code == 0, output
    server.env = {}
    server.start()
    check(server, writers)


def leave_orphan(server):
    """An object that nothing names, under a name that a partition could have."""
    partition = next((server.folder / "store").rglob("*.parquet"))
    (partition.parent / f"{uuid.uuid4()}.parquet").write_bytes(partition.read_bytes())


def work(server, point):
    """Writes until the point was reached and a little longer, or the server is gone."""
    server.launch()
    up = lambda: not server.process.running() or server.answers()  # noqa: E731
    wait_until(up, "an answer or the end", WORK_SECONDS)
    if not server.process.running():
        return []
    writers = [Writer(server, number) for number in range(1, WRITERS + 1)]
    for writer in writers:
        writer.thread.start()
    reached = lambda: not server.process.running() or "fail point" in server.process.output()  # noqa: E731
    wait_until(reached, f"{point} reached", WORK_SECONDS)
    threading.Event().wait(0.5)
    for writer in writers:
        writer.stop.set()
    if server.process.running():
        server.kill()
    for writer in writers:
        writer.thread.join(WORK_SECONDS)
        assert not writer.thread.is_alive(), f"{writer.thread.name} hangs"
    return writers


def wanted(row):
    return MANY if row[1] % 40 == 0 else 1


def check(server, writers):
    found = {(writer, row): count for writer, row, count in server.rows("select writer, id, count(*) from worked group by 1, 2")}
    assert found.pop((0, 0)) == 1
    for writer in writers:
        for row in writer.acknowledged:
            assert found.get(row) == wanted(row), f"{row} was acknowledged and is there {found.get(row)} times"
        for row in writer.refused:
            assert row not in found, f"{row} was refused and is there"
    for row, count in found.items():
        assert count == wanted(row), f"{row} is there {count} times"
