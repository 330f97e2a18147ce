"""Fixtures: one shared server for tests that only use it, fresh ones for tests that hurt it."""

import os
import re

import pytest
import sqlalchemy

import merging
from compatibility import Recorder, record_client
from s3 import S3Server
from server import Peristyle, target


def pytest_configure(config):
    config.addinivalue_line("markers", "peristyle_only: speaks of things that PostgreSQL does not have")
    config.addinivalue_line("markers", "client(name): shows that a client works; docs/compatibility.md lists its result")
    if target() is Peristyle:
        config.pluginmanager.register(Recorder())


def pytest_collection_modifyitems(items):
    for item in items:
        record_client(item)
    if target() is Peristyle:
        return
    skip = pytest.mark.skip(reason="PERISTYLE_TEST_TARGET is not peristyle")
    for item in items:
        if item.get_closest_marker("peristyle_only"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server that tests share; they keep apart by the names of their tables."""
    running = target()(tmp_path_factory.mktemp("shared"), settings=merging.eager()).start()
    yield running
    running.end()


@pytest.fixture
def make_server(tmp_path):
    """Makes servers of the test's own; whatever is left running is killed at the end."""
    made = []

    def make(name="own", **options):
        made.append(target()(tmp_path / name, **options))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture
def files(make_server, tmp_path):
    """A server whose COPY may use one folder, and that folder."""
    folder = tmp_path / "files"
    folder.mkdir()
    return make_server(settings={"copy_locations": str(folder)}).start(), folder


@pytest.fixture(params=["psycopg", "psycopg2", "pg8000"])
def engine(server, request):
    """SQLAlchemy's on the shared server, over each driver."""
    made = sqlalchemy.create_engine(server.url(f"postgresql+{request.param}"))
    yield made
    made.dispose()


@pytest.fixture
def table(request, server):
    """A name for a table that no other test uses; the table is dropped afterwards."""
    name = re.sub(r"\W+", "_", request.node.name).lower()[:55]
    yield name
    server.run(f"drop table if exists {name}")


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    running = S3Server(tmp_path_factory.mktemp("s3")).start()
    yield running
    running.end()


@pytest.fixture
def bucket(request, s3_server):
    """A bucket of the test's own."""
    return s3_server.make_bucket(re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:60])


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """Clients take their settings from the tests alone."""
    for name in [name for name in os.environ if name.startswith(("PG", "PERISTYLE_STORE", "PERISTYLE_DATA"))]:
        monkeypatch.delenv(name)
