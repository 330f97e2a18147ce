"""Node's drivers, each by a script of its own."""

import os
import shutil
import subprocess

import pytest

from server import DATABASE, ROOT, USER

SCRIPTS = ROOT / "tests/clients/node"
MODULES = ROOT / "target/test-env/node/node_modules"


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """The scripts beside the modules that they import."""
    folder = tmp_path_factory.mktemp("node")
    for script in SCRIPTS.glob("*.mjs"):
        shutil.copy(script, folder)
    os.symlink(MODULES, folder / "node_modules")
    return folder


@pytest.mark.parametrize("name", [
    pytest.param("pg", marks=pytest.mark.client("node-postgres")),
    pytest.param("postgres", marks=pytest.mark.client("Postgres.js")),
    pytest.param("knex", marks=pytest.mark.client("Knex")),
])
def test_script(server, table, scripts, name):
    command = ["node", scripts / f"{name}.mjs", str(server.port), USER, DATABASE, table]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0 and ran.stdout.endswith("done\n"), ran.stdout + ran.stderr
