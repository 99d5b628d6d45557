"""What a closer look at the hosts would make surer in a plan."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ozwald.model.plan import Action, Plan
from ozwald.model.service import Pull
from ozwald.planning.situation import Situation

# These may turn out to be up to date; before a start, limits that have changed meanwhile are changed as well.
_LOOKED_AT = (Action.REPLACE, Action.UPDATE, Action.START, Action.RESTART)


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """By host: ids of containers to look at closely, and references of images that have to be current."""

    containers: Mapping[str, list[str]] = field(default_factory=dict)
    images: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def hosts(self) -> set[str]:
        """Whom to ask."""
        return {*self.containers, *self.images}


def open_questions(plan: Plan, situation: Situation, *, closely: bool = False) -> Questions:
    """Asks about containers that look changed and images that have to be current.

    `closely` asks about every container that stays: somebody may have changed it behind its labels.
    """
    containers: dict[str, list[str]] = {}
    images: dict[str, list[str]] = {}
    for operation in plan.operations:
        placement, container_id = operation.placement, operation.container_id
        if placement is None or container_id is None or (placement.host, container_id) in situation.details:
            continue
        must_be_current = placement.spec.pull_policy is Pull.ALWAYS
        if closely or must_be_current or operation.action in _LOOKED_AT:
            containers.setdefault(placement.host, []).append(container_id)
        if must_be_current and placement.spec.image not in images.setdefault(placement.host, []):
            images[placement.host].append(placement.spec.image)
    return Questions(containers=containers, images=images)
