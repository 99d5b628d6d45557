"""Keeps the embedded Redis running for as long as its controller runs."""

import logging
import threading
import time

from ozwald.errors import StateError
from ozwald.state.redis_server import EmbeddedRedis

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
ASK_EVERY_S = 5.0
HUNG_S = 20.0
FIRST_S = 0.5
LONGEST_S = 30.0
# A server that has lived this long did not die of how it was started.
LONG_LIFE_S = 60.0


class RedisKeeper:
    """Starts the server again when it has died or hangs, after a while that doubles each time."""

    def __init__(self, server: EmbeddedRedis) -> None:
        self._server = server
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="redis-keeper", daemon=True)
        self._wait_s = FIRST_S
        self._asked_at = self._answered_at = time.monotonic()

    def start(self) -> None:
        """Starts the server, and then watches it.

        Raises:
            StateError: the server does not start.
        """
        self._server.start()
        self._thread.start()

    def stop(self) -> None:
        """Ends the server for good."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._server.stop()

    def _run(self) -> None:
        born = time.monotonic()
        while not self._stopped.wait(LOOK_EVERY_S):
            self._server.bound_log()
            is_running = self._server.is_running()
            if is_running and not self._hangs():
                continue
            if time.monotonic() - born > LONG_LIFE_S:
                self._wait_s = FIRST_S
            what = "does not answer" if is_running else f"has ended: {self._server.last_words()}"
            log.warning("the embedded Redis %s; starting it again", what)
            self._start_again()
            born = self._asked_at = self._answered_at = time.monotonic()

    def _hangs(self) -> bool:
        now = time.monotonic()
        if now - self._asked_at < ASK_EVERY_S:
            return False
        self._asked_at = now
        if self._server.answers():
            self._answered_at = now
        return now - self._answered_at > HUNG_S

    def _start_again(self) -> None:
        if self._stopped.wait(self._wait_s):
            return
        self._wait_s = min(LONGEST_S, 2 * self._wait_s)
        try:
            self._server.stop()
            self._server.start()
        except StateError as error:
            log.error("%s (tried again in %.0f s)", error, self._wait_s)
