"""Reads `security_opt`, with the seccomp profiles that it names."""

import json
from pathlib import Path

from ozwald.config.context import Context
from ozwald.config.files import read_source
from ozwald.config.json_source import json_value
from ozwald.config.nodes import Node
from ozwald.config.problems import RefusedError
from ozwald.config.values import listed, refuse, text

_ENGINES_OWN = ("unconfined", "builtin")


def security_opt(node: Node, context: Context) -> tuple[str, ...]:
    """The options for the engine, which wants a seccomp profile itself and not the file it is in."""
    return tuple(_option(item, context) for item in listed(node))


def _option(node: Node, context: Context) -> str:
    written = text(node)
    name, _, value = written.partition("=" if "=" in written else ":")
    if name != "seccomp" or value in _ENGINES_OWN:
        return written
    path = Path(context.folder, context.home(value))
    shown = context.shown(path)
    try:
        source = read_source(path, file=shown, problems=context.problems)
        profile = json_value(source.text, shown, context.problems)
    except RefusedError as err:
        raise refuse(node, f"the seccomp profile {err.message}") from err
    return f"seccomp={json.dumps(profile, ensure_ascii=False, separators=(',', ':'))}"
