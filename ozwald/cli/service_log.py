"""How a controller tells its surroundings: a log that does not grow for ever, and a word to systemd."""

import logging
import socket
from collections.abc import Mapping
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

MOST_BYTES = 10 * 1024 * 1024
KEPT = 2


def log_as_a_service(log_file: Path | None) -> None:
    """Has whatever changes on the hosts logged; the file's older parts end in .1 and .2."""
    root = logging.getLogger()
    logging.getLogger("ozwald").setLevel(min(logging.INFO, root.level))
    if log_file is None:
        return
    handler = RotatingFileHandler(log_file, maxBytes=MOST_BYTES, backupCount=KEPT, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.handlers[:] = [handler]


def notify(environ: Mapping[str, str], state: str) -> None:
    """Tells systemd, or whatever else set NOTIFY_SOCKET; sd_notify(3)."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
        systemd.sendall(state.encode())
