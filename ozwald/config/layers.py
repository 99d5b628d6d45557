"""Reads the keys that a definition, a variety and a profile share into a Layer."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from ozwald.config.compose_keys import depends_on, extra_hosts, healthcheck, networks, ulimits
from ozwald.config.context import Context
from ozwald.config.devices import devices
from ozwald.config.env_files import env_files
from ozwald.config.mounts import mount
from ozwald.config.nodes import MapNode, Node, is_null
from ozwald.config.own_keys import bridge_connector, footprint, requires, start_time
from ozwald.config.ports import ports
from ozwald.config.problems import Problems, RefusedError
from ozwald.config.security import security_opt
from ozwald.config.values import (
    boolean,
    collect,
    duration,
    integer,
    key_values,
    listed,
    number,
    path,
    refuse,
    size,
    text,
    text_or_texts,
    texts,
    words,
)
from ozwald.model.realm import Layer, Origin
from ozwald.model.service import Mount, Port, Pull

_OWN_LABELS = "ozwald."
_UNUSED = ("replicas", "bridge-connector")


def read_layer(body: Node, context: Context, *, inherits: bool = False) -> Layer:
    """The layer that a checked body sets; what cannot be read becomes a problem.

    With `inherits` it lies over others.
    """
    values: dict[str, Any] = {}
    origins: dict[tuple[str, ...], Origin] = {}
    if not isinstance(body, MapNode):
        return Layer()
    _name_what_is_unused(body, context)
    context = replace(context, inherits=inherits, own=_own_environment(body, context))
    for key, node in body.values.items():
        if key not in _READERS and key not in _ITEM_READERS:
            continue
        field = key.replace("-", "_")
        origins[(field,)] = body.keys[key].origin
        try:
            values[field] = None if is_null(node) else _read(key, node, context, origins)
        except RefusedError as err:
            context.problems.refused(err)
    return Layer(values=values, origins=origins)


def _read(key: str, node: Node, context: Context, origins: dict[tuple[str, ...], Origin]) -> Any:
    """The value of a key; the places of its parts, where the layers are merged by them, go into `origins`."""
    if key == "volumes":
        return tuple({mount.key: mount for mount in _items(key, node, context, origins)}.values())
    if key in _ITEM_READERS:
        return tuple(dict.fromkeys(_items(key, node, context, origins)))
    if key in _MAPS:
        origins.update(_key_origins(key, node))
    return _READERS[key](node, context)


def _items(key: str, node: Node, context: Context, origins: dict[tuple[str, ...], Origin]) -> Iterator[Any]:
    for item in listed(node):
        for read in collect(lambda item: _ITEM_READERS[key](item, context), (item,), context.problems):
            for part in read:
                origins[(key, part if isinstance(part, str) else part.key)] = item.origin
                yield part


def _name_what_is_unused(body: MapNode, context: Context) -> None:
    for key in _UNUSED:
        if key in body.values:
            place = body.keys[key]
            context.problems.warn(place.origin, f"{place.text!r} has no effect yet", path=body.values[key].path)


def _key_origins(key: str, node: Node) -> dict[tuple[str, ...], Origin]:
    if isinstance(node, MapNode):
        return {(key, name): node.keys[name].origin for name in node.values}
    return {(key, text(item).partition("=")[0]): item.origin for item in listed(node)}


def _own_environment(body: MapNode, context: Context) -> dict[str, str]:
    """What the environment files of the same layer may refer to."""
    node = body.values.get("environment")
    if "env_file" not in body.values or node is None:
        return {}
    try:
        found = _environment(node, replace(context, problems=Problems()))
    except RefusedError:
        return {}
    return {key: value for key, value in found.items() if value is not None}


def _environment(node: Node, context: Context) -> dict[str, str | None]:
    """Without others below, a key without a value passes the controller's variable on, as in Compose."""
    found = key_values(node, context.variables.get)
    for key in found:
        if key != key.rstrip():
            raise refuse(node, "a variable's name ends with a blank")
    if context.inherits:
        return found
    return {key: context.variables.get(key) if value is None else value for key, value in found.items()}


def _labels(node: Node, context: Context) -> dict[str, str | None]:
    for (_, label), origin in _key_origins("labels", node).items():
        if label.startswith(_OWN_LABELS):
            raise RefusedError(origin, f"labels that begin with {_OWN_LABELS!r} are Ozwald's own", path=node.path)
    found = key_values(node, lambda _: "")
    return found if context.inherits else {key: value or "" for key, value in found.items()}


def _properties(node: Node, context: Context) -> dict[str, str | None]:
    return key_values(node, lambda _: None)


def _pull_policy(node: Node, context: Context) -> Pull:
    return Pull("missing" if text(node) == "if_not_present" else text(node))


def _different(read: Callable[[Node], tuple[str, ...]]) -> Callable[[Node], tuple[str, ...]]:
    return lambda node: tuple(dict.fromkeys(read(node)))


def _plain(read: Callable[[Node], Any]) -> Callable[[Node, Context], Any]:
    return lambda node, context: read(node)


_READERS: dict[str, Callable[[Node, Context], Any]] = {
    **dict.fromkeys(("image", "restart", "ipc", "pid", "user", "runtime"), _plain(text)),
    "working_dir": _plain(path),
    **dict.fromkeys(("group_add", "cap_add", "cap_drop"), _plain(_different(texts))),
    **dict.fromkeys(("command", "entrypoint"), _plain(words)),
    **dict.fromkeys(("shm_size", "mem_limit"), _plain(size)),
    **dict.fromkeys(("init", "read_only"), _plain(boolean)),
    "tmpfs": _plain(_different(text_or_texts)),
    "stop_grace_period": _plain(duration),
    "cpus": _plain(number),
    **dict.fromkeys(("start_stall_s", "start_timeout_s"), _plain(start_time)),
    "pull_policy": _pull_policy,
    "environment": _environment,
    "labels": _labels,
    "properties": _properties,
    "env_file": env_files,
    "security_opt": security_opt,
    "healthcheck": healthcheck,
    "depends_on": depends_on,
    "networks": networks,
    "ulimits": ulimits,
    "devices": devices,
    "extra_hosts": extra_hosts,
    "requires": requires,
    "footprint": footprint,
    "bridge-connector": bridge_connector,
    "replicas": _plain(integer),
}
_ITEM_READERS: dict[str, Callable[[Node, Context], Iterable[Mount | Port | str]]] = {
    "volumes": lambda node, context: (mount(node, context),),
    "ports": ports,
    "lockers": lambda node, context: (text(node),),
}
_MAPS = ("environment", "labels", "properties", "networks", "depends_on", "ulimits", "footprint")
