"""Runs dbt commands in one process, one per argument, and prints what became of each node as JSON."""

import json
import shlex
import sys

from dbt.cli.main import dbtRunner

dbt = dbtRunner()
results = []
for step in sys.argv[1:]:
    ran = dbt.invoke(["--quiet", "--no-use-colors", *shlex.split(step)])
    nodes = getattr(ran.result, "results", None) or []
    results.append({
        "step": step,
        "success": ran.success,
        "error": str(ran.exception or ""),
        "nodes": {node.node.name: f"{node.status}: {node.message}" for node in nodes if getattr(node, "node", None)},
    })
print(json.dumps(results))
