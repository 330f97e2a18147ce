"""Bounded waiting: the only way in which these tests wait for something."""

import time

POLL_SECONDS = 0.02


class TimedOut(AssertionError):
    """What was waited for did not happen before the deadline."""


def wait_until(check, what, deadline_seconds=60.0):
    """Calls `check` until it returns something true and returns that; past the deadline it is a failure."""
    deadline = time.monotonic() + deadline_seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimedOut(f"not within {deadline_seconds} s: {what}")
        time.sleep(POLL_SECONDS)
