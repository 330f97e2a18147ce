"""Child processes of the tests: free ports, output in a file, and an end that is always reached."""

import os
import signal
import socket
import subprocess

from polling import wait_until

STOP_SECONDS = 60
LAST_OUTPUT_CHARACTERS = 4000
DEBIAN_POSTGRES = "/usr/lib/postgresql/15/bin"


def free_port():
    """A port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def postgres_program(name):
    """The path of a PostgreSQL 15 program, Debian's folder first."""
    debian = os.path.join(DEBIAN_POSTGRES, name)
    return debian if os.path.exists(debian) else name


class Process:
    """A program that runs beside the test, its output kept in `trace`."""

    def __init__(self, command, trace, env=None, user=None):
        self.trace = trace
        with open(trace, "ab") as output:
            self.begins_at = output.tell()
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                user=user,
                group=user,
                extra_groups=[] if user else None,
            )

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def wait_ready(self, check, what, deadline_seconds=120):
        """Waits for `check`; a program that ended meanwhile is a failure that shows its output."""

        def ready():
            assert self.running(), f"{what}: ended with {self.child.returncode}\n{self.last_output()}"
            return check()

        return wait_until(ready, what, deadline_seconds)

    def output(self):
        """What the program wrote so far; not what one before it wrote to the same trace."""
        with open(self.trace, "rb") as trace:
            trace.seek(self.begins_at)
            return trace.read().decode(errors="replace")

    def last_output(self):
        """The end of it, for a message."""
        return self.output()[-LAST_OUTPUT_CHARACTERS:]

    def stop(self, with_signal=signal.SIGTERM):
        """Asks the program to end and returns its exit code."""
        if self.running():
            self.child.send_signal(with_signal)
        try:
            return self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        """kill -9: nothing of the program runs afterwards."""
        self.child.kill()
        self.child.wait()

    def memory_bytes(self):
        """Resident memory now."""
        with open(f"/proc/{self.pid}/status") as status:
            line = next(line for line in status if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024
