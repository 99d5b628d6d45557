"""Finds, reads and checks the settings and the inventory: the one door of this room."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ozwald.config.context import Context
from ozwald.config.dotenv import parse_dotenv
from ozwald.config.files import read_source
from ozwald.config.hierarchy import build_inventory
from ozwald.config.interpolate import Interpolation
from ozwald.config.inventory import read_inventory
from ozwald.config.nodes import MapNode, Node, is_null
from ozwald.config.problems import Problems, RefusedError, shown, whole_file
from ozwald.config.schema import checked
from ozwald.config.schema_files import INVENTORY, SETTINGS
from ozwald.config.settings import read_realms
from ozwald.config.values import field, text_or_texts
from ozwald.config.yaml_source import compose
from ozwald.errors import Problem, SettingsError
from ozwald.model.settings import Settings

SETTINGS_FILE_DIR = "SETTINGS_FILE_DIR"

_NAMES = ("settings.yml", "ozwald.yml")
_INVENTORY_FOLDER = "inventory"
_SUFFIXES = (".yml", ".yaml")


def load_settings(
    path: Path | None, *, inventory: Path | None, environ: Mapping[str, str], cwd: Path
) -> Settings:
    """The settings and inventory that `path`, the environment and the working directory name.

    Raises SettingsError with every problem found.
    """
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
        if was_enabled:
            gc.enable()


def _load(path: Path | None, *, inventory: Path | None, environ: Mapping[str, str], cwd: Path) -> Settings:
    known = environment(cwd, environ)
    file = find_settings(path, known, cwd)
    problems = Problems()
    variables = {**known, SETTINGS_FILE_DIR: str(file.parent)}
    context = Context(problems=problems, variables=variables, folder=file.parent, cwd=cwd)
    interpolation = Interpolation(variables, problems)
    root = _tree(file, SETTINGS, context, interpolation)
    sources = read_inventory(root, context, file=file)
    for place in _inventory_files(inventory, root, context):
        tree = _tree(place, INVENTORY, context, interpolation)
        sources.add(read_inventory(tree, context, file=place), problems)
    realms = read_realms(root, context)
    built = build_inventory(sources, problems)
    problems.raise_if_any()
    return Settings(path=str(file), inventory=built, realms=realms, warnings=tuple(problems.warnings))


def environment(cwd: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of `.env` in the working directory, under those of the real environment.

    Raises SettingsError when `.env` cannot be read.
    """
    path = cwd / ".env"
    if not path.exists() or path.is_dir():
        return dict(environ)
    try:
        found = parse_dotenv(read_source(path, file=shown(path, cwd)), environ)
    except RefusedError as err:
        place = err.origin
        problem = Problem(file=place.file, line=place.line, column=place.column, message=err.message)
        raise SettingsError([problem]) from err
    return {key: value for key, value in found.items() if value is not None} | dict(environ)


def find_settings(path: Path | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The absolute path of the settings file; raises SettingsError when there is none."""
    named = path or Path(environ.get("OZWALD_CONFIG") or "")
    if named != Path(""):
        return Path(cwd, named).absolute()
    for name in _NAMES:
        if (cwd / name).exists():
            return (cwd / name).absolute()
    message = "is not there; name the settings file with --config or OZWALD_CONFIG"
    raise SettingsError([Problem(file=_NAMES[0], message=message)])


def _tree(file: Path, schema: str, context: Context, interpolation: Interpolation) -> Node:
    """The checked tree of a file; an empty map when there is nothing to go on with."""
    name = context.shown(file)
    nothing = MapNode(at=(name, 0, 0))
    try:
        node = compose(read_source(file, file=name), context.problems)
    except RefusedError as err:
        context.problems.refused(err)
        return nothing
    if node is None:
        return nothing
    if is_null(node):
        context.problems.error(whole_file(name), "is empty")
        return nothing
    return checked(interpolation.apply(node), context.problems, schema=schema)


def _inventory_files(named: Path | None, root: Node, context: Context) -> Iterator[Path]:
    """The files of the inventory, those of a folder by name."""
    for place, is_default in _inventory_places(named, root, context):
        if place.is_dir():
            yield from sorted(
                file
                for file in place.iterdir()
                if file.suffix in _SUFFIXES and file.name[0] != "." and file.is_file()
            )
        elif not is_default:
            yield place


def _inventory_places(named: Path | None, root: Node, context: Context) -> Iterator[tuple[Path, bool]]:
    from_environment = context.variables.get("OZWALD_INVENTORY")
    written = field(root, "inventory")
    if named or from_environment:
        yield Path(context.cwd, named or from_environment or "").absolute(), False
    elif written:
        for text in text_or_texts(written):
            yield Path(context.folder, text), False
    else:
        yield context.folder / _INVENTORY_FOLDER, True
