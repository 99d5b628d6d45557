"""Everything planning looks at: the hosts in question, what was seen there, and whose containers are ours."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ozwald.errors import RequestError
from ozwald.model.container import (
    LABEL_CONTROLLER,
    LABEL_INSTANCE,
    LABEL_PROVISIONER,
    LABEL_REALM,
    ContainerDetails,
    ObservedContainer,
    container_name,
    leftover_name,
)
from ozwald.model.data import Content
from ozwald.model.host import Host, Inventory
from ozwald.model.observation import Observation
from ozwald.model.plan import InstanceKey
from ozwald.model.wanted import Adopted, WantedSet


def _unread(source: str) -> Content:
    raise RequestError(f"{source} is the controller's own data, which was not read")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryAnswer:
    """The manifest, `sha256:…`, that a registry has under a reference, or None and the reason."""

    digest: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One moment of the fleet.

    `hosts` are those this plan may touch, by name; each is either in `observations` or, with a reason, in
    `unreachable`. `controller` is the id that our containers carry, but for those that were `adopted`. `details` are
    of containers that were looked at closely, by host and id; `registry` says what the engine of a host heard of an
    image, by host and reference. `content_of` reads a source of the controller's own data, each once, or raises
    RequestError.
    """

    inventory: Inventory
    hosts: Mapping[str, Host]
    observations: Mapping[str, Observation]
    controller: str
    adopted: frozenset[Adopted] = frozenset()
    details: Mapping[tuple[str, str], ContainerDetails] = field(default_factory=dict, repr=False)
    registry: Mapping[tuple[str, str], RegistryAnswer] = field(default_factory=dict)
    unreachable: Mapping[str, str] = field(default_factory=dict)
    content_of: Callable[[str], Content] = field(default=_unread, repr=False, compare=False)
    _by_name: dict[tuple[str, str], ObservedContainer] = field(init=False, repr=False, compare=False)
    _by_instance: dict[InstanceKey, list[tuple[str, ObservedContainer]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {
            (host, container.name): container
            for host, observation in self.observations.items()
            for container in observation.containers
        }
        by_instance: dict[InstanceKey, list[tuple[str, ObservedContainer]]] = {}
        for (host, _), container in by_name.items():
            if self.owns(host, container):
                by_instance.setdefault(instance_of(container), []).append((host, container))
        object.__setattr__(self, "_by_name", by_name)
        object.__setattr__(self, "_by_instance", by_instance)

    def as_of(self, wanted: WantedSet | None) -> "Situation":
        """The same, with what was adopted counted as ours."""
        return replace(self, adopted=frozenset(wanted.adopted if wanted else ()))

    def may_have(self, host: str, container_id: str) -> bool:
        """Whether a container is on a host, or may be there since the host could not be looked at."""
        if host in self.observations:
            return any(container.id == container_id for container in self.observations[host].containers)
        return host in self.inventory.hosts

    def named(self, host: str, name: str) -> ObservedContainer | None:
        """The container of that name on a host, whoever made it."""
        return self._by_name.get((host, name))

    def containers_of(self, key: InstanceKey, host: str) -> list[ObservedContainer]:
        """Our containers of one instance on one host."""
        return [container for home, container in self._by_instance.get(key, ()) if home == host]

    def homes(self, key: InstanceKey) -> dict[str, ObservedContainer]:
        """The hosts on which an instance has a container of ours, each with the one that bears its name, if any."""
        name = container_name(key.realm, key.name)
        return dict(sorted(self._by_instance.get(key, ()), key=lambda found: found[1].name == name))

    def ours(self) -> Iterator[tuple[str, InstanceKey, ObservedContainer]]:
        """Every container of ours with its host and the instance it belongs to."""
        for key, found in self._by_instance.items():
            for host, container in found:
                yield host, key, container

    def newest_generation(self, provisioner: str) -> int:
        """The highest generation of the provisioner that one of our containers was made for, else 0."""
        found = (
            container.generation or 0
            for host, seen in self.observations.items()
            for container in seen.containers
            if self.owns(host, container) and container.labels.get(LABEL_PROVISIONER) == provisioner
        )
        return max(found, default=0)

    def owns(self, host: str, container: ObservedContainer) -> bool:
        """Whether this controller made the container, or has adopted it.

        Of two machines cloned from one image, both have the container that was adopted on one: the host counts, too.
        """
        controller = container.labels.get(LABEL_CONTROLLER)
        if controller is None or not is_an_instance(container):
            return False
        adopted = Adopted(host=host, container_id=container.id, controller=controller)
        return controller == self.controller or adopted in self.adopted


def is_an_instance(container: ObservedContainer) -> bool:
    """Whether a controller, ours or another, made the container.

    The name has to agree with the labels: `docker commit` copies them into images, so others may carry them.
    """
    labels = container.labels
    if LABEL_INSTANCE not in labels or LABEL_REALM not in labels:
        return False
    name = container_name(labels[LABEL_REALM], labels[LABEL_INSTANCE])
    return container.name in (name, leftover_name(name, container.id))


def instance_of(container: ObservedContainer) -> InstanceKey:
    """The instance that a labelled container belongs to."""
    return InstanceKey(realm=container.labels[LABEL_REALM], name=container.labels[LABEL_INSTANCE])
