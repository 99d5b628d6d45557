"""Where a text may stand, and how it is read there."""

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ozwald.errors import StateError
from ozwald.state.wanted import read_wanted
from tests.config.hostile.exercise import SECRET, exercise

Use = Callable[[], bool]
"""Loads what was written; whether it was taken."""

Place = Callable[[Path, bytes], Use]

_SERVICE = "realms: {{r: {{service-definitions: {{s: {{image: i, env_file: {0}}}}}}}}}\n"


def settings(folder: Path, content: bytes) -> Use:
    """The settings file itself."""
    _write(folder, {"settings.yml": content})
    return lambda: exercise(folder)


def inventory(name: str) -> Place:
    """An inventory of this name beside the settings."""

    def place(folder: Path, content: bytes) -> Use:
        _write(folder, {name: content})
        return lambda: exercise(folder, inventory=name)

    return place


def script(folder: Path, content: bytes) -> Use:
    """What an executable inventory prints."""
    _write(folder, {"printed": content, "script": b'#!/bin/sh\nexec cat "${0%/*}/printed"\n'})
    os.chmod(folder / "script", stat.S_IRWXU)
    return lambda: exercise(folder, inventory="script")


def dotenv(folder: Path, content: bytes) -> Use:
    """The file `.env` in the working directory."""
    _write(folder, {".env": content, "settings.yml": b"hosts: {h: {user: '$A0$A1$A19$A'}}\n"})
    return lambda: exercise(folder)


def env_file(options: str) -> Place:
    """An environment file of a service."""

    def place(folder: Path, content: bytes) -> Use:
        _write(folder, {"e.env": content, "settings.yml": _SERVICE.format(f"[{{path: e.env{options}}}]").encode()})
        return lambda: exercise(folder)

    return place


def variables(folder: Path, content: bytes) -> Use:
    """The variables of a group and of a host."""
    _write(folder, {"hosts.ini": b"[web]\nw[1:3]\n", "group_vars/web.yml": content, "host_vars/w1.json": content})
    return lambda: exercise(folder, inventory="hosts.ini")


def requests(folder: Path, content: bytes) -> Use:
    """A list of wanted instances."""
    _write(folder, {"wanted.yml": content})
    return lambda: exercise(folder, requests="wanted.yml")


def footprints(folder: Path, content: bytes) -> Use:
    """The book of footprints."""
    _write(folder, {"book.yml": content})
    return lambda: exercise(folder, book="book.yml")


def wanted(folder: Path, content: bytes) -> Use:
    """The wanted set in the data folder."""
    _write(folder, {"wanted.json": content})

    def use() -> bool:
        with suppress(StateError):
            return read_wanted(folder / "wanted.json") is not None
        return False

    return use


def _write(folder: Path, files: dict[str, bytes]) -> None:
    plain = {"settings.yml": b"realms: {r: {service-definitions: {s: {image: i}}}}\n"}
    plain[".env"] = f"A=a\nFROM_FILE='{SECRET}'\n".encode()
    for name, content in (plain | files).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


PLACES: dict[str, Place] = {
    "settings": settings,
    "inventory.yml": inventory("inventory.yml"),
    "inventory.ini": inventory("inventory.ini"),
    "inventory.json": inventory("inventory.json"),
    "inventory": inventory("hosts"),
    "script": script,
    ".env": dotenv,
    "env_file": env_file(""),
    "raw env_file": env_file(", format: raw"),
    "variables": variables,
    "requests": requests,
    "footprints": footprints,
    "wanted": wanted,
}
