"""Where the controller of another machine listens: the inventory says it, or what it wrote into its data folder."""

from typing import TYPE_CHECKING, Final

from ozwald.controller.process import Running, parse_running
from ozwald.errors import RequestError
from ozwald.model.host import Provisioner

if TYPE_CHECKING:
    from ozwald.remote.connection import HostConnection

READ_S: Final = 10.0
MOST_BYTES: Final = 64 * 1024
# The data folders of that user, as `DataFolder.from_environment` finds them.
_READ: Final = """\
for folder in "$OZWALD_HOME" "${XDG_STATE_HOME:-$HOME/.local/state}/ozwald" "$HOME/Library/Application Support/ozwald"
do [ -r "$folder/run/$1.json" ] && exec cat "$folder/run/$1.json"
done
exit 1"""


def address_there(connection: "HostConnection", provisioner: Provisioner) -> tuple[str, int] | None:
    """Host and port as that machine sees them, or None where it has no trace of a controller.

    Raises:
        RequestError: the inventory says what is no address.
        ConnectionFailed: the machine cannot be asked.
    """
    if provisioner.listen is not None:
        return to_connect(*split_address(provisioner.listen))
    words = ["sh", "-c", _READ, "sh", provisioner.name]
    told = connection.run(words, timeout_s=READ_S, limit_bytes=MOST_BYTES, become=False)
    running = parse_running(told.stdout.decode("utf-8", "replace")) if told.exit_status == 0 else None
    return _address_of(running) if running else None


def split_address(listen: str) -> tuple[str, int]:
    """`HOST:PORT` in its parts, an IPv6 address without its brackets; raises RequestError."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > 65535:
        raise RequestError(f"{listen!r} is no address to listen on; it has the form HOST:PORT")
    return host.strip("[]"), int(port)


def to_connect(host: str, port: int) -> tuple[str, int]:
    """Where to connect to what listens there: to listen everywhere is no address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port


def _address_of(running: Running) -> tuple[str, int] | None:
    try:
        return to_connect(*split_address(running.url.removeprefix("http://")))
    except RequestError:
        return None
