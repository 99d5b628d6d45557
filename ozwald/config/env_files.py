"""Reads `env_file`: environment files of the controller."""

import os
from pathlib import Path

from ozwald.config.context import Context
from ozwald.config.dotenv import parse_dotenv
from ozwald.config.files import read_source
from ozwald.config.nodes import MapNode, Node, Scalar
from ozwald.config.problems import RefusedError
from ozwald.config.values import boolean, collect, field, listed, maybe, refuse, required, text
from ozwald.model.service import EnvFile, Origin


def env_files(node: Node, context: Context) -> tuple[EnvFile, ...]:
    """The files of one `env_file`, read; optional ones that do not exist are left out."""
    nodes = (node,) if isinstance(node, Scalar) else listed(node)
    return tuple(file for file in collect(lambda item: _env_file(item, context), nodes, context.problems) if file)


def _env_file(node: Node, context: Context) -> EnvFile | None:
    named = required(node, "path", lambda path: path) if isinstance(node, MapNode) else node
    needed = field(node, "required")
    path = Path(context.folder, text(named))
    if needed and not boolean(needed) and not os.path.exists(path):
        return None
    return _kept(path, named, maybe(node, "format", text) == "raw", context)


def _kept(path: Path, named: Node, raw: bool, context: Context) -> EnvFile:
    if (path, raw) not in context.env_files:
        context.env_files[path, raw] = _read(path, named, raw, context)
    return context.env_files[path, raw]


def _read(path: Path, named: Node, raw: bool, context: Context) -> EnvFile:
    shown = context.shown(path)
    try:
        found = parse_dotenv(read_source(path, file=shown, problems=context.problems), context.variables, raw=raw)
    except RefusedError as err:
        if err.origin.line:
            raise RefusedError(err.origin, err.message, path=named.path) from err
        raise refuse(named, f"the environment file {err.message}") from err
    # A key without '=' passes the controller's own variable on, where there is one.
    passed = {key: context.variables.get(key) if entry.value is None else entry.value for key, entry in found.items()}
    return EnvFile(
        path=str(path),
        values={key: value for key, value in passed.items() if value is not None},
        origins={key: Origin(file=shown, line=entry.line, column=1) for key, entry in found.items()},
    )
