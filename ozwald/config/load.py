"""Finds, reads and checks the settings and the inventory: the one door of this room."""

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ozwald.config.context import Context
from ozwald.config.dotenv import parse_dotenv
from ozwald.config.files import read_source
from ozwald.config.hierarchy import build_inventory
from ozwald.config.interpolate import Interpolation
from ozwald.config.inventory import read_inventory
from ozwald.config.inventory_files import InventoryReader
from ozwald.config.nodes import MapNode, Node, is_null
from ozwald.config.problems import Problems, RefusedError, shown, whole_file
from ozwald.config.schema import checked
from ozwald.config.schema_files import SETTINGS
from ozwald.config.settings import read_realms
from ozwald.config.sources import Places
from ozwald.config.values import field, text_or_texts
from ozwald.config.yaml_source import compose
from ozwald.errors import Problem, SettingsError
from ozwald.model.settings import Settings

SETTINGS_FILE_DIR = "SETTINGS_FILE_DIR"

_NAMES = ("settings.yml", "ozwald.yml")
_INVENTORY_FOLDER = "inventory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The settings, and by host the place of each of its words: `address`, `labels.rack`, `groups.gpu`, `vars.x`.

    `patterns` has for each provisioner the place that says which hosts it manages.
    """

    settings: Settings
    origins: Mapping[str, Places]
    patterns: Places


def load_settings(path: Path | None, *, inventory: Path | None, environ: Mapping[str, str], cwd: Path) -> Settings:
    """The settings and inventory that `path`, the environment and the working directory name.

    Raises SettingsError with every problem found.
    """
    return load(path, inventory=inventory, environ=environ, cwd=cwd).settings


def load(path: Path | None, *, inventory: Path | None, environ: Mapping[str, str], cwd: Path) -> Loaded:
    """As `load_settings`, with the places that everything about each host comes from."""
    with _collector_paused():
        return _load(path, inventory=inventory, environ=environ, cwd=cwd)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Reading makes many lasting objects and no circles: collections meanwhile cost a third of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # Makes the new objects old ones, unseen: the next collection would look at all of them.
        gc.freeze()
        gc.unfreeze()
        if was_enabled:
            gc.enable()


def _load(path: Path | None, *, inventory: Path | None, environ: Mapping[str, str], cwd: Path) -> Loaded:
    known = environment(cwd, environ)
    file = find_settings(path, known, cwd)
    problems = Problems()
    variables = {**known, SETTINGS_FILE_DIR: str(file.parent)}
    context = Context(problems=problems, variables=variables, folder=file.parent, cwd=cwd)
    interpolation = Interpolation(variables, problems)
    root = _tree(file, context, interpolation)
    reader = InventoryReader(read_inventory(root, context, file=file), context, interpolation)
    for place in _inventory_places(inventory, root, context):
        reader.read(place.path, with_folders=place.with_folders)
    reader.finish()
    realms = read_realms(root, context)
    built = build_inventory(reader.sources, context)
    problems.raise_if_any()
    warnings = tuple(dict.fromkeys(problems.warnings))
    settings = Settings(path=str(file), inventory=built.inventory, realms=realms, warnings=warnings)
    return Loaded(settings=settings, origins=built.origins, patterns=built.patterns)


def environment(cwd: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of `.env` in the working directory, under those of the real environment.

    Raises SettingsError when `.env` cannot be read.
    """
    path = cwd / ".env"
    if not os.path.exists(path) or os.path.isdir(path):
        return dict(environ)
    problems = Problems()
    try:
        found = parse_dotenv(read_source(path, file=shown(path, cwd), problems=problems), environ)
        return {key: entry.value for key, entry in found.items() if entry.value is not None} | dict(environ)
    except RefusedError as err:
        problems.refused(err)
        problems.raise_if_any()
        raise


def find_settings(path: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The absolute path of the settings file; raises SettingsError when there is none."""
    named = path or Path(environ.get("OZWALD_CONFIG") or "")
    if named != Path(""):
        return Path(cwd, named).absolute()
    for name in _NAMES:
        if os.path.exists(cwd / name):
            return (cwd / name).absolute()
    message = "is not there; name the settings file with --config or OZWALD_CONFIG, or write a first one: ozwald init"
    raise SettingsError([Problem(file=_NAMES[0], message=message)])


def _tree(file: Path, context: Context, interpolation: Interpolation) -> Node:
    """The checked tree of a file; an empty map when there is nothing to go on with."""
    name = context.shown(file)
    nothing = MapNode(at=(name, 0, 0))
    try:
        node = compose(read_source(file, file=name, problems=context.problems), context.problems)
    except RefusedError as err:
        context.problems.refused(err)
        return nothing
    if node is None:
        return nothing
    if is_null(node):
        context.problems.error(whole_file(name), "is empty")
        return nothing
    return checked(node, context.problems, schema=SETTINGS, interpolation=interpolation)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    path: Path
    with_folders: bool = False


def _inventory_places(named: Path | None, root: Node, context: Context) -> Iterator[_Place]:
    """Where the inventory is; the sub-folders of a folder count where the folder was named."""
    from_environment = context.variables.get("OZWALD_INVENTORY")
    written = field(root, "inventory")
    if named or from_environment:
        yield _Place(path=Path(context.cwd, named or from_environment or "").absolute(), with_folders=True)
    elif written:
        for text in text_or_texts(written):
            path = Path(context.folder, context.home(text))
            if text and os.path.exists(path):
                yield _Place(path=path, with_folders=True)
            else:
                what = "the inventory is not there" if text else "an inventory without a name"
                context.problems.error(written.origin, what, path=written.path)
    elif os.path.isdir(context.folder / _INVENTORY_FOLDER):
        yield _Place(path=context.folder / _INVENTORY_FOLDER)
