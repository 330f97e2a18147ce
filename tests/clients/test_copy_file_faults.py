"""COPY to and from files of the server where somebody or something is in the way."""

import os
import socket
import subprocess

import pytest

from polling import fails_while_waited_for, wait_until

pytestmark = pytest.mark.peristyle_only

ENDLESS = "select i, pg_sleep(0.001) from generate_series(1, 1000000) g(i)"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_only_regular_files_are_read_and_replaced(files):
    server, folder = files
    server.run("create table t (a integer)")
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "zero").symlink_to("/dev/zero")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    states = {"pipe": "42809", "socket": "42809", "folder": "42809", "folder/": "42809", "zero": "42501"}
    for name, state in states.items():
        for way in ["from", "to"]:
            assert (name, way, server.refused(f"copy t {way} '{folder}/{name}'").sqlstate) == (name, way, state)
    for name in ["new/", "new/.", "folder/new/", "pipe/x"]:
        assert (name, server.refused(f"copy t to '{folder}/{name}'").sqlstate) == (name, "42809")
    assert server.refused(f"copy t to '{folder}/{'x' * 300}'").sqlstate == "58P03"
    assert server.refused(f"copy t from '{folder}/{'x' * 300}'").sqlstate == "58P03"
    server.run(f"copy t to '{folder}/{'ä' * 120}'", f"copy t from '{folder}/{'ä' * 120}'")
    assert names(folder) == ["folder", "pipe", "socket", "zero", "ä" * 120]
    assert (folder / "pipe").is_fifo()


def test_a_link_within_the_folder_leads_to_its_file(files):
    server, folder = files
    (folder / "real").write_text("1\n")
    (folder / "link").symlink_to(folder / "real")
    server.run("create table t (a integer)", f"copy t from '{folder}/link'", f"copy (select 2) to '{folder}/link'")
    assert (server.rows("select * from t"), (folder / "real").read_text()) == ([(1,)], "2\n")
    assert (folder / "link").is_symlink()


def test_a_file_keeps_its_mode(files):
    server, folder = files
    place = folder / "file"
    server.run(f"copy (select 1) to '{place}'")
    umask = os.umask(0)
    os.umask(umask)
    assert place.stat().st_mode & 0o7777 == 0o644 & ~umask
    for mode in [0o600, 0o666]:
        place.chmod(mode)
        server.run(f"copy (select 2) to '{place}'")
        assert place.stat().st_mode & 0o7777 == mode


def running(server, statement):
    """A connection that runs the statement, and the thread that waits for its error."""
    return fails_while_waited_for(server, statement, lambda: server.rows("select * from pg_stat_progress_copy"), "it runs")


def test_what_a_killed_server_left_goes_with_the_next_copy(files):
    server, folder = files
    endless = f"copy ({ENDLESS}) to '{folder}/file'"
    _, thread = running(server, endless)
    server.kill()
    thread.join()
    assert names(folder) == [".file.peristyle-0.part"]
    server.start()
    connection, thread = running(server, endless)
    server.run(f"copy (select 1) to '{folder}/file'")
    assert names(folder) == [".file.peristyle-0.part", "file"], "that of the COPY that runs stays"
    connection.cancel()
    thread.join()
    wait_until(lambda: names(folder) == ["file"], "nothing is left of it")
    assert (folder / "file").read_text() == "1\n"


def test_a_full_disk_is_told_and_nothing_is_left(files):
    server, folder = files
    small = folder / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True).returncode != 0:
        pytest.skip("nothing may be mounted here")
    try:
        # Nothing makes them much shorter.
        many = "select md5(i::text) || md5((-i)::text) from generate_series(1, 100000) g(i)"
        for options in ["csv", "parquet"]:
            assert server.refused(f"copy ({many}) to '{small}/file' (format {options})").sqlstate == "53100"
        assert names(small) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_what_parquet_does_not_hold_is_refused_by_name(files):
    server, folder = files
    refused = {
        "select": "a Parquet file without columns",
        "select 'nan'::numeric": "a numeric NaN or infinity in a Parquet file",
    }
    for query, named in refused.items():
        error = server.refused(f"copy ({query}) to '{folder}/x' (format parquet)")
        assert (error.sqlstate, error.diag.message_primary) == ("0A000", f"{named} is not supported")
    assert names(folder) == []
