"""Brings the controller's own data to a host: a folder as a volume that is filled once, a file into its container."""

import logging
import posixpath
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from ozwald.errors import HostError
from ozwald.execution.clock import MONOTONIC, Clock
from ozwald.execution.health import Interrupted
from ozwald.model.belongings import ObservedVolume
from ozwald.model.container import LABEL_CONTROLLER, ObservedContainer
from ozwald.model.data import LABEL_BYTES, LABEL_DATA, Delivery, filler_name, is_own_copy, lock_name
from ozwald.model.units import show_bytes
from ozwald.remote.engine import Engine, NameTaken
from ozwald.state.data_files import archive

log = logging.getLogger(__name__)

INSIDE: Final = "/ozwald-data"


class CannotDeliver(Exception):
    """Data cannot be brought to a host; the text says why and what to do."""


class Turns:
    """Lets one thread at a time do what has a name; the others wait."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: defaultdict[tuple[str, ...], threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def of(self, *name: str) -> Iterator[None]:
        """Holds the turn of that name."""
        with self._guard:
            lock = self._locks[name]
        with lock:
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """Brings deliveries to one host on behalf of one controller.

    `labels` say whose it is. `image` is one that the host has, for containers that are never started. `tell` is told
    of what happens, with `passing` of how far it got. `predecessors` are containers whose volumes the instance goes on
    with, whoever made them: it may have been adopted.
    """

    engine: Engine
    controller: str
    labels: Mapping[str, str]
    image: str
    tell: Callable[..., None]
    stop_asked: threading.Event
    predecessors: frozenset[str] = frozenset()
    turns: Turns = field(default_factory=Turns)
    clock: Clock = MONOTONIC
    patience_s: float = 120.0
    poll_s: float = 0.5

    def bring_volume(self, delivery: Delivery) -> None:
        """Returns once the volume of a delivery is complete.

        A volume is complete when it is there and its lock is not. The lock is a container: the engine lets one
        caller have its name. It is there before the volume, which a container that mounts it could not be, since
        an engine makes a container's volumes before it lists the container.

        Raises:
            CannotDeliver: the volume is somebody else's, or another controller does not get done with it.
            DataChanged: the source is not what was planned.
            Interrupted: the user asked to stop; what was begun is removed.
            HostError: the engine failed; what was begun is swept by the next call.
        """
        volume = delivery.volume or ""
        with self.turns.of(self.engine.host_name, volume):
            deadline = self.clock.now() + self.patience_s
            while not self._is_complete(delivery):
                lock = self._named(lock_name(volume))
                if lock is not None and lock.labels.get(LABEL_CONTROLLER) != self.controller:
                    self._wait_for_other(lock, deadline)
                elif lock is not None:
                    self._sweep(volume, lock)
                else:
                    self._fill_once(delivery)

    def put_file(self, delivery: Delivery, container_id: str) -> None:
        """Puts a single file into a container that does not run.

        Raises:
            DataChanged: the file is not what was planned.
            HostError: the engine failed.
        """
        target = delivery.target.lstrip("/")
        self.engine.put_archive(container_id, "/", archive(delivery.source, delivery.content, name=target))
        self.tell(f"copied {delivery.source} to {delivery.target}")

    def _is_complete(self, delivery: Delivery) -> bool:
        """Also whether it may be used: others may read what another controller sent, but not write."""
        found = self._volume(delivery.volume or "")
        if found is None:
            return False
        owner = found.labels.get(LABEL_CONTROLLER)
        if found.labels.get(LABEL_DATA) != delivery.content.digest:
            raise self._not_usable(found, "was not made for this data")
        if owner != self.controller and is_own_copy(found.name) and not self._is_inherited(found.name):
            raise self._not_usable(found, f"belongs to another controller ({owner})")
        # Who gives up removes the volume and then its lock, perhaps between these looks.
        return self._named(lock_name(found.name)) is None and self._volume(found.name) == found

    def _is_inherited(self, volume: str) -> bool:
        return any(one.id in self.predecessors and volume in one.volumes for one in self.engine.list_containers())

    def _not_usable(self, volume: ObservedVolume, why: str) -> CannotDeliver:
        return CannotDeliver(
            f"the volume {volume.name} on {self.engine.host_name} {why}; remove it, or give the instance or its realm "
            "another name"
        )

    def _wait_for_other(self, lock: ObservedContainer, deadline: float) -> None:
        owner = lock.labels.get(LABEL_CONTROLLER, "unknown")
        if self.clock.now() >= deadline:
            raise CannotDeliver(
                f"another controller ({owner}) has been sending the same data to {self.engine.host_name} for long; "
                f"apply again, or remove the container {lock.name} there when nobody is sending"
            )
        self.tell(f"waiting for another controller ({owner}), which sends the same data", passing=True)
        if self.clock.wait(self.stop_asked, self.poll_s):
            raise Interrupted

    def _fill_once(self, delivery: Delivery) -> None:
        """Takes the lock, unless another has it, and fills the volume, unless another was quicker with both."""
        volume = delivery.volume or ""
        try:
            lock = self._create_idle(lock_name(volume), delivery)
        except NameTaken:
            return
        if self._volume(volume) is None:
            self._fill(delivery, lock)
        self.engine.remove(lock, volumes=True)

    def _fill(self, delivery: Delivery, lock: str) -> None:
        volume = delivery.volume or ""
        try:
            self.engine.ensure_volume(volume, self._labels(delivery))
            mount = {"Type": "volume", "Source": volume, "Target": INSIDE, "VolumeOptions": {"NoCopy": True}}
            filler = self._create_idle(filler_name(volume), delivery, Mounts=[mount])
            content = archive(delivery.source, delivery.content, on_sent=self._show(delivery))
            self.engine.put_archive(filler, INSIDE, content)
            self.engine.remove(filler, volumes=True)
        except Exception:
            with suppress(HostError):  # the connection may be what failed; then the next apply sweeps
                self._remove(volume, lock)
            raise
        self.tell(f"sent {delivery.source}, {show_bytes(delivery.content.size_bytes)}")

    def _sweep(self, volume: str, lock: ObservedContainer) -> None:
        """Removes what a killed apply of ours left, since nobody knows how far it got."""
        log.info("%s: removing volume %s, which was not filled to its end", self.engine.host_name, volume)
        self._remove(volume, lock.id)

    def _remove(self, volume: str, lock: str) -> None:
        """The lock goes last: as long as it is there, the volume counts for nothing."""
        filler, found = self._named(filler_name(volume)), self._volume(volume)
        if filler is not None:
            self.engine.remove(filler.id, force=True, volumes=True)
        if found is not None and found.labels.get(LABEL_CONTROLLER) == self.controller:
            self.engine.remove_volume(volume)
        self.engine.remove(lock, force=True, volumes=True)

    def _create_idle(self, name: str, delivery: Delivery, **host_config: object) -> str:
        """Creates a container that is never started."""
        config = {
            "Image": self.image,
            "Entrypoint": ["true"],
            "Labels": self._labels(delivery),
            "HostConfig": {"NetworkMode": "none", **host_config},
        }
        return self.engine.create(name, config)

    def _labels(self, delivery: Delivery) -> dict[str, str]:
        return {
            **self.labels,
            LABEL_DATA: delivery.content.digest,
            LABEL_BYTES: str(delivery.content.size_bytes),
        }

    def _show(self, delivery: Delivery) -> Callable[[int], None]:
        name, total = posixpath.basename(delivery.source), show_bytes(delivery.content.size_bytes)

        def show(sent: int) -> None:
            if self.stop_asked.is_set():
                raise Interrupted
            self.tell(f"sending {name}: {show_bytes(sent)} of {total}", passing=True)

        return show

    def _volume(self, name: str) -> ObservedVolume | None:
        return next((found for found in self.engine.volumes() if found.name == name), None)

    def _named(self, name: str) -> ObservedContainer | None:
        return next((found for found in self.engine.list_containers() if found.name == name), None)
