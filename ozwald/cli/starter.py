"""The files that `ozwald init` writes, as text."""

import re
import secrets
from collections.abc import Sequence
from importlib import resources
from string import Template

from ozwald.model.resources import HostResources

_NAME = re.compile(r"(?!.*--)[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def settings_text() -> str:
    """A settings file to change."""
    return _template("settings.yml").template


def inventory_text(local: HostResources | None, chosen: Sequence[str], offered: Sequence[str]) -> str:
    """An inventory: this machine when it has Docker, the hosts that were chosen, and the others as comments."""
    entries = [_entry(name) for name in chosen]
    if local is not None and local.docker is not None:
        cards = ", ".join(gpu.name for gpu in local.gpus) or "no GPU"
        entries.insert(
            0, f"  # this machine: Docker {local.docker.version}, {cards}\n" + _entry("localhost", "127.0.0.1")
        )
    others = [name for name in offered if name not in chosen]
    if not entries:
        others = others or ["gpu1"]
    if others:
        entries.append("  # These could be added:\n" + "".join(_commented(_entry(name)) for name in others))
    return _template("inventory.yml").substitute(hosts="".join(entries))


def environment_text() -> str:
    """A `.env` with a fresh key of 256 bits."""
    return _template("env").substitute(key=secrets.token_urlsafe(32))


def usable(names: Sequence[str]) -> list[str]:
    """Those of ssh_config's names that can be host names here."""
    return [name for name in names if _NAME.fullmatch(name)]


def _entry(name: str, address: str | None = None) -> str:
    return f"  - name: {name}\n    ip: {address or name}\n"


def _commented(text: str) -> str:
    return "".join(f"  # {line[2:]}\n" for line in text.splitlines())


def _template(name: str) -> Template:
    return Template(resources.files("ozwald.cli").joinpath("templates", name).read_text("utf-8"))
