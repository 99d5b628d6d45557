"""The record of everything a lab makes, on disk before it is made, so that any later process can clean up."""

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.options import HostOptions
from tests.lab.processes import Process


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecord:
    """`init` is the first process of the host's namespaces, `holder` the one whose death takes it along."""

    number: int
    options: HostOptions
    holder: Process | None = None
    init: Process | None = None
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One lab: `subnet` is the N of 10.203.N.0/24, `owner` the process to whose life it is bound, if any."""

    key: str = field(default_factory=lambda: secrets.token_hex(4))
    subnet: int | None = None
    owner: Process | None = None
    holder: Process | None = None
    switch: Process | None = None
    hosts: dict[str, HostRecord] = field(default_factory=dict)

    @property
    def cgroup(self) -> str:
        return f"ozlab-{self.key}"

    def with_host(self, name: str, host: HostRecord) -> "Record":
        return replace(self, hosts={**self.hosts, name: host})

    def processes(self) -> list[Process]:
        pairs = [(host.init, host.holder) for host in self.hosts.values()]
        return [process for pair in [*pairs, (self.switch, self.holder)] for process in pair if process]


def read(directory: Path) -> Record | None:
    """The record in this directory; None where no lab was ever begun."""
    try:
        text = (directory / "lab.json").read_text()
    except FileNotFoundError:
        return None
    value = json.loads(text)
    hosts = {name: _host(entry) for name, entry in value.pop("hosts").items()}
    value |= {key: _process(value[key]) for key in ("owner", "holder", "switch")}
    return Record(hosts=hosts, **value)


def require(directory: Path) -> Record:
    record = read(directory)
    if record is None:
        raise LabError(f"there is no lab in {directory}")
    return record


def update(directory: Path, edit: Callable[[Record], Record]) -> Record:
    with _exclusive(directory / "lab.json.lock"):
        changed = edit(require(directory))
        write(directory, changed)
    return changed


def write(directory: Path, record: Record) -> None:
    temporary = directory / f"lab.json.{os.getpid()}.{threading.get_ident()}"
    with temporary.open("w") as file:
        json.dump(asdict(record), file, indent=1)
    temporary.replace(directory / "lab.json")


def forget(directory: Path) -> None:
    for path in directory.glob("lab.json*"):
        with suppress(FileNotFoundError):
            path.unlink()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One process at a time builds, changes or removes the lab in this directory."""
    with _exclusive(directory / "lock"):
        yield


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _host(value: dict[str, object]) -> HostRecord:
    options = value["options"]
    assert isinstance(options, dict)
    return HostRecord(
        number=int(str(value["number"])),
        options=HostOptions.from_json(options),
        holder=_process(value["holder"]),
        init=_process(value["init"]),
        is_cut=bool(value["is_cut"]),
    )


def _process(value: object) -> Process | None:
    return Process(**value) if isinstance(value, dict) else None
