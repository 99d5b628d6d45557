"""Keeps the data folder bounded while a controller lives."""

import logging
import threading
import time
from typing import Final

from ozwald.errors import StateError
from ozwald.state.home import DataFolder
from ozwald.state.old_logs import forget_old_logs

log = logging.getLogger(__name__)

EVERY_S: Final = 6 * 3600.0


def keep_bounded(home: DataFolder, ended: threading.Event) -> None:
    """Lets go of old logs now and every few hours."""
    while True:
        try:
            for path in forget_old_logs(home, now=time.time()):
                log.info("deleted the old log %s", path)
        except StateError as error:
            log.warning("old logs stay: %s", error)
        if ended.wait(EVERY_S):
            return
