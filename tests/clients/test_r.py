"""R by Debian's RPostgreSQL."""

import subprocess

import pytest

from server import DATABASE, ROOT, USER

pytestmark = pytest.mark.client("RPostgreSQL")


def test_rpostgresql(server, table):
    command = ["Rscript", "--vanilla", ROOT / "tests/clients/r/rpostgresql.R", str(server.port), USER, DATABASE, table]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0 and ran.stdout.endswith("done\n"), ran.stdout + ran.stderr
