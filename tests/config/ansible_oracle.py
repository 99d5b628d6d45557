"""Asks ansible-core about many inventories: one import, then a fork for each of them.

Its standard input is a JSON list of `{"sources": [PATH…], "patterns": [TEXT…]}`, its argument a folder. There it leaves
an answer `N.json` for each: `listing` is what `ansible-inventory --list` prints, or null where no source can be read;
`hosts` has for each pattern what `ansible PATTERN --list-hosts` does.
"""

import contextlib
import importlib
import json
import os
import random
import sys
from pathlib import Path
from typing import Any

ORDERS = 3
UNMATCHED = "Could not match supplied host pattern, ignoring: "


def main(folder: Path) -> None:
    cli = importlib.import_module("ansible.cli.inventory").InventoryCLI
    children = []
    for number, case in enumerate(json.load(sys.stdin)):
        child = os.fork()
        if child == 0:
            _answer_and_exit(cli, case, folder / f"{number}.json")
        children.append(child)
        # Two at a time.
        for ended in children[:-1]:
            os.waitpid(ended, 0)
        children = children[-1:]
    for ended in children:
        os.waitpid(ended, 0)


def _answer_and_exit(cli: Any, case: Any, file: Path) -> None:
    try:
        with open(os.devnull, "w") as nothing, contextlib.redirect_stderr(nothing):
            file.write_text(json.dumps(_answer(cli, case, file.with_suffix(".listing"))))
    except BaseException as err:
        file.write_text(json.dumps({"listing": None, "hosts": {}, "error": repr(err)}))
    finally:
        os._exit(0)


def _answer(cli: Any, case: Any, output: Path) -> dict[str, Any]:
    named = [word for source in case["sources"] for word in ("-i", source)]
    asked = cli(["ansible-inventory", *named, "--list", "--output", str(output)])
    with contextlib.suppress(SystemExit):
        asked.run()
    warned: list[str] = []
    importlib.import_module("ansible.inventory.manager").display.warning = lambda text, *_, **__: warned.append(text)
    hosts = {pattern: _hosts(cli, asked.inventory, pattern, warned) for pattern in case["patterns"]}
    return {"listing": json.loads(output.read_text()), "hosts": hosts}


def _hosts(cli: Any, inventory: Any, pattern: str, warned: list[str]) -> dict[str, Any]:
    """The hosts, or the error; `terms` are those that matched nothing, `settled` says that the order is no accident."""
    group = importlib.import_module("ansible.inventory.group").Group
    found = []
    # Ansible visits nested groups in the order of a set, that is of their hashes.
    for seed in range(ORDERS):
        hashes = {name: random.Random(f"{seed}{name}").randrange(64) for name in inventory.groups}
        group.__hash__ = lambda self, hashes=hashes: hashes[self.name]
        for entry in inventory.groups.values():
            entry._hosts_cache = None
        inventory.clear_pattern_cache()
        inventory._hosts_patterns_cache = {}
        warned.clear()
        found.append(_list_hosts(cli, inventory, pattern))
    unmatched = [text.removeprefix(UNMATCHED) for text in warned if text.startswith(UNMATCHED)]
    return found[0] | {"terms": unmatched, "settled": all(found[0] == other for other in found)}


def _list_hosts(cli: Any, inventory: Any, pattern: str) -> dict[str, Any]:
    try:
        return {"hosts": [str(host) for host in cli.get_host_list(inventory, None, pattern)], "error": ""}
    except Exception as err:
        return {"hosts": [], "error": str(err) or repr(err)}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
