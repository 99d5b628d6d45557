"""Reads `env_file`: environment files of the controller."""

import os
from collections.abc import Mapping
from pathlib import Path

from ozwald.config.context import Context
from ozwald.config.dotenv import parse_dotenv
from ozwald.config.files import Source, read_source
from ozwald.config.nodes import MapNode, Node, Scalar
from ozwald.config.problems import RefusedError, whole_file
from ozwald.config.values import boolean, collect, field, listed, maybe, refuse, required, text
from ozwald.model.realm import Origin
from ozwald.model.service import EnvFile


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
    found = context.env_files.get((path, raw)) or _read(path, raw, context, above)
    if isinstance(found, EnvFile):
        return found
    if found.origin.line:
        raise RefusedError(found.origin, found.message, path=named.path) from found
    raise refuse(named, f"the environment file {found.message}") from found


def _read(path: Path, raw: bool, context: Context, above: Mapping[str, str]) -> EnvFile | RefusedError:
    """Read it, once for all services, unless its values may refer to those of one service."""
    found: EnvFile | RefusedError
    refers = False
    try:
        source = read_source(path, file=context.shown(path), problems=context.problems)
        refers = "$" in source.text
        found = _parsed(source, path, raw, context, above)
    except RefusedError as err:
        found = err
    if not refers:
        context.env_files[path, raw] = found
    return found


def _parsed(source: Source, path: Path, raw: bool, context: Context, above: Mapping[str, str]) -> EnvFile:
    """Values see the controller's variables, then what the service sets itself, then the files and lines above."""
    found = parse_dotenv(source, {**context.own, **context.variables}, above=above, raw=raw)
    context.problems.spend(len(found), whole_file(source.file))
    # A key without '=' passes the controller's own variable on, where there is one.
    passed = {key: context.variables.get(key) if entry.value is None else entry.value for key, entry in found.items()}
    return EnvFile(
        path=str(path),
        values={key: value for key, value in passed.items() if value is not None},
        origins={key: Origin(file=source.file, line=entry.line, column=1) for key, entry in found.items()},
    )
