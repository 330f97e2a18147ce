"""kill -9 at a chosen moment of some work."""

import random
import threading
import time

from lane import SEED

# Time within which a client must notice that its server is gone.
NOTICE_SECONDS = 60


def moments(name, count):
    """Fractions of the work's length, spread over the whole of it and drawn from the seed."""
    draw = random.Random(f"{SEED} {name}")
    return [(number + draw.random()) / count for number in range(count)]


def timed(work):
    """How many seconds the work takes undisturbed."""
    start = time.monotonic()
    work()
    return time.monotonic() - start


def kill_after(server, work, seconds):
    """Runs the work in another thread and kills the server that many seconds later, or when the work has ended.

    Returns whether the work had ended before the kill.
    """
    done = threading.Event()

    def run():
        try:
            work()
        finally:
            done.set()

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    ended = done.wait(seconds)
    server.kill()
    worker.join(NOTICE_SECONDS)
    assert not worker.is_alive(), "the client did not notice that the server is gone"
    return ended


def kill_during(server, work, fraction, usual_seconds=2.0):
    """As `kill_after`, at a fraction of the work's usual length."""
    return kill_after(server, work, fraction * usual_seconds)
