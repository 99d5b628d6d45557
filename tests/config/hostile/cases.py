"""Turns a number into damaged files, always the same for the same number."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.config import mutations
from tests.config.hostile import seeds as kinds
from tests.config.hostile.exercise import SECRET
from tests.config.hostile.seeds import Seed, seeds
from tests.config.hostile.yaml_writer import Writer

WEIGHTS = {
    kinds.SETTINGS: 46,
    kinds.INVENTORY: 10,
    kinds.ANSIBLE: 20,
    kinds.DOTENV: 5,
    kinds.ENV_FILE: 5,
    kinds.VARIABLES: 7,
    kinds.REQUESTS: 7,
    kinds.FOOTPRINTS: 7,
}
# Of a tree's parts, how many are changed: a few, so that many files still load, or more.
SHARES = [0.002, 0.005, 0.01, 0.04]
TEXT_ONLY = (kinds.DOTENV, kinds.ENV_FILE)


@dataclass(frozen=True)
class Case:
    """Files to write, and what to load: settings, with an inventory, a list of requests or a book of footprints."""

    name: str
    files: dict[str, bytes]
    inventory: str | None = None
    requests: str | None = None
    book: str | None = None

    def write(self, folder: Path) -> None:
        """Put the files into an empty folder."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def mutation(number: int) -> Case:
    """The case of a number."""
    chance = random.Random(number)
    (kind,) = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
    seed, other = chance.choice(seeds()[kind]), chance.choice(seeds()[chance.choice(list(WEIGHTS))])
    way = chance.choice(TEXT_WAYS if kind in TEXT_ONLY or seed.name.endswith(".ini") else WAYS)
    content = way(seed, other, chance)
    files = {".env": f"A=a\nFROM_FILE='{SECRET}'\n".encode(), "settings.yml": b"realms:\n"}
    name = f"mutation {number} of {seed.name}"
    return _PLACES[kind](name, seed, content, files)


def _lines(seed: Seed, other: Seed, chance: random.Random) -> bytes:
    text = mutations.damaged_lines(_text(seed), _text(other), chance)
    return text.encode("utf-8", "surrogatepass")


def _block(seed: Seed, other: Seed, chance: random.Random) -> bytes:
    return mutations.moved_block(_text(seed), _text(other), chance).encode()


def _bytes(seed: Seed, other: Seed, chance: random.Random) -> bytes:
    return mutations.damaged_bytes(seed.content, other.content, chance)


def _tree(seed: Seed, other: Seed, chance: random.Random) -> bytes:
    value = mutations.reshaped(_value(seed), chance, share=chance.choice(SHARES))
    if seed.name.endswith(".json") or chance.random() < 0.1:
        return json.dumps(value, default=str).encode()
    return yaml.safe_dump(value, default_flow_style=None, allow_unicode=True).encode("utf-8", "surrogatepass")


def _odd_yaml(seed: Seed, other: Seed, chance: random.Random) -> bytes:
    value = mutations.reshaped(_value(seed), chance, share=chance.choice([0, *SHARES]))
    return Writer(chance).document(value).encode("utf-8", "surrogatepass")


def _text(seed: Seed) -> str:
    return seed.content.decode("utf-8", "replace")


def _value(seed: Seed) -> object:
    try:
        return yaml.load(_text(seed), Loader=_Plain)
    except yaml.YAMLError:
        return {"all": {"hosts": {"h": None}}}


class _Plain(yaml.CSafeLoader):
    """Reads dates and tags of others as text."""


for tag in (None, "tag:yaml.org,2002:timestamp"):
    _Plain.add_constructor(tag, lambda loader, node: str(node.value))

Way = Callable[[Seed, Seed, random.Random], bytes]
TEXT_WAYS: list[Way] = [_lines, _lines, _block, _bytes]
WAYS: list[Way] = [*TEXT_WAYS, _tree, _tree, _odd_yaml, _odd_yaml]


def _settings(name: str, seed: Seed, content: bytes, files: dict[str, bytes]) -> Case:
    return Case(name, {**files, "settings.yml": content})


def _inventory(name: str, seed: Seed, content: bytes, files: dict[str, bytes]) -> Case:
    return Case(name, {**files, seed.name: content}, inventory=seed.name)


def _dotenv(name: str, seed: Seed, content: bytes, files: dict[str, bytes]) -> Case:
    return Case(name, {**files, ".env": content})


def _env_file(name: str, seed: Seed, content: bytes, files: dict[str, bytes]) -> Case:
    settings = b"realms: {r: {service-definitions: {s: {image: i, env_file: [e.env, {path: e.env, format: raw}]}}}}"
    return Case(name, {**files, "settings.yml": settings, "e.env": content})


def _variables(name: str, seed: Seed, content: bytes, files: dict[str, bytes]) -> Case:
    files |= {"hosts.ini": b"[web]\nw[1:3] x=1\n", f"group_vars/web{Path(seed.name).suffix}": content}
    return Case(name, {**files, "host_vars/w1.yml": content}, inventory="hosts.ini")


def _requests(name: str, seed: Seed, content: bytes, files: dict[str, bytes]) -> Case:
    settings = next(seed.content for seed in seeds()[kinds.SETTINGS] if seed.name == "rich.yml")
    return Case(name, {**files, "settings.yml": settings, "wanted.yml": content}, requests="wanted.yml")


def _footprints(name: str, seed: Seed, content: bytes, files: dict[str, bytes]) -> Case:
    return Case(name, {**files, seed.name: content}, book=seed.name)


_PLACES: dict[str, Callable[[str, Seed, bytes, dict[str, bytes]], Case]] = {
    kinds.SETTINGS: _settings,
    kinds.INVENTORY: _inventory,
    kinds.ANSIBLE: _inventory,
    kinds.DOTENV: _dotenv,
    kinds.ENV_FILE: _env_file,
    kinds.VARIABLES: _variables,
    kinds.REQUESTS: _requests,
    kinds.FOOTPRINTS: _footprints,
}
