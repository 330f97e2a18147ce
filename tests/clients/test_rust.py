"""Rust's drivers, in a program of their own that is built here."""

import subprocess

import pytest

from server import DATABASE, ROOT, USER

CRATE = ROOT / "tests/clients/rust"
TARGET = ROOT / "target/test-env/rust"
BUILD_SECONDS = 1200


@pytest.fixture(scope="module")
def program():
    """The program, built with the versions that its lock file pins."""
    command = ["cargo", "build", "--locked", "--quiet", f"--manifest-path={CRATE / 'Cargo.toml'}", f"--target-dir={TARGET}"]
    built = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS)
    assert built.returncode == 0, built.stderr
    return TARGET / "debug/rust-clients"


@pytest.mark.parametrize("name", [
    pytest.param("sqlx", marks=pytest.mark.client("sqlx")),
    pytest.param("tokio-postgres", marks=pytest.mark.client("tokio-postgres")),
])
def test_program(server, table, program, name):
    command = [program, name, str(server.port), USER, DATABASE, table]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0 and ran.stdout.endswith("done\n"), ran.stdout + ran.stderr
