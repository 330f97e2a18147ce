"""Settings that hold the merge back or make it run at once, and how its work is seen from outside.

The one place that names the server's settings for the merge and the log, so that a rename is one edit.
"""

from polling import wait_until

MERGE_SECONDS = 600
# The merge's own limits: chunks go after a second, two partitions of a size are joined.
TAKE_ALL = {"chunk_age_seconds": 1, "partitions_fan_in": 2}
# No limit of the merge's is reached within a test.
TAKE_NONE = {"chunk_age_seconds": 86_400, "partitions_fan_in": 10_000}


def held_back():
    """Chunks and small partitions stay as they were written."""
    return {"merge_interval_seconds": 86_400, **TAKE_NONE}


def eager():
    """The background looks every second; the merge takes whatever is there."""
    return {"merge_interval_seconds": 1, "checkpoint_seconds": 1, "gc_interval_seconds": 1, **TAKE_ALL}


def small_segments():
    """A log whose segments fill and are freed within a test, with the merge that frees them."""
    return {**eager(), "log_segment_bytes": 1 << 20, "log_frame_bytes_max": 1 << 19}


def state(server):
    """(chunks, live partitions, highest level of a merged partition) over all tables."""
    if server.kind == "postgres":
        return (0, 0, 0)
    return server.rows(
        "select (select count(*) from system.chunks), count(*), coalesce(max(level), 0)"
        " from system.partitions"
    )[0]


def wait_until_stored(server, table):
    """Waits until no row of the table is in a chunk."""
    if server.kind == "postgres":
        return
    left = "select count(*) from system.chunks where table_name = %s"
    wait_until(lambda: server.value(left, (table,)) == 0, f"{table} is in partitions", MERGE_SECONDS)


def wait_until_merged(server, before):
    """Waits until the chunks that were there are in partitions and two looks in a row find the same."""
    if server.kind == "postgres":
        return before
    seen = [before]

    def settled():
        seen.append(state(server))
        return seen[-1][0] == 0 and seen[-1][2] > 0 and len(set(seen[-20:])) == 1 and len(seen) > 20

    wait_until(settled, f"merge of {before}", MERGE_SECONDS)
    return seen[-1]


def kept_after_end():
    """Objects with an end mark stay for the length of a test."""
    return {"ended_age_seconds": 86_400, "dropped_table_seconds": 0}


def deleted_at_once():
    """Objects with an end mark go as soon as no reader can need them and a manifest has the mark."""
    return {"ended_age_seconds": 0, "history_seconds": 0, "dropped_table_seconds": 0, "checkpoint_seconds": 1}
