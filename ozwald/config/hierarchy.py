"""Puts an inventory's parts together: group membership, inherited variables, references."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ozwald.config.ansible.hosts import host_from_variables
from ozwald.config.context import Context
from ozwald.config.problems import Problems
from ozwald.config.references import circles
from ozwald.config.sources import ALL, UNGROUPED, GroupEntry, Sources, Variable
from ozwald.model.host import Host, Inventory


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The inventory, and each host's variables with the places they come from."""

    inventory: Inventory
    variables: Mapping[str, Mapping[str, Variable]] = field(default_factory=dict)


def build_inventory(sources: Sources, context: Context) -> Built:
    """The inventory that the files make together; unknown names and circles become problems."""
    _check_members(sources, context.problems)
    _check_provisioners(sources, context.problems)
    if _check_circles(sources.groups, context.problems):
        return Built(inventory=Inventory(hosts={}))
    members = _members(sources)
    groups_of: dict[str, list[str]] = {name: [] for name in sources.hosts}
    for group in _weakest_first(sources.groups, members):
        for host in members[group]:
            groups_of[host].append(group)
    variables = {name: _variables(name, groups, sources) for name, groups in groups_of.items()}
    hosts = {name: _host(name, groups_of[name], variables[name], sources, context) for name in sources.hosts}
    provisioners = {name: entry.provisioner for name, entry in sources.provisioners.items()}
    children = {name: tuple(group.children) for name, group in sources.groups.items()}
    inventory = Inventory(hosts=hosts, groups=members, provisioners=provisioners, children=children)
    return Built(inventory=inventory, variables=variables)


def _check_members(sources: Sources, problems: Problems) -> None:
    for name, group in sources.groups.items():
        for host, origin in group.hosts.items():
            if host not in sources.hosts:
                message = f"the inventory has no such host{problems.nearest(host, sources.hosts)}"
                problems.error(origin, message, path=f"groups.{name}.hosts")
        for child, origin in group.children.items():
            if child not in sources.groups and child != UNGROUPED:
                message = f"the inventory has no such group{problems.nearest(child, sources.groups)}"
                problems.error(origin, message, path=f"groups.{name}.children")


def _check_circles(groups: Mapping[str, GroupEntry], problems: Problems) -> bool:
    found = False
    for circle in circles({name: tuple(group.children) for name, group in groups.items()}):
        origin = groups[circle[0]].children[circle[1 % len(circle)]]
        message = f"the groups run in a circle: {' -> '.join([*circle, circle[0]])}"
        problems.error(origin, message, path=f"groups.{circle[0]}.children")
        found = True
    return found


def _check_provisioners(sources: Sources, problems: Problems) -> None:
    for entry in sources.provisioners.values():
        host = entry.provisioner.host
        if host not in sources.hosts:
            message = f"the inventory has no such host{problems.nearest(host, sources.hosts)}"
            problems.error(entry.host_origin, message, path=entry.path)


def _members(sources: Sources) -> dict[str, tuple[str, ...]]:
    """The hosts of each group, those of its children included, in the order of the files."""
    found: dict[str, set[str]] = {}
    for name in _children_first(sources.groups):
        group = sources.groups[name]
        below = (found.get(child, set()) for child in group.children)
        found[name] = set(group.hosts).union(*below) & sources.hosts.keys()
    grouped = set().union(*(hosts for name, hosts in found.items() if name not in (ALL, UNGROUPED)))
    children = sources.groups[UNGROUPED].children if UNGROUPED in sources.groups else ()
    below_ungrouped = set().union(*(found.get(child, set()) for child in children))
    sets = {**found, ALL: set(sources.hosts), UNGROUPED: (sources.hosts.keys() - grouped) | below_ungrouped}
    order = [ALL, UNGROUPED, *(name for name in sources.groups if name not in (ALL, UNGROUPED))]
    return {name: tuple(host for host in sources.hosts if host in sets[name]) for name in order}


def _children_first(groups: Mapping[str, GroupEntry]) -> list[str]:
    ordered: dict[str, None] = {}
    waiting = [(name, False) for name in reversed(list(groups))]
    while waiting:
        name, below_done = waiting.pop()
        if name in ordered or name not in groups:
            continue
        if below_done:
            ordered[name] = None
        else:
            waiting.append((name, True))
            waiting.extend((child, False) for child in groups[name].children if child not in ordered)
    return list(ordered)


def _depths(groups: Mapping[str, GroupEntry]) -> dict[str, int]:
    """How far each group is from `all` at most: deeper groups' variables win."""
    depths = dict.fromkeys(groups, 1) | {ALL: 0}
    for name in reversed(_children_first(groups)):
        for child in groups[name].children:
            depths[child] = max(depths.get(child, 1), depths[name] + 1)
    return depths


def _weakest_first(groups: Mapping[str, GroupEntry], members: Mapping[str, object]) -> list[str]:
    """The groups by depth, priority and name: each one's variables win over those before it."""
    depths = _depths(groups)
    return sorted(
        members,
        key=lambda name: (depths.get(name, 1), groups[name].priority if name in groups else 1, name),
    )


def _variables(name: str, groups: list[str], sources: Sources) -> dict[str, Variable]:
    """A host's variables, in Ansible's order of precedence."""
    found: dict[str, Variable] = {}
    for group in groups:
        if group in sources.groups:
            found |= sources.groups[group].vars
    for files in sources.file_vars:
        found |= files.groups.get(ALL, {})
    for files in sources.file_vars:
        for group in groups:
            if group != ALL:
                found |= files.groups.get(group, {})
    found |= sources.hosts[name].vars
    for files in sources.file_vars:
        found |= files.hosts.get(name, {})
    return found


def _host(name: str, groups: list[str], variables: Mapping[str, Variable], sources: Sources, context: Context) -> Host:
    return replace(
        sources.hosts[name].host or host_from_variables(name, variables, context),
        groups=tuple(group for group in groups if group != ALL),
        vars={key: variable.value for key, variable in variables.items()},
    )
