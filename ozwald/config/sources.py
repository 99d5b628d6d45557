"""What the inventory's files say, before groups and variables are put together."""

from dataclasses import dataclass, field
from typing import TypeVar

from ozwald.config.problems import Problems
from ozwald.model.host import Host, Provisioner
from ozwald.model.realm import Origin

# What a host and a group cost, in values of a YAML file: a short range makes thousands.
HOST_VALUES = 80
GROUP_VALUES = 60

ALL = "all"
UNGROUPED = "ungrouped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A host variable and the place it comes from."""

    value: object = field(repr=False)
    origin: Origin


# Where each word of a host stands, by its path: `address`, `labels.rack`, `groups.gpu`, `vars.x`.
Places = dict[str, Origin]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEntry:
    """One host as written; `host` lacks its groups and variables, and is None where these describe it."""

    origin: Origin
    host: Host | None
    places: Places = field(default_factory=dict)
    vars: dict[str, Variable] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEntry:
    """One group as written, with the places of its members' names."""

    origin: Origin
    hosts: dict[str, Origin] = field(default_factory=dict)
    children: dict[str, Origin] = field(default_factory=dict)
    vars: dict[str, Variable] = field(default_factory=dict)
    priority: int = 1

    def joined(self, other: "GroupEntry") -> "GroupEntry":
        """Both together; the other's variables win."""
        return GroupEntry(
            origin=self.origin,
            hosts=self.hosts | other.hosts,
            children=self.children | other.children,
            vars=self.vars | other.vars,
            priority=other.priority,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionerEntry:
    """One provisioner as written, with the places of its host and of its pattern of hosts."""

    origin: Origin
    host_origin: Origin
    pattern_origin: Origin
    path: str
    provisioner: Provisioner


@dataclass(frozen=True, slots=True, kw_only=True)
class FileVars:
    """What one folder's `group_vars` and `host_vars` say, by group and by host."""

    groups: dict[str, dict[str, Variable]] = field(default_factory=dict)
    hosts: dict[str, dict[str, Variable]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Hosts, groups and provisioners by name, and the variable files of each folder in order."""

    hosts: dict[str, HostEntry] = field(default_factory=dict)
    groups: dict[str, GroupEntry] = field(default_factory=dict)
    provisioners: dict[str, ProvisionerEntry] = field(default_factory=dict)
    file_vars: list[FileVars] = field(default_factory=list)

    def add(self, other: "Sources", problems: Problems) -> None:
        """Add what another file says; a name that both have is a problem."""
        _add(self.hosts, other.hosts, problems)
        everywhere = {name: entry for name, entry in other.groups.items() if name in (ALL, UNGROUPED)}
        _add(self.groups, {name: e for name, e in other.groups.items() if name not in everywhere}, problems)
        for name, entry in everywhere.items():
            self.groups[name] = self.groups[name].joined(entry) if name in self.groups else entry
        _add(self.provisioners, other.provisioners, problems)


Entry = TypeVar("Entry", HostEntry, GroupEntry, ProvisionerEntry)


def _add(known: dict[str, Entry], added: dict[str, Entry], problems: Problems) -> None:
    for name, entry in added.items():
        if name in known:
            problems.error(entry.origin, f"the name stands twice; first at {known[name].origin}")
        else:
            known[name] = entry
