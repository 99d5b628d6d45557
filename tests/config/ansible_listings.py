"""Runs the real `ansible-inventory --list` on many sources: one import, a fork for each."""

import contextlib
import importlib
import json
import os
import sys
from pathlib import Path

# Between the sources of one inventory.
SEPARATOR = "::"


def main(sources: list[str], folder: str) -> None:
    cli = importlib.import_module("ansible.cli.inventory").InventoryCLI
    children = {}
    for number, source in enumerate(sources):
        child = os.fork()
        if child == 0:
            _list(cli, source, Path(folder, f"{number}.json"))
        children[child] = source
    failed = [source for child, source in children.items() if os.waitpid(child, 0)[1]]
    print(json.dumps(failed))


def _list(cli: type, source: str, output: Path) -> None:
    status = 1
    try:
        with open(os.devnull, "w") as nothing, contextlib.redirect_stderr(nothing):
            named = [word for part in source.split(SEPARATOR) for word in ("-i", part)]
            cli(["ansible-inventory", *named, "--list", "--output", str(output)]).run()
    except SystemExit as end:
        status = int(end.code or 0)
    finally:
        os._exit(status)


if __name__ == "__main__":
    main(sys.argv[2:], sys.argv[1])
