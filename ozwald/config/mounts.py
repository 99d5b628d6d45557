"""Reads `volumes`, short and long."""

import os
import posixpath
import re
from typing import Literal

from ozwald.config.context import Context
from ozwald.config.nodes import MapNode, Node
from ozwald.config.values import boolean, checked_path, field, maybe, refuse, required, size, text
from ozwald.model.service import Mount

_Kind = Literal["bind", "volume", "tmpfs"]
_KINDS: dict[str, _Kind] = {"bind": "bind", "volume": "volume", "tmpfs": "tmpfs"}
_VOLUME_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")
_PROPAGATIONS = frozenset(("private", "rprivate", "shared", "rshared", "slave", "rslave"))
_CONSISTENCIES = frozenset(("cached", "delegated", "consistent"))
_RELABELS = frozenset(("z", "Z"))
_MODES = _PROPAGATIONS | _RELABELS | {"ro", "rw", "nocopy"}


def mount(node: Node, context: Context) -> Mount:
    """One entry of `volumes`; raises RefusedError."""
    return _long(node, context) if isinstance(node, MapNode) else _short(node, context)


def _short(node: Node, context: Context) -> Mount:
    parts = text(node).split(":")
    if len(parts) > 3 or not all(parts):
        raise refuse(node, "must have the form SOURCE:TARGET[:MODE]")
    if len(parts) == 1:
        return Mount(type="volume", target=_target(parts[0], node))
    modes = _modes(parts[2], node, context) if len(parts) == 3 else []
    kind: _Kind = "bind" if parts[0][0] in "/.~$" else "volume"
    _check_modes(modes, kind, node)
    return Mount(
        type=kind,
        source=_source(parts[0], kind, node, context),
        on_controller=kind == "bind" and _is_on_controller(parts[0], context),
        target=_target(parts[1], node),
        read_only="ro" in modes,
        propagation=next((mode for mode in modes if mode in _PROPAGATIONS), None),
        nocopy="nocopy" in modes,
        selinux=next((mode for mode in modes if mode in _RELABELS), None),
    )


def _modes(written: str, node: Node, context: Context) -> list[str]:
    modes = written.split(",")
    if _CONSISTENCIES.intersection(modes):
        _say_without_effect("consistency", node, context)
    return [mode for mode in modes if mode not in _CONSISTENCIES]


def _say_without_effect(option: str, node: Node, context: Context) -> None:
    context.problems.warn(node.origin, f"{option!r} has no effect on Linux hosts", path=node.path)


def _check_modes(modes: list[str], kind: _Kind, node: Node) -> None:
    if not _MODES.issuperset(modes):
        raise refuse(node, f"has a mode that is not supported; known: {', '.join(sorted(_MODES))}")
    if any(len(one_of.intersection(modes)) > 1 for one_of in (_PROPAGATIONS, _RELABELS, {"ro", "rw"})):
        raise refuse(node, "has modes that contradict each other")
    if "nocopy" in modes and kind != "volume":
        raise refuse(node, "'nocopy' needs a volume's name as source")
    if _PROPAGATIONS.intersection(modes) and kind != "bind":
        raise refuse(node, "a propagation needs a path as source")


def _long(node: MapNode, context: Context) -> Mount:
    kind = _KINDS[required(node, "type", text)]
    source = maybe(node, "source", text)
    if kind == "bind" and not source:
        raise refuse(node, "a bind mount needs a 'source'")
    if kind == "tmpfs" and source:
        raise refuse(node, "a tmpfs mount has no 'source'")
    for option in _KINDS:
        if option != kind and field(node, option):
            raise refuse(node, f"the options {option!r} do not fit a mount of type {kind!r}")
    if field(node, "consistency"):
        _say_without_effect("consistency", node, context)
    options = field(node, kind) or MapNode(at=node.at)
    create = maybe(options, "create_host_path", boolean)
    if create is False and field(options, "selinux"):
        raise refuse(options, "the engine relabels only a path that it may create; leave out 'create_host_path'")
    return Mount(
        type=kind,
        source=_source(source, kind, node, context) if source else None,
        on_controller=kind == "bind" and source is not None and _is_on_controller(source, context),
        target=required(node, "target", lambda target: _target(text(target), target)),
        read_only=maybe(node, "read_only", boolean) or False,
        propagation=maybe(options, "propagation", text),
        create_host_path=create is not False,
        nocopy=maybe(options, "nocopy", boolean) or False,
        tmpfs_bytes=maybe(options, "size", size),
        tmpfs_mode=maybe(options, "mode", _mode),
        selinux=maybe(options, "selinux", text),
    )


def _mode(node: Node) -> int:
    """Permissions: text is octal, a number is what YAML made of it (`0o1777`)."""
    value = text(node)
    if re.fullmatch(r"0?[0-7]{3,4}", value):
        return int(value, 8)
    if re.fullmatch(r"0o[0-7]{1,4}", value):
        return int(value, 0)
    raise refuse(node, "must be octal permissions such as '1777'")


def _target(target: str, node: Node) -> str:
    if not target.startswith("/"):
        raise refuse(node, "the target must be an absolute path in the container")
    return "/" + posixpath.normpath(checked_path(target, node)).lstrip("/")


def _source(source: str, kind: _Kind, node: Node, context: Context) -> str:
    if kind == "volume":
        if not _VOLUME_NAME.fullmatch(source):
            raise refuse(node, "the source is neither a path, which begins with '/' or './', nor the name of a volume")
        return source
    if source.startswith("~"):
        raise refuse(node, "'~' has no meaning on a remote host; write the absolute path")
    checked_path(source, node)
    path = _path(source, context)
    if _is_on_controller(source, context) and not os.path.exists(path):
        context.problems.warn(node.origin, "the source is not there", path=node.path)
    return path


def _path(source: str, context: Context) -> str:
    return os.path.normpath(os.path.join(context.folder, source))


def _is_on_controller(source: str, context: Context) -> bool:
    """Whether a bind source is relative or beside the settings, so that it is not meant as the host's own."""
    folder = str(context.folder)
    beside = folder != "/" and f"{_path(source, context)}/".startswith(f"{folder}/")
    return beside or not source.startswith("/")
