"""Settles who belongs to which group, as Ansible does once all files are read."""

from collections.abc import Mapping
from dataclasses import dataclass

from ozwald.config.problems import Problems, whole_file
from ozwald.config.sources import ALL, UNGROUPED, Sources

# Following a link from one group to another costs a quarter of a value of a YAML file.
_LINKS_PER_VALUE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """`members` has the hosts of each group, those of its children included.

    `groups_of` has the groups that a host inherits from, the one whose variables win last.
    `parents` has the groups that a group stands in.
    """

    members: Mapping[str, tuple[str, ...]]
    children: Mapping[str, tuple[str, ...]]
    groups_of: Mapping[str, tuple[str, ...]]
    parents: Mapping[str, list[str]]


def settle(sources: Sources, problems: Problems) -> Membership:
    """Every host's groups and every group's hosts; the groups must be free of circles."""
    tree = _Tree(sources, problems)
    for host in sources.hosts:
        tree.settle_ungrouped(host, problems)
    depths = tree.depths()

    def strength(group: str) -> tuple[int, int, str]:
        return depths[group], sources.groups[group].priority if group in sources.groups else 1, group

    return Membership(
        members=tree.members(),
        children={group: tuple(children) for group, children in tree.children.items()},
        groups_of={host: tuple(sorted(groups, key=strength)) for host, groups in tree.groups_of.items()},
        parents=tree.parents,
    )


class _Tree:
    """The groups' own hosts and children, in order; every group that is nobody's child becomes one of `all`."""

    def __init__(self, sources: Sources, problems: Problems) -> None:
        self.sources = sources
        self.problems = problems
        names = dict.fromkeys((ALL, UNGROUPED, *sources.groups))
        written = {name: sources.groups[name] for name in names if name in sources.groups}
        self.hosts: dict[str, dict[str, None]] = {name: {} for name in names}
        self.children: dict[str, dict[str, None]] = {name: {} for name in names}
        self.hosts[ALL].update((host, None) for host, entry in sources.hosts.items() if entry.host)
        self.children[ALL][UNGROUPED] = None
        for name, group in written.items():
            self.hosts[name].update((host, None) for host in group.hosts if host in sources.hosts)
            self.children[name].update((child, None) for child in group.children if child in names)
        nested = {child for children in self.children.values() for child in children}
        self.children[ALL].update((name, None) for name in names if name not in nested and name != ALL)
        self.parents: dict[str, list[str]] = {name: [] for name in names}
        for name, children in self.children.items():
            for child in children:
                self.parents[child].append(name)
        self.groups_of = self._groups_of()

    def _groups_of(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {host: set() for host in self.sources.hosts}
        for name, hosts in self.hosts.items():
            above = self.with_ancestors(name) if hosts else set()
            self._spend(len(above) * (1 + len(hosts)), name)
            for host in hosts:
                found[host] |= above
        return found

    def _spend(self, memberships: int, group: str) -> None:
        """Count what a host in a group costs for each group above it: diamonds of groups multiply."""
        written = self.sources.groups.get(group)
        self.problems.spend(memberships, written.origin if written else whole_file("the inventory"))

    def with_ancestors(self, group: str) -> set[str]:
        """The group and all groups that it is in."""
        found, waiting = {group}, [group]
        while waiting:
            parents = self.parents[waiting.pop()]
            self._spend(len(parents) // _LINKS_PER_VALUE, group)
            new = [parent for parent in parents if parent not in found]
            found.update(new)
            waiting.extend(new)
        return found

    def settle_ungrouped(self, host: str, problems: Problems) -> None:
        """Put a host that no group names into `ungrouped`, and take one that another group has out of it."""
        groups = self.groups_of[host]
        if UNGROUPED not in groups:
            if groups <= {ALL}:
                self._add_ungrouped(host, problems)
        elif host in self.hosts[UNGROUPED] and groups - {ALL, UNGROUPED}:
            del self.hosts[UNGROUPED][host]
            groups.discard(UNGROUPED)

    def _add_ungrouped(self, host: str, problems: Problems) -> None:
        """Where a group has the host's name, Ansible takes the group instead."""
        above = self.with_ancestors(UNGROUPED)
        self._spend(len(above), UNGROUPED)
        if host not in self.children:
            self.hosts[UNGROUPED][host] = None
            self.groups_of[host] |= above
        elif host in (ALL, UNGROUPED):
            return
        elif host in above:
            message = f"a group has this name and contains {UNGROUPED!r}: rename the host or the group"
            problems.error(self.sources.hosts[host].origin, message, path=host)
        else:
            self.children[UNGROUPED][host] = None
            self.parents[host].append(UNGROUPED)
            for name in self._hosts_below(host):
                self.groups_of[name] |= above

    def depths(self) -> dict[str, int]:
        """How far each group is from `all` at most: deeper groups' variables win."""
        depths = dict.fromkeys(self.children, 0)
        for name in reversed(self._children_first()):
            for child in self.children[name]:
                depths[child] = max(depths[child], depths[name] + 1)
        return depths

    def members(self) -> dict[str, tuple[str, ...]]:
        """The hosts of each group: its own, then its children's, then those of their children."""
        found: dict[str, tuple[str, ...]] = {}
        for name in self._children_first():
            below = [found[child] for child in self.children[name] if found[child]]
            if len(below) > 1:
                found[name] = self._hosts_below(name)
            else:
                found[name] = tuple(dict.fromkeys((*self.hosts[name], *(below[0] if below else ()))))
        return {name: found[name] for name in self.children}

    def _hosts_below(self, group: str) -> tuple[str, ...]:
        found: dict[str, None] = {}
        seen = level = {group: None}
        while level:
            for name in level:
                found.update(self.hosts[name])
            self._spend(sum(len(self.children[name]) for name in level) // _LINKS_PER_VALUE, group)
            below = dict.fromkeys(child for name in level for child in self.children[name])
            level = {child: None for child in below if child not in seen}
            seen |= level
        self._spend(len(seen) + len(found), group)
        return tuple(found)

    def _children_first(self) -> list[str]:
        ordered: dict[str, None] = {}
        waiting = [(name, False) for name in reversed(list(self.children))]
        while waiting:
            name, below_done = waiting.pop()
            if name in ordered:
                continue
            if below_done:
                ordered[name] = None
            else:
                waiting.append((name, True))
                waiting.extend((child, False) for child in self.children[name] if child not in ordered)
        return list(ordered)
