"""Carries out one operation on one engine: start, replace or stop an instance."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from ozwald.errors import EngineError, Failure, HostError
from ozwald.execution.health import Interrupted, Patience, StartFailed, wait_until_available
from ozwald.execution.labels import Ownership, labels_of
from ozwald.execution.steps import Report, Step
from ozwald.model.container import LABEL_CONTROLLER, LABEL_SPEC, container_name, network_name
from ozwald.model.plan import Action, Operation, Placement
from ozwald.model.service import Network, Pull
from ozwald.model.units import show_bytes
from ozwald.planning.difference import leftover_name
from ozwald.remote.container_config import container_config
from ozwald.remote.engine import Engine, NameTaken, PullProgress

log = logging.getLogger(__name__)


class LaunchFailed(Exception):
    """An instance could not be started; the text is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One operation on its way."""

    operation: Operation
    engine: Engine
    ownership: Ownership
    patience: Patience
    stop: threading.Event
    report: Report

    def run(self) -> None:
        """Carries the operation out.

        Raises:
            LaunchFailed: the container could not be brought up; what was there before is back.
            HostError: the engine failed or the connection broke.
            Interrupted: the user asked to stop; what was there before is back.
        """
        match self.operation.action:
            case Action.STOP:
                self._stop_and_remove(self._container_id)
            case Action.CREATE:
                self._create()
            case Action.REPLACE:
                self._replace()
            case Action.START:
                self._start_again()

    @property
    def _container_id(self) -> str:
        assert self.operation.container_id is not None
        return self.operation.container_id

    @property
    def _placement(self) -> Placement:
        assert self.operation.placement is not None
        return self.operation.placement

    @property
    def _name(self) -> str:
        return container_name(self.operation.key.realm, self.operation.key.name)

    def _create(self) -> None:
        self._prepare()
        container_id = self._create_container()
        self._join_networks(container_id)
        self._start(container_id)
        self._await(container_id)

    def _start_again(self) -> None:
        """Starts what is there already; a kill may have left it out of a network or its predecessor running."""
        self._need_networks()
        if self.operation.leftovers:
            running = self._running(self.operation.leftovers)
            back = (running or self.operation.leftovers)[0]
            self._change_over(self.operation.leftovers, self._container_id, back=back, was_running=True)
            return
        self._join_networks(self._container_id)
        self._start(self._container_id)
        self._await(self._container_id)

    def _replace(self) -> None:
        self._prepare()
        old = (self._container_id, *self.operation.leftovers)
        running = self._running(old)
        is_fresh = self._set_aside(self._container_id) and not self.operation.leftovers
        self._change_over(old, None, back=(running or old)[0], was_running=bool(running) or not is_fresh)

    def _running(self, containers: tuple[str, ...]) -> tuple[str, ...]:
        states = {container_id: self.engine.state(container_id) for container_id in containers}
        return tuple(container_id for container_id, state in states.items() if state and state.running)

    def _set_aside(self, container_id: str) -> bool:
        """Frees the instance's name; False when an interrupted replacement has done so already."""
        aside = leftover_name(self._name, container_id)
        if any((found.id, found.name) == (container_id, aside) for found in self.engine.list_containers()):
            return False
        self.engine.rename(container_id, aside)
        return True

    def _change_over(self, old: tuple[str, ...], new: str | None, *, back: str, was_running: bool) -> None:
        """Keeps the old containers, set aside and stopped, until the new one is available.

        `back` is the one to go back to, to be started if `was_running`. What an engine's error leaves of a new
        container that was there before is for the next look: it may well be available.
        """
        resumes = new is not None
        try:
            new = new or self._create_container()
            self._join_networks(new)
            for container_id in old:
                self._stop(container_id)
            self._tell("stopped the old container")
            self._start(new)
            self._await(new)
        except (LaunchFailed, Interrupted):
            self._roll_back(back, new, was_running=was_running)
            raise
        except HostError as error:
            if error.failure is not Failure.UNKNOWN and not resumes:
                self._roll_back(back, new, was_running=was_running)
            raise
        self._remove_leftovers(old)

    def _roll_back(self, old: str, new: str | None, *, was_running: bool) -> None:
        if new is not None:
            self.engine.remove(new, force=True)
        self.engine.rename(old, self._name)
        if was_running:
            self.engine.start(old)
        self._tell("went back to the old container")

    def _stop_and_remove(self, container_id: str) -> None:
        self._stop(container_id)
        self.engine.remove(container_id)
        self._tell("stopped and removed")

    def _stop(self, container_id: str) -> None:
        """Stops it within the time it was created with; gone is as good as stopped."""
        state = self.engine.state(container_id)
        if state is None:
            return
        try:
            self.engine.stop(container_id, state.stop_timeout_s)
        except EngineError as error:
            if error.status != 404:
                raise

    def _remove_leftovers(self, leftovers: tuple[str, ...]) -> None:
        for container_id in leftovers:
            self.engine.remove(container_id, force=True)
            self._tell(f"removed the old container {container_id[:12]}")

    def _prepare(self) -> None:
        """Everything that can be done before anything that runs is disturbed."""
        self._need_image()
        self._need_networks()

    def _need_image(self) -> None:
        spec = self._placement.spec
        present = self.engine.image_id(spec.image) is not None
        if spec.pull_policy is Pull.NEVER and not present:
            raise LaunchFailed(f"image {spec.image} is not on {self.engine.host_name} and pull_policy is never")
        if present and spec.pull_policy is not Pull.ALWAYS:
            return
        self._tell(f"pulling {spec.image}")
        pulled = self.engine.pull(spec.image, self._show_pull())
        self._tell(f"pulled {spec.image} ({pulled.removeprefix('sha256:')[:12]})")

    def _show_pull(self) -> Callable[[PullProgress], None]:
        layers: dict[str, tuple[int, int]] = {}

        def show(progress: PullProgress) -> None:
            if progress.layer and progress.status == "Downloading" and progress.total_bytes:
                layers[progress.layer] = (progress.current_bytes or 0, progress.total_bytes)
                got, total = (sum(sizes) for sizes in zip(*layers.values(), strict=True))
                self._tell(f"pulling {show_bytes(got)} of {show_bytes(total)}", passing=True)

        return show

    def _need_networks(self) -> None:
        for network in self._placement.networks:
            self._need_network(network)

    def _need_network(self, network: Network) -> None:
        name = real_name(self.operation.key.realm, network)
        if network.external:
            if name not in self.engine.networks():
                raise LaunchFailed(f"there is no network {name} on {self.engine.host_name}; it is declared external")
            return
        labels = {LABEL_CONTROLLER: self.ownership.controller}
        self.engine.ensure_network(name, labels, driver=network.driver, internal=network.internal)

    def _create_container(self) -> str:
        placement, spec = self._placement, self._placement.spec
        config = container_config(
            spec,
            gpus=placement.gpus,
            labels=labels_of(self.operation, placement, self.ownership),
            networks=self._network_places()[:1],
        )
        container_id = self._create_once(config)
        cards = "".join(f", card {gpu.index} {gpu.name}" for gpu in placement.gpus)
        self._tell(f"created container {container_id[:12]} from {spec.image}{cards}")
        return container_id

    def _join_networks(self, container_id: str) -> None:
        """Joins the networks after the first, which is joined at creation."""
        for name, aliases in self._network_places()[1:]:
            self.engine.connect(name, container_id, aliases)

    def _network_places(self) -> list[tuple[str, tuple[str, ...]]]:
        placement, spec = self._placement, self._placement.spec
        return [
            (real_name(spec.realm, network), (spec.instance, *attachment.aliases))
            for network, attachment in zip(placement.networks, spec.networks, strict=True)
        ]

    def _create_once(self, config: dict[str, object]) -> str:
        """Creates the container; when the answer was lost, looks whether it is there before trying again."""
        try:
            return self.engine.create(self._name, config)
        except NameTaken as error:
            raise LaunchFailed(f"{error.message}; it appeared since the plan was made: plan again") from error
        except EngineError as error:
            if error.failure is not Failure.UNKNOWN:
                raise
            found = self._find_created()
            log.info("%s: create of %s had no answer; found %s", self.engine.host_name, self._name, found)
            return found or self.engine.create(self._name, config)

    def _find_created(self) -> str | None:
        for container in self.engine.list_containers():
            if container.name == self._name and container.labels.get(LABEL_SPEC) == self.operation.fingerprint:
                return container.id
        return None

    def _start(self, container_id: str) -> None:
        """Starts it; starting twice does no harm, so a lost answer is followed by a second try."""
        try:
            self.engine.start(container_id)
        except EngineError as error:
            if error.failure is not Failure.UNKNOWN:
                raise self._explained(container_id, f"cannot start: {error.message}") from error
            self.engine.start(container_id)
        self._tell("started")

    def _await(self, container_id: str) -> None:
        try:
            wait_until_available(self.engine, container_id, patience=self.patience, stop=self.stop)
        except StartFailed as failed:
            raise self._explained(container_id, str(failed)) from failed
        self._tell("available")

    def _explained(self, container_id: str, reason: str) -> LaunchFailed:
        """Writes what a person needs to understand the failure into the launch log."""
        try:
            state = self.engine.state(container_id)
            if state is not None and state.health_output:
                self._tell("its last healthcheck printed:", detail=state.health_output)
            output = self.engine.logs(container_id, tail=50).decode("utf-8", "backslashreplace")
            self._tell("its last lines were:", detail=output or "(nothing)")
        except HostError as error:
            self._tell(f"its logs could not be read: {error.message}")
        hint = f"see: ozwald get_service_launch_logs {self.operation.key}"
        return LaunchFailed(f"{reason}; {hint}")

    def _tell(self, text: str, *, detail: str = "", passing: bool = False) -> None:
        self.report(
            Step(key=self.operation.key, host=self.engine.host_name, text=text, detail=detail, passing=passing)
        )


def real_name(realm: str, network: Network) -> str:
    """What a realm's network is called on a host."""
    return network.name or (network.key if network.external else network_name(realm, network.key))
