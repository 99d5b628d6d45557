"""The wanted set on disk: what should run, and what goes with it on the hosts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ozwald.model.plan import InstanceKey
from ozwald.model.request import InstanceRequest
from ozwald.model.wanted import Adopted, Leaving, OwedRestart, WantedInstance, WantedSet
from ozwald.state.files import sweep
from ozwald.state.home import DataFolder
from ozwald.state.locks import held
from ozwald.state.sealed import read_sealed, unseal, write_sealed

SCHEMA = 4
PATIENCE_S = 10.0
REMEDY = "move it away, then see ozwald history, and bring back what was wanted: ozwald apply --generation N"


def wanted_path(home: DataFolder, provisioner: str) -> Path:
    """Where a provisioner's wanted set is kept."""
    return home.path / "wanted" / f"{provisioner}.json"


@contextmanager
def changing_wanted(home: DataFolder, provisioner: str, *, wait_s: float = PATIENCE_S) -> Iterator[Path]:
    """Holds the lock of a provisioner's wanted set for the moment that reading, merging and writing takes.

    Raises:
        Busy: somebody has held it for longer than `wait_s`.
        StateError: it cannot be opened.
    """
    folder = home.folder("wanted")
    with held(folder / f"{provisioner}.lock", f"the wanted set of {provisioner}", wait_s=wait_s):
        sweep(folder, f"{provisioner}.json")
        yield wanted_path(home, provisioner)


def read_wanted(path: Path) -> WantedSet | None:
    """The stored wanted set, or None when nothing was ever asked for.

    Raises:
        StateError: the file is damaged or from another version; it is left as it is.
    """
    return read_sealed(path, SCHEMA, _wanted, remedy=REMEDY)


def parse_wanted(text: str, where: str, *, remedy: str = REMEDY) -> WantedSet:
    """A wanted set from the text of such a file.

    Raises:
        StateError: it is damaged or from another version; the text says `where`, and `remedy` what to do.
    """
    return unseal(text, SCHEMA, _wanted, where=where, remedy=remedy)


def write_wanted(path: Path, wanted: WantedSet) -> None:
    """Makes the wanted set durable.

    Raises:
        StateError: it cannot be written; the previous one is still there.
    """
    write_sealed(path, SCHEMA, _content(wanted))


def instance_entry(instance: WantedInstance) -> dict[str, str | bool | None]:
    """One wanted instance as it stands in a file."""
    return {**asdict(instance.request), "placed_on": instance.placed_on, "persistent": instance.persistent}


def read_instance(entry: Mapping[str, Any]) -> WantedInstance:
    """The other way round.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: no version of ours has written that.
    """
    if type(entry["persistent"]) is not bool:
        raise TypeError("persistent")
    values = _texts({name: value for name, value in entry.items() if name != "persistent"})
    placed_on = values.pop("placed_on")
    return WantedInstance(request=InstanceRequest(**values), placed_on=placed_on, persistent=entry["persistent"])


def _content(wanted: WantedSet) -> dict[str, Any]:
    return {
        "generation": wanted.generation,
        "instances": [instance_entry(instance) for instance in wanted.instances],
        "leaving": [{**_key(one.key), "host": one.host} for one in wanted.leaving],
        "adopted": [
            {"host": one.host, "container_id": one.container_id, "controller": one.controller} for one in wanted.adopted
        ],
        "restarts": [
            {**_key(one.key), "host": one.host, "container_id": one.container_id, "reason": one.reason}
            for one in wanted.restarts
        ],
    }


def _wanted(content: Any) -> WantedSet:
    """Raises TypeError and the like for what no version of ours has written, whatever its checksum."""
    lists = [content[name] for name in ("instances", "leaving", "adopted", "restarts")]
    if type(content["generation"]) is not int or not all(isinstance(part, list) for part in lists):
        raise TypeError("generation or list")
    instances, leaving, adopted, restarts = lists
    return WantedSet(
        generation=content["generation"],
        instances=tuple(read_instance(entry) for entry in instances),
        leaving=tuple(Leaving(**_with_key(entry)) for entry in leaving),
        adopted=tuple(Adopted(**_texts(entry)) for entry in adopted),
        restarts=tuple(OwedRestart(**_with_key(entry)) for entry in restarts),
    )


def _key(key: InstanceKey) -> dict[str, str]:
    return {"realm": key.realm, "name": key.name}


def _with_key(entry: Mapping[str, Any]) -> dict[str, Any]:
    values = _texts(entry)
    return {"key": InstanceKey(realm=values.pop("realm"), name=values.pop("name")), **values}


def _texts(entry: Mapping[str, Any]) -> dict[str, Any]:
    if not all(isinstance(value, str | None) for value in entry.values()):
        raise TypeError("entry")
    return dict(entry)
