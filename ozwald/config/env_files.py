"""Reads `env_file`: environment files of the controller."""

import os
from collections.abc import Mapping
from pathlib import Path

from ozwald.config.context import Context
from ozwald.config.dotenv import parse_dotenv
from ozwald.config.files import Source, read_source
from ozwald.config.nodes import MapNode, Node, Scalar
from ozwald.config.problems import RefusedError
from ozwald.config.values import boolean, collect, field, listed, maybe, refuse, required, text
from ozwald.model.service import EnvFile, Origin


def env_files(node: Node, context: Context) -> tuple[EnvFile, ...]:
    """The files of one `env_file`, read in order; optional ones that do not exist are left out."""
    nodes = (node,) if isinstance(node, Scalar) else listed(node)
    above: dict[str, str] = {}
    found = collect(lambda item: _env_file(item, context, above), nodes, context.problems)
    return tuple(file for file in found if file)


def _env_file(node: Node, context: Context, above: dict[str, str]) -> EnvFile | None:
    named = required(node, "path", lambda path: path) if isinstance(node, MapNode) else node
    needed = field(node, "required")
    path = Path(context.folder, context.home(text(named)))
    if needed and not boolean(needed) and not os.path.exists(path):
        return None
    file = _kept(path, named, maybe(node, "format", text) == "raw", context, above)
    above.update(file.values)
    return file


def _kept(path: Path, named: Node, raw: bool, context: Context, above: Mapping[str, str]) -> EnvFile:
    """Read once for all services, unless its values may refer to those of one service."""
    if (path, raw) in context.env_files:
        return context.env_files[path, raw]
    shown = context.shown(path)
    try:
        source = read_source(path, file=shown, problems=context.problems)
        file = _parsed(source, path, raw, context, above)
    except RefusedError as err:
        if err.origin.line:
            raise RefusedError(err.origin, err.message, path=named.path) from err
        raise refuse(named, f"the environment file {err.message}") from err
    if "$" not in source.text:
        context.env_files[path, raw] = file
    return file


def _parsed(source: Source, path: Path, raw: bool, context: Context, above: Mapping[str, str]) -> EnvFile:
    """Values see the controller's variables, then what the service sets itself, then the files and lines above."""
    found = parse_dotenv(source, {**context.own, **context.variables}, above=above, raw=raw)
    # A key without '=' passes the controller's own variable on, where there is one.
    passed = {key: context.variables.get(key) if entry.value is None else entry.value for key, entry in found.items()}
    return EnvFile(
        path=str(path),
        values={key: value for key, value in passed.items() if value is not None},
        origins={key: Origin(file=source.file, line=entry.line, column=1) for key, entry in found.items()},
    )
