"""Pure: who listens on a host already, from the kernel's tables of sockets as the probe printed them."""

import re
import socket
from collections.abc import Iterable
from typing import Final

from ozwald.model.resources import Listener
from ozwald.remote.holders import parse_users, user_of
from ozwald.remote.reading import Reading

SOCKET: Final = re.compile(r"(tcp|udp)6? ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) (\d{1,10})")
UNSAID: Final = dict.fromkeys(("pid", "command"), "the kernel's tables do not say")


def parse_listeners(reading: Reading) -> tuple[Listener, ...] | None:
    """The sockets in the order of their ports, or None with the reason."""
    section = reading.section("listeners")
    if section.status != 0:
        refused = "/proc/net/tcp cannot be read" if section.status else "the probe did not get that far"
        reading.lacks("listeners", refused)
        return None
    if any(line.startswith("more ") for line in section.lines):
        reading.lacks("listeners", "there are more than are read")
    names = {"0": "root", **parse_users(reading.section("holders").lines)}
    told = [match.groups() for line in section.lines if (match := SOCKET.fullmatch(line))]
    return in_order(_listener(protocol, address, port, user_of(uid, names)) for protocol, address, port, uid in told)


def in_order(listeners: Iterable[Listener]) -> tuple[Listener, ...]:
    """By port, each once: processes that share a port have a socket each."""
    found = {(one.port, one.protocol, one.address): one for one in listeners}
    return tuple(found[place] for place in sorted(found))


def _listener(protocol: str, address: str, port: str, user: str | None) -> Listener:
    return Listener(protocol=protocol, address=_address(address), port=int(port, 16), user=user, missing=UNSAID)


def _address(text: str) -> str:
    """From words as the processor has them, the lowest byte first; an IPv4 address in IPv6's clothes comes without."""
    words = [bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8)]
    shown = socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))
    return shown.removeprefix("::ffff:") if "." in shown else shown
