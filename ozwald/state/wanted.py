"""The wanted set on disk: schema version, generation and checksum around lists of instances and what they left."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ozwald.errors import StateError
from ozwald.model.plan import InstanceKey
from ozwald.model.service import InstanceRequest
from ozwald.model.wanted import Leaving, WantedInstance, WantedSet
from ozwald.state.files import read_text, write_whole
from ozwald.state.home import DataFolder
from ozwald.state.locks import held

SCHEMA = 2
PATIENCE_S = 10.0


def wanted_path(home: DataFolder, provisioner: str) -> Path:
    """Where a provisioner's wanted set is kept."""
    return home.path / "wanted" / f"{provisioner}.json"


@contextmanager
def changing_wanted(home: DataFolder, provisioner: str) -> Iterator[Path]:
    """Holds the lock of a provisioner's wanted set for the moment that reading, merging and writing takes.

    Raises:
        StateError: somebody has held it for too long, or it cannot be opened.
    """
    folder = home.folder("wanted")
    with held(folder / f"{provisioner}.lock", f"the wanted set of {provisioner}", wait_s=PATIENCE_S):
        yield wanted_path(home, provisioner)


def read_wanted(path: Path) -> WantedSet | None:
    """The stored wanted set, or None when nothing was ever asked for.

    Raises:
        StateError: the file is damaged or from a newer version; it is left as it is.
    """
    text = read_text(path)
    if text is None:
        return None
    try:
        document = json.loads(text)
        if type(document["schema"]) is not int:
            raise TypeError("schema")
        if document["schema"] != SCHEMA:
            raise StateError(
                f"{path} has schema {document['schema']}; this version reads {SCHEMA}: use the version that wrote it, "
                "or move it away and apply the full list again"
            )
        if document["checksum"] != _checksum(document["generation"], document["instances"], document["leaving"]):
            raise StateError(f"{path} is damaged (checksum); move it away and apply the full list again")
        _check_types(document)
        return WantedSet(
            generation=document["generation"],
            instances=tuple(read_instance(entry) for entry in document["instances"]),
            leaving=tuple(_leaving(**entry) for entry in document["leaving"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as err:
        raise StateError(f"{path} is damaged ({type(err).__name__}); move it away and apply again") from err


def _check_types(document: dict[str, Any]) -> None:
    """Raises TypeError for what no version of ours has written, whatever its checksum."""
    lists = document["instances"], document["leaving"]
    if type(document["generation"]) is not int or not all(isinstance(part, list) for part in lists):
        raise TypeError("generation or list")
    for entry in (*document["instances"], *document["leaving"]):
        if not all(isinstance(value, str | None) for value in entry.values()):
            raise TypeError("entry")


def write_wanted(path: Path, wanted: WantedSet) -> None:
    """Makes the wanted set durable.

    Raises:
        StateError: it cannot be written; the previous one is still there.
    """
    instances = [instance_entry(instance) for instance in wanted.instances]
    leaving = [{"realm": one.key.realm, "name": one.key.name, "host": one.host} for one in wanted.leaving]
    document = {
        "schema": SCHEMA,
        "generation": wanted.generation,
        "checksum": _checksum(wanted.generation, instances, leaving),
        "instances": instances,
        "leaving": leaving,
    }
    write_whole(path, json.dumps(document, indent=1) + "\n")


def _checksum(generation: int, instances: list[dict[str, Any]], leaving: list[dict[str, Any]]) -> str:
    text = json.dumps([generation, instances, leaving], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def instance_entry(instance: WantedInstance) -> dict[str, str | None]:
    """One wanted instance as it stands in a file."""
    request = instance.request
    return {
        "realm": request.realm,
        "name": request.name,
        "service": request.service,
        "variety": request.variety,
        "profile": request.profile,
        "host": request.host,
        "placed_on": instance.placed_on,
    }


def read_instance(entry: dict[str, str | None]) -> WantedInstance:
    """The other way round.

    Raises:
        KeyError, TypeError, ValueError: no version of ours has written that.
    """
    if not all(isinstance(value, str | None) for value in entry.values()):
        raise TypeError("entry")
    values = dict(entry)
    placed_on = values.pop("placed_on")
    return WantedInstance(request=InstanceRequest(**values), placed_on=placed_on)  # type: ignore[arg-type]


def _leaving(*, realm: str, name: str, host: str) -> Leaving:
    return Leaving(key=InstanceKey(realm=realm, name=name), host=host)
