"""The labels that make a container ours."""

from dataclasses import dataclass

from ozwald.model import container
from ozwald.model.data import LABEL_FILES, copied_files
from ozwald.model.plan import Operation, Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """On whose behalf a plan is carried out."""

    provisioner: str
    controller: str
    generation: int
    owner: str


def labels_of(operation: Operation, placement: Placement, ownership: Ownership) -> dict[str, str]:
    """The settings' labels, and ours, which win."""
    spec, files = placement.spec, copied_files(placement.deliveries)
    return {
        **spec.labels,
        **({LABEL_FILES: files} if files else {}),
        container.LABEL_REALM: spec.realm,
        container.LABEL_INSTANCE: spec.instance,
        container.LABEL_SERVICE: spec.service,
        container.LABEL_VARIETY: spec.variety or "",
        container.LABEL_PROFILE: spec.profile or "",
        container.LABEL_PROVISIONER: ownership.provisioner,
        container.LABEL_CONTROLLER: ownership.controller,
        container.LABEL_GENERATION: str(ownership.generation),
        container.LABEL_SPEC: operation.fingerprint,
        container.LABEL_LIMITS: operation.limits,
        container.LABEL_OWNER: ownership.owner,
        container.LABEL_GPUS: ",".join(gpu.id for gpu in placement.gpus),
    }
