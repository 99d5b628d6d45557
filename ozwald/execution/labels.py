"""The labels that make a container ours."""

from dataclasses import dataclass

from ozwald.model import container
from ozwald.model.data import LABEL_FILES, copied_files
from ozwald.model.plan import InstanceKey, Operation, Placement
from ozwald.model.service import ServiceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """On whose behalf a plan is carried out; `footprint` is the run that measures, and `measures` what;
    both are empty where services are meant.
    """

    provisioner: str
    controller: str
    generation: int
    owner: str
    footprint: str = ""
    measures: str = ""

    def log_command(self, key: InstanceKey) -> str:
        """Which command shows what happened."""
        if self.footprint:
            return f"get_footprint_logs {self.measures} --log-type runner"
        return f"get_service_launch_logs {key}"

    def container_name(self, spec: ServiceSpec) -> str:
        """The name of an instance's container, or of the one that a run measures."""
        if self.footprint:
            return container.measured_name(spec.realm, spec.service, self.footprint)
        return container.container_name(spec.realm, spec.instance)

    def labels(self, realm: str) -> dict[str, str]:
        """The labels of networks and volumes that are made for it."""
        return {
            container.LABEL_CONTROLLER: self.controller,
            container.LABEL_REALM: realm,
            **({container.LABEL_FOOTPRINT: self.footprint} if self.footprint else {}),
        }


def labels_of(operation: Operation, placement: Placement, ownership: Ownership) -> dict[str, str]:
    """The settings' labels, and ours, which win."""
    spec, files = placement.spec, copied_files(placement.deliveries)
    return {
        **spec.labels,
        **({LABEL_FILES: files} if files else {}),
        **ownership.labels(spec.realm),
        **({} if ownership.footprint else {container.LABEL_INSTANCE: spec.instance}),
        container.LABEL_SERVICE: spec.service,
        container.LABEL_VARIETY: spec.variety or "",
        container.LABEL_PROFILE: spec.profile or "",
        container.LABEL_PROVISIONER: ownership.provisioner,
        container.LABEL_GENERATION: str(ownership.generation),
        container.LABEL_SPEC: operation.fingerprint,
        container.LABEL_LIMITS: operation.limits,
        container.LABEL_OWNER: ownership.owner,
        container.LABEL_GPUS: ",".join(gpu.id for gpu in placement.gpus),
    }
