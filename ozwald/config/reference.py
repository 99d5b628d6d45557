"""The reference of the settings and the inventory, as Markdown made from the schemas."""

import json
from collections.abc import Iterator
from typing import Any

from ozwald.config.ansible.own_variables import VARIABLES
from ozwald.config.files import MAX_FILE_BYTES
from ozwald.config.interpolate import MAX_EXPANDED, MAX_TEXT
from ozwald.config.problems import MOST_PROBLEMS, MOST_VALUES
from ozwald.config.schema_files import INVENTORY, SETTINGS, load_schema, spellings
from ozwald.config.yaml_source import MAX_DEPTH, MAX_KEY

_NOTE = "<!-- Made from the schemas by `python -m ozwald.config.reference`: change them, not this file. -->"
_LARGE = 72
_KINDS = {
    "object": "map",
    "array": "list",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
}
_INTRODUCTIONS = {
    SETTINGS: """\
The settings file is YAML 1.2: `no` and `22:22` are text, a key may stand once. Every key with more than one
word may be written with dashes or underscores, keys that begin with `x-` are yours, and a key without a value
is empty. Values may use `${VAR}`, `${VAR:-default}`, `${VAR:?why}` and `$$` as in Compose;
`${SETTINGS_FILE_DIR}` is always there. Variables come from the environment, then from `.env` in the working
directory.

`ozwald validate` reads everything and shows all that is wrong, each with its place.""",
    INVENTORY: """\
The inventory says which machines there are. This is Ozwald's own form, which may also stand in the settings
file; an Ansible inventory (YAML, INI, script or JSON) works as it is.""",
}
_ENDINGS = {
    SETTINGS: f"""\
## Limits

So that no file keeps Ozwald busy or fills its memory,

- a file is UTF-8 text of at most {MAX_FILE_BYTES // 1024**2} MiB;
- a value has at most {MAX_TEXT // 1024} KiB, a key {MAX_KEY:,} characters; they lie {MAX_DEPTH} levels deep at most;
- the settings, the inventory and the files they name hold at most {MOST_VALUES:,} values together, counting
  what aliases, ranges and groups make of them: half as much again as a thousand hosts and two thousand rich
  services need;
- variables make at most {MAX_EXPANDED // 1024**2} MiB of text;
- the first {MOST_PROBLEMS:,} errors are shown.
""",
    INVENTORY: """\
## Ansible inventories

An Ansible inventory is read as it is: YAML (1.1, as Ansible reads it), INI, an executable or a `.json` file
in the form of `--list`, with children, ranges, `group_vars` and `host_vars`, `ansible_group_priority` and
Ansible's order of precedence. A folder named by `--inventory`, `OZWALD_INVENTORY` or `inventory:` counts
with its sub-folders, the default `inventory/` without. A YAML file with a top-level key `hosts`, `groups`
or `provisioners` is Ozwald's form.

| variable | becomes |
|---|---|
| `ansible_host`, `ansible_port`, `ansible_user` | `address`, `port`, `user` |
| `ansible_private_key_file`, `ansible_ssh_private_key_file` | `identity_file` |
| `ansible_connection` | `connection`; without it, `local` for the name `localhost`, else `ssh` |
| `ansible_become` | `become`, with the method `sudo` and the user `root` |
| `ansible_ssh_common_args` | `jump`, from `-o ProxyJump=HOST` or `-J HOST` |

In these variables a vault secret, a Jinja template, another kind of connection, ProxyCommand and any other
ssh option are errors that name the variable and its place; put ssh options into `~/.ssh/config`. Elsewhere
templates stay text and vault secrets stay closed. Files that are encrypted as a whole, TOML and inventory
plugins are errors.

`ozwald inventory --host NAME` shows what a host has, and in which line of which file it is written. Which names
hosts may have, and how commands name them, stands in [patterns](patterns.md).
""",
}
_TITLES = {SETTINGS: "Settings", INVENTORY: "Inventory"}
_OWN_VARIABLES = """\
They are checked like the keys of a host. As with every variable, the one that wins replaces the others whole:
labels of a group and of its host are not merged. Of another variable that begins with `ozwald_` Ozwald says
that it does not read it, and keeps it.
"""


def reference(name: str) -> str:
    """The Markdown page of one schema."""
    parts = [f"# {_TITLES[name]}", "", _NOTE, "", _INTRODUCTIONS[name], "", *_sections(name), _ENDINGS[name]]
    if name == INVENTORY:
        parts += _section("Variables of Ozwald", load_schema(VARIABLES), VARIABLES)
        parts.append(_OWN_VARIABLES)
    return "\n".join(parts).rstrip("\n") + "\n"


def _sections(name: str) -> Iterator[str]:
    schema = load_schema(name)
    yield from _section("The file", schema, name)
    for key, part in schema["$defs"].items():
        if part.get("properties") and not key.endswith("_item"):
            yield from _section(key.capitalize(), part, name)


def _section(title: str, schema: dict[str, Any], file: str) -> Iterator[str]:
    yield from (f"## {title}", "", schema["description"], "")
    others = spellings(schema["properties"])
    shared = [key for key, part in schema["properties"].items() if _is_shared(part) and key not in others]
    own = {key: part for key, part in schema["properties"].items() if not _is_shared(part)}
    yield from _table("", own, file)
    if shared:
        yield from ("", "Also every key of a [layer](#layer).")
    yield ""


def _is_shared(part: dict[str, Any]) -> bool:
    return "/layer/properties/" in part.get("$ref", "")


def _table(prefix: str, properties: dict[str, Any], file: str) -> Iterator[str]:
    yield from ("| key | value | meaning | example |", "|---|---|---|---|")
    yield from _rows(prefix, properties, file)


def _rows(prefix: str, properties: dict[str, Any], file: str) -> Iterator[str]:
    others = spellings(properties)
    for key, written in properties.items():
        if key in others:
            continue
        part = _followed(written, file)
        example = _code(part["examples"][0])
        yield f"| `{prefix}{key}` | {_kind(part)} | {part['description']} | {example} |"
        for inner_prefix, inner in _inner(f"{prefix}{key}", part):
            yield from _rows(inner_prefix, inner, file)


def _inner(key: str, part: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The keys below one, written in place; those of a definition of its own have their own section."""
    if "properties" in part:
        yield f"{key}.", part["properties"]
    for below, mark in (("items", "[]."), ("additionalProperties", ".NAME.")):
        if isinstance(part.get(below), dict) and "properties" in part[below]:
            yield f"{key}{mark}", part[below]["properties"]


def _followed(part: dict[str, Any], file: str) -> dict[str, Any]:
    if "$ref" not in part:
        return part
    name, _, pointer = part["$ref"].partition("#")
    found: Any = load_schema(name or file)
    for step in pointer.strip("/").split("/"):
        found = found[step]
    return dict(found)


def _kind(part: dict[str, Any]) -> str:
    if "enum" in part:
        return ", ".join(f"`{word}`" for word in part["enum"] if word is not None)
    types = part.get("type", [])
    types = [types] if isinstance(types, str) else types
    # What takes any text also takes a word that looks like a number.
    looks = ("number", "boolean") if "boolean" in types and "string" in types else ()
    return " or ".join(_KINDS[kind] for kind in types if kind not in ("null", *looks)) or "anything"


def _code(example: object) -> str:
    text = json.dumps(example, ensure_ascii=False).replace("|", "\\|")
    return f"`{text}`" if len(text) <= _LARGE else ""


def main() -> None:
    """Write the pages into `docs/` of the working directory."""
    from pathlib import Path

    for name, title in _TITLES.items():
        Path("docs", f"{title.lower()}.md").write_text(reference(name), encoding="utf-8")


if __name__ == "__main__":
    main()
