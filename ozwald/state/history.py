"""The generations of a wanted set on disk: a file for each, the oldest of which go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ozwald.errors import StateError
from ozwald.model.history import Author, ChangeKind, Generation, InstanceChange
from ozwald.model.plan import InstanceKey
from ozwald.state.files import sweep
from ozwald.state.home import DataFolder
from ozwald.state.sealed import read_sealed, write_sealed
from ozwald.state.wanted import instance_entry, read_instance

SCHEMA = 2
MAX_GENERATIONS = 200
# Of a thousand instances, some 160 kB each time, this is the last fifty generations.
MAX_BYTES = 8 * 1024 * 1024


class History:
    """What one provisioner wanted, generation by generation. Damage to one hurts no other."""

    def __init__(self, home: DataFolder, provisioner: str) -> None:
        self._home = home
        self._provisioner = provisioner

    @property
    def path(self) -> Path:
        """The folder with a file for each generation."""
        return self._home.path / "history" / self._provisioner

    def keep(self, generation: Generation) -> None:
        """Makes a generation durable, in place of one of that number that never came to be, and forgets the oldest.

        Only for who holds the lock of the wanted set.

        Raises:
            StateError: it cannot be written.
        """
        sweep(self._home.folder("history", self._provisioner), "*.json")
        write_sealed(self._file(generation.number), SCHEMA, _document(generation))
        self._forget_oldest()

    def numbers(self, *, until: int | None = None) -> list[int]:
        """The generations that are kept, newest first; one after `until` was written down but never wanted.

        Raises:
            StateError: the folder cannot be read.
        """
        return [number for number in self._kept() if until is None or number <= until]

    def read(self, number: int) -> Generation | None:
        """One generation, or None when it is not kept.

        Raises:
            StateError: it is damaged; it is left as it is.
        """
        remedy = "delete it: the other generations are not affected"
        return read_sealed(self._file(number), SCHEMA, _generation, remedy=remedy)

    def _file(self, number: int) -> Path:
        return self.path / f"{number}.json"

    def _kept(self) -> list[int]:
        try:
            names = [entry.stem for entry in self.path.iterdir() if entry.suffix == ".json"]
        except FileNotFoundError:
            return []
        except OSError as err:
            raise StateError(f"cannot read {self.path}: {err.strerror}") from err
        return sorted((int(name) for name in names if name.isdecimal() and name.isascii()), reverse=True)

    def _forget_oldest(self) -> None:
        size = 0
        for place, number in enumerate(self._kept()):
            file = self._file(number)
            try:
                size += file.stat().st_size
                if place >= MAX_GENERATIONS or (place > 0 and size > MAX_BYTES):
                    file.unlink()
            except OSError as err:
                raise StateError(f"cannot forget {file}: {err.strerror}") from err


def _document(generation: Generation) -> dict[str, Any]:
    return {
        "generation": generation.number,
        "at": generation.at,
        "owner": generation.author.owner,
        "command": generation.author.command,
        "instances": [instance_entry(instance) for instance in generation.instances],
        "changes": [
            {
                "change": change.kind.value,
                "realm": change.key.realm,
                "name": change.key.name,
                "values": {name: list(pair) for name, pair in change.values.items()},
            }
            for change in generation.changes
        ],
    }


def _generation(content: Any) -> Generation:
    return Generation(
        number=_typed(content["generation"], int),
        at=float(content["at"]),
        author=Author(owner=_typed(content["owner"], str), command=_typed(content["command"], str)),
        instances=tuple(read_instance(entry) for entry in content["instances"]),
        changes=tuple(_change(entry) for entry in content["changes"]),
    )


def _change(entry: Mapping[str, Any]) -> InstanceChange:
    return InstanceChange(
        key=InstanceKey(realm=_typed(entry["realm"], str), name=_typed(entry["name"], str)),
        kind=ChangeKind(entry["change"]),
        values={name: (was, is_now) for name, (was, is_now) in entry["values"].items()},
    )


def _typed(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(kind.__name__)
    return value
