"""Everything planning looks at: the hosts in question, what was seen there, and whose containers are ours."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ozwald.model.container import LABEL_CONTROLLER, LABEL_INSTANCE, LABEL_REALM, ObservedContainer
from ozwald.model.host import Host, Inventory
from ozwald.model.observation import Observation
from ozwald.model.plan import InstanceKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One moment of the fleet.

    `hosts` are those this plan may touch, by name; each is either in `observations` or, with a reason, in
    `unreachable`. `controller` is the id that our containers carry.
    """

    inventory: Inventory
    hosts: Mapping[str, Host]
    observations: Mapping[str, Observation]
    controller: str
    unreachable: Mapping[str, str] = field(default_factory=dict)

    def ours(self) -> Iterator[tuple[str, InstanceKey, ObservedContainer]]:
        """Every container of ours with its host and the instance it belongs to."""
        for host, observation in self.observations.items():
            for container in observation.containers:
                if self.owns(container):
                    yield host, instance_of(container), container

    def owns(self, container: ObservedContainer) -> bool:
        """Whether this controller made the container."""
        labels = container.labels
        return labels.get(LABEL_CONTROLLER) == self.controller and LABEL_INSTANCE in labels and LABEL_REALM in labels


def instance_of(container: ObservedContainer) -> InstanceKey:
    """The instance that a labelled container belongs to."""
    return InstanceKey(realm=container.labels[LABEL_REALM], name=container.labels[LABEL_INSTANCE])
