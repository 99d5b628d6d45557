"""From the samples of a host to what it, its cards and its services take right now."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace

from ozwald.footprint.rate import CpuRate
from ozwald.model.container import (
    LABEL_INSTANCE,
    LABEL_PROFILE,
    LABEL_REALM,
    LABEL_SERVICE,
    LABEL_VARIETY,
    ObservedContainer,
)
from ozwald.model.live import CardUse, HostUse, OthersUse, ServiceUse
from ozwald.model.resources import Gpu, HostResources
from ozwald.model.sample import CardSample, ContainerSample, HostSample, Sample


class LiveHost:
    """Takes the samples of one host and keeps the latest of everything. Not for several threads at once."""

    def __init__(self, resources: HostResources) -> None:
        self._resources = resources
        self._containers: dict[str, ContainerSample] = {}
        self._host = HostSample()
        self._cards: dict[str, CardSample] = {}
        self._rates: dict[str, CpuRate] = {}
        self._cores: dict[str, float] = {}

    def take(self, sample: Sample) -> None:
        """Counts one more sample; containers that are not in it are gone."""
        for name, seen in sample.containers.items():
            self._rate(name, sample.at_s, seen.cpu_ns)
        self._containers = {name: _newer(seen, self._containers.get(name)) for name, seen in sample.containers.items()}
        self._cards |= sample.cards
        if sample.host is not None:
            self._host = sample.host
            self._rate("", sample.at_s, sample.host.busy_ns)
        self._forget()

    def use(self, containers: Iterable[ObservedContainer] | None, *, engine_failure: str | None = None) -> HostUse:
        """What is taken now, of containers that the engine has, None as long as it has not told them."""
        listed = sorted(containers or (), key=lambda one: one.name)
        others = [one for one in listed if LABEL_INSTANCE not in one.labels]
        return HostUse(
            host=self._resources.host,
            engine_failure=engine_failure,
            cpu_count=self._resources.cpu_count,
            cpu_cores=self._cores.get(""),
            memory_total_bytes=self._resources.memory_total_bytes,
            memory_available_bytes=self._host.memory_available_bytes,
            cards=tuple(self._card(gpu) for gpu in self._resources.gpus if gpu.mig is None or gpu.id in self._cards),
            services=tuple(self._service(one) for one in listed if LABEL_INSTANCE in one.labels),
            others=None if containers is None else self._others(others),
        )

    def _rate(self, name: str, at_s: float, cpu_ns: int | None) -> None:
        rate = None if cpu_ns is None else self._rates.setdefault(name, CpuRate()).add(at_s, cpu_ns)
        if rate is not None:
            self._cores[name] = rate.cores

    def _forget(self) -> None:
        gone = self._rates.keys() - self._containers.keys() - {""}
        for name in gone:
            del self._rates[name]
            self._cores.pop(name, None)

    def _service(self, container: ObservedContainer) -> ServiceUse:
        seen, labels = self._containers.get(container.id, ContainerSample()), container.labels
        return ServiceUse(
            container_id=container.id,
            realm=labels.get(LABEL_REALM, ""),
            name=labels[LABEL_INSTANCE],
            service=labels.get(LABEL_SERVICE, ""),
            variety=labels.get(LABEL_VARIETY) or None,
            profile=labels.get(LABEL_PROFILE) or None,
            cpu_cores=self._cores.get(container.id),
            memory_bytes=seen.memory_bytes,
            cache_bytes=seen.cache_bytes,
            vram_bytes=self._vram(container.id),
            pids=seen.pids,
        )

    def _others(self, containers: Sequence[ObservedContainer]) -> OthersUse:
        cores = [self._cores[one.id] for one in containers if one.id in self._cores]
        sampled = (self._containers[one.id].memory_bytes for one in containers if one.id in self._containers)
        memory = [seen for seen in sampled if seen is not None]
        return OthersUse(
            count=len(containers),
            cpu_cores=sum(cores) if cores else None,
            memory_bytes=sum(memory) if memory else None,
        )

    def _vram(self, container_id: str) -> int | None:
        """None as soon as one process's share is not told: less than the truth would mislead."""
        held = [
            one.vram_bytes for card in self._cards.values() for one in card.holders if one.container_id == container_id
        ]
        known = [vram for vram in held if vram is not None]
        return sum(known) if held and len(known) == len(held) else None

    def _card(self, gpu: Gpu) -> CardUse:
        seen = self._cards.get(gpu.id, CardSample())
        return CardUse(
            id=gpu.id,
            index=gpu.index,
            name=gpu.name,
            hardware=gpu.hardware,
            vram_used_bytes=seen.vram_used_bytes,
            vram_total_bytes=seen.vram_total_bytes if seen.vram_total_bytes is not None else gpu.vram_total_bytes,
            utilization_percent=seen.utilization_percent,
            power_w=seen.power_w,
            holders=seen.holders,
        )


def _newer(seen: ContainerSample, before: ContainerSample | None) -> ContainerSample:
    """What most ticks do not read stays as it was."""
    if before is None:
        return seen
    values = {one.name: getattr(seen, one.name) for one in fields(seen)}
    return replace(before, **{name: value for name, value in values.items() if value is not None})
