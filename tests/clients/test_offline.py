"""check, repair and restore: what lies in a data folder and its store, and what can be brought back."""

import re
import shutil

import psycopg
import pytest

import merging
from polling import wait_until

pytestmark = pytest.mark.peristyle_only

SOUND, FAULTS, COULD_NOT_LOOK = 0, 1, 2


def fill(server):
    """Three tables' worth of partitions and a few rows that are in the log only."""
    server.run(
        "create table filled (id int, note text) with (order_by = 'id')",
        "insert into filled select n, 'row ' || n from generate_series(1, 30000) n",
        "create table second as select n as id from generate_series(1, 20000) n",
        "create table third as select n as id from generate_series(1, 25000) n",
        "insert into third values (-1), (-2), (-3)",
    )


def stored(server, table):
    """(path on disk, rows) of the table's partitions."""
    rows = server.rows("select path, rows from system.partitions where table_name = %s", (table,))
    assert rows, f"{table} has no partition"
    return [(server.folder / "store" / path, count) for path, count in rows]


def count(server, table):
    return server.value(f"select count(*) from {table}")


def restored(make_server):
    """A server whose folder was made anew from the store alone, and what the restore said."""
    server = make_server(settings=merging.held_back()).start()
    fill(server)
    server.stop()
    shutil.rmtree(server.data)
    code, output = server.offline("restore")
    assert code == SOUND, output
    return server, output


def test_a_sound_folder(make_server):
    server = make_server(settings=merging.held_back()).start()
    fill(server)
    code, output = server.offline("check")
    assert code == COULD_NOT_LOOK and "is in use by process" in output
    server.kill()
    code, output = server.offline("check")
    assert (code, "no faults" in output) == (SOUND, True), output
    assert "75003 rows in 3 partitions and 1 chunks" in output and "3 checksums agree" in output, output
    server.start()
    server.stop()
    code, output = server.offline("check", "--quick")
    assert (code, "no faults" in output) == (SOUND, True), output
    code, output = server.offline("repair")
    assert (code, "nothing was done" in output) == (SOUND, True), output
    server.start()
    assert count(server, "third") == 25003


def test_a_damaged_manifest_is_written_again(make_server):
    server = make_server(settings=merging.held_back()).start()
    fill(server)
    server.run("checkpoint", "insert into third values (-4)", "checkpoint", "insert into third values (-5)")
    server.kill()
    newest = max((server.folder / "store/manifest").iterdir(), key=lambda file: file.name)
    assert newest.name.startswith("delta"), newest
    damaged = bytearray(newest.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    newest.write_bytes(damaged)
    shutil.rmtree(server.data / "index")
    code, output = server.start_fails()
    assert (code != 0, newest.name in output) == (True, True), output
    code, output = server.offline("check", "--quick")
    assert (code, output.count("FAULT")) == (FAULTS, 1), output
    code, output = server.offline("repair")
    assert (code, "wrote manifest base-" in output) == (SOUND, True), output
    assert (server.data / "damaged-manifests" / newest.name).read_bytes() == damaged
    code, output = server.offline("check")
    assert code == SOUND, output
    server.start()
    assert [count(server, table) for table in ["filled", "second", "third"]] == [30_000, 20_000, 25_005]
    # Without anything that leads to the same state nothing is done.
    server.stop()
    for manifest in (server.folder / "store/manifest").iterdir():
        manifest.write_bytes(manifest.read_bytes()[:-1])
    shutil.rmtree(server.data / "index")
    code, output = server.offline("repair", "--forget-lost", "--cut-log")
    assert (code, "nothing stands in for it" in output) == (FAULTS, True), output


def test_damaged_objects_are_found_and_only_forgotten_when_asked(make_server):
    server = make_server(settings=merging.held_back()).start()
    fill(server)
    [(cut, lost), *_], [(gone, lost_too), *_], [(flipped, lost_last), *_] = (
        stored(server, table) for table in ["filled", "second", "third"]
    )
    server.kill()
    cut.write_bytes(cut.read_bytes()[:-100])
    gone.unlink()
    damaged = bytearray(flipped.read_bytes())
    damaged[len(damaged) // 3] ^= 1
    flipped.write_bytes(damaged)
    code, output = server.offline("check")
    assert (code, output.count("FAULT")) == (FAULTS, 3), output
    for file in [cut, gone, flipped]:
        assert file.name in output
    code, output = server.offline("check", "--quick")
    assert (code, output.count("FAULT")) == (FAULTS, 2), "a flipped byte is only found by reading the object"
    code, output = server.offline("repair")
    assert (code, "LEFT" in output) == (FAULTS, True)
    assert f"public.second: {lost_too} rows" in output
    code, output = server.offline("repair", "--forget-lost")
    assert code == SOUND, output
    code, output = server.offline("check")
    assert code == SOUND, output
    server.start()
    assert count(server, "filled") == 30000 - lost
    assert count(server, "second") == 20000 - lost_too
    assert count(server, "third") == 25003 - lost_last


def test_a_manifest_whose_base_is_gone_is_written_again(make_server):
    server = make_server(settings=merging.held_back()).start()
    fill(server)
    server.run("checkpoint")
    server.kill()
    manifests = list((server.folder / "store/manifest").iterdir())
    assert any(file.name.startswith("delta") for file in manifests), manifests
    for base in [file for file in manifests if file.name.startswith("base")]:
        base.unlink()
    code, output = server.offline("check", "--quick")
    assert (code, output.count("FAULT"), "the base is gone" in output) == (FAULTS, 1, True), output
    code, output = server.offline("repair")
    assert (code, "from the index and the log" in output) == (SOUND, True), output
    shutil.rmtree(server.data / "index")
    server.start()
    assert [count(server, table) for table in ["filled", "second", "third"]] == [30_000, 20_000, 25_003]


def test_objects_of_the_past_are_found_and_only_forgotten_when_asked(make_server):
    server = make_server(settings=merging.held_back()).start()
    fill(server)
    [(gone, _), *_], before = stored(server, "second"), server.value("select max(seq) from system.snapshots")
    past = "select count(*) from {} at (snapshot => {})"
    server.run("delete from second", "delete from third where id < 0")
    server.kill()
    gone.unlink()
    code, output = server.offline("check", "--quick")
    assert (code, output.count("FAULT")) == (FAULTS, 1), output
    assert gone.name in output and "the states before commit" in output, output
    code, output = server.offline("repair")
    assert (code, "public.second: what states of the past see in 1 partitions" in output) == (FAULTS, True), output
    code, output = server.offline("repair", "--forget-lost")
    assert code == SOUND, output
    code, output = server.offline("check")
    assert code == SOUND, output
    server.start()
    assert server.value(past.format("second", before)) == 0
    assert server.value(past.format("third", before)) == 25_003


def damage_unseen(server, file, query):
    """Flips a bit that no reader notices: the query gives another answer."""
    sound, right = file.read_bytes(), server.rows(query)
    for at in range(len(sound) // 4, len(sound) // 2):
        damaged = bytearray(sound)
        damaged[at] ^= 1
        file.write_bytes(damaged)
        try:
            if server.rows(query) != right:
                return
        except psycopg.Error:
            pass
    pytest.fail("every flipped bit was noticed or changed nothing")


def test_damage_does_not_become_data(make_server):
    server = make_server(settings=merging.held_back()).start()
    fill(server)
    [(file, _)] = stored(server, "filled")
    damage_unseen(server, file, "select sum(id), md5(string_agg(note, ',' order by id)) from filled")
    for statement in [
        "update filled set note = note || '!'",
        "delete from filled where id < 10",
        "delete from filled where id + 1 > -1000000",
        "alter table filled alter note type int using length(note)",
        "vacuum full filled",
        "merge into filled using second on filled.id = second.id when matched then update set note = ''",
    ]:
        with pytest.raises(psycopg.errors.DataCorrupted, match=file.name):
            server.run(statement)
    assert stored(server, "filled") == [(file, 30_000)]
    server.run("delete from filled")
    assert count(server, "filled") == 0, "what goes unread need not be sound"


def test_merges_leave_a_damaged_partition_alone(make_server):
    server = make_server(settings=merging.held_back()).start()
    server.run("create table kept (id int)")
    for start in range(4):
        server.run(f"insert into kept select n from generate_series({start}, 80000, 4) n")
    [(file, _), *others] = stored(server, "kept")
    assert len(others) == 3
    server.stop()
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 3] ^= 1
    file.write_bytes(damaged)
    server.settings = merging.eager()
    server.start()
    wait_until(lambda: len(stored(server, "kept")) == 2, "the other three are one")
    assert file in [path for path, _ in stored(server, "kept")]
    assert "merges leave it alone" in server.process.output()


def test_an_object_that_a_clone_has_too_is_forgotten_by_both(make_server):
    server = make_server(settings=merging.held_back()).start()
    fill(server)
    server.run("create table copied clone second")
    [(gone, _)] = stored(server, "second")
    server.run("delete from second")
    server.kill()
    gone.unlink()
    code, output = server.offline("repair", "--forget-lost")
    assert code == SOUND, output
    code, output = server.offline("check")
    assert code == SOUND, output
    server.start()
    assert [count(server, table) for table in ["second", "copied"]] == [0, 0]


def test_a_restore_that_was_cut_off_is_run_again(make_server):
    server, output = restored(make_server)
    (server.data / "RESTORING").touch()
    code, output = server.start_fails()
    assert (code != 0, "run it again" in output) == (True, True), output
    code, output = server.offline("restore")
    assert code == SOUND, output
    server.start()
    assert count(server, "second") == 20_000


def test_a_damaged_log_is_cut_only_when_asked(make_server):
    server = make_server(settings=merging.held_back()).start()
    server.run("create table kept (id int)", "insert into kept values (1)")
    log = next((server.data / "log").iterdir())
    server.run("insert into kept values (2)", "insert into kept values (3)")
    server.kill()
    damaged = bytearray(log.read_bytes())
    frames = [match.start() for match in re.finditer(b"PLOG", damaged)]
    damaged[frames[-2] + 60] ^= 1
    log.write_bytes(damaged)
    shutil.rmtree(server.data / "index")
    code, output = server.start_fails()
    assert code != 0 and "peristyle repair" in output
    code, output = server.offline("repair")
    assert (code, "LEFT" in output and "--cut-log" in output) == (FAULTS, True), output
    code, output = server.offline("repair", "--cut-log")
    assert code == SOUND, output
    server.start()
    assert [row for (row,) in server.rows("select id from kept")] == [1]


def test_a_server_comes_back_from_its_store_alone(make_server):
    server, output = restored(make_server)
    assert "public.third: 3 rows" in output, "the rows in the log are gone, and it says so"
    code, output = server.offline("check")
    assert code == SOUND, output
    code, output = server.offline("restore")
    assert (code, "is not empty" in output) == (COULD_NOT_LOOK, True)
    server.start()
    assert [count(server, table) for table in ["filled", "second", "third"]] == [30000, 20000, 25000]
    server.run("insert into third values (-4)")
    server.kill()
    server.start()
    assert count(server, "third") == 25001


def test_a_fault_that_no_repair_mends_is_left(make_server):
    server = make_server(settings=merging.held_back()).start()
    server.run("create table kept (id int)")
    server.stop()
    (server.folder / "store/identity").write_text("00000000-0000-0000-0000-000000000001")
    code, output = server.offline("check")
    assert (code, output.count("FAULT")) == (FAULTS, 1), output
    code, output = server.offline("repair")
    assert (code, "LEFT      store: it belongs to" in output) == (FAULTS, True), output


def test_the_folder_of_before_a_restore_stays_out(make_server):
    server = make_server(settings=merging.held_back()).start()
    server.run("create table kept (id int)", "checkpoint", "insert into kept values (1)")
    server.kill()
    other = make_server("other", store=server.store)
    shutil.rmtree(other.data, ignore_errors=True)
    code, output = other.offline("restore", "--take-over-store")
    assert code == SOUND, output
    other.start()
    other.run("insert into kept values (2)", "create table later (id int)")
    other.stop()
    server.arguments = ["--take-over-store"]
    code, output = server.start_fails()
    assert (code != 0, "is of before a restore" in output) == (True, True), output
    for command in ["check", "repair"]:
        code, output = server.offline(command)
        assert (code, "is of before a restore" in output) == (COULD_NOT_LOOK, True), output
    other.start()
    assert [count(other, table) for table in ["kept", "later"]] == [1, 0]


def test_a_store_is_held_by_one_server(make_server, tmp_path):
    server = make_server(settings={"fence_check_seconds": 1}).start()
    server.run("create table held (id int)", "insert into held values (1)")
    copy = make_server("copy", store=server.store)
    shutil.copytree(server.data, copy.data, ignore=shutil.ignore_patterns("LOCK", "FENCE"))
    code, output = copy.start_fails()
    assert code != 0 and f"data folder {server.data}" in output and "--take-over-store" in output, output
    assert server.value("select count(*) from held") == 1
    copy.arguments = ["--take-over-store"]
    copy.start()
    assert server.process.child.wait(30) == 3, "the server that was taken over stops"
    assert "another server took the store over" in server.process.output()
    code, output = server.start_fails()
    assert code != 0 and f"data folder {copy.data}" in output, output
    copy.arguments = []
    copy.kill()
    copy.start()
    assert copy.value("select count(*) from held") == 1
    copy.stop()
    server.start()
    assert server.value("select count(*) from held") == 1, "a clean stop leaves the store to anybody"


@pytest.mark.parametrize("ended", ["stop", "kill"])
def test_with_durability_object_nothing_older_than_the_stated_time_is_lost(make_server, ended):
    server = make_server(settings={**merging.held_back(), "durability": "object", "log_loss_seconds_max": 4}).start()
    fill(server)
    wait_until_shipped(server)
    getattr(server, ended)()
    shutil.rmtree(server.data)
    if ended == "kill":
        code, output = server.offline("restore")
        assert (code, "--take-over-store" in output) == (COULD_NOT_LOOK, True), output
    code, output = server.offline("restore", "--take-over-store")
    assert (code, "lost:" in output) == (SOUND, False), output
    server.start()
    assert [count(server, table) for table in ["filled", "second", "third"]] == [30000, 20000, 25003]
    code, output = server.offline("check")
    assert code == COULD_NOT_LOOK, "it serves"


def wait_until_shipped(server):
    """Waits until the store has as many bytes of the log as the data folder has frames for."""
    pieces = server.folder / "store" / "log"

    def shipped():
        if not pieces.exists():
            return False
        ends = [int(piece.name.split("-")[1]) for piece in pieces.iterdir()]
        log = b"".join(file.read_bytes() for file in sorted((server.data / "log").iterdir()))
        return max(ends, default=0) >= len(log.rstrip(b"\0"))

    wait_until(shipped, "the log is in the store")
