"""The form that inventory scripts print for `--list`, from a script or from a `.json` file."""

from collections.abc import Callable, Mapping

from ozwald.config.ansible.draft import Draft
from ozwald.config.ansible.names import PatternError, check_host_name
from ozwald.config.ansible.yaml_form import variables
from ozwald.config.nodes import ListNode, MapNode, Node, Scalar
from ozwald.config.sources import Variable

_META = "_meta"
_SECTIONS = ("hosts", "vars", "children")

HostVariables = Callable[[str], Node]


def is_list_form(root: MapNode) -> bool:
    """Whether a tree is of this form rather than of the YAML one: it has `_meta`, or lists of hosts."""
    if _META in root.values:
        return True
    bodies = [body for body in root.values.values() if isinstance(body, MapNode)]
    return any(isinstance(body, ListNode) for body in root.values.values()) or any(
        isinstance(body.values.get(section), ListNode) for body in bodies for section in ("hosts", "children")
    )


def read_list_form(root: MapNode, draft: Draft, *, ask: HostVariables | None = None) -> None:
    """Add the groups of a tree to the draft; `ask` gives a host's variables where there is no `_meta`."""
    named: set[str] = set()
    for name, body in root.values.items():
        if name != _META:
            named |= _group(name, body, root.keys[name], draft)
    known = _known_variables(root, draft)
    for name in named:
        found = known.get(name, {}) if known is not None else variables(ask(name)) if ask else {}
        for key, variable in found.items():
            draft.set_variable(name, key, variable)


def _known_variables(root: MapNode, draft: Draft) -> Mapping[str, dict[str, Variable]] | None:
    meta = root.values.get(_META)
    found = meta.values.get("hostvars") if isinstance(meta, MapNode) else None
    if meta is None:
        return None
    if not isinstance(found, MapNode):
        draft.problems.error(root.keys[_META].origin, "must have a map 'hostvars'", path=_META)
        return {}
    return {name: variables(node) for name, node in found.values.items()}


def _group(name: str, body: Node, key: Scalar, draft: Draft) -> set[str]:
    """Add one group and return its hosts' names."""
    draft.add_group(name, key.origin)
    sections = _sections(name, body, key)
    hosts = _names(sections, "hosts", name, draft)
    for host in hosts:
        draft.add_host(host.text, name, host.origin)
        _check(host, name, draft)
    for variable, value in variables(sections.values.get("vars", Scalar(at=key.at, text=""))).items():
        draft.set_variable(name, variable, value)
    for child in _names(sections, "children", name, draft):
        draft.add_group(child.text, child.origin)
        draft.add_child(name, child.text, child.origin)
    return {host.text for host in hosts}


def _check(host: Scalar, group: str, draft: Draft) -> None:
    try:
        check_host_name(host.text)
    except PatternError as err:
        draft.problems.error(host.origin, str(err), path=f"{group}.hosts")


def _sections(name: str, body: Node, key: Scalar) -> MapNode:
    """The group's sections; a bare list is its hosts, any other map the variables of one host of its name."""
    if isinstance(body, MapNode) and any(section in body.values for section in _SECTIONS):
        return body
    if not isinstance(body, MapNode):
        return MapNode(at=body.at, values={"hosts": body}, keys={"hosts": key})
    own = ListNode(at=key.at, items=(Scalar(at=key.at, text=name, plain=False),))
    return MapNode(at=body.at, values={"hosts": own, "vars": body}, keys={"hosts": key, "vars": key})


def _names(sections: MapNode, section: str, group: str, draft: Draft) -> list[Scalar]:
    node = sections.values.get(section)
    items = node.items if isinstance(node, ListNode) else ()
    names = [item for item in items if isinstance(item, Scalar) and not item.plain and item.text]
    if node is not None and (not isinstance(node, ListNode) or len(names) != len(items)):
        draft.problems.error(node.origin, "must be a list of names", path=f"{group}.{section}")
    return names
