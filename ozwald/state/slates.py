"""What went wrong with instances, on disk: a controller that is started again does not begin anew with them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from ozwald.model.plan import InstanceKey
from ozwald.state.files import sweep
from ozwald.state.home import DataFolder
from ozwald.state.sealed import read_sealed, write_sealed

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Slate:
    """One instance's failures in a row.

    `failures` are those that are waited after, until `until`; `ends` counts how often it ended or turned unhealthy.
    The slate is clean again at `clean_at`, if it runs. Both are seconds since the epoch. `mark` tells its settings
    from others, for which none of this counts.
    """

    failures: int
    until: float
    ends: int
    clean_at: float
    reason: str
    mark: str


class Slates:
    """The file of one provisioner; one process uses it."""

    def __init__(self, home: DataFolder, provisioner: str) -> None:
        self._home = home
        self._name = f"{provisioner}.json"

    def read(self) -> dict[InstanceKey, Slate]:
        """What was written last, nothing without a file; raises StateError when it is damaged."""
        path = self._home.path / "troubles" / self._name
        return read_sealed(path, SCHEMA, _slates, remedy="delete it: what keeps failing is found out again") or {}

    def write(self, slates: Mapping[InstanceKey, Slate]) -> None:
        """Makes them durable; raises StateError when that cannot be."""
        folder = self._home.folder("troubles")
        sweep(folder, self._name)
        content = [{"realm": key.realm, "name": key.name, **asdict(slate)} for key, slate in slates.items()]
        write_sealed(folder / self._name, SCHEMA, content)


def _slates(content: Any) -> dict[InstanceKey, Slate]:
    return {InstanceKey(realm=str(one.pop("realm")), name=str(one.pop("name"))): _slate(one) for one in content}


def _slate(parts: dict[str, Any]) -> Slate:
    return Slate(
        failures=int(parts["failures"]),
        until=float(parts["until"]),
        ends=int(parts["ends"]),
        clean_at=float(parts["clean_at"]),
        reason=str(parts["reason"]),
        mark=str(parts["mark"]),
    )
