"""A running Peristyle, and PostgreSQL 15 in the same shape so that the tests themselves can be checked against it."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from process import Process, free_port, postgres_program

ROOT = Path(__file__).resolve().parents[2]
USER = DATABASE = "peristyle"
PSQL_SECONDS = 1800
PLAIN_TERMINAL = {"LC_ALL": "C.UTF-8", "TZ": "UTC"}
# The line with which a started server tells how to reach it.
PSQL_LINE = re.compile(r"^  psql -h \S+ -p (\d+) ", re.MULTILINE)
# No server listens there: connecting fails as it does before a server is up.
NO_PORT = 0


def peristyle_binary():
    """The binary under test: `PERISTYLE_BINARY`, else the dev build."""
    return os.environ.get("PERISTYLE_BINARY") or str(ROOT / "target/debug/peristyle")


class Endpoint:
    """Where a server listens (`port`), and the ways to talk to it that every test needs."""

    def dsn(self, **more):
        """Connection keywords for psycopg and psycopg2."""
        return {"host": "127.0.0.1", "port": self.port, "user": USER, "dbname": DATABASE, **more}

    def url(self, driver="postgresql"):
        return f"{driver}://{USER}@127.0.0.1:{self.port}/{DATABASE}"

    def connect(self, **more):
        """A psycopg 3 connection in autocommit: each statement its own implicit transaction."""
        return psycopg.connect(**self.dsn(connect_timeout=10, **more), autocommit=True)

    def rows(self, query, parameters=None):
        with self.connect() as connection:
            return connection.execute(query, parameters).fetchall()

    def value(self, query, parameters=None):
        return self.rows(query, parameters)[0][0]

    def run(self, *statements):
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def refused(self, statement):
        """The error that a statement fails with."""
        try:
            self.run(statement)
        except psycopg.Error as error:
            return error
        raise AssertionError(f"it did not fail: {statement}")

    def psql(self, *commands, stdin=None, check=True):
        """Runs psql with one -c per command and returns the finished process."""
        arguments = [f"--command={command}" for command in commands]
        result = subprocess.run(
            self.psql_command() + arguments,
            input=stdin or "",
            text=True,
            capture_output=True,
            env={**os.environ, **PLAIN_TERMINAL},
            timeout=PSQL_SECONDS,
        )
        assert not check or result.returncode == 0, f"psql {commands}: {result.stderr}"
        return result

    def psql_command(self):
        return [
            postgres_program("psql"), "--no-psqlrc", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1",
            "--host=127.0.0.1", f"--port={self.port}", f"--username={USER}", f"--dbname={DATABASE}",
        ]  # fmt: skip

    def answers(self):
        """Whether the server takes a connection and answers."""
        try:
            return self.value("select 1") == 1
        except psycopg.OperationalError:
            return False


class Peristyle(Endpoint):
    """One data folder and its server, which can be stopped, killed and started again."""

    kind = "peristyle"

    def __init__(self, folder, store=None, settings=None, env=None):
        self.folder = Path(folder)
        self.data = self.folder / "data"
        self.store = store or f"file://{self.folder}/store"
        self.settings = dict(settings or {})
        self.env = env or {}
        self.arguments = []
        self.process = None
        self.told_port = NO_PORT

    @property
    def port(self):
        """The port that the running server chose and told; no port before it does."""
        if self.told_port == NO_PORT and self.process:
            told = PSQL_LINE.search(self.process.output())
            self.told_port = int(told[1]) if told else NO_PORT
        return self.told_port

    def start(self):
        """Starts the server and waits until it answers."""
        self.launch()
        self.process.wait_ready(self.answers, "peristyle answers")
        return self

    def launch(self):
        """Starts the process without waiting for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.told_port = NO_PORT
        self.process = Process(self.command(), self.folder / "trace.txt", self.env)

    def command(self):
        config = self.folder / "peristyle.toml"
        config.write_text("".join(f"{key} = {toml(value)}\n" for key, value in self.settings.items()))
        return [
            peristyle_binary(), "serve", "--data-dir", str(self.data), "--listen", "127.0.0.1:0",
            "--store", self.store, "--config", str(config), *self.arguments,
        ]  # fmt: skip

    def offline(self, command, *arguments):
        """Runs check, repair or restore; returns (exit code, what it printed)."""
        line = [peristyle_binary(), command, "--data-dir", str(self.data), "--store", self.store, *arguments]
        done = subprocess.run(line, capture_output=True, text=True, env={**os.environ, **self.env}, timeout=PSQL_SECONDS)
        return done.returncode, done.stdout + done.stderr

    def start_fails(self, deadline_seconds=60):
        """Starts a server that must refuse to; returns (exit code, what it printed)."""
        self.launch()
        code = self.process.child.wait(deadline_seconds)
        return code, self.process.last_output()

    def stop(self):
        code = self.process.stop(signal.SIGTERM)
        assert code == 0, f"SIGTERM ended with {code}\n{self.process.last_output()}"

    def kill(self):
        self.process.kill()

    def end(self):
        """Leaves no process behind, whatever the test did."""
        if self.process and self.process.running():
            self.process.kill()


class PostgreSQL(Endpoint):
    """A throwaway PostgreSQL 15: collation C, Unicode's letters, UTC, the same user and database names."""

    kind = "postgres"

    def __init__(self, *_, **__):
        self.port = None
        self.folder = Path(tempfile.mkdtemp(prefix="peristyle-oracle-"))
        self.data = self.folder / "data"
        self.account = "postgres" if os.getuid() == 0 else None
        self.process = None

    def start(self):
        if not self.data.exists():
            self.initialise()
        self.port = free_port()
        options = ["--timezone=UTC", "--listen_addresses=127.0.0.1", f"--unix_socket_directories={self.folder}"]
        command = [postgres_program("postgres"), "-D", str(self.data), f"--port={self.port}", *options]
        self.process = Process(command, self.folder / "trace.txt", user=self.account)
        self.process.wait_ready(self.answers, "postgres answers")
        return self

    def initialise(self):
        if self.account:
            shutil.chown(self.folder, self.account, self.account)
        locale = ["-E", "UTF8", "--locale=C", "--lc-ctype=C.UTF-8"]
        initdb = [postgres_program("initdb"), "-D", self.data, *locale, "-U", USER, "-A", "trust"]
        as_user = {"user": self.account, "group": self.account} if self.account else {}
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **as_user)
        single = [postgres_program("postgres"), "--single", "-D", self.data, "postgres"]
        subprocess.run(
            single, check=True, input=b"create database peristyle", stdout=subprocess.DEVNULL, cwd=self.folder, **as_user
        )

    def stop(self):
        assert self.process.stop(signal.SIGINT) == 0

    def kill(self):
        self.process.stop(signal.SIGQUIT)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def end(self):
        if self.process and self.process.running():
            self.process.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def toml(value):
    """A TOML literal of a setting."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def target():
    """The kind of server under test."""
    return {"peristyle": Peristyle, "postgres": PostgreSQL}[os.environ.get("PERISTYLE_TEST_TARGET", "peristyle")]
