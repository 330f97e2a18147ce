"""What more than one part takes from the environment (see README.md)."""

import os

SCALE = float(os.environ.get("COMPARE_SCALE", "1"))
SECONDS = int(os.environ.get("COMPARE_SECONDS", "20"))
RUNS = int(os.environ.get("COMPARE_RUNS", "3"))
MIB = 1 << 20
