"""Reads a file that lists the wanted instances."""

from dataclasses import dataclass
from pathlib import Path

from ozwald.config.files import read_source
from ozwald.config.nodes import MapNode, Node, Scalar, is_null
from ozwald.config.problems import Problems, RefusedError, whole_file
from ozwald.config.schema import checked
from ozwald.config.schema_files import REQUESTS
from ozwald.config.values import listed, maybe, required, text
from ozwald.config.yaml_source import compose


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRequest:
    """One entry in its parts, nothing looked up yet."""

    name: str
    service: str | None = None
    realm: str | None = None
    variety: str | None = None
    profile: str | None = None
    host: str | None = None


def read_requests(path: Path) -> list[str | WrittenRequest]:
    """The entries of a YAML or JSON list, each a spec or its parts.

    Raises:
        SettingsError: the file cannot be read or has another shape; every problem with its place.
    """
    problems = Problems()
    entries: list[str | WrittenRequest] = []
    try:
        node = compose(read_source(path, file=str(path), problems=problems), problems)
        if node is None or is_null(node):
            problems.error(whole_file(str(path)), "is empty; write [] for nothing at all")
        else:
            entries = [_entry(item) for item in listed(checked(node, problems, schema=REQUESTS))]
    except RefusedError as err:
        problems.error(err.origin, err.message, path=err.path)
    problems.raise_if_any()
    return entries


def _entry(node: Node) -> str | WrittenRequest:
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
