"""Reads a file that lists the wanted instances."""

from pathlib import Path
from typing import BinaryIO

from ozwald.config.files import MAX_FILE_BYTES, Source, decode, read_source
from ozwald.config.nodes import MapNode, Node, Scalar, is_null
from ozwald.config.problems import Problems, RefusedError, whole_file
from ozwald.config.schema import checked
from ozwald.config.schema_files import REQUESTS
from ozwald.config.values import listed, maybe, required, text
from ozwald.config.yaml_source import compose
from ozwald.model.request import WrittenRequest

STANDARD_INPUT = "-"


def read_requests(path: Path, *, given: BinaryIO | None = None) -> list[str | WrittenRequest]:
    """The entries of a YAML or JSON list, each a spec or its parts; `-` is what is `given` on standard input.

    Raises:
        SettingsError: the file cannot be read or has another shape; every problem with its place.
    """
    problems = Problems()
    entries: list[str | WrittenRequest] = []
    try:
        node = compose(_source(path, given, problems), problems)
        if node is None or is_null(node):
            problems.error(whole_file(_name(path)), "is empty; write [] for nothing at all")
        else:
            entries = [written_request(item) for item in listed(checked(node, problems, schema=REQUESTS))]
    except RefusedError as err:
        problems.error(err.origin, err.message, path=err.path)
    problems.raise_if_any()
    return entries


def _name(path: Path) -> str:
    return "standard input" if str(path) == STANDARD_INPUT else str(path)


def _source(path: Path, given: BinaryIO | None, problems: Problems) -> Source:
    if given is None or str(path) != STANDARD_INPUT:
        return read_source(path, file=str(path), problems=problems)
    content = given.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise RefusedError(whole_file(_name(path)), f"is larger than {MAX_FILE_BYTES // 1024**2} MiB")
    return decode(content, file=_name(path))


def written_request(node: Node) -> str | WrittenRequest:
    """One entry of such a list; raises RefusedError."""
    if isinstance(node, Scalar):
        return node.text
    assert isinstance(node, MapNode)
    return WrittenRequest(
        name=required(node, "name", text),
        service=maybe(node, "service", text),
        realm=maybe(node, "realm", text),
        variety=maybe(node, "variety", text),
        profile=maybe(node, "profile", text),
        host=maybe(node, "host", text),
    )
