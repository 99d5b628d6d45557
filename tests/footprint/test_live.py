"""What the latest samples of a host say."""

from dataclasses import replace
from typing import Any

import pytest

from ozwald.footprint.live import LiveHost
from ozwald.model.container import ObservedContainer
from ozwald.model.live import HostUse, ServiceUse
from ozwald.model.resources import Gpu, Hardware, HostResources
from ozwald.model.sample import ContainerSample, HostSample, Sample
from tests.footprint.sampled import CARD, CONTAINER, GIB, OTHER, card, holder

RESOURCES = HostResources(
    host="box1",
    observed_at=0.0,
    cpu_count=8,
    memory_total_bytes=32 * GIB,
    gpus=(Gpu(hardware=Hardware.NVIDIA, index=0, id=CARD, name="Tesla T4", vram_total_bytes=16 * GIB),),
)
LABELS = {"ozwald.realm": "default", "ozwald.instance": "chat", "ozwald.service": "llama", "ozwald.variety": "nvidia"}


def container(container_id: str, **fields: Any) -> ObservedContainer:
    given: dict[str, Any] = {
        "name": "c",
        "image": "i",
        "image_id": "",
        "state": "running",
        "status": "",
        "created_at": 0.0,
    }
    return ObservedContainer(id=container_id, **(given | fields))


OURS = container(CONTAINER, labels=LABELS)
THEIRS = container(OTHER)


def sample(at_s: float, *, host: HostSample | None = None, cards: Any = None, **containers: ContainerSample) -> Sample:
    named = {"ours": CONTAINER, "theirs": OTHER}
    seen = {named[name]: one for name, one in containers.items()}
    return Sample(at_s=at_s, containers=seen, cards=cards or {}, host=host)


def used(*samples: Sample) -> HostUse:
    live = LiveHost(RESOURCES)
    for one in samples:
        live.take(one)
    return live.use([OURS, THEIRS])


def service(use: HostUse) -> ServiceUse:
    (found,) = use.services
    return found


def burnt(seconds: float, **more: int) -> ContainerSample:
    return ContainerSample(cpu_ns=round(seconds * 1e9), **more)


def test_a_service_shows_the_cores_of_its_last_second() -> None:
    use = used(sample(0, ours=burnt(0)), sample(1, ours=burnt(0.5)), sample(2, ours=burnt(2.5)))

    assert service(use).cpu_cores == pytest.approx(2.0)
    assert (service(use).name, service(use).service, service(use).variety) == ("chat", "llama", "nvidia")


def test_what_a_tick_did_not_read_stays_as_it_was() -> None:
    use = used(sample(0, ours=burnt(0, memory_bytes=GIB, pids=3)), sample(0.1, ours=burnt(0)))

    assert (service(use).memory_bytes, service(use).pids, service(use).cpu_cores) == (GIB, 3, None)


def test_a_container_that_was_away_counts_anew() -> None:
    before = [sample(0, ours=burnt(0)), sample(1, ours=burnt(1, memory_bytes=GIB)), sample(2)]

    assert service(used(*before)) == replace(service(used()), cpu_cores=None)
    assert service(used(*before, sample(3, ours=burnt(90)))).cpu_cores is None


def test_containers_that_are_not_ours_are_summed() -> None:
    use = used(
        sample(0, theirs=burnt(0, memory_bytes=GIB), ours=burnt(0)), sample(1, theirs=burnt(0.25), ours=burnt(0))
    )

    assert use.others is not None
    assert (use.others.count, use.others.cpu_cores, use.others.memory_bytes) == (1, 0.25, GIB)


def test_vram_of_a_service_is_what_its_processes_hold() -> None:
    use = used(sample(0, ours=burnt(0), cards={CARD: card(5 * GIB, holder(GIB), holder(2 * GIB), holder(GIB, OTHER))}))

    assert service(use).vram_bytes == 3 * GIB
    assert (use.cards[0].vram_used_bytes, use.cards[0].vram_total_bytes, use.cards[0].name) == (
        5 * GIB,
        16 * GIB,
        "Tesla T4",
    )


@pytest.mark.parametrize("holders", [(), (holder(GIB, OTHER),), (holder(GIB), holder(None))])
def test_vram_that_is_not_told_is_not_known(holders: Any) -> None:
    assert service(used(sample(0, ours=burnt(0), cards={CARD: card(5 * GIB, *holders)}))).vram_bytes is None


def test_a_host_is_measured_when_all_rates_are_there() -> None:
    first = sample(0, ours=burnt(0), host=HostSample(busy_ns=0, memory_available_bytes=GIB))
    second = sample(1, ours=burnt(0), host=HostSample(busy_ns=3_000_000_000, memory_available_bytes=2 * GIB))

    assert not used(first).is_measured
    assert not used(replace(first, containers={}), replace(second, containers={})).is_measured
    assert used(first, second).is_measured
    assert (used(first, second).cpu_cores, used(first, second).memory_available_bytes) == (3.0, 2 * GIB)
    assert not used(first, sample(1, ours=burnt(0))).is_measured


def test_a_host_whose_engine_has_not_answered_yet_is_not_measured() -> None:
    live = LiveHost(RESOURCES)
    for at_s in (0, 1):
        live.take(sample(at_s, host=HostSample(busy_ns=at_s)))

    assert (live.use(None).others, live.use(None).is_measured) == (None, False)
    assert live.use(None, engine_failure="no Docker Engine").is_measured
    assert live.use([]).is_measured
