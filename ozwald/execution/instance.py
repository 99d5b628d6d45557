"""The single steps on one instance's containers on one engine: create, start, wait, stop, remove."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ozwald.errors import EngineError, Failure
from ozwald.execution.clock import MONOTONIC, Clock
from ozwald.execution.deliver import Turns
from ozwald.execution.failure import findings
from ozwald.execution.health import Interrupted, Patience, StartFailed, wait_until_available
from ozwald.execution.labels import Ownership, labels_of
from ozwald.execution.pulls import PullCount
from ozwald.execution.steps import Report, Step
from ozwald.model.container import LABEL_SPEC, container_name
from ozwald.model.plan import Operation, Placement
from ozwald.model.secrecy import without_secrets
from ozwald.remote.container_config import container_config
from ozwald.remote.engine import Engine, Limits, NameTaken

log = logging.getLogger(__name__)

# What an engine says while another container publishes the port, and while two networks have one name, one of which
# the process that made it is about to remove.
PORT_TAKEN = "port is already allocated"
NETWORK_AMBIGUOUS = "is ambiguous"


class LaunchFailed(Exception):
    """An instance could not be started; the text is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance while an operation is carried out on it; `keeps_started` leaves a new container on a stop."""

    operation: Operation
    engine: Engine
    ownership: Ownership
    patience: Patience
    stop_asked: threading.Event
    report: Report
    turns: Turns = field(default_factory=Turns)
    clock: Clock = MONOTONIC
    keeps_started: bool = False

    @property
    def placement(self) -> Placement:
        """Where it belongs; only operations that start something have it."""
        assert self.operation.placement is not None
        return self.operation.placement

    @property
    def name(self) -> str:
        """The name its container has when all is well."""
        key, placement = self.operation.key, self.operation.placement
        return self.ownership.container_name(placement.spec) if placement else container_name(key.realm, key.name)

    def network_places(self) -> list[tuple[str, tuple[str, ...]]]:
        """The networks that it is in by their names on the host, each with its names there."""
        placement, spec = self.placement, self.placement.spec
        return [
            (network.name_on_host(spec.realm), (spec.instance, *attachment.aliases))
            for network, attachment in zip(placement.networks, spec.networks, strict=True)
        ]

    def create(self) -> str:
        """Creates the container with its first network and returns its id."""
        placement, spec = self.placement, self.placement.spec
        config = container_config(
            spec,
            gpus=placement.gpus,
            labels=labels_of(self.operation, placement, self.ownership),
            networks=self.network_places()[:1],
        )
        container_id = self._create_once(config)
        cards = "".join(f", card {gpu.index} {gpu.name}" for gpu in placement.gpus)
        self.tell(f"created container {container_id[:12]} from {spec.image}{cards}")
        return container_id

    def update(self, container_id: str) -> None:
        """Changes what can be changed on the container that is there."""
        if not self.operation.changes:
            return
        self.engine.update(container_id, Limits(**{change.path: change.new for change in self.operation.changes}))
        told = (f"{change.path} {change.old} -> {change.new}" for change in self.operation.changes)
        self.tell(f"changed {', '.join(told)}")

    def start(self, container_id: str) -> None:
        """Starts it; starting twice does no harm, so a lost answer is followed by a second try.

        Raises:
            LaunchFailed: the engine cannot start it.
        """
        try:
            self._start_once_ports_are_free(container_id)
        except EngineError as error:
            if error.failure is not Failure.UNKNOWN:
                raise self._explained(container_id, f"cannot start: {error.message}") from error
            self.engine.start(container_id)
        self.tell("started")

    def wait(self, container_id: str) -> None:
        """Waits until it is available.

        Raises:
            LaunchFailed: it will not be.
        """
        try:
            patience = self._patience_with_it()
            wait_until_available(self.engine, container_id, patience=patience, stop=self.stop_asked, clock=self.clock)
        except StartFailed as failed:
            raise self._explained(container_id, str(failed)) from failed
        self.tell("available")

    def stop(self, container_id: str) -> None:
        """Stops it within the time it was created with; gone is as good as stopped."""
        state = self.engine.state(container_id)
        if state is None:
            return
        try:
            self.engine.stop(container_id, state.stop_timeout_s)
        except EngineError as error:
            if error.status != 404:
                raise

    def remove(self, container_id: str) -> None:
        """Removes one of the instance's containers, whatever it does."""
        self.engine.remove(container_id, force=True)
        self.tell(f"removed container {container_id[:12]}")

    def tell(
        self,
        text: str,
        *,
        detail: str = "",
        passing: bool = False,
        quiet: bool = False,
        pull: PullCount | None = None,
    ) -> None:
        """Reports one step, without the values of the service's secrets."""
        self.report(
            Step(
                key=self.operation.key,
                host=self.engine.host_name,
                text=without_secrets(text, self._environment),
                detail=without_secrets(detail, self._environment),
                passing=passing,
                quiet=quiet,
                pull=pull,
            )
        )

    def tell_findings(self, container_id: str) -> None:
        """Reports what a person needs to understand why it does not do its work."""
        for text, detail in findings(self.engine, container_id, self.operation.key):
            self.tell(text, detail=detail)

    @property
    def _environment(self) -> Mapping[str, str]:
        """The service's variables; none where the settings do not know the service any more."""
        return self.operation.placement.spec.environment if self.operation.placement else {}

    def _patience_with_it(self) -> Patience:
        """The common patience, but where the settings say how long this service may take."""
        if self.operation.placement is None:
            return self.patience
        spec = self.operation.placement.spec
        return replace(
            self.patience,
            stall_s=spec.start_stall_s or self.patience.stall_s,
            timeout_s=spec.start_timeout_s or self.patience.timeout_s,
        )

    def _start_once_ports_are_free(self, container_id: str) -> None:
        """Instances that swap their ports can both be replaced only while neither runs."""
        deadline = self.clock.now() + self.patience.port_s
        while True:
            try:
                return self.engine.start(container_id)
            except EngineError as error:
                if not _passes(error) or self.clock.now() >= deadline:
                    raise
            if self.clock.wait(self.stop_asked, self.patience.poll_s):
                raise Interrupted

    def _create_once(self, config: dict[str, object]) -> str:
        """Creates the container; when the answer was lost, looks whether it is there before trying again."""
        try:
            return self.engine.create(self.name, config)
        except NameTaken as error:
            raise LaunchFailed(f"{error.message}; it appeared since the plan was made: plan again") from error
        except EngineError as error:
            if error.failure is not Failure.UNKNOWN:
                raise
            found = self._find_created()
            log.info("%s: create of %s had no answer; found %s", self.engine.host_name, self.name, found)
            return found or self.engine.create(self.name, config)

    def _find_created(self) -> str | None:
        for container in self.engine.list_containers():
            if container.name == self.name and container.labels.get(LABEL_SPEC) == self.operation.fingerprint:
                return container.id
        return None

    def _explained(self, container_id: str, reason: str) -> LaunchFailed:
        """Writes what a person needs to understand the failure into the launch log."""
        self.tell_findings(container_id)
        reason = without_secrets(reason, self._environment)
        return LaunchFailed(f"{reason}; see: ozwald {self.ownership.log_command(self.operation.key)}")


def _passes(error: EngineError) -> bool:
    return PORT_TAKEN in error.message or NETWORK_AMBIGUOUS in error.message
