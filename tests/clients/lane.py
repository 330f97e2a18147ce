"""How much a run does: quick sizes by default, the issue's full sizes in the slow lane, each by its own variable too."""

import os

SLOW = os.environ.get("PERISTYLE_TEST_LANE", "quick") == "slow"


def size(name, quick, slow, kind=int):
    """The size called `PERISTYLE_TEST_<name>`, or the lane's."""
    return kind(os.environ.get(f"PERISTYLE_TEST_{name}") or (slow if SLOW else quick))


TPCH_SCALE = size("TPCH_SCALE", "0.01", "1", float)
LOG_LINES = size("LOG_LINES", 30_000, 1_200_000)
CRASH_ROUNDS = size("CRASH_ROUNDS", 3, 20)
KILL_ROUNDS = size("KILL_ROUNDS", 4, 100)
# Fixes which moments the crash tests pick, so that a failure can be had again.
SEED = size("SEED", 20260308, 20260308)
