"""Makes Ansible inventories at random: folders with files of every form, nested groups, variables at every place."""

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GROUPS = ("web", "db", "gpu", "a-b", "x.y", "h2", "site")
HOSTS = ("h1", "h2", "h3", "h4", "h5", "box[1:3]", "10.0.0.[1:2]", "n-[a:c].lan", "h6:2222", "::1", "localhost", "web")
VARIABLES = ("x", "y", "z", "list")
VALUES = (1, "1", 1.5, True, None, "text", "a b", ["a", 1], {"k": 2}, "a=b", "#no", "{{ x }}")


@dataclass(kw_only=True)
class Group:
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    children: list[str] = field(default_factory=list)
    vars: dict[str, Any] = field(default_factory=dict)


def write_inventory(chance: random.Random, folder: Path) -> None:
    """Write one into a folder."""
    folder.mkdir()
    names = list(GROUPS)
    chance.shuffle(names)
    for number in range(chance.choice((1, 1, 2, 3))):
        form = chance.choice(tuple(FORMS))
        path = folder / f"{number}{form}"
        path.write_text(FORMS[form](_groups(chance, names)))
        if form == "":
            path.chmod(0o755)
    for kind, entities in (
        ("group_vars", ("all", "ungrouped", *GROUPS)),
        ("host_vars", ("h1", "h2", "box1", "n-a.lan")),
    ):
        for entity in chance.sample(entities, chance.choice((0, 1, 2))):
            _write_variables(chance, folder / kind, entity)


def _groups(chance: random.Random, names: list[str]) -> dict[str, Group]:
    """Some of the groups; each has children from behind it only, so that there are no circles."""
    chosen = [name for name in names if chance.random() < 0.5]
    found = {name: _group(chance, chosen[at + 1 :]) for at, name in enumerate(chosen)}
    for name in ("ungrouped", "all"):
        if chance.random() < 0.6:
            found[name] = _group(chance, chosen if name == "all" or chance.random() < 0.3 else [])
    found = found or {names[0]: Group()}
    order = list(found)
    chance.shuffle(order)
    return {name: found[name] for name in order}


def _group(chance: random.Random, below: list[str]) -> Group:
    hosts = chance.sample(HOSTS, chance.choice((0, 0, 1, 2, 3)))
    children = chance.sample(below, min(len(below), chance.choice((0, 0, 1, 2))))
    group = Group(hosts={host: _variables(chance) for host in hosts}, children=children, vars=_variables(chance))
    if chance.random() < 0.2:
        group.vars["ansible_group_priority"] = chance.choice((0, 2, 10, -1))
    return group


def _variables(chance: random.Random) -> dict[str, Any]:
    return {name: chance.choice(VALUES) for name in chance.sample(VARIABLES, chance.choice((0, 0, 1, 2)))}


def _write_variables(chance: random.Random, folder: Path, entity: str) -> None:
    suffix = chance.choice(("", ".yml", ".yaml", ".json", ".txt"))
    path = folder / f"{entity}{suffix}"
    if chance.random() < 0.3:
        path = folder / entity / chance.choice(("b.yml", "a", "sub/c.json", ".hidden", "old~", "d.ini"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(_variables(chance)))


def _as_yaml(groups: Mapping[str, Group]) -> str:
    return json.dumps(
        {
            name: {"hosts": group.hosts, "children": dict.fromkeys(group.children), "vars": group.vars}
            for name, group in groups.items()
        }
    )


def _as_nested_yaml(groups: Mapping[str, Group]) -> str:
    def body(name: str) -> dict[str, Any]:
        group = groups[name]
        children = {child: body(child) for child in group.children}
        return {"children": children, "hosts": {host: found or None for host, found in group.hosts.items()}}

    nested = {child for group in groups.values() for child in group.children}
    tops: dict[str, Any] = {name: body(name) for name in groups if name not in nested}
    return json.dumps(tops | {name: {"vars": groups[name].vars} for name in list(tops)[:1]})


def _as_ini(groups: Mapping[str, Group]) -> str:
    lines = []
    for name, group in groups.items():
        lines += [f"[{name}]", *(f"{host} {_words(found)}" for host, found in group.hosts.items()), ""]
        lines += [f"[{name}:children]", *group.children] if group.children else []
        lines += [f"[{name}:vars]", *(f"{key} = {_literal(value)}" for key, value in group.vars.items())]
    return "\n".join(lines)


def _words(variables: Mapping[str, Any]) -> str:
    return " ".join(f'''{name}="{_literal(value)}"''' for name, value in variables.items())


def _literal(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def _as_script(groups: Mapping[str, Group]) -> str:
    listed = {
        name: {"hosts": list(group.hosts), "children": group.children, "vars": group.vars}
        for name, group in groups.items()
    }
    hostvars = {host: found for group in groups.values() for host, found in group.hosts.items()}
    return f"#!/bin/sh\ncat <<'END'\n{json.dumps(listed | {'_meta': {'hostvars': hostvars}})}\nEND\n"


FORMS = {".yml": _as_yaml, ".yaml": _as_nested_yaml, ".ini": _as_ini, "": _as_script, ".json": _as_yaml}
