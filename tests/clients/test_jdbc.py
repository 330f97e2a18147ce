"""pgjdbc of Debian, by one Java program that Java compiles as it starts it."""

import subprocess

import pytest

from server import DATABASE, ROOT, USER

pytestmark = pytest.mark.client("pgjdbc")

JARS = "/usr/share/java/postgresql.jar:/usr/share/java/scram-client.jar:/usr/share/java/scram-common.jar"


def test_program(server, table):
    program = ROOT / "tests/clients/jdbc/Jdbc.java"
    command = ["java", "-cp", JARS, program, str(server.port), USER, DATABASE, table]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0 and ran.stdout.endswith("done\n"), ran.stdout + ran.stderr
