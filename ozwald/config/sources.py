"""What the inventory's files say, before groups and variables are put together."""

from dataclasses import dataclass, field
from typing import TypeVar

from ozwald.config.problems import Problems
from ozwald.model.host import Host, Provisioner
from ozwald.model.service import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A host variable and the place it comes from."""

    value: object = field(repr=False)
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEntry:
    """One host as written; `host` lacks its groups and variables."""

    origin: Origin
    host: Host
    vars: dict[str, Variable] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEntry:
    """One group as written, with the places of its members' names."""

    origin: Origin
    hosts: dict[str, Origin] = field(default_factory=dict)
    children: dict[str, Origin] = field(default_factory=dict)
    vars: dict[str, Variable] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionerEntry:
    """One provisioner as written; `host_origin` is where it names its host."""

    origin: Origin
    host_origin: Origin
    path: str
    provisioner: Provisioner


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Hosts, groups and provisioners by name."""

    hosts: dict[str, HostEntry] = field(default_factory=dict)
    groups: dict[str, GroupEntry] = field(default_factory=dict)
    provisioners: dict[str, ProvisionerEntry] = field(default_factory=dict)

    def add(self, other: "Sources", problems: Problems) -> None:
        """Add what another file says; a name that both have is a problem."""
        _add(self.hosts, other.hosts, problems)
        _add(self.groups, other.groups, problems)
        _add(self.provisioners, other.provisioners, problems)


Entry = TypeVar("Entry", HostEntry, GroupEntry, ProvisionerEntry)


def _add(known: dict[str, Entry], added: dict[str, Entry], problems: Problems) -> None:
    for name, entry in added.items():
        if name in known:
            problems.error(entry.origin, f"the name stands twice; first at {known[name].origin}")
        else:
            known[name] = entry
