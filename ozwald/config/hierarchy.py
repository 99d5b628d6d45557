"""Puts an inventory's parts together: group membership, inherited variables, references."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice

from ozwald.config.ansible.hosts import host_from_variables
from ozwald.config.context import Context
from ozwald.config.membership import Membership, settle
from ozwald.config.problems import Problems, whole_file
from ozwald.config.references import MOST_CIRCLES, circle_text, circles
from ozwald.config.sources import ALL, UNGROUPED, GroupEntry, Places, Sources, Variable
from ozwald.model.host import Host, Inventory

# A variable that a host inherits costs 0.2 microseconds, much less than a value of a YAML file, but 100 bytes,
# half of one.
_VARIABLES_PER_VALUE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The inventory, the place of each word of each host, and that of each provisioner's pattern."""

    inventory: Inventory
    origins: Mapping[str, Places] = field(default_factory=dict)
    patterns: Places = field(default_factory=dict)


def build_inventory(sources: Sources, context: Context) -> Built:
    """The inventory that the files make together; unknown names and circles become problems."""
    _check_names(sources, context.problems)
    _check_members(sources, context.problems)
    _check_provisioners(sources, context.problems)
    if not _is_tree(sources.groups, context.problems):
        return Built(inventory=Inventory(hosts={}))
    membership = settle(sources, context.problems)
    _count_variables(sources, membership, context.problems)
    hosts: dict[str, Host] = {}
    origins: dict[str, Places] = {}
    told: set[int] = set()
    for name, groups in membership.groups_of.items():
        variables = _variables(name, groups, sources)
        hosts[name], places = _host(name, groups, variables, sources, context, told)
        inherited = {f"vars.{key}": variable.origin for key, variable in variables.items()}
        origins[name] = {**places, **_group_places(name, groups, sources, membership), **inherited}
    inventory = Inventory(
        hosts=hosts,
        groups=membership.members,
        provisioners={name: entry.provisioner for name, entry in sources.provisioners.items()},
        children=membership.children,
    )
    patterns = {name: entry.pattern_origin for name, entry in sources.provisioners.items()}
    return Built(inventory=inventory, origins=origins, patterns=patterns)


def _count_variables(sources: Sources, membership: Membership, problems: Problems) -> None:
    """Count what hosts inherit before they do: few variables of few groups can be millions."""
    folders = [files.groups for files in sources.file_vars]
    for name, hosts in membership.members.items():
        written = sources.groups.get(name)
        count = sum(len(folder.get(name, ())) for folder in folders) + len(written.vars if written else ())
        origin = written.origin if written else whole_file("the inventory")
        problems.spend(count * len(hosts) // _VARIABLES_PER_VALUE, origin)


def _check_names(sources: Sources, problems: Problems) -> None:
    for name in (ALL, UNGROUPED):
        if name in sources.hosts:
            message = f"a host cannot be called {name!r}, which stands for a group; give it another name"
            problems.error(sources.hosts[name].origin, message, path=name)


def _check_members(sources: Sources, problems: Problems) -> None:
    for name, group in sources.groups.items():
        for host, origin in group.hosts.items():
            if host not in sources.hosts:
                message = f"the inventory has no such host{problems.nearest(host, sources.hosts)}"
                problems.error(origin, message, path=f"groups.{name}.hosts")
        for child, origin in group.children.items():
            if child not in sources.groups and child not in (ALL, UNGROUPED):
                message = f"the inventory has no such group{problems.nearest(child, sources.groups)}"
                problems.error(origin, message, path=f"groups.{name}.children")


def _is_tree(groups: Mapping[str, GroupEntry], problems: Problems) -> bool:
    """Whether no group contains itself, over others or over `all`; what does becomes a problem."""
    found = False
    has_ungrouped = UNGROUPED in groups and groups[UNGROUPED].hosts
    for name, group in groups.items():
        if ALL in group.children:
            message = f"the group {ALL!r} contains every group and stands in none"
            problems.error(group.children[ALL], message, path=f"groups.{name}.children")
            found = True
        if UNGROUPED in group.children and name != ALL and has_ungrouped:
            message = f"the group {UNGROUPED!r} has hosts of its own, which Ansible loses where it stands in a group"
            problems.error(group.children[UNGROUPED], message, path=f"groups.{name}.children")
    children = {name: tuple(group.children) for name, group in groups.items()}
    for circle in islice(circles(children), MOST_CIRCLES):
        origin = groups[circle[0]].children[circle[1 % len(circle)]]
        message = f"the groups run in a circle: {circle_text(circle)}"
        problems.error(origin, message, path=f"groups.{circle[0]}.children")
        found = True
    return not found


def _check_provisioners(sources: Sources, problems: Problems) -> None:
    for entry in sources.provisioners.values():
        host = entry.provisioner.host
        if host not in sources.hosts:
            message = f"the inventory has no such host{problems.nearest(host, sources.hosts)}"
            problems.error(entry.host_origin, message, path=entry.path)


def _variables(name: str, groups: tuple[str, ...], sources: Sources) -> dict[str, Variable]:
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


def _host(
    name: str,
    groups: tuple[str, ...],
    variables: Mapping[str, Variable],
    sources: Sources,
    context: Context,
    told: set[int],
) -> tuple[Host, Places]:
    entry = sources.hosts[name]
    host, places = entry.host, entry.places
    if host is None:
        host, places = host_from_variables(name, variables, context, told)
    values = {key: variable.value for key, variable in variables.items()}
    known = replace(host, groups=tuple(group for group in groups if group != ALL), vars=values)
    return known, {"name": entry.origin, **places}


def _group_places(host: str, groups: tuple[str, ...], sources: Sources, membership: Membership) -> Places:
    """Where each group names the host, or else the child group through which it has it."""
    found: Places = {}
    for group in groups:
        if group in sources.groups and host in sources.groups[group].hosts:
            found[f"groups.{group}"] = sources.groups[group].hosts[host]
    for group in groups:
        for parent in membership.parents[group]:
            if parent in sources.groups and group in sources.groups[parent].children:
                found.setdefault(f"groups.{parent}", sources.groups[parent].children[group])
    return found
