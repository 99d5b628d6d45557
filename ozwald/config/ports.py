"""Reads `ports`, short and long, with ranges."""

import ipaddress
import re
from dataclasses import dataclass

from ozwald.config.context import Context
from ozwald.config.nodes import MapNode, Node
from ozwald.config.values import field, maybe, refuse, required, text
from ozwald.model.service import Port

_SHORT = re.compile(
    r"(?:(?:(?P<ip>.+):)?(?P<published>[0-9]{1,5}(?:-[0-9]{1,5})?)?:)?"
    r"(?P<target>[0-9]{1,5}(?:-[0-9]{1,5})?)"
    r"(?:/(?P<protocol>tcp|udp|sctp))?",
    re.IGNORECASE,
)
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")

# What a port costs, in values of a YAML file: a short range makes thousands.
_PORT_VALUES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


def ports(node: Node, context: Context) -> tuple[Port, ...]:
    """One entry of `ports`, which a range makes several ports; raises RefusedError."""
    return _long(node, context) if isinstance(node, MapNode) else _short(node, context)


def _short(node: Node, context: Context) -> tuple[Port, ...]:
    match = _SHORT.fullmatch(text(node))
    if not match:
        raise refuse(node, "must have the form [[IP:]PUBLISHED:]TARGET[/PROTOCOL]")
    published = _published(match["published"] or "", node)
    protocol = (match["protocol"] or "tcp").lower()
    return _expanded(_range(match["target"], node), published, match["ip"], protocol, node, context)


def _long(node: MapNode, context: Context) -> tuple[Port, ...]:
    published = field(node, "published")
    return _expanded(
        required(node, "target", lambda target: _range(text(target), target)),
        _published(text(published), published) if published else None,
        maybe(node, "host_ip", text),
        maybe(node, "protocol", text) or "tcp",
        node,
        context,
    )


def _published(written: str, node: Node) -> _Range | None:
    """None where the engine is to choose, which `0` asks for too."""
    return _range(written, node) if written.strip("0") else None


def _range(written: str, node: Node) -> _Range:
    match = _RANGE.fullmatch(written)
    if not match:
        raise refuse(node, "must be a port or a range of ports")
    found = _Range(first=int(match[1]), last=int(match[2] or match[1]))
    if not 1 <= found.first <= found.last <= 65535:
        raise refuse(node, "a port lies between 1 and 65535, and a range begins with the lower one")
    return found


def _expanded(
    target: _Range, published: _Range | None, host_ip: str | None, protocol: str, node: Node, context: Context
) -> tuple[Port, ...]:
    address = _address(host_ip, node) if host_ip else None
    if published and len(target) == 1 < len(published):
        choice = (published.first, published.last)
        return (Port(target=target.first, protocol=protocol, host_ip=address, choice=choice),)
    if published and len(published) != len(target):
        raise refuse(node, "the published range and the target range must have the same length")
    context.problems.spend(_PORT_VALUES * len(target), node.origin)
    return tuple(
        Port(
            target=target.first + step,
            protocol=protocol,
            published=published.first + step if published else None,
            host_ip=address,
        )
        for step in range(len(target))
    )


def _address(written: str, node: Node) -> str:
    bare = written[1:-1] if written.startswith("[") and written.endswith("]") else written
    try:
        address = ipaddress.ip_address(bare)
    except ValueError as err:
        raise refuse(node, "the address to publish on is not an IP address") from err
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise refuse(node, "the address to publish on must not name an interface")
    return str(address)
