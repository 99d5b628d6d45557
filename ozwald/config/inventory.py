"""Reads Ozwald's own form of the inventory: `hosts`, `groups` and `provisioners`."""

import ipaddress
from pathlib import Path

from ozwald.config.context import Context
from ozwald.config.named import Named, named
from ozwald.config.nodes import MapNode, Node, is_null, plain_value
from ozwald.config.sources import (
    GROUP_VALUES,
    HOST_VALUES,
    GroupEntry,
    HostEntry,
    Places,
    ProvisionerEntry,
    Sources,
    Variable,
)
from ozwald.config.values import (
    boolean,
    collect,
    entries,
    field,
    integer,
    key_values,
    listed,
    maybe,
    refuse,
    required,
    size,
    text,
)
from ozwald.model.host import Cache, Connection, Host, Provisioner, Reserve
from ozwald.model.realm import Origin

EMBEDDED_CACHE_HOST = "ozwald-provisioner-redis"

# Keys of a host whose parts have places of their own.
_PARTED = frozenset(("labels", "reserve", "vars"))


def read_inventory(root: Node, context: Context, *, file: Path) -> Sources:
    """What a checked tree says; relative key files lie beside `file`."""
    problems = context.problems
    entries_of_hosts = list(named(field(root, "hosts"), problems))
    entries_of_groups = list(named(field(root, "groups"), problems))
    problems.spend(HOST_VALUES * len(entries_of_hosts) + GROUP_VALUES * len(entries_of_groups), root.origin)
    hosts = collect(lambda entry: _host(entry, context, file.parent), entries_of_hosts, problems)
    controllers = collect(
        lambda entry: _provisioner(entry, context, file.parent), named(field(root, "provisioners"), problems), problems
    )
    return Sources(
        hosts=dict(hosts),
        groups={entry.name: _group(entry) for entry in entries_of_groups},
        provisioners={entry.provisioner.name: entry for entry in controllers},
    )


def is_loopback(address: str) -> bool:
    """Whether an address is this machine itself."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _host(entry: Named, context: Context, folder: Path) -> tuple[str, HostEntry]:
    body = entry.body
    address = _address(entry)
    port, user = maybe(body, "port", integer), maybe(body, "user", text)
    identity = maybe(body, "identity_file", lambda node: str(Path(folder, context.home(text(node)))))
    written = maybe(body, "connection", text)
    local = is_loopback(address) and port is None and user is None and identity is None
    host = Host(
        name=entry.name,
        address=address,
        port=port,
        user=user,
        identity_file=identity,
        jump=maybe(body, "jump", text),
        connection=Connection(written) if written else Connection.LOCAL if local else Connection.SSH,
        become=maybe(body, "become", boolean) or False,
        docker_socket=maybe(body, "docker_socket", text),
        labels=maybe(body, "labels", labels) or {},
        reserve=maybe(body, "reserve", reserve) or Reserve(),
    )
    return entry.name, HostEntry(origin=entry.origin, host=host, places=_places(body), vars=_variables(body))


def _address(entry: Named) -> str:
    ip, address = field(entry.body, "ip"), field(entry.body, "address")
    if ip and address:
        raise refuse(address, "'ip' and 'address' mean the same; keep one")
    written = ip or address
    return (text(written) if written else "") or entry.name


def labels(node: Node) -> dict[str, str]:
    """A map of labels, or a list of KEY=value."""
    return {key: value or "" for key, value in key_values(node, lambda _: "").items()}


def reserve(node: Node) -> Reserve:
    """What a host keeps for others."""
    return Reserve(memory_bytes=maybe(node, "memory", size) or 0, vram_bytes=maybe(node, "vram", size) or 0)


def _places(body: Node) -> Places:
    if not isinstance(body, MapNode):
        return {}
    found = _keys("", body)
    if "ip" in found:
        found["address"] = found.pop("ip")
    written = field(body, "labels")
    found |= {f"labels.{text(item).partition('=')[0]}": item.origin for item in listed(written)}
    found |= _keys("labels.", written)
    found |= {f"{path}_bytes": origin for path, origin in _keys("reserve.", field(body, "reserve")).items()}
    return {path: origin for path, origin in found.items() if path not in _PARTED}


def _keys(prefix: str, node: Node | None) -> Places:
    keys = node.keys if isinstance(node, MapNode) else {}
    return {f"{prefix}{key}": keys[key].origin for key, value in entries(node).items() if not is_null(value)}


def _variables(body: Node) -> dict[str, Variable]:
    found = field(body, "vars")
    if not isinstance(found, MapNode):
        return {}
    return {
        name: Variable(value=plain_value(value), origin=found.keys[name].origin) for name, value in found.values.items()
    }


def _group(entry: Named) -> GroupEntry:
    return GroupEntry(
        origin=entry.origin,
        hosts=_members(field(entry.body, "hosts")),
        children=_members(field(entry.body, "children")),
        vars=_variables(entry.body),
    )


def _members(node: Node | None) -> dict[str, Origin]:
    if isinstance(node, MapNode):
        return {name: node.keys[name].origin for name in node.values}
    return {text(item): item.origin for item in listed(node)}


def _provisioner(entry: Named, context: Context, folder: Path) -> ProvisionerEntry:
    host = required(entry.body, "host", lambda node: node)
    provisioner = Provisioner(
        name=entry.name,
        host=text(host),
        hosts=maybe(entry.body, "hosts", text) or "all",
        listen=maybe(entry.body, "listen", text),
        cache=maybe(entry.body, "cache", lambda node: _cache(node, context, folder)) or Cache(),
    )
    pattern = field(entry.body, "hosts")
    return ProvisionerEntry(
        origin=entry.origin,
        host_origin=host.origin,
        pattern_origin=pattern.origin if pattern else entry.origin,
        path=host.path,
        provisioner=provisioner,
    )


def _cache(node: Node, context: Context, folder: Path) -> Cache:
    parameters = required(node, "parameters", lambda found: found)
    host = required(parameters, "host", text)
    return Cache(
        address=None if host == EMBEDDED_CACHE_HOST else host,
        port=maybe(parameters, "port", integer) or 6379,
        db=maybe(parameters, "db", integer) or 0,
        username=maybe(parameters, "username", text),
        password=maybe(parameters, "password", text),
        tls=maybe(parameters, "tls", boolean) or False,
        ca_file=maybe(parameters, "ca_file", lambda found: str(Path(folder, context.home(text(found))))),
    )
