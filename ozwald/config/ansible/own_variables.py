"""What only Ozwald knows of a host, from variables of an Ansible inventory such as `ozwald_labels`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ozwald.config.ansible.values import VAULT, tree_of
from ozwald.config.inventory import labels, reserve
from ozwald.config.nodes import ListNode, MapNode, Node, Scalar
from ozwald.config.problems import Problems, RefusedError
from ozwald.config.schema import checked
from ozwald.config.schema_files import load_schema
from ozwald.config.sources import Places, Variable
from ozwald.config.values import maybe, text
from ozwald.model.host import Host
from ozwald.model.realm import Origin

PREFIX = "ozwald_"
VARIABLES = "variables.schema.json"

_TEMPLATES = ("{{", "{%", "{#")


def with_own_variables(host: Host, variables: Mapping[str, Variable], problems: Problems) -> tuple[Host, Places]:
    """The host with what these variables add, and where they stand; what is wrong becomes a problem."""
    written = {name: variable for name, variable in variables.items() if name.startswith(PREFIX)}
    if not written:
        return host, {}
    known = load_schema(VARIABLES)["properties"]
    for name in written.keys() - known.keys():
        problems.warn(written[name].origin, f"Ozwald reads no such variable{problems.nearest(name, known)}", path=name)
    try:
        body = _body({name: written[name] for name in known if name in written}, problems)
        host = replace(
            host,
            labels=maybe(body, "ozwald_labels", labels) or host.labels,
            reserve=maybe(body, "ozwald_reserve", reserve) or host.reserve,
            docker_socket=maybe(body, "ozwald_docker_socket", text),
        )
    except RefusedError as err:
        problems.refused(err)
    return host, dict(_places(host, written))


def _body(written: Mapping[str, Variable], problems: Problems) -> Node:
    values = {}
    keys = {}
    for name, variable in written.items():
        place = variable.origin
        at = (place.file, place.line, place.column)
        values[name] = tree_of(variable.value, at)
        keys[name] = Scalar(at=at, text=name, plain=False)
        _refuse_unread(name, values[name], problems)
    return checked(MapNode(at=("", 0, 0), values=values, keys=keys), problems, schema=VARIABLES)


def _refuse_unread(name: str, value: Node, problems: Problems) -> None:
    for scalar in _scalars(value):
        if scalar.tag == VAULT:
            problems.error(scalar.origin, "is encrypted with vault", path=name)
        elif any(mark in scalar.text for mark in _TEMPLATES):
            message = "is a Jinja template, which Ozwald does not evaluate; write the value"
            problems.error(scalar.origin, message, path=name)


def _scalars(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
        return
    for part in node.items if isinstance(node, ListNode) else node.values.values():
        yield from _scalars(part)


def _places(host: Host, written: Mapping[str, Variable]) -> Iterator[tuple[str, Origin]]:
    if "ozwald_labels" in written:
        yield from ((f"labels.{key}", written["ozwald_labels"].origin) for key in host.labels)
    if "ozwald_reserve" in written:
        sizes = {"memory_bytes": host.reserve.memory_bytes, "vram_bytes": host.reserve.vram_bytes}
        yield from ((f"reserve.{key}", written["ozwald_reserve"].origin) for key, size in sizes.items() if size)
    if host.docker_socket:
        yield "docker_socket", written["ozwald_docker_socket"].origin
