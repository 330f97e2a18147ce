"""dbt-postgres on a small project: seed, run, snapshot, test, docs."""

import json
import os
import shutil
import subprocess

import pytest

from server import DATABASE, ROOT, USER

pytestmark = pytest.mark.client("dbt-postgres")

PROJECT = ROOT / "tests/clients/dbt"
PYTHON = ROOT / "target/test-env/dbt/bin/python"


@pytest.fixture(scope="module")
def dbt(server, tmp_path_factory):
    """Runs steps on a copy of the project and returns the results of their nodes by name; all must succeed."""
    project = tmp_path_factory.mktemp("dbt") / "project"
    shutil.copytree(PROJECT, project)
    env = {
        **os.environ, "DBT_PROFILES_DIR": str(project), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "SHOP_HOST": "127.0.0.1", "SHOP_PORT": str(server.port), "SHOP_USER": USER, "SHOP_DATABASE": DATABASE,
    }  # fmt: skip

    def run(*steps):
        command = [PYTHON, project / "steps.py", *steps]
        ran = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr
        results = json.loads(ran.stdout.splitlines()[-1])
        assert all(step["success"] for step in results), json.dumps(results, indent=1)
        return results

    run.project = project
    yield run
    server.run("drop schema if exists shop cascade")


def test_a_project_is_built_changed_and_documented(server, dbt):
    seeded, built, taken = dbt("seed", "run --vars 'run: 1'", "snapshot")
    assert server.rows("select name, city from shop.customers order by id")[2] == ("Cyd", None)
    assert {name: text.split(" ")[0] for name, text in built["nodes"].items()} == {
        "appended": "success:", "cities": "success:", "days": "success:", "large_names": "success:",
        "merged": "success:", "named_orders": "success:", "replaced": "success:",
    }  # fmt: skip
    assert server.rows("select placed::text, orders, total::text from shop.days order by 1")[1] == ("2026-01-02", 2, "103.25")
    assert server.value("select obj_description('shop.days'::regclass)") == "One row for each day"
    assert len(taken["nodes"]) == 2
    cities = "select city, customers from shop.cities order by city"
    assert server.rows(cities) == [("London", 1), ("Paris", 1), (None, 1)]

    server.run(
        "update shop.customers set city = 'Rome', changed_at = '2026-05-05' where id = 3",
        "delete from shop.customers where id = 2",
    )
    _, tested, _, _ = dbt("run --vars 'run: 2'", "test --vars 'run: 2'", "snapshot", "docs generate --vars 'run: 2'")
    assert set(tested["nodes"].values()) == {"pass: None"}
    runs = [(1, 1), (2, 1), (3, 2), (4, 2)]
    assert server.rows("select id, run from shop.replaced order by id") == runs
    assert server.rows("select id, run from shop.merged order by id") == runs
    assert server.rows("select id, note from shop.appended order by id, note nulls first")[-1] == (4, "late")
    assert server.rows(cities) == [("London", 1), ("Rome", 1)]
    history = "select id, city, dbt_valid_to is null from shop.{} order by id, dbt_valid_from"
    assert server.rows(history.format("customers_by_time")) == [
        (1, "London", True), (2, "Paris", True), (3, None, False), (3, "Rome", True),
    ]  # fmt: skip
    assert server.rows(history.format("customers_by_value")) == [
        (1, "London", True), (2, "Paris", False), (3, None, False), (3, "Rome", True),
    ]  # fmt: skip

    catalog = json.loads((dbt.project / "target/catalog.json").read_text())
    days = catalog["nodes"]["model.shop.days"]
    assert days["metadata"]["type"] == "BASE TABLE"
    assert {name: column["type"] for name, column in days["columns"].items()} == {
        "placed": "date", "orders": "bigint", "total": "double precision",
    }  # fmt: skip
