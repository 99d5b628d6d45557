"""The files of `group_vars` and `host_vars` beside an inventory."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ozwald.config.ansible.values import read_tree
from ozwald.config.ansible.yaml_form import variables
from ozwald.config.context import Context
from ozwald.config.files import names_in, read_source
from ozwald.config.nodes import MapNode, is_null
from ozwald.config.problems import RefusedError, whole_file
from ozwald.config.sources import FileVars, Variable

# In the order in which Ansible looks: the first that exists is the only one.
_SUFFIXES = ("", ".yml", ".yaml", ".json")
_MAX_DEPTH = 16
_FOLDER_VALUES = 20
_ENCRYPTED = "$ANSIBLE_VAULT;"


def read_vars_files(folder: Path, groups: Iterable[str], hosts: Iterable[str], context: Context) -> FileVars:
    """The variables that the folder's files have for these groups and hosts."""
    return FileVars(
        groups=_read_all(folder / "group_vars", groups, context),
        hosts=_read_all(folder / "host_vars", hosts, context),
    )


def _read_all(folder: Path, names: Iterable[str], context: Context) -> dict[str, dict[str, Variable]]:
    if not os.path.isdir(folder):
        return {}
    present = set(names_in(folder, file=context.shown(folder)))
    found: dict[str, dict[str, Variable]] = {}
    for name in names:
        file = next((name + suffix for suffix in _SUFFIXES if name + suffix in present), None)
        if file:
            found[name] = {}
            for path in _files(folder / file, context):
                found[name] |= _read(path, context)
    return found


def _files(path: Path, context: Context, depth: int = 0) -> Iterator[Path]:
    """The file itself, or the files of a folder and of its sub-folders without a dot, by name."""
    if not os.path.isdir(path):
        yield path
        return
    if depth > _MAX_DEPTH:
        raise RefusedError(whole_file(context.shown(path)), f"lies more than {_MAX_DEPTH} folders deep")
    names = names_in(path, file=context.shown(path))
    # Links can make a few folders look like endlessly many.
    context.problems.spend(_FOLDER_VALUES + len(names), whole_file(context.shown(path)))
    for name in names:
        entry, suffix = path / name, os.path.splitext(name)[1]
        if name.startswith(".") or name.endswith("~") or suffix not in _SUFFIXES:
            continue
        if not os.path.isdir(entry):
            yield entry
        elif not suffix:
            yield from _files(entry, context, depth + 1)


def _read(path: Path, context: Context) -> dict[str, Variable]:
    name = context.shown(path)
    try:
        source = read_source(path, file=name, problems=context.problems)
        if source.text.startswith(_ENCRYPTED):
            raise RefusedError(whole_file(name), "is encrypted with ansible-vault, which Ozwald does not open")
        tree = read_tree(source, context.problems)
    except RefusedError as err:
        context.problems.refused(err)
        return {}
    if tree is None or is_null(tree):
        return {}
    if not isinstance(tree, MapNode):
        context.problems.error(tree.origin, "must be a map of variables")
        return {}
    return variables(tree)
