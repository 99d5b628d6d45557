"""Which provisioner is meant, and which hosts it manages."""

import socket
from collections.abc import Mapping

from ozwald.errors import RequestError
from ozwald.model.host import Connection, Host, Inventory, Provisioner
from ozwald.planning.patterns import NO_HOSTS, select


def choose_provisioner(inventory: Inventory, name: str | None) -> Provisioner:
    """The provisioner of that name or on the host of that name; a single one need not be named.

    Without any in the inventory there is one called `local` that manages all hosts.

    Raises:
        RequestError: there is no such provisioner, or it has to be said which.
    """
    known = inventory.provisioners or {"local": Provisioner(name="local", host=socket.gethostname())}
    if not name:
        if len(known) == 1:
            return next(iter(known.values()))
        raise RequestError(f"say which provisioner: set OZWALD_PROVISIONER to one of {', '.join(sorted(known))}")
    if name in known:
        return known[name]
    on_host = [provisioner for provisioner in known.values() if provisioner.host == name]
    if len(on_host) == 1:
        return on_host[0]
    if on_host:
        ways = ", ".join(sorted(provisioner.name for provisioner in on_host))
        raise RequestError(f"OZWALD_PROVISIONER: the host {name!r} has several provisioners; name one of them: {ways}")
    names = ", ".join(sorted(known))
    raise RequestError(f"OZWALD_PROVISIONER: no provisioner and no provisioner's host {name!r}; known: {names}")


def other_machine(inventory: Inventory, provisioner: Provisioner, *, this_machine: str) -> Host | None:
    """The host that the provisioner's controller runs on, where that is not this machine (by its own name)."""
    host = inventory.hosts.get(provisioner.host)
    if host is None or host.connection is Connection.LOCAL:
        return None
    is_here = host.name.partition(".")[0].lower() == this_machine.partition(".")[0].lower()
    return None if is_here else host


def managed_hosts(inventory: Inventory, provisioner: Provisioner, limit: str | None) -> Mapping[str, Host]:
    """The hosts that a provisioner manages, narrowed to a `--limit` pattern.

    Raises:
        RequestError: there are no hosts, or a pattern names none of them.
    """
    if not inventory.hosts:
        raise RequestError(NO_HOSTS)
    managed = {host.name: host for host in select(inventory, provisioner.hosts)}
    if limit is None:
        return managed
    chosen = {host.name: host for host in select(inventory, limit) if host.name in managed}
    if not chosen:
        raise RequestError(f"--limit {limit!r} names no host that provisioner {provisioner.name!r} manages")
    return chosen
