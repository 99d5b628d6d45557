"""Which files make up the inventory, and what form each of them has."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ozwald.config.ansible.draft import Draft
from ozwald.config.ansible.ini_form import read_ini_form
from ozwald.config.ansible.list_form import is_list_form, read_list_form
from ozwald.config.ansible.scripts import is_program, run_inventory
from ozwald.config.ansible.values import ANSIBLE_YAML, json_tree, read_tree
from ozwald.config.ansible.vars_files import read_vars_files
from ozwald.config.ansible.yaml_form import read_yaml_form
from ozwald.config.context import Context
from ozwald.config.files import Source, names_in, read_source, unreadable
from ozwald.config.interpolate import Interpolation
from ozwald.config.inventory import read_inventory
from ozwald.config.nodes import MapNode, Node, is_null
from ozwald.config.problems import Problems, RefusedError, whole_file
from ozwald.config.schema import checked
from ozwald.config.schema_files import INVENTORY
from ozwald.config.sources import ALL, UNGROUPED, GroupEntry, HostEntry, Sources
from ozwald.config.yaml_source import compose

OUR_KEYS = frozenset(("hosts", "groups", "provisioners"))

_OURS = re.compile(r"^(?:hosts|groups|provisioners)[ \t]*:", re.MULTILINE)
_INI_SECTION = re.compile(r"^\[[^:\]\s]+(?::\w+)?\][ \t\r]*$", re.MULTILINE)
_YAML = (".yml", ".yaml")
# Names that a folder's inventory skips, as Ansible does.
_SKIPPED = re.compile(
    r"^\.|^(?:host_vars|group_vars|vars_plugins)$"
    r"|(?:\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.cfg|\.retry)$"
)
_MAX_FILES = 2_000


def inventory_files(place: Path, *, with_folders: bool) -> Iterator[Path]:
    """The files of an inventory: the place itself, or what a folder has, by name, and its sub-folders."""
    if not os.path.isdir(place):
        yield place
        return
    waiting = [place]
    found = 0
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        if not os.path.isdir(path):
            found += 1
            if found > _MAX_FILES:
                raise RefusedError(whole_file(str(place)), f"has more than {_MAX_FILES} files")
            yield path
        elif (path == place or with_folders) and os.path.realpath(path) not in seen:
            seen.add(os.path.realpath(path))
            names = [name for name in names_in(path, file=str(path)) if not _SKIPPED.search(name)]
            waiting.extend(path / name for name in reversed(names))


class InventoryReader:
    """Reads files of every form into one set of sources."""

    def __init__(self, sources: Sources, context: Context, interpolation: Interpolation) -> None:
        self.sources = sources
        self.context = context
        self.interpolation = interpolation
        self.draft = Draft(problems=context.problems)
        self.folders: list[Path] = []

    def read(self, place: Path, *, with_folders: bool) -> None:
        """Read a file or folder."""
        with self._problems_of(place):
            self.folders.append(place if os.path.isdir(place) else place.parent)
            for file in inventory_files(place, with_folders=with_folders):
                with self._problems_of(file):
                    self._read_file(file, self.context.shown(file))

    def finish(self) -> None:
        """Add what Ansible's files made together, and the variable files of all folders."""
        self.sources.add(_sources(self.draft), self.context.problems)
        groups = dict.fromkeys((ALL, UNGROUPED, *self.sources.groups))
        for folder in dict.fromkeys(self.folders):
            with self._problems_of(folder):
                found = read_vars_files(folder, groups, self.sources.hosts, self.context)
                self.sources.file_vars.append(found)

    @contextmanager
    def _problems_of(self, path: Path) -> Iterator[None]:
        try:
            yield
        except RefusedError as err:
            self.context.problems.refused(err)
        except OSError as err:
            self.context.problems.refused(unreadable(self.context.shown(path), err))

    def _read_file(self, path: Path, name: str) -> None:
        if is_program(path):
            self._read_program(path, name)
        elif path.suffix == ".toml":
            raise RefusedError(whole_file(name), "TOML inventories are not supported; write YAML or INI")
        elif path.suffix == ".json":
            self._read_json(self._source(path, name))
        elif path.suffix in _YAML:
            self._read_yaml(self._source(path, name), path, self.context.problems)
        else:
            self._read_untitled(self._source(path, name), path)

    def _source(self, path: Path, name: str) -> Source:
        return read_source(path, file=name, problems=self.context.problems)

    def _read_program(self, path: Path, name: str) -> None:
        environ = self.context.variables
        printed = run_inventory(path, ["--list"], file=name, environ=environ)

        def ask(host: str) -> Node:
            text = run_inventory(path, ["--host", host], file=name, environ=environ)
            return json_tree(text if text.strip() else "{}", name, self.context.problems)

        read_list_form(_map(json_tree(printed, name, self.context.problems)), self.draft, ask=ask)

    def _read_json(self, source: Source) -> None:
        tree = read_tree(source, self.context.problems)
        if tree is not None:
            root = _map(tree)
            (read_list_form if is_list_form(root) else read_yaml_form)(root, self.draft)

    def _read_untitled(self, source: Source, path: Path) -> None:
        """A file without a suffix is YAML when it is a map, else INI; one with another suffix is INI."""
        if not path.suffix and self._is_yaml(source):
            self._read_yaml(source, path, self.context.problems)
        else:
            read_ini_form(source, self.draft)

    def _is_yaml(self, source: Source) -> bool:
        """Whether it is a map; what is wrong with it is said when it is read."""
        trial = Problems(spent=self.context.problems.spent)
        return isinstance(compose(source, trial, dialect=ANSIBLE_YAML), MapNode)

    def _read_yaml(self, source: Source, path: Path, problems: Problems) -> None:
        if _INI_SECTION.search(source.text) and not self._is_yaml(source):
            # A file called YAML may be INI, which Ansible tries next.
            read_ini_form(source, self.draft)
            return
        if _OURS.search(source.text):
            tree = compose(source, problems)
            if tree is not None:
                self._read_ours(_map(tree), path)
            return
        tree = read_tree(source, problems)
        if isinstance(tree, MapNode) and OUR_KEYS & tree.values.keys():
            self._read_ours(tree, path)
        elif tree is not None:
            read_yaml_form(_map(tree), self.draft)

    def _read_ours(self, tree: MapNode, path: Path) -> None:
        problems = self.context.problems
        root = checked(tree, problems, schema=INVENTORY, interpolation=self.interpolation)
        self.sources.add(read_inventory(root, self.context, file=path), problems)


def _map(tree: Node) -> MapNode:
    if is_null(tree):
        raise RefusedError(whole_file(tree.at[0]), "is empty")
    if not isinstance(tree, MapNode):
        raise RefusedError(tree.origin, "must be a map")
    return tree


def _sources(draft: Draft) -> Sources:
    """What the draft has come to."""
    hosts = {name: HostEntry(origin=host.origin, host=None, vars=host.vars) for name, host in draft.hosts.items()}
    groups = {
        name: GroupEntry(
            origin=group.origin,
            hosts=group.hosts,
            children=group.children,
            vars=group.vars,
            priority=group.priority,
        )
        for name, group in draft.groups.items()
    }
    return Sources(hosts=hosts, groups=groups)
