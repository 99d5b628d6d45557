"""Ansible's YAML inventory: groups by name, each with hosts, children and vars."""

from ozwald.config.ansible.draft import Draft
from ozwald.config.ansible.names import PatternError, expand
from ozwald.config.ansible.values import name_of, value_of
from ozwald.config.nodes import At, MapNode, Node, Scalar, is_null, origin_of
from ozwald.config.sources import Variable

_SECTIONS = ("vars", "children", "hosts")


def read_yaml_form(root: MapNode, draft: Draft) -> None:
    """Add the groups of a tree to the draft."""
    if "plugin" in root.values and value_of(root.values["plugin"]):
        draft.problems.error(
            root.keys["plugin"].origin,
            "an inventory plugin is not run; save the output of 'ansible-inventory --list' as a .json file",
        )
        return
    for name, body in root.values.items():
        _group(name, body, root.keys[name], draft)


def _group(name: str, body: Node, key: Scalar, draft: Draft) -> None:
    if not isinstance(body, MapNode) and not is_null(body):
        draft.problems.warn(key.origin, "not a group, since no map follows; skipped, as Ansible does", path=name)
        return
    if not isinstance(value_of(key), str) or not name:
        draft.problems.error(
            key.origin, "a group's name must be text; what looks like a number needs quotes", path=name
        )
        return
    draft.add_group(name, key.origin)
    if not isinstance(body, MapNode):
        return
    for section, node in body.values.items():
        place = body.keys[section]
        entries = _entries(node, section)
        if section not in _SECTIONS or (entries is None and not is_null(node)):
            _refuse_section(section, place, draft, name)
        elif entries is not None:
            _READERS[section](name, entries, draft)


def _entries(node: Node, section: str) -> MapNode | None:
    """The map of a section; a single name counts as a map of one."""
    if isinstance(node, MapNode):
        return node
    if isinstance(node, Scalar) and isinstance(value_of(node), str) and section in _SECTIONS:
        return MapNode(at=node.at, values={node.text: Scalar(at=node.at, text="")}, keys={node.text: node})
    return None


def _refuse_section(section: str, place: Scalar, draft: Draft, group: str) -> None:
    if section in _SECTIONS:
        draft.problems.error(place.origin, "must be a map, each name with a ':' behind it", path=f"{group}.{section}")
    else:
        draft.problems.warn(
            place.origin, f"the key {section!r} is not one of a group; skipped, as Ansible does", path=group
        )


def _vars(group: str, entries: MapNode, draft: Draft) -> None:
    for name, variable in variables(entries).items():
        draft.set_variable(group, name, variable)


def _children(group: str, entries: MapNode, draft: Draft) -> None:
    for name, body in entries.values.items():
        _group(name, body, entries.keys[name], draft)
        draft.add_child(group, name, entries.keys[name].origin)


def _hosts(group: str, entries: MapNode, draft: Draft) -> None:
    for pattern, body in entries.values.items():
        key = entries.keys[pattern]
        path = f"{group}.hosts.{pattern}"
        if not isinstance(value_of(key), str):
            draft.problems.error(key.origin, "a host's name that looks like a number needs quotes", path=path)
        elif not isinstance(body, MapNode) and value_of(body):
            draft.problems.error(body.origin, "a host's variables must be a map", path=path)
        else:
            add_hosts(pattern, group, variables(body), key.at, draft)


def add_hosts(pattern: str, group: str, found: dict[str, Variable], at: At, draft: Draft) -> None:
    """Add the hosts of a pattern with their variables."""
    try:
        names, port = expand(pattern)
    except PatternError as err:
        draft.problems.error(origin_of(at), str(err), path=group)
        return
    draft.problems.spend(len(names) * (1 + len(found)), origin_of(at))
    for name in names:
        draft.add_host(name, group, origin_of(at), port=port)
        for key, variable in found.items():
            draft.set_variable(name, key, variable)


def variables(node: Node) -> dict[str, Variable]:
    """The variables of a map, each with its place; none for null."""
    if not isinstance(node, MapNode):
        return {}
    entries = ((node.keys[key], value) for key, value in node.values.items())
    return {name_of(key): Variable(value=value_of(value), origin=key.origin) for key, value in entries}


_READERS = {"vars": _vars, "children": _children, "hosts": _hosts}
