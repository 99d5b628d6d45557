"""Runs cases in a process of their own, bounded in memory: `python -m tests.config.hostile mutations 0 2000`.

One case again: `… mutations 4711 4712`, or `… texts NAME`, `… specials NAME`; `texts` and `specials` alone run all.
"""

import argparse
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest.mock import patch

from ozwald.config import inventory_files
from ozwald.config.ansible.scripts import run_inventory
from tests.config.hostile import specials, texts
from tests.config.hostile.cases import mutation
from tests.config.hostile.exercise import exercise
from tests.config.hostile.inventories import DOTENV, INI, OURS
from tests.config.hostile.meter import bound_this_process, limits_for
from tests.config.hostile.places import PLACES, Use
from tests.config.hostile.tally import Tally

SETTINGS_TEXTS = {
    **texts.BOMBS,
    **texts.NESTS,
    **texts.TAGS,
    **texts.SIZES,
    **texts.SCALARS,
    **texts.VARIABLES,
    **texts.CHARACTERS,
    **OURS,
}
TEXTS = {
    **{f"yaml, {name}": ("settings", text) for name, text in SETTINGS_TEXTS.items()},
    **{f"ini, {name}": ("inventory.ini", text) for name, text in INI.items()},
    **{f"env, {name}": (".env", text) for name, text in DOTENV.items()},
}
SCRIPT_TIMEOUT_S = 0.4


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.config.hostile")
    parser.add_argument("what", choices=["mutations", "texts", "everywhere", "specials"])
    parser.add_argument("which", nargs="*", help="the first number and the one behind the last; or parts of names")
    arguments = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        # Whatever a file had executed would leave its mark here.
        os.chdir(folder)
        warm_up(Path(folder) / "first")
        bound_this_process()
        # What is there now need not be looked at when each case's remains are collected.
        gc.freeze()
        run = {"mutations": run_mutations, "texts": run_texts, "everywhere": run_everywhere, "specials": run_specials}
        run[arguments.what](tally, Path(folder), arguments.which)
    print(tally, file=sys.stderr)
    print(tally.to_json())


def warm_up(folder: Path) -> None:
    """Load everything that is loaded once: modules, schemas."""
    for number in range(40):
        folder.mkdir()
        case = mutation(number)
        case.write(folder)
        exercise(folder, inventory=case.inventory, requests=case.requests, book=case.book)
        shutil.rmtree(folder)


def run_mutations(tally: Tally, folder: Path, numbers: list[str]) -> None:
    for number in range(int(numbers[0]), int(numbers[1])):
        here = folder / "case"
        here.mkdir()
        case = mutation(number)
        case.write(here)
        use = partial(exercise, here, inventory=case.inventory, requests=case.requests, book=case.book)
        tally.take(case.name, use, folder=here)
        shutil.rmtree(here)


def run_texts(tally: Tally, folder: Path, names: list[str]) -> None:
    """Every text in the place it is made for."""
    for name, (place, text) in TEXTS.items():
        if not names or name in names:
            _run_text(tally, folder / "case", name, place, text().encode("utf-8", "surrogatepass"))


def run_everywhere(tally: Tally, folder: Path, names: list[str]) -> None:
    """Every text in every place, and what is in another encoding."""
    for name, (_, text) in TEXTS.items():
        if not names or name in names:
            content = text().encode("utf-8", "surrogatepass")
            for place in PLACES:
                _run_text(tally, folder / "case", f"{name} in {place}", place, content)
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-32-be", "utf-8-sig", "latin-1", "cp037"):
        for place in PLACES:
            content = "hosts: {é: }\n[web]\nh a=é\nA=é\n".encode(encoding)
            _run_text(tally, folder / "case", f"{encoding} in {place}", place, content)


def _run_text(tally: Tally, folder: Path, name: str, place: str, content: bytes) -> None:
    folder.mkdir()
    tally.take(name, PLACES[place](folder, content), folder=folder, limits=limits_for(content))
    shutil.rmtree(folder)


def run_specials(tally: Tally, folder: Path, names: list[str]) -> None:
    """What is no file, folders without end, and programs, which have less than their minute here."""
    impatient = partial(run_inventory, timeout_s=SCRIPT_TIMEOUT_S)
    with patch.object(inventory_files, "run_inventory", impatient):
        for name, use in _specials(folder):
            if not names or name in names:
                tally.take(name, use, folder=folder)


def _specials(folder: Path) -> Iterator[tuple[str, Use]]:
    for number, (name, make) in enumerate(specials.SPECIALS.items()):
        for place, use in specials.uses(folder / f"special-{number}", make).items():
            yield f"{name} as {place}", use
    for number, (name, make) in enumerate(specials.FOLDERS.items()):
        here = folder / f"folder-{number}"
        make(here)
        (here / "settings.yml").write_text("realms:\n")
        yield f"{name} in the inventory", partial(exercise, here)
        yield f"{name} named", partial(exercise, here, inventory="inventory")
    bodies = {name: f"#!/bin/sh\n{body}\n".encode() for name, body in specials.SCRIPTS.items()}
    for number, (name, content) in enumerate({**bodies, **specials.STARTS}.items()):
        yield f"a script: {name}", specials.program(folder / f"script-{number}", content)


if __name__ == "__main__":
    main()
